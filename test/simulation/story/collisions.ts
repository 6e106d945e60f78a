import type { AppProcess } from './app.ts';
import { schedule } from './schedule.ts';
import type { Moment, Process, World } from '../world/world.ts';

const SECOND = 1_000;

/** The instances of the app, as a story has them. */
export interface Instances {
  /** By its name, `a` or `b`; started where it does not run. */
  readonly instance: (name: string) => AppProcess;
  readonly tick: (app: AppProcess, by: string) => void;
  /** Kills it, and starts it again later. */
  readonly kill: (process: Process, key: string) => void;
}

/** No process stands still for longer. */
const LONGEST_MS = 200 * SECOND;

/** A lock lasts for a minute after it was renewed. After that another process may have it. */
const [LEAST_MS, MOST_MS] = [60 * SECOND, 64 * SECOND];
/** That was up to 15 seconds before it stood still. */
const WORKED_MS = 44 * SECOND;

const WHILE_AT_WORK: readonly ['time', ...(Moment | 'time')[]] = [
  'time',
  'lock taken',
  'lock taken',
  'lock taken',
  'change sent',
];

/**
 * Two processes that meet, where each by itself would be unlikely: one stands still for longer than its locks last, and works
 * on while another one has taken them; or one is killed right at a change, and another one completes its run at once.
 */
export function collisions(world: World, instances: Instances, isDurable: boolean): void {
  // There are fewer stories of the durable engine.
  const freeze = { kind: 'freeze', most: 1, name: 'long stop', rate: isDurable ? 0.9 : 0.4, isAtOnce: true } as const;
  schedule(world, { ...freeze, moments: ['change sent', 'change sent', 'change made', 'call'] }, (key, by) =>
    standStill(world, { ...instances, isDurable }, key, by),
  );
  const kill = { kind: 'kill', most: 1, name: 'kill at a change', rate: 0.5, isAtOnce: true } as const;
  schedule(world, { ...kill, moments: ['change sent', 'lock off', 'hidden', 'shown'] }, (key, by) => {
    if (by) killAndRecover(world, instances, key, by);
  });
  // In the little time between the answer of the guards and the end of a run.
  const guarded = { kind: 'kill', most: 1, name: 'kill after the guards', rate: 0.25 } as const;
  schedule(world, { ...guarded, moments: ['guards asked'] }, (key, by) => {
    if (by) killAndRecover(world, instances, key, by);
  });
}

interface Standing extends Instances {
  readonly isDurable: boolean;
}

function standStill(world: World, { instance, tick, isDurable }: Standing, key: string, by?: Process): void {
  const { draws } = world;
  const stopped = by ?? instance('a').process;
  // In the durable engine it takes the work over. It is there before that has to be done.
  const other = stopped.name.startsWith('b') ? 'a' : 'b';
  instance(other);
  world.tell(`${stopped.name} stands still for longer than its locks last`);
  stopped.freeze(LONGEST_MS);
  if (draws.happens('store-slow', `slow locks ${key}`, 0.9)) {
    world.tell(`${stopped.name} waits for seconds when it asks for a lock`);
    stopped.isSlowWithLocks = true;
  }
  const thaw = (): void => {
    if (!stopped.isFrozen) return;
    world.tell(`${stopped.name} works again`);
    stopped.thaw();
  };
  const drawn = draws.number(`ends ${key}`);
  const onceTaken = (taker?: Process): void => {
    if (!taker?.name.startsWith(`${other}.`)) world.at('lock taken', 1, onceTaken);
    // It waits for two seconds before it looks at what was under way.
    else world.after(Math.round(2 * SECOND * drawn), thaw);
  };
  const waited = LEAST_MS + draws.index(`taken ${key}`, MOST_MS - LEAST_MS);
  // A worker takes the work over by itself, as soon as the lock of the repository has run out.
  world.after(isDurable ? WORKED_MS : waited, () => {
    if (draws.isCalm) return;
    if (!isDurable) tick(instance(other), key);
    const moment = draws.pick(`until ${key}`, WHILE_AT_WORK);
    if (moment === 'time') world.after(Math.round(drawn * (LONGEST_MS - MOST_MS)), thaw);
    else if (moment === 'lock taken') world.at(moment, 1, onceTaken);
    else world.at(moment, Math.floor(12 ** drawn), () => void world.after(0, thaw));
  });
}

function killAndRecover(world: World, { instance, tick, kill }: Instances, key: string, by: Process): void {
  const { draws } = world;
  kill(by, key);
  world.after(200 + draws.index(`recovered ${key}`, 800), () => {
    if (!draws.isCalm) tick(instance(draws.pick(`by ${key}`, ['a', 'b'])), key);
  });
}

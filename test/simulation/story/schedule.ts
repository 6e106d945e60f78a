import type { Kind } from '../world/draws.ts';
import type { Moment, Process, World } from '../world/world.ts';

/** Until then anything may happen; after that what was begun comes to its end. */
export const CALM_AT = 15 * 60_000;

type When = Moment | 'time';

const ANY: readonly [When, ...When[]] = ['time', 'call', 'call', 'change sent', 'change made', 'store'];

/** Of so many moments of a kind one is drawn, and an early one most often. */
const MOST: Readonly<Record<Moment, number>> = {
  call: 150,
  store: 150,
  'change sent': 20,
  'change made': 20,
  'lock off': 3,
  hidden: 8,
  shown: 5,
  'lock taken': 10,
  'guards asked': 1,
};

/** What is done in the middle of something is done early: there must be enough left that it may break. */
const MOST_AT_ONCE: Readonly<Record<Moment, number>> = {
  ...MOST,
  call: 60,
  store: 60,
  'change sent': 8,
  'change made': 8,
};

export interface Slots {
  readonly kind: Kind;
  /** How often it is done at most. */
  readonly most: number;
  /** Of the draws; absent: the kind. */
  readonly name?: string;
  readonly rate?: number;
  readonly moments?: readonly [When, ...When[]];
  /** Never a while after its moment. */
  readonly isAtOnce?: true;
}

/** Does something. @param by the process that it is right after, where that is known */
type Deed = (key: string, by: Process | undefined) => void;

/** Draws when something is done, if at all: at a time, or right when something else has happened. */
export function schedule(world: World, { kind, most, name = kind, ...how }: Slots, deed: Deed): void {
  const { draws } = world;
  for (let nth = 1; nth <= most; nth += 1) {
    const key = `${name} ${nth}`;
    if (!draws.happens(kind, key, how.rate ?? 0.35)) continue;
    const happen = (by?: Process): void => {
      if (draws.isCalm) return;
      world.meet({ kind, key });
      deed(key, by);
    };
    const moment = draws.pick(`moment ${key}`, how.moments ?? ANY);
    const drawn = draws.number(`when ${key}`);
    const isAtOnce = how.isAtOnce ?? draws.number(`at once ${key}`) < 0.5;
    const delay = isAtOnce ? 0 : Math.round(10_000 * draws.number(`later ${key}`) ** 2);
    if (moment === 'time') world.after(Math.round(drawn ** 2 * CALM_AT), happen);
    // A moment is in the middle of something: what kills or stops a process there does it before the next step.
    else if (how.isAtOnce) world.at(moment, Math.floor(MOST_AT_ONCE[moment] ** drawn), happen);
    else world.at(moment, Math.ceil(MOST[moment] ** drawn), (by) => void world.after(delay, () => happen(by)));
  }
}

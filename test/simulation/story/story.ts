import type { RegistryState } from '../../../src/dev/emulator/index.ts';
import { lockOfRepository, registryKey } from '../../../src/ledger/paths.ts';
import { type AppProcess, startApp, REJECT } from './app.ts';
import { between } from './between.ts';
import { Cluster } from './cluster.ts';
import { Conduct } from '../invariants/conduct.ts';
import { collisions } from './collisions.ts';
import { contentsOf } from './contents.ts';
import type { Draws, Kind } from '../world/draws.ts';
import { Hub } from '../hub/hub.ts';
import { type Deed, others } from './others.ts';
import { HOST, RegistryService } from '../registry/registry.ts';
import { CALM_AT, schedule } from './schedule.ts';
import { type Chosen, configurationOf, type Setup, setupOf } from './setup.ts';
import { unfinishedIn } from '../invariants/told.ts';
import { Watch } from '../invariants/watch.ts';
import { openStores, type Stores } from '../store/stores.ts';
import { type Process, World } from '../world/world.ts';

const SECOND = 1_000;
const MINUTE = 60 * SECOND;

/** When the timer fires. */
const TICKS: readonly number[] = [0, 8 * MINUTE];

/** After this, whatever was begun must have ended: the longest time budget, what may be waited for besides, and as much again. */
const LATEST = 12 * 60 * MINUTE;

/** How long a store is refused at most, and a lock outlives its process. */
const SETTLED = 15 * MINUTE;

/** Something that the product was asked to do. */
export interface Asked {
  readonly what: string;
  readonly process: Process;
  /** Milliseconds since the beginning. */
  readonly since: number;
  /** What records of runs say that they were begun by; absent: a person. */
  by?: string;
  /** The run whose plan a person approves, whatever the guards say. */
  approves?: string;
  state: 'under way' | { readonly result: unknown; readonly at: number } | { readonly error: unknown };
}

export interface Story {
  readonly world: World;
  readonly setup: Setup;
  /** What the registry held at the beginning. */
  readonly state: RegistryState;
  readonly registry: RegistryService;
  /** Absent: nothing is asked what is in use. */
  readonly cluster: Cluster | undefined;
  readonly asked: readonly Asked[];
  readonly watch: Watch;
  readonly conduct: Conduct;
  /** True times at which the settings were changed: by a person, and once all was over. */
  readonly changed: { readonly byPerson: number; readonly atLast: number };
  /** What did not hold, in words. */
  readonly problems: readonly string[];
  readonly stores: Stores;
}

/** Tells one story from its beginning to its end. */
export async function tell(draws: Draws, onWorld: (world: World) => void = () => undefined): Promise<Story> {
  const world = new World(draws);
  onWorld(world);
  const setup = setupOf(draws);
  const problems: string[] = [];
  const asked: Asked[] = [];
  const state = contentsOf(draws);
  const conduct = new Conduct({
    locksFor: (process, repository) => [
      registryKey(HOST),
      // A person's command does a run by itself.
      ...(setup.driver === 'inline' || isPerson(process) ? [] : [lockOfRepository(HOST, repository)]),
    ],
  });
  const watch = new Watch(world, conduct);
  const registry: RegistryService = new RegistryService(world, {
    state,
    pageSize: setup.pageSize,
    patchMovesTime: setup.patchMovesTime,
    tokenLife: setup.tokenLife,
    conduct,
    between: (call) => between({ world, registry, kill: (process, key) => killNow(process, key) }, call),
    runOf: ({ name }, repository, key, patch) => watch.runOf(name, repository, key, patch),
  });
  const cluster = new Cluster(world, registry.history);
  const isAsked = setup.settings[0].environment['IN_USE'] !== undefined;
  if (isAsked) cluster.beginsWith();
  const stores = openStores(world, setup.store, (process) => dead(process));
  const hub = setup.driver === 'durable' ? new Hub(world) : undefined;
  let configuration = configurationOf(setup.settings[0]);
  let changedAt = Infinity;
  let begun = 0;

  const start = (name: string, isWorker = true): AppProcess => {
    begun += 1;
    const skew = draws.happens('skew', `skew ${name}`, 0.3) ? draws.index(`how much ${name}`, 240_000) - 120_000 : 0;
    const machine = draws.number('machines') < 0.35 ? 'one machine' : name.split('.', 1)[0];
    const process = world.process(name, { skew, ...(machine !== undefined && { machine }) });
    if (skew !== 0) world.tell(`the clock of ${name} is ${Math.round(skew / SECOND)} s ${skew > 0 ? 'fast' : 'slow'}`);
    return startApp({
      process,
      store: watch.watched(process, stores.of(process), setup.store === 'blob'),
      registry,
      hub,
      isWorker,
      hasIdentity: setup.tokenLife !== undefined,
      settings: () => configuration,
      openSources: cluster.sourcesOf(process),
    });
  };
  const ask = (app: AppProcess, what: string, work: (one: Asked) => Promise<unknown>): void => {
    const { process } = app;
    if (!process.isAlive) return;
    const one: Asked = { what, process, since: world.elapsed, state: 'under way' };
    asked.push(one);
    world.tell(`${process.name}: ${what}`);
    process.deliver(() => {
      work(one).then(
        (result) => {
          one.state = { result, at: world.now };
          world.tell(`${process.name}: ${what} has ended`);
        },
        (error: unknown) => {
          one.state = { error };
          world.tell(`${process.name}: ${what} has failed: ${String(error)}`);
        },
      );
    });
  };

  /** The instances of the app, each started again some time after it was killed. */
  const instances = new Map<string, AppProcess>();
  const instance = (name: string): AppProcess => {
    const known = instances.get(name);
    if (known) return known;
    const app = start(`${name}.${begun}`);
    instances.set(name, app);
    return app;
  };
  const tick = (app: AppProcess, by: string): void => {
    ask(app, TICK, (one) => {
      // A process that stands still takes the settings as they are once it wakes.
      if (setup.driver === 'inline') conduct.allow(app.process, configuration.settings.timeBudget.milliseconds);
      one.by = by;
      return app.tick(by);
    });
  };
  const gone = (name: string, key: string): void => {
    const process = instances.get(name)?.process;
    const isBroken = asked.some((one) => one.process === process && one.what === TICK && one.state === 'under way');
    instances.delete(name);
    const isSoon = draws.number(`soon ${key}`) < 0.3;
    const pause = isSoon
      ? 200 + draws.index(`back ${key}`, 2_000)
      : 5 * SECOND + draws.index(`back ${key}`, 90 * SECOND);
    world.after(pause, () => {
      const app = instance(name);
      // A host takes a tick for missed whose function did not come to its end.
      if (isBroken && !draws.isCalm && draws.number(`missed ${key}`) < 0.5) tick(app, `missed ${key}`);
    });
  };
  /** A process was killed while it did something. */
  const dead = (process: Process, key = process.name): void => {
    for (const [name, app] of instances) if (app.process === process) gone(name, key);
  };
  const kill = (name: string, key: string): void => {
    const app = instance(name);
    const isTold = draws.number(`told ${key}`) < 0.3;
    world.tell(`${app.process.name} is ${isTold ? 'told to end' : 'killed'}`);
    if (isTold) app.shutDown();
    world.after(isTold ? 4_500 : 0, () => app.process.kill());
    gone(name, key);
  };
  const person = (): AppProcess => start(`person.${begun}`, false);

  const deeds: Readonly<Partial<Record<Kind, (key: string) => void>>> = {
    kill: (key) => kill(draws.pick(`which ${key}`, ['a', 'b']), key),
    freeze(key) {
      const { process } = instance(draws.pick(`which ${key}`, ['a', 'b']));
      const milliseconds = Math.round(1_000 * 200 ** draws.number(`how long ${key}`));
      world.tell(`${process.name} stands still for ${(milliseconds / SECOND).toFixed(1)} s`);
      process.freeze(milliseconds);
    },
    skew(key) {
      const { process } = instance(draws.pick(`which ${key}`, ['a', 'b']));
      const milliseconds = draws.index(`how far ${key}`, 600_000) - 300_000;
      world.tell(`the clock of ${process.name} is set by ${Math.round(milliseconds / SECOND)} s`);
      process.jump(milliseconds);
    },
    'second-schedule': (key) => {
      const app = instance('b');
      tick(app, key);
    },
    cancel() {
      const app = person();
      ask(app, 'cancel', app.cancel);
    },
    apply(key) {
      const app = person();
      const how = { approve: draws.number(`approve ${key}`) < 0.6, half: draws.number(`half ${key}`) < 0.3 };
      const what = `apply ${how.half ? 'half of ' : ''}${how.approve ? 'what waits' : 'a plan'}`;
      if (draws.number(`reject ${key}`) < 0.15) ask(app, REJECT, () => patiently(app, app.reject));
      else ask(app, what, (one) => patiently(app, () => app.apply(how, (id) => (one.approves = id))));
    },
    resume() {
      const app = person();
      ask(app, 'resume', () => patiently(app, app.resume));
    },
    'dry-run': () => {
      const app = instance('b');
      ask(app, 'a dry run', app.dryRun);
    },
    settings() {
      world.tell('the settings are changed');
      changedAt = Math.min(changedAt, world.now);
      configuration = configurationOf(setup.settings[1]);
    },
  };
  const outside: readonly Deed[] = ['push', 'lock', 'hide', 'readable', 'deleted-by-others', 'repository'];
  for (const kind of outside) schedule(world, { kind, most: 4 }, (key) => others(world, registry, kind, key));
  for (const [kind, deed] of Object.entries(deeds)) schedule(world, { kind: kind as Kind, most: 2 }, deed);
  const killNow = (process: Process, key: string): void => {
    if (!process.isAlive) return;
    world.tell(`${process.name} is killed`);
    process.kill();
    dead(process, key);
  };
  if (isAsked) schedule(world, { kind: 'use', most: 3 }, (key) => cluster.begin(key));
  collisions(world, { instance, tick, kill: killNow }, hub !== undefined);

  // In some stories there is one alone: what it has left is completed by the last run.
  const ticks = draws.number('ticks') < 0.5 ? TICKS : TICKS.slice(0, 1);
  for (const [nth, at] of ticks.entries())
    world.after(at, () => {
      const app = instance('a');
      tick(app, `tick ${nth}`);
    });
  const isQuiet = (): boolean =>
    asked.every(({ state, process }) => state !== 'under way' || !process.isAlive) && (hub?.isIdle() ?? true);

  await world.pass(CALM_AT);
  draws.isCalm = true;
  world.tell('from now on nothing goes wrong');
  const ended = await world.run(isQuiet, LATEST);
  if (ended !== 'done')
    for (const { what, process, state } of asked)
      if (state === 'under way' && process.isAlive) problems.push(`${process.name}: ${what} does not end`);
  configuration = configurationOf(deleting(setup.settings[0]));
  const changed = { byPerson: changedAt, atLast: world.now };
  for (const process of world.processes) process.kill();
  // Until what was refused for a while is not refused any more, and locks of processes that are gone have run out.
  await world.pass(SETTLED);
  const last = start('last');
  // What an index needed that went along with its subject is deleted by the next run: a comparison is of what is left then.
  // And a run that is resumed leaves what it had been done with: the one after it looks at all that is in quarantine.
  const mayWait = setup.settings.some(({ environment }) => environment['QUARANTINE'] !== undefined);
  const least = draws.options.only ? 3 : mayWait ? 2 : 1;
  for (
    let nth = 0;
    nth < least || (nth < 3 && (await unfinishedIn(stores.now(), (path) => watch.isLate(path))).length > 0);
    nth += 1
  ) {
    tick(last, `last ${nth}`);
    const until = world.elapsed + LATEST;
    if ((await world.run(isQuiet, until)) !== 'done') problems.push('a quiet run does not end');
  }
  await world.pass(SETTLED);
  return {
    world,
    setup,
    state,
    registry,
    cluster: isAsked ? cluster : undefined,
    asked,
    watch,
    conduct,
    changed,
    problems,
    stores,
  };
}

const TICK = 'the timer fires';

/** A person who finds nothing to do looks again. */
async function patiently({ process }: AppProcess, work: () => Promise<unknown>): Promise<unknown> {
  for (let tries = 1; ; tries += 1) {
    const found = await work();
    if (typeof found !== 'string' || tries === 6) return found;
    await process.system.clock.sleep(MINUTE);
  }
}

/** Whether a process is a command that a person runs. */
export const isPerson = ({ name }: Process): boolean => name.startsWith('person.');

const deleting = ({ environment, guards }: Chosen): Chosen => ({
  environment: { ...environment, PURGE_DRY_RUN: 'false', RUN_TIME_BUDGET: '1h55m' },
  guards,
});

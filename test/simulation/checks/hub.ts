import { forbidRealTime, loadProduct, realTimeErrors, reseed, setNow, setTicks } from '../hooks.ts';
import { Dispatcher } from 'undici';
import { newEmulator, type UnservedEmulator } from '../../../src/dev/emulator/emulator.ts';
import { activitiesOf } from '../../../src/engine/durable/activities.ts';
import { newConnections } from '../../../src/engine/durable/context.ts';
import { startScheduled } from '../../../src/engine/durable/start.ts';
import { openLedger } from '../../../src/ledger/ledger.ts';
import type { RunRecord } from '../../../src/ledger/records.ts';
import { LOCK_TIMES } from '../../../src/ledger/store/lease.ts';
import { memoryStore, newMemory } from '../../../src/ledger/store/memory.ts';
import { readSettings, type Settings } from '../../../src/policy/settings.ts';
import { credentialsOf } from '../../../src/registry/identity.ts';
import { openRegistry } from '../../../src/registry/registry.ts';
import { createLog } from '../../../src/report/log.ts';
import { images, repositoryOf } from '../../support/contents.ts';
import { Draws, type Kind } from '../draws.ts';
import { Hub } from '../hub.ts';
import { BEGINNING, type Process, World } from '../world.ts';

/*
 * Run by `hub-deployed.test.ts` in a process with the hooks: purges a small registry with the orchestrations and activities that are
 * deployed, and prints how that ended as JSON. Given: what happens (`double`, `kill` or `freeze`), and how many seeds.
 */

const [happens, seeds = '1'] = process.argv.slice(2);

const HOST = '127.0.0.1:5000';
const USER = { username: 'simulated', password: 'not-a-secret' };
const NAMES = ['a', 'b', 'c', 'd', 'e', 'f'].map((name) => `shop/${name}`);
const SECONDS = 1000;
/** By then everything has ended, and no lock is held any more. */
const LATEST = 6 * 3600 * SECONDS;

const log = createLog('silent');

const settings: Settings = readAll();

function readAll(): Settings {
  const read = readSettings(
    {
      ACR_REGISTRY: HOST,
      ACR_USERNAME: USER.username,
      ACR_PASSWORD: USER.password,
      PURGE_SCHEDULE: '0 0 1 * * *',
      PURGE_COMMAND: "--filter '.*:^dev' --ago 30d --untagged",
      PURGE_DRY_RUN: 'false',
      MAX_DELETION_PERCENT: '100',
      RETENTION_STORAGE: '/ledger',
      RETENTION_ENGINE: 'durable',
      REGISTRY_PARALLELISM: '3',
    },
    () => '',
  );
  if (read.state === 'invalid') throw new Error(read.mistakes.map(({ message }) => message).join('; '));
  return read.settings;
}

const nothing = (): void => undefined;
/** No request is given up. */
const CONTROLLER = { aborted: false, paused: false, reason: null, abort: nothing, pause: nothing, resume: nothing };

/** The connections of a process to the registry: nothing goes wrong on them. */
class Connections extends Dispatcher {
  readonly #process: Process;
  readonly #answers: UnservedEmulator['answers'];

  constructor(of: Process, answers: UnservedEmulator['answers']) {
    super();
    this.#process = of;
    this.#answers = answers;
  }

  override dispatch(options: Dispatcher.DispatchOptions, handler: Dispatcher.DispatchHandler): boolean {
    void this.#exchange(options, handler);
    return true;
  }

  async #exchange(
    { method, path, headers, body }: Dispatcher.DispatchOptions,
    handler: Dispatcher.DispatchHandler,
  ): Promise<void> {
    const { authorization } = headers as Readonly<Record<string, string | undefined>>;
    const asked = {
      ...{ method, url: path, authorization, host: HOST },
      body: () => Promise.resolve(typeof body === 'string' ? body : ''),
    };
    const answer = await this.#process.call(10, () => this.#answers(asked), 10);
    if (answer === 'drop') throw new Error('the registry drops no connection');
    handler.onRequestStart?.(CONTROLLER, {});
    const named = Object.entries(answer.headers ?? {}).map(([name, value]) => [name.toLowerCase(), value] as const);
    handler.onResponseStart?.(CONTROLLER, answer.status, Object.fromEntries(named));
    if (answer.body !== undefined && method !== 'HEAD') handler.onResponseData?.(CONTROLLER, Buffer.from(answer.body));
    handler.onResponseEnd?.(CONTROLLER, {});
  }
}

interface Ended {
  readonly seed: number;
  readonly output: unknown;
  readonly tags: readonly string[];
  readonly manifests: number;
  readonly runs: readonly RunRecord[];
  /** How often an activity was begun again. */
  readonly again: number;
}

async function story(seed: number): Promise<Ended> {
  reseed(seed);
  const world = new World(
    new Draws(seed, { only: new Set<Kind>(happens === 'double' ? ['duplicate', 'lost-step'] : []) }),
  );
  setNow(() => world.now);
  setTicks(() => world.elapsed);
  const repositories = Object.fromEntries(
    NAMES.map((name) => [name, repositoryOf(...images(`old ${name}`, 2, 'dev'), ...images(`kept ${name}`, 1, 'v'))]),
  );
  const { emulator, answers } = newEmulator(
    { repositories, basic: USER, start: new Date(BEGINNING), now: () => world.now },
    () => HOST,
  );
  const memory = newMemory();
  const hub = new Hub(world);
  const app = (name: string) => {
    const own = world.process(name);
    const ledger = openLedger(memoryStore(memory, LOCK_TIMES, own.system));
    const dispatcher = new Connections(own, answers);
    const { clock } = own.system;
    const connections = newConnections(({ endpoint, concurrency }) =>
      Promise.resolve(openRegistry({ endpoint, concurrency, credentials: credentialsOf(USER), clock, dispatcher })),
    );
    hub.join(
      own,
      activitiesOf({ settings: () => settings, ledger, log, connections, signal: new AbortController().signal }),
    );
    return { process: own, ledger };
  };
  const [a, b] = [app('a'), app('b')];
  world.after(SECONDS, () => {
    const tick = { client: hub.client(a.process) as never, ledger: a.ledger, log, by: 'tick', pastDue: false };
    void startScheduled(settings, { ...tick, now: new Date(world.now) });
  });
  world.after(2 * SECONDS + world.draws.index('when', 12 * SECONDS), () => {
    if (happens === 'kill') {
      a.process.kill();
      world.after(10 * SECONDS, () => app('c'));
    }
    if (happens === 'freeze') a.process.freeze(150 * SECONDS);
  });
  let begun = false;
  await world.run(() => (begun ||= !hub.isIdle()) && hub.isIdle(), LATEST);
  return {
    seed,
    output: hub.status(HOST.replace(':', '_'))?.output,
    tags: emulator.tagsLeft(),
    manifests: emulator.manifestsLeft().length,
    runs: await Array.fromAsync(b.ledger.runs()),
    again: world.lines.filter(({ text }) => text.includes('(attempt')).length,
  };
}

await loadProduct();
forbidRealTime();
const began = process.cpuUsage();
const ended: Ended[] = [];
for (let seed = 0; seed < Number(seeds); seed += 1) ended.push(await story(seed));
const { user, system } = process.cpuUsage(began);
// eslint-disable-next-line no-console -- for the test
console.log(
  JSON.stringify({ ended, errors: realTimeErrors.map(String), cpuMilliseconds: Math.round((user + system) / 1000) }),
);

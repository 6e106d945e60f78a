import { forbidRealTime, loadProduct, realTimeErrors, reseed, setNow, setTicks } from '../hooks.ts';
import { activitiesOf } from '../../../../src/engine/durable/activities.ts';
import { newUseOf } from '../../../../src/engine/evidence.ts';
import { newFresh } from '../../../../src/engine/fresh.ts';
import { newConnections } from '../../../../src/engine/durable/context.ts';
import { startScheduled } from '../../../../src/engine/durable/start.ts';
import { openLedger } from '../../../../src/ledger/ledger.ts';
import type { RunRecord } from '../../../../src/ledger/records.ts';
import { LOCK_TIMES } from '../../../../src/ledger/store/lease.ts';
import { memoryStore, newMemory } from '../../../../src/ledger/store/memory.ts';
import { readSettings, type Settings } from '../../../../src/policy/settings.ts';
import { credentialsOf } from '../../../../src/registry/identity.ts';
import { openRegistry } from '../../../../src/registry/registry.ts';
import { createLog } from '../../../../src/report/log.ts';
import { images, repositoryOf } from '../../../support/contents.ts';
import { Draws, type Kind } from '../../world/draws.ts';
import { Hub } from '../../hub/hub.ts';
import { HOST, RegistryService, USER } from '../../registry/registry.ts';
import { type Process, World } from '../../world/world.ts';

/*
 * Run by `hub-deployed.test.ts` in a process with the hooks: purges a small registry with the orchestrations and activities that are
 * deployed, and prints how that ended as JSON. Given: what happens (`double`, `kill` or `freeze`), and how many seeds.
 */

const [happens, seeds = '1'] = process.argv.slice(2);

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
  const state = Object.fromEntries(
    NAMES.map((name) => [name, repositoryOf(...images(`old ${name}`, 2, 'dev'), ...images(`kept ${name}`, 1, 'v'))]),
  );
  let asking: Process | undefined;
  const runOf = (process: Process): undefined => void (asking = process);
  const registry = new RegistryService(world, { state, pageSize: 1_000, runOf });
  // The process that has asked for one of the twelve deletions.
  world.at('change made', 1 + world.draws.index('which change', 12), () => {
    if (happens === 'freeze') asking?.freeze(150 * SECONDS);
    if (happens !== 'kill') return;
    asking?.kill();
    world.after(10 * SECONDS, () => app('c'));
  });
  const memory = newMemory();
  const hub = new Hub(world);
  const app = (name: string) => {
    const own = world.process(name);
    const ledger = openLedger(memoryStore(memory, LOCK_TIMES, own.system));
    const dispatcher = registry.dispatcher(own);
    const { clock } = own.system;
    const connections = newConnections(({ endpoint, concurrency }) =>
      Promise.resolve(openRegistry({ endpoint, concurrency, credentials: credentialsOf(USER), clock, dispatcher })),
    );
    hub.join(
      own,
      activitiesOf({
        settings: () => settings,
        ledger,
        log,
        connections,
        useOf: newUseOf(ledger),
        defenderOf: newFresh(ledger.system.clock),
        signal: new AbortController().signal,
      }),
    );
    return { process: own, ledger };
  };
  const a = app('a');
  app('b');
  world.after(SECONDS, () => {
    const tick = { client: hub.client(a.process) as never, ledger: a.ledger, log, by: 'tick', pastDue: false };
    void startScheduled(settings, { ...tick, now: new Date(world.now) });
  });
  let begun = false;
  await world.run(() => (begun ||= !hub.isIdle()) && hub.isIdle(), LATEST);
  return {
    seed,
    output: hub.status(HOST.replace(':', '_'))?.output,
    tags: registry.contents.tagsLeft(),
    manifests: registry.contents.manifestsLeft().length,
    runs: await Array.fromAsync(a.ledger.runs()),
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

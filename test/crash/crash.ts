import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { randomFrom } from '../../src/dev/emulator/faults.ts';
import type { Emulator } from '../../src/dev/emulator/index.ts';
import { blobStore } from '../../src/ledger/store/blob.ts';
import { folderStore } from '../../src/ledger/store/folder.ts';
import { replay } from '../../src/ledger/journal.ts';
import { quarantinesOf } from '../../src/ledger/paths.ts';
import { type Ledger, openLedger } from '../../src/ledger/ledger.ts';
import type { Store } from '../../src/ledger/store/store.ts';
import { broken } from '../support/invariants.ts';
import { reference, withServedEmulator } from '../support/registry.ts';
import { unreadableIn } from '../support/unreadable.ts';
import { contradictions, disagreements, tellings } from './check.ts';
import { environmentAt } from './killing.ts';
import { crowded, FLAGS } from './contents.ts';
import { type Way, WAYS } from './ways.ts';

/*
 * Kills the command line (`kill -9`) at random moments, again and again on the same registry, lets it end at last, and
 * compares the ledger with the registry.
 */

export interface CrashOptions {
  /** How many kills. A process that ends before it is killed does not count. */
  readonly points: number;
  readonly seed: number;
  /** Of the first registry: each has a seed of its own, so that a single one can be done again. */
  readonly first?: number;
  /** Registries side by side. */
  readonly jobs?: number;
  /** Absent: all. */
  readonly ways?: keyof typeof WAYS;
  /** The account of a Blob store; absent: a folder. */
  readonly connectionString?: string;
  /** Takes every failure once it is known. */
  readonly onFailure?: (failure: string) => void;
}

/** Where a kill fell, as the ledger shows it. */
const PHASES = [
  'before it began',
  'before it began, with another run unfinished',
  'planning',
  'deleting',
  'between repositories',
  'closing',
  'after its end',
] as const;

type Phase = (typeof PHASES)[number];

export interface CrashReport {
  readonly points: number;
  readonly registries: number;
  readonly phases: Readonly<Record<Phase, number>>;
  /** Deletions that were open after some kill, and those of them that had taken place. */
  readonly opened: number;
  readonly happened: number;
  readonly failures: readonly string[];
  readonly seconds: number;
}

/** How a way ends that nobody kills. */
interface Measure {
  readonly milliseconds: number;
  readonly changes: number;
  readonly left: readonly string[];
  readonly unreadable: readonly string[];
}

/** When a process is killed: so long after its start, or after it asked for its nth change of the registry. */
interface Moment {
  readonly milliseconds: number;
  readonly change?: number;
}

const MAIN = fileURLToPath(new URL('../../dist/src/doors/cli/main.js', import.meta.url));
const LATENCY_MS = 3;
/** What a run waits before it settles what another one left open; see recover.ts. */
const PAUSE_MS = 2_000;
const MOST_KILLS = 6;
/** Problems of one registry that are shown. */
const SHOWN = 5;
/** Of the kills at a change: how long after it, at most; and after the last one, while the run is closed. */
const MOMENTS_MS = { change: 12, closing: 150 };

/** @throws where a way does not even end well when nobody kills it */
export async function crash(options: CrashOptions): Promise<CrashReport> {
  const { points, seed, first = 0, jobs = 3 } = options;
  const ways = WAYS[options.ways ?? 'all'];
  const started = performance.now();
  const phases = Object.fromEntries(PHASES.map((phase) => [phase, 0])) as Record<Phase, number>;
  const sums = { registries: 0, opened: 0, happened: 0 };
  const failures: string[] = [];
  const measures = new Map<Way, Promise<Measure>>();
  // Once it is needed: while others run side by side, as later, so that it takes as long.
  const measured = (way: Way): Promise<Measure> => {
    const measuring = measures.get(way) ?? measure(way, options);
    measures.set(way, measuring);
    return measuring;
  };

  let ahead = points;
  let next = first;
  await sideBySide(jobs, async () => {
    while (ahead > 0) {
      const number = next++;
      const way = ways[number % ways.length];
      if (!way) return;
      const usual = await measured(way);
      const random = randomFrom(seed * 10_007 + number);
      const kills = 1 + Math.floor(random() * MOST_KILLS);
      const killed: string[] = [];
      const problems = await withLife(way, options, async (life) => {
        while (killed.length < kills && ahead > 0) {
          ahead -= 1;
          const moment = momentOf(random, usual, life.changes(), (await openIntents(life)).size > 0);
          const before = await idsOf(life);
          const { signal } = await life.run(moment);
          if (signal !== 'SIGKILL') {
            ahead += 1;
            break;
          }
          const phase = await phaseOf(life, before, usual);
          phases[phase] += 1;
          killed.push(`${words(moment)} (${phase})`);
          const wrong = await contradictions(life.question());
          if (wrong.length > 0) return wrong;
        }
        let last = await life.run();
        // Where a plan was carried out already, applying it begins no run, and tidies up after none.
        if (way.applied && last.code === 0) last = await life.purge();
        const sound = await ending(life, last, usual);
        sums.opened += life.opened.size;
        sums.happened += await happenedOf(life);
        return sound;
      });
      sums.registries += 1;
      if (problems.length === 0) continue;
      const shown = problems.slice(0, SHOWN).join('\n  ');
      const failure = `${number} (${way.name}; killed ${killed.join(', ')}): ${problems.length} problems\n  ${shown}`;
      failures.push(failure);
      options.onFailure?.(failure);
    }
  });
  return { points: points - ahead, ...sums, phases, failures, seconds: (performance.now() - started) / 1000 };
}

async function sideBySide(jobs: number, work: () => Promise<void>): Promise<void> {
  await Promise.all(Array.from({ length: jobs }, work));
}

async function measure(way: Way, options: CrashOptions): Promise<Measure> {
  return withLife(way, options, async (life) => {
    const first = await life.run();
    const { left, unreadable = [] } = life.question();
    const usual = { milliseconds: first.milliseconds, changes: life.changes(), left: [...left], unreadable };
    const problems = await ending(life, first, usual);
    if (problems.length > 0) throw new Error(`${way.name} fails without any kill: ${problems.join('\n')}`);
    return usual;
  });
}

/** Half of the kills fall anywhere, the others where it is deleting, or has just deleted the last one. */
function momentOf(random: () => number, usual: Measure, done: number, waits: boolean): Moment {
  const pause = waits ? PAUSE_MS : 0;
  const remaining = Math.max(1, usual.changes - done);
  // Half of the time goes by before the first deletion.
  const expected = usual.milliseconds * (0.5 + 0.5 * (remaining / usual.changes));
  const kind = random();
  const share = random();
  if (kind < 0.15) return { milliseconds: share * (pause + expected) };
  if (kind < 0.5) return { milliseconds: pause + share * expected };
  if (kind > 0.85) return { change: remaining, milliseconds: share * MOMENTS_MS.closing };
  return { change: Math.ceil(share * remaining), milliseconds: random() * MOMENTS_MS.change };
}

function words({ milliseconds, change }: Moment): string {
  return `${Math.round(milliseconds)} ms after ${change === undefined ? 'its start' : `change ${change}`}`;
}

const CHANGES = ['delete-tag', 'delete-manifest', 'update-tag', 'update-manifest'] as const;

function changesOf(emulator: Emulator): number {
  const counts = emulator.counts();
  return CHANGES.reduce((sum, kind) => sum + counts[kind], 0);
}

/** A registry, its ledger, and what happened to them. */
interface Life {
  readonly emulator: Emulator;
  readonly ledger: Ledger;
  readonly store: Store;
  readonly way: Way;
  /** How often it was asked to change something, but for what was done before. */
  readonly changes: () => number;
  /** Every deletion that was open after some kill: `<run> <artifact>`. */
  readonly opened: Set<string>;
  /** Runs the command, and kills it at this moment. */
  readonly run: (moment?: Moment) => Promise<Ran>;
  /** The same policy without a plan. */
  readonly purge: () => Promise<Ran>;
  readonly question: () => Parameters<typeof contradictions>[0];
}

interface Ran {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly output: string;
  readonly milliseconds: number;
}

async function withLife<T>(way: Way, { connectionString }: CrashOptions, live: (life: Life) => Promise<T>): Promise<T> {
  const folder = mkdtempSync(join(tmpdir(), 'acr-retention-crash-'));
  const options = { repositories: crowded(), faults: { latencyMs: LATENCY_MS } };
  try {
    return await withServedEmulator(options, async (emulator) => {
      const runs = join(folder, 'runs');
      const environment = {
        ...environmentAt(emulator, folder),
        LOG_LEVEL: 'error',
        RETENTION_STORAGE: connectionString ?? runs,
      };
      const store = connectionString === undefined ? folderStore(runs) : blobStore({ connectionString });
      const ledger = openLedger(store);
      const had = [...emulator.tagsLeft(), ...emulator.manifestsLeft()];
      const call = (args: readonly string[], moment?: Moment) => runMain(args, environment, emulator, moment);
      const purge = ['purge', ...FLAGS, ...way.flags];
      if (way.after) {
        await call(['purge', ...FLAGS, ...way.after.flags]);
        await setTimeout(way.after.milliseconds);
      }
      if (way.isUsed) {
        const running = join(folder, 'running.txt');
        const images = emulator.manifestsLeft().map((one) => `${emulator.loginServer}/${one}`);
        writeFileSync(running, `${images.join('\n')}\n`);
        purge.push('--in-use', `list:${running}`);
      }
      if (way.applied) await call([...purge, '--dry-run']);
      const before = changesOf(emulator);
      const command = way.applied ? await applying(ledger, emulator.loginServer) : purge;
      const life: Life = {
        emulator,
        ledger,
        store,
        way,
        changes: () => changesOf(emulator) - before,
        opened: new Set(),
        run: (moment) => call(command, moment),
        purge: () => call(purge),
        question: () => ({
          ledger,
          registry: emulator.loginServer,
          had,
          left: new Set([...emulator.tagsLeft(), ...emulator.manifestsLeft()]),
          unreadable: unreadableIn(emulator),
        }),
      };
      try {
        return await live(life);
      } finally {
        // An account is everybody's, and another emulator may get the same port.
        for (const id of await idsOf(life))
          for await (const path of store.list(`runs/${id}/`)) await store.remove(path);
        for await (const path of store.list(quarantinesOf(emulator.loginServer))) await store.remove(path);
      }
    });
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

async function applying(ledger: Ledger, registry: string): Promise<readonly string[]> {
  for await (const { id, plan } of ledger.runs({ registry, kinds: ['dry-run'] }))
    if (plan) return ['apply', id, '--approve', plan.hash.slice(0, 12)];
  throw new Error('the dry run left no plan');
}

function runMain(
  args: readonly string[],
  env: NodeJS.ProcessEnv,
  emulator: Emulator,
  moment: Moment | undefined,
): Promise<Ran> {
  return new Promise((resolve, reject) => {
    const start = performance.now();
    const child = spawn(process.execPath, [MAIN, ...args], { env, stdio: ['ignore', 'pipe', 'pipe'] });
    let timer: NodeJS.Timeout | undefined;
    const kill = (): void => {
      timer = globalThis.setTimeout(() => child.kill('SIGKILL'), moment?.milliseconds);
    };
    let changes = 0;
    if (moment?.change === undefined) {
      if (moment) kill();
    } else {
      emulator.onRequest(({ kind }) => {
        if (CHANGES.some((one) => one === kind) && ++changes === moment.change) kill();
      });
    }
    let output = '';
    for (const stream of [child.stdout, child.stderr])
      stream.setEncoding('utf8').on('data', (text: string) => (output += text));
    child.once('error', reject);
    child.once('close', (code, signal) => {
      clearTimeout(timer);
      emulator.onRequest(undefined);
      resolve({ code, signal, output, milliseconds: performance.now() - start });
    });
  });
}

async function idsOf({ ledger, emulator }: Pick<Life, 'ledger' | 'emulator'>): Promise<ReadonlySet<string>> {
  const ids = new Set<string>();
  for await (const { id } of ledger.runs({ registry: emulator.loginServer })) ids.add(id);
  return ids;
}

/** Deletions of which the ledger does not say what became, as its journals stand. */
async function openIntents({ ledger, store, emulator, opened }: Life): Promise<ReadonlySet<string>> {
  const open = new Set<string>();
  for await (const { id } of ledger.runs({ registry: emulator.loginServer })) {
    for await (const path of store.list(`runs/${id}/journal/`)) {
      const bytes = await store.stream(path);
      const replayed = bytes && (await replay(bytes));
      for (const key of replayed?.open ?? []) open.add(`${id} ${replayed?.repository ?? ''}${key}`);
    }
  }
  for (const one of open) opened.add(one);
  return open;
}

/** What a decision says of a change that was made. */
const MADE: readonly string[] = ['deleted', 'quarantined'];

async function phaseOf(life: Life, before: ReadonlySet<string>, usual: Measure): Promise<Phase> {
  const { runs } = await tellings(life.question());
  const begun = runs.find(({ run }) => !before.has(run.id));
  if (!begun) {
    const isUnfinished = runs.some(({ run }) => run.ended === undefined);
    return isUnfinished ? 'before it began, with another run unfinished' : 'before it began';
  }
  if (begun.run.ended !== undefined) return 'after its end';
  const open = await openIntents(life);
  if ([...open].some((one) => one.startsWith(begun.run.id))) return 'deleting';
  if (life.changes() >= usual.changes) return 'closing';
  const isBegun = begun.decisions.some((decision) => decision.action === 'delete' && MADE.includes(decision.outcome));
  return isBegun ? 'between repositories' : 'planning';
}

/** What is wrong once a run has ended that nobody killed. */
async function ending(life: Life, { code, output }: Ran, usual: Measure): Promise<readonly string[]> {
  const { left, unreadable } = usual;
  const { emulator, ledger, store, way } = life;
  const question = life.question();
  const problems = [...(await disagreements({ ...question, store }))];
  if (code !== 0) problems.push(`the last run ended with ${code ?? 'a signal'}: ${output.slice(-2000)}`);
  problems.push(...broken(crowded(), emulator.repositories(), way.flags.includes('--include-locked')));
  for (const name of left.filter((one) => !question.left.has(one)))
    problems.push(`${name} went, and would have stayed`);
  for (const name of question.left) if (!left.includes(name)) problems.push(`${name} stayed, and would have gone`);
  const now = question.unreadable ?? [];
  if (now.join() !== unreadable.join())
    problems.push(`unreadable are ${now.join(', ')}, and would have been ${unreadable.join(', ')}`);
  if (!way.applied) return problems;
  for await (const { id, plan } of ledger.runs({ registry: emulator.loginServer, kinds: ['dry-run'] }))
    if (plan?.state !== 'applied') problems.push(`the plan ${id} is ${plan?.state ?? 'not there'}, not applied`);
  return problems;
}

/** Of the deletions that were open after some kill, those that the ledger now says had taken place. */
async function happenedOf(life: Life): Promise<number> {
  const { runs } = await tellings(life.question());
  return runs
    .flatMap(({ run, decisions }) => decisions.map((decision) => ({ id: run.id, decision })))
    .filter(({ decision }) => decision.action === 'delete' && MADE.includes(decision.outcome))
    .filter(({ id, decision }) => life.opened.has(`${id} ${reference(decision)}`)).length;
}

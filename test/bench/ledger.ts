/* eslint-disable no-console -- a report, and what the process that writes says */
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { rmSync } from 'node:fs';
import { hostname } from 'node:os';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { startEmulator } from '../../src/dev/emulator/index.ts';
import { blobStore } from '../../src/ledger/store/blob.ts';
import { folderStore } from '../../src/ledger/store/folder.ts';
import { openLedger } from '../../src/ledger/ledger.ts';
import { newRunId, pathsOf } from '../../src/ledger/paths.ts';
import { NOTHING_PLANNED } from '../../src/ledger/plan-hash.ts';
import type { Store } from '../../src/ledger/store/store.ts';
import type { RepositoryRecord, RunRecord } from '../../src/ledger/records.ts';
import type { Decision, KeepReason } from '../../src/planner/decision.ts';
import { summarize } from '../../src/ledger/summary.ts';
import { total } from '../../src/ledger/total.ts';
import { withApp } from '../support/app.ts';
import { childOf, cpuSeconds, machine, peakMegabytes } from './process.ts';
import { read } from './read.ts';
import { startAzurite } from '../support/azurite.ts';
import { newFolder } from '../support/ledger.ts';

/*
 * `npm run bench:ledger [-- --store blob]`: how long the record of a run of a million decisions takes to write and to
 * read, and how much memory, each in a process of its own. Peak memory is read from /proc: on Linux only.
 *
 *     --store folder|blob      in a temporary folder, or in Azurite, which keeps everything in its memory
 *     --decisions n,n          sizes of the large run
 *     --repeat n               how often each case is measured; the median of the times is shown, and the highest peak
 *     --only text              only the cases whose name holds this
 */

const REPOSITORIES = 1000;
const SMALL_RUNS = 300;
/** Runs with 1,000 repositories each. */
const WIDE_RUNS = 60;
const WIDE = 'wide.azurecr.io';
const LARGE = 'platform/services/checkout';
const NOW = new Date();

const { values: given } = parseArgs({
  options: {
    store: { type: 'string', default: 'folder' },
    decisions: { type: 'string', default: '250000,1000000' },
    repeat: { type: 'string', default: '3' },
    only: { type: 'string', default: '' },
    write: { type: 'string' },
  },
});

// What is recorded

const digestOf = (text: string): string => `sha256:${createHash('sha256').update(text).digest('hex')}`;
const tagOf = (n: number): string => `feature-PROJ-${1000 + n}-build.${n % 97}`;
const timeOf = (days: number): string => new Date(NOW.getTime() - days * 86_400_000).toISOString();

const KEPT: readonly (readonly [KeepReason, string])[] = [
  ['too-young', "matches the filter 'platform/.*:^feature-', but is only 3 days old (--ago 30d)"],
  ['locked', "matches the filter 'platform/.*:^feature-', and is 41 days old, but is locked"],
  ['newest-kept', 'matches the filter, but is among the newest 3 of those (--keep 3)'],
];

/** Decisions as a plan has them: the tags, then the manifests. Of ten images six go, three stay, one never had a tag. */
function decisionsOf(repository: string, count: number): readonly Decision[] {
  const decide = (kind: Decision['kind'], n: number): Decision => {
    const [reason, detail] = KEPT[n % KEPT.length] ?? ['locked', ''];
    const days = n % 10 < 6 ? 31 + (n % 400) : n % 30;
    const digest = digestOf(`${repository}/${n}`);
    const about = {
      repository, kind, ...(kind === 'tag' && { tag: tagOf(n) }), digest, beyondAcrPurge: false,
      ...(kind === 'manifest' && {
        mediaType: 'application/vnd.docker.distribution.manifest.v2+json', size: 40_000_000 + 977 * n,
      }),
      createdTime: timeOf(days), lastUpdateTime: timeOf(days),
    }; // prettier-ignore
    if (n % 10 < 6) {
      const outcome = n % 5000 === 4 ? 'failed' : 'deleted';
      const error = { message: 'the registry answered 503 four times', status: 503, code: 'ServiceUnavailable' };
      const fate = { action: 'delete', outcome, ...(outcome === 'failed' && { error }) } as const;
      return kind === 'tag'
        ? { ...about, ...fate, reason: 'matched-and-expired', detail: `matches the filter 'platform/.*:^feature-', and is ${days} days old` }
        : { ...about, ...fate, reason: 'untagged-and-expired', detail: `has no tag any more, and is ${days} days old; nothing that is kept needs it` };
    } // prettier-ignore
    if (kind === 'tag') return { ...about, action: 'keep', reason, detail };
    return n % 10 < 9
      ? { ...about, action: 'keep', reason: 'has-tags', detail: `tagged ${tagOf(n)}` }
      : { ...about, action: 'keep', reason: 'child-of-kept-index', detail: `${digestOf(`${repository}/index`)} needs it, and is kept` };
  }; // prettier-ignore
  const images = Array.from({ length: Math.ceil(count / 1.9) }, (_, n) => n);
  const tags = images.filter((n) => n % 10 < 9).map((n) => decide('tag', n));
  return [...tags, ...images.map((n) => decide('manifest', n))].slice(0, count);
}

const nameOf = (n: number): string => (n === 0 ? LARGE : `platform/team-${n % 40}/service-${n}`);

/** One repository has a tenth of all decisions; the others are alike. */
function* repositoriesOf(count: number, decisions: number): Generator<readonly [string, readonly Decision[]]> {
  const each = Math.floor((decisions * 0.9) / (count - 1));
  for (let n = 0; n < count; n++)
    yield [nameOf(n), decisionsOf(nameOf(n), n === 0 ? decisions - each * (count - 1) : each)];
}

function recordOf(started: Date, count: number, registry = 'contoso.azurecr.io'): RunRecord {
  const id = newRunId(started);
  const time = started.toISOString();
  const dryRun = started.getUTCHours() % 6 === 0;
  const given = "acr purge --filter 'platform/.*:^feature-' --ago 30d --keep 3 --untagged";
  return {
    format: 1, id, kind: dryRun ? 'dry-run' : 'scheduled', dryRun, startedBy: 'schedule', registry,
    policy: { commands: [{ given, understood: { ago: '30d', keep: 3, untagged: true } }], hash: 'f00d', from: 'settings' },
    toolVersion: '0.1.0', started: time, agesFrom: time,
    holder: { runId: id, startedBy: 'schedule', host: hostname(), pid: process.pid, since: time },
    state: 'running', progress: { done: 0, of: count }, warnings: [], breakers: [],
  }; // prettier-ignore
}

async function writeRun(store: Store, started: Date, count: number, decisions: number): Promise<string> {
  const record = recordOf(started, count);
  const run = await openLedger(store).begin(record);
  const records: RepositoryRecord[] = [];
  for (const [name, some] of repositoriesOf(count, decisions))
    records.push(await run.repository(name).close(summarize(name, some, { tags: some.length >> 1 }), some));
  const totals = total(records.map(({ summary }) => summary));
  const ended = new Date(started.getTime() + 60_000).toISOString();
  await run.end({ state: 'done', ended, totals, progress: { done: count, of: count } }, records);
  return record.id;
}

/** Runs of another registry, of which the records of the repositories alone are there: what charts are made of. */
async function writeWide(store: Store): Promise<void> {
  const records = Array.from({ length: REPOSITORIES }, (_, n): RepositoryRecord => {
    const summary = summarize(nameOf(n), decisionsOf(nameOf(n), 20 + (n % 50)), { tags: 100, manifests: 200 });
    return { summary, planned: NOTHING_PLANNED };
  });
  const totals = total(records.map(({ summary }) => summary));
  for (let day = WIDE_RUNS; day > 0; day--) {
    const record = { ...recordOf(new Date(NOW.getTime() - day * 86_400_000), REPOSITORIES, WIDE), dryRun: false };
    const run = await openLedger(store).begin(record);
    const progress = { done: REPOSITORIES, of: REPOSITORIES };
    await run.end({ state: 'done', ended: record.started, totals, progress }, records);
  }
}

// The process that writes

function storeOf(location: string): Store {
  return location.includes('=') ? blobStore({ connectionString: location }) : folderStore(location);
}

interface Written {
  readonly id: string;
  readonly seconds: number;
  readonly peak: number;
  readonly bytes: number;
}

async function write(decisions: number): Promise<Written> {
  const store = storeOf(process.env['RETENTION_STORAGE'] ?? '');
  for (let n = SMALL_RUNS; n > 0; n--) await writeRun(store, new Date(NOW.getTime() - n * 7_200_000), 4, 200);
  await writeWide(store);
  // The run that the large one is compared with: as many repositories.
  await writeRun(store, new Date(NOW.getTime() - 3_600_000), REPOSITORIES, REPOSITORIES * 20);
  const start = performance.now();
  const id = await writeRun(store, NOW, REPOSITORIES, decisions);
  const seconds = (performance.now() - start) / 1000;
  const peak = peakOf('self');
  let bytes = 0;
  for await (const path of store.list(pathsOf(id).folder))
    for await (const piece of (await store.stream(path)) ?? []) bytes += (piece as Uint8Array).length;
  return { id, seconds, peak, bytes };
}

// The measurements

function peakOf(pid: string): number {
  return Math.round(peakMegabytes(pid) ?? 0);
}

interface Measured {
  readonly seconds: number;
  readonly processor: number;
  readonly bytes: number;
  readonly peak: number;
}

type Case = readonly [name: string, path: (id: string) => string, bytesPerSecond?: number];

const digest = digestOf(`${nameOf(REPOSITORIES - 1)}/17`);
const CASES: readonly Case[] = [
  ['nothing', () => '/api/health'],
  ['page: runs', () => '/api/review'],
  ['runs, JSON', () => '/api/runs'],
  ['page: the run', (id) => `/api/review?run=${id}`],
  ['page: the run, by share, the large repository opened', (id) => `/api/review?run=${id}&sort=percent&open=${LARGE}`],
  ['page: the run, a part of a name', (id) => `/api/review?run=${id}&find=service-50`],
  ['page: what changed since the run before, in every repository', (id) => `/api/review?run=${id}&view=diff`],
  ['page: over time by repository, of 60 runs', () => `/api/review?view=trends&registry=${WIDE}`],
  ['the run, JSON', (id) => `/api/runs/${id}`],
  ['page: decisions', (id) => `/api/review?run=${id}&view=decisions`],
  ['page: decisions, page 50', (id) => `/api/review?run=${id}&view=decisions&page=50`],
  ['page: decisions, last page', (id) => `/api/review?run=${id}&view=decisions&page=10000`],
  ['page: decisions of one repository', (id) => `/api/review?run=${id}&view=decisions&repository=${nameOf(500)}`],
  ['page: decisions, one tag of the large repository', (id) =>
    `/api/review?run=${id}&view=decisions&repository=${LARGE}&tag=${tagOf(1003)}`],
  ['page: decisions, one digest', (id) => `/api/review?run=${id}&view=decisions&digest=${digest}`],
  ['page: decisions, text that is nowhere', (id) => `/api/review?run=${id}&view=decisions&text=nowhere`],
  ['decisions for one reason, JSON', (id) => `/api/runs/${id}/decisions?reason=locked`],
  ['all decisions, NDJSON', (id) => `/api/runs/${id}/decisions?format=ndjson`],
  ['all decisions, CSV', (id) => `/api/runs/${id}/decisions?format=csv`],
  ['all decisions, NDJSON, client takes 10 MB/s', (id) => `/api/runs/${id}/decisions?format=ndjson`, 10_000_000],
  ['explain one tag of the large repository', () => `/api/explain?image=${LARGE}:${tagOf(1003)}`],
]; // prettier-ignore

async function measure(location: string, id: string, [, path, speed = Infinity]: Case): Promise<Measured> {
  const emulator = await startEmulator({ repositories: {} });
  const settings = {
    PURGE_COMMAND: "--filter '.*:^dev' --ago 30d",
    PURGE_SCHEDULE: '0 1 * * Sun',
    RETENTION_STORAGE: location,
  };
  try {
    return await withApp(emulator, settings, async ({ url, process: host }) => {
      await read(`${url}/api/health`, {}, Infinity);
      const worker = childOf(host.pid ?? 0);
      const before = cpuSeconds(worker);
      const start = performance.now();
      const bytes = await read(url + path(id), {}, speed);
      const seconds = (performance.now() - start) / 1000;
      return { seconds, processor: cpuSeconds(worker) - before, bytes, peak: peakOf(worker) };
    });
  } finally {
    await emulator.close();
  }
}

async function report(location: string, decisions: number): Promise<void> {
  const written = JSON.parse(
    execFileSync(process.execPath, [fileURLToPath(import.meta.url), '--write', String(decisions)], {
      encoding: 'utf8',
      env: { ...process.env, RETENTION_STORAGE: location },
    }),
  ) as Written;
  const { id, seconds, peak, bytes } = written;
  console.log(`\n### ${decisions.toLocaleString('en')} decisions in ${REPOSITORIES} repositories\n`);
  console.log(
    `Written in ${seconds.toFixed(1)} s, peak ${peak} MB, ${megabytes(bytes)}; besides ${SMALL_RUNS} small runs. Time, processor time and peak are the worker's.\n`,
  );
  console.log('| asked for | time | processor time | answer | peak memory |\n|---|--:|--:|--:|--:|');
  for (const one of CASES.filter(([name]) => name.includes(given.only))) {
    const measured: Measured[] = [];
    const repeat = one[2] === undefined ? Number(given.repeat) : 1;
    while (measured.length < repeat) measured.push(await measure(location, id, one));
    const median = (of: (one: Measured) => number): string =>
      (measured.map(of).sort((a, b) => a - b)[measured.length >> 1] ?? 0).toFixed(2);
    const highest = Math.max(...measured.map(({ peak }) => peak));
    const times = `${median(({ seconds }) => seconds)} s | ${median(({ processor }) => processor)} s`;
    console.log(`| ${one[0]} | ${times} | ${megabytes(measured[0]?.bytes ?? 0)} | ${highest} MB |`);
  }
}

function megabytes(bytes: number): string {
  return bytes < 1_000_000 ? `${(bytes / 1000).toFixed(1)} kB` : `${(bytes / 1_000_000).toFixed(1)} MB`;
}

if (given.write !== undefined) console.log(JSON.stringify(await write(Number(given.write))));
else {
  console.log(`${machine()}, ledger in a ${given.store === 'blob' ? 'blob container (Azurite)' : 'folder'}`);
  for (const decisions of given.decisions.split(',').map(Number)) {
    const azurite = given.store === 'blob' ? await startAzurite() : undefined;
    const folder = newFolder();
    try {
      await report(azurite?.connectionString ?? folder, decisions);
    } finally {
      await azurite?.close();
      rmSync(folder, { recursive: true, force: true });
    }
  }
}

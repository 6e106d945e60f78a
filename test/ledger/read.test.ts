import { randomBytes } from 'node:crypto';
import { readdirSync, readFileSync, readlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { gzipSync } from 'node:zlib';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { folderStore } from '../../src/ledger/store/folder.ts';
import { type Ledger, openLedger } from '../../src/ledger/ledger.ts';
import type { RunWriter } from '../../src/ledger/writer.ts';
import { pathsOf } from '../../src/ledger/paths.ts';
import type { DecisionQuery } from '../../src/ledger/reader.ts';
import { LedgerError } from '../../src/ledger/store/store.ts';
import type { RepositoryRecord, RunRecord } from '../../src/ledger/records.ts';
import { type Decision, type Outcome, DELETE_REASONS, KEEP_REASONS } from '../../src/planner/decision.ts';
import { summarize } from '../../src/ledger/summary.ts';
import { newFolder, newLedger } from '../support/ledger.ts';
import { HOSTILE, recordOf } from '../support/review.ts';
import { all } from '../dev/emulator/support.ts';

const STARTED = '2026-11-24T01:00:00.000Z';

describe('the decisions of a run', () => {
  /** Names and words that break what is careless with quotes, escapes, line ends or the bytes of a character. */
  const word = fc.oneof(
    fc.constantFrom(...HOSTILE, '"', '\\', '\\"', '\n', '\r\n', '\\n', '\u2028', '\0', 'İ', 'ΑΣ', '💥', 'ſK', '","tag":"x'),
    fc.string({ unit: 'binary', minLength: 1, maxLength: 12 }),
    fc.string({ minLength: 1, maxLength: 12 }),
  ); // prettier-ignore
  const optional = <T>(values: fc.Arbitrary<T>) => fc.option(values, { nil: undefined });

  /** Words are few, so that filters find something; and so are reasons. */
  const cases = fc.uniqueArray(word, { minLength: 2, maxLength: 5 }).chain((words) => {
    const some = fc.constantFrom(...words);
    const scan = { by: 'grype', bySeverity: { critical: 1 }, fixable: {}, ids: [] };
    const findings = fc.constantFrom(undefined, {}, { scan }, { scan: { ...scan, bySeverity: {} }, inUse: true });
    const about = { kind: fc.constantFrom('tag', 'manifest'), tag: some, digest: some, detail: some, findings };
    const lone = fc.constantFrom('\ud800', '\udc00x');
    const decision = fc.oneof(
      fc.record({ ...about, reason: fc.constantFrom(...KEEP_REASONS.slice(0, 2)), action: fc.constant('keep') }),
      fc.record({
        ...about,
        tag: fc.oneof(some, lone),
        reason: fc.constantFrom(...DELETE_REASONS.slice(0, 2)),
        action: fc.constant('delete'),
        outcome: fc.constantFrom('deleted', 'failed'),
      }),
    ) as fc.Arbitrary<object> as fc.Arbitrary<Decision>;
    const query = fc.record({
      repository: optional(some),
      repositories: optional(fc.subarray(words).map((names) => names.toSorted((a, b) => (a < b ? -1 : 1)))),
      scanned: optional(fc.constant(true)),
      tag: optional(fc.oneof(some, lone)),
      digest: optional(some),
      action: optional(fc.constantFrom('keep', 'delete')),
      reason: optional(fc.constantFrom(...KEEP_REASONS.slice(0, 2), ...DELETE_REASONS.slice(0, 2))),
      text: optional(fc.tuple(some, fc.nat(3)).map(([text, from]) => text.slice(from).toUpperCase() || text)),
    });
    return fc.record({
      repositories: fc.uniqueArray(fc.tuple(some, fc.array(decision, { maxLength: 12 })), {
        selector: ([name]) => name,
      }),
      queries: fc.array(query as fc.Arbitrary<DecisionQuery>, { minLength: 8, maxLength: 8 }),
    });
  });

  it('are what a filter of a list of them leaves, in order', async () => {
    await fc.assert(
      fc.asyncProperty(cases, async ({ repositories, queries }) => {
        const ledger = newLedger();
        const recorded = repositories
          .map(([name, some]) => [name, some.map((one): Decision => ({ ...artifact(name), ...one }))] as const)
          .sort(([a], [b]) => (a < b ? -1 : 1));
        const id = await record(ledger, recorded);
        const everything = recorded.flatMap(([, some]) => some);
        expect(await all(ledger.decisions(id))).toEqual(everything);
        for (const query of queries) {
          const alone = Object.entries<unknown>({ ...query }).map(([name, value]): DecisionQuery => ({
            [name]: value,
          }));
          for (const asked of [query, ...alone])
            expect(await all(ledger.decisions(id, asked)), JSON.stringify(asked)).toEqual(
              everything.filter((one) => isAsked(one, asked)),
            );
        }
      }),
      // Each writes files durably, which takes what it takes; what there is time for is enough.
      { numRuns: 40, interruptAfterTimeLimit: 10_000, endOnFailure: true },
    );
  });

  it('come whole, however the bytes of a large repository are cut', async () => {
    const ledger = newLedger();
    const many = Array.from({ length: 4000 }, (_, n): Decision => ({
      ...artifact('app'),
      tag: `${'💥'.repeat(n % 7)}-${n}`,
      detail: 'ü€'.repeat(n % 101),
    }));
    const id = await record(ledger, [['app', many]]);
    expect(await all(ledger.decisions(id))).toEqual(many);
    expect(await all(ledger.decisions(id, { tag: '💥💥-3999' }))).toEqual([many[3999]]);
    expect(await all(ledger.decisions(id, { tag: '💥-3999' }))).toEqual([]);
  });

  it('are of no run that there is not, and of no repository that the run has not', async () => {
    const ledger = newLedger();
    const id = await record(ledger, [['app', [artifact('app')]]]);
    expect(await all(ledger.decisions('20200101T000000Z-000000'))).toEqual([]);
    expect(await all(ledger.decisions('../../etc'))).toEqual([]);
    expect(await all(ledger.decisions(id, { repository: 'apple' }))).toEqual([]);
  });

  it('are those of the journal while they are carried out', async () => {
    const ledger = newLedger();
    const run = await begin(ledger, { state: 'running' });
    const plan = ['a', 'b'].map((tag) => going('app', tag, 'planned'));
    const writer = run.repository('app');
    await writer.write(summarize('app', plan), plan);
    await writer.intend([':a']);
    writer.settled([{ ...going('app', 'a', 'failed'), detail: 'it said no' }]);
    await writer.intend([':b']);
    const underWay = { message: 'under way; its outcome is not recorded yet' };
    const now = [
      { ...going('app', 'a', 'failed'), detail: 'it said no' },
      { ...going('app', 'b', 'planned'), error: underWay },
    ];
    expect(await all(ledger.decisions(run.id))).toEqual(now);
    expect(await all(ledger.decisions(run.id, { text: 'SAID NO' }))).toEqual([now[0]]);
    expect(await all(ledger.decisions(run.id, { tag: 'b', action: 'delete' }))).toEqual([now[1]]);
  });

  it('are those of the closed repository where its process ended before the journal was removed', async () => {
    const ledger = newLedger();
    const run = await begin(ledger, { state: 'running' });
    const writer = run.repository('app');
    await writer.intend([':a', ':b']);
    const closed = [going('app', 'a', 'deleted'), going('app', 'b', 'refused')];
    await writer.write(summarize('app', closed), closed);
    expect(await all(ledger.decisions(run.id))).toEqual(closed);
  });
});

describe('the repositories of a run', () => {
  const names = ['z', 'a/b', 'a-b', 'A', 'ü', 'a'];
  const sorted = names.toSorted();

  it('are those that are done, by name, while it runs', async () => {
    const ledger = newLedger();
    const run = await begin(ledger, { state: 'running' });
    const written: string[] = [];
    for (const name of names) {
      await run.repository(name).write(summarize(name, [artifact(name)]), [artifact(name)]);
      written.push(name);
      expect(await namesOf(ledger, run.id)).toEqual(written.toSorted());
    }
    expect((await all(ledger.decisions(run.id))).map(({ repository }) => repository)).toEqual(sorted);
  });

  it('are those that it ended with', async () => {
    const ledger = newLedger();
    const recorded = sorted.map((name) => [name, [going(name, 'a', 'planned')]] as const);
    const id = await record(ledger, recorded);
    expect(await namesOf(ledger, id)).toEqual(sorted);
    const [first] = await all(ledger.repositories(id));
    expect(first).toMatchObject({ summary: { tags: { deleted: 1 } }, planned: { deletions: 1 } });
    expect(await namesOf(ledger, '20200101T000000Z-000000')).toEqual([]);
  });
});

describe('runs', () => {
  it('are the newest first, and those that were asked for', async () => {
    const ledger = newLedger();
    const over: readonly (readonly [string, Partial<RunRecord>])[] = [
      ['2026-11-20T23:59:59.999Z', { state: 'done', kind: 'purge' }],
      ['2026-11-21T00:00:00.000Z', { state: 'failed', kind: 'scheduled' }],
      ['2026-11-21T12:00:00.000Z', { state: 'done', kind: 'dry-run', registry: 'other.azurecr.io' }],
      ['2026-11-22T00:00:00.000Z', { state: 'waiting', kind: 'scheduled' }],
    ];
    const ids: string[] = [];
    for (const [started, change] of over) ids.unshift((await begin(ledger, change, started)).id);
    const at = async (query: Parameters<Ledger['runs']>[0]): Promise<readonly number[]> =>
      (await all(ledger.runs(query))).map(({ id }) => ids.indexOf(id));
    expect(await at(undefined)).toEqual([0, 1, 2, 3]);
    expect(await at({ states: ['done'] })).toEqual([1, 3]);
    expect(await at({ states: ['failed', 'waiting'], kinds: ['scheduled'] })).toEqual([0, 2]);
    expect(await at({ states: [] })).toEqual([]);
    expect(await at({ kinds: ['purge', 'dry-run'] })).toEqual([1, 3]);
    expect(await at({ registry: 'other.azurecr.io' })).toEqual([1]);
    const from = new Date('2026-11-21T00:00:00Z');
    const to = new Date('2026-11-22T00:00:00Z');
    expect(await at({ from })).toEqual([0, 1, 2]);
    expect(await at({ to })).toEqual([1, 2, 3]);
    expect(await at({ from, to })).toEqual([1, 2]);
    expect(await at({ before: ids[1] ?? '' })).toEqual([2, 3]);
    expect(await at({ before: ids[1] ?? '', from, states: ['failed'] })).toEqual([2]);
    expect((await ledger.run(ids[2] ?? ''))?.state).toBe('failed');
    expect(await ledger.run('../run')).toBeUndefined();
  });
});

describe('what is known of an artifact', () => {
  const manifest = (digest: string): Decision => ({ ...artifact('app'), kind: 'manifest', digest });
  const tag = (name: string, digest: string): Decision => ({ ...artifact('app'), tag: name, digest });
  const [one, two] = [`sha256:${'1'.repeat(64)}`, `sha256:${'2'.repeat(64)}`];
  const older = [tag('v1', one), tag('v2', two), manifest(one), manifest(two)];
  const newer = [tag('v1', two), tag('latest', two), manifest(two)];

  it('is told of a tag with its manifest as it was then, and of a digest, the newest run first', async () => {
    const ledger = newLedger();
    const first = await record(ledger, [['app', older]], '2026-11-20T00:00:00.000Z');
    await record(ledger, [['web', [{ ...artifact('web'), tag: 'v1', digest: one }]]], '2026-11-21T00:00:00.000Z');
    const last = await record(ledger, [['app', newer]], '2026-11-22T00:00:00.000Z');
    const told = async (image: Parameters<Ledger['explain']>[0]) =>
      (await all(ledger.explain(image))).map(({ run, decision }) => [run.id, decision]);
    expect(await told({ repository: 'app', tag: 'v1' })).toEqual([
      [last, newer[0]],
      [last, newer[2]],
      [first, older[0]],
      [first, older[2]],
    ]);
    expect(await told({ repository: 'app', digest: two })).toEqual([
      ...newer.map((decision) => [last, decision]),
      [first, older[1]],
      [first, older[3]],
    ]);
    expect(await told({ repository: 'app', tag: 'v3' })).toEqual([]);
    expect(await told({ repository: 'none', tag: 'v1' })).toEqual([]);
  });
});

describe.skipIf(process.platform !== 'linux')('readers that stop early', () => {
  it('close their files', async () => {
    const folder = newFolder();
    const ledger = openLedger(folderStore(folder));
    // More than is read at once.
    const incompressible = (): string => randomBytes(2000).toString('base64');
    const large = Array.from({ length: 400 }, (_, n): Decision => ({
      ...artifact('app'),
      tag: String(n),
      detail: incompressible(),
    }));
    const repositories = Array.from({ length: 12 }, (_, n) => `app${n}`);
    const run = await begin(ledger, { state: 'running' });
    for (const name of repositories) await run.repository(name).write(summarize(name, large), large);
    const id = await record(ledger, [['app', large]], '2026-11-23T00:00:00.000Z');

    const openFiles = (): number =>
      readdirSync('/proc/self/fd').filter((fd) => {
        try {
          return readlinkSync(`/proc/self/fd/${fd}`).startsWith(folder);
        } catch {
          return false;
        }
      }).length;
    let most = 0;
    const stopEarly = async (values: AsyncIterable<unknown>): Promise<void> => {
      const iterator = values[Symbol.asyncIterator]();
      await iterator.next();
      most = Math.max(most, openFiles());
      await iterator.return?.();
    };
    for (let round = 0; round < 5; round++) {
      await Promise.all([
        stopEarly(ledger.decisions(run.id)),
        stopEarly(ledger.decisions(id, { text: 'app' })),
        stopEarly(ledger.repositories(run.id)),
        stopEarly(ledger.explain({ repository: 'app', tag: '0' })),
        stopEarly(ledger.runs()),
      ]);
    }
    expect(most).toBeGreaterThan(0);
    while (openFiles() > 0) await sleep(20);
  });
});

describe('a file that cannot be read', () => {
  const { decisions, run, repositories } = pathsOf(idAt(STARTED));
  const broken: readonly (readonly [string, string, (bytes: Buffer) => string | Buffer])[] = [
    ['decisions that were cut off', decisions('b'), (bytes) => bytes.subarray(0, -9)],
    ['decisions that are something else', decisions('b'), () => 'not compressed'],
    ['decisions with a line that is no JSON', decisions('b'), () => gzipSync('{}\n{"tag":\n')],
    ['a list of repositories that was cut off', repositories, (bytes) => bytes.subarray(0, -9)],
    ['a run that was cut off', run, (bytes) => bytes.subarray(0, -9)],
  ];

  it.each(broken)('is named: %s', async (_, path, harm) => {
    const folder = newFolder();
    const ledger = openLedger(folderStore(folder));
    const id = await record(
      ledger,
      ['a', 'b', 'c'].map((name) => [name, [artifact(name)]]),
    );
    writeFileSync(join(folder, path), harm(readFileSync(join(folder, path))));
    const error: unknown = await all(ledger.decisions(id)).catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(LedgerError);
    expect((error as Error).message).toContain(`the ledger in ${folder} cannot be read: ${path}: `);
  });

  it('takes nothing from those before it, nor from who does not get as far', async () => {
    const folder = newFolder();
    const ledger = openLedger(folderStore(folder));
    const id = await record(
      ledger,
      ['a', 'b', 'c'].map((name) => [name, [artifact(name)]]),
    );
    writeFileSync(join(folder, decisions('c')), 'not compressed');
    expect(await all(ledger.decisions(id, { repository: 'b' }))).toEqual([artifact('b')]);
    const seen: string[] = [];
    for await (const { repository } of ledger.decisions(id)) if (seen.push(repository) === 2) break;
    expect(seen).toEqual(['a', 'b']);
  });
});

function artifact(repository: string): Decision {
  return {
    repository,
    kind: 'tag',
    tag: 'v1',
    digest: `sha256:${'a'.repeat(64)}`,
    action: 'keep',
    reason: 'too-young',
    detail: 'is only 3 days old',
    beyondAcrPurge: false,
  };
}

function going(repository: string, tag: string, outcome: Outcome): Decision {
  return { ...artifact(repository), tag, action: 'delete', reason: 'matched-and-expired', outcome };
}

function idAt(started: string): string {
  return recordOf(started, []).run.id;
}

function begin(ledger: Ledger, over: Partial<RunRecord> = {}, started = STARTED): Promise<RunWriter> {
  return ledger.begin(recordOf(started, [], over).run);
}

/** A run that has ended. */
async function record(
  ledger: Ledger,
  recorded: readonly (readonly [string, readonly Decision[]])[],
  started = STARTED,
): Promise<string> {
  const run = await begin(ledger, { state: 'running' }, started);
  const records: RepositoryRecord[] = [];
  for (const [name, some] of recorded) records.push(await run.repository(name).close(summarize(name, some), some));
  await run.end({ state: 'done' }, records);
  return run.id;
}

async function namesOf(ledger: Ledger, id: string): Promise<readonly string[]> {
  return (await all(ledger.repositories(id))).map(({ summary }) => summary.repository);
}

/** The plain meaning of a query. */
function isAsked(one: Decision, query: DecisionQuery): boolean {
  const { repository, repositories, scanned, tag, digest, action, reason, text } = query;
  const words = [one.repository, one.tag ?? '', one.digest ?? '', one.detail];
  return (
    (repository === undefined || one.repository === repository) &&
    (tag === undefined || (one.kind === 'tag' && one.tag === tag)) &&
    (digest === undefined || one.digest === digest) &&
    (action === undefined || one.action === action) &&
    (reason === undefined || one.reason === reason) &&
    (scanned === undefined || one.findings?.scan !== undefined) &&
    (repository !== undefined || repositories === undefined || repositories.includes(one.repository)) &&
    (text === undefined || words.some((part) => part.toLowerCase().includes(text.toLowerCase())))
  );
}

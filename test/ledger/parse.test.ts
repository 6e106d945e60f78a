import { gzipSync } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import type { Decision } from '../../src/planner/decision.ts';
import { openLedger } from '../../src/ledger/ledger.ts';
import { pathsOf, watchedPath } from '../../src/ledger/paths.ts';
import type { RunRecord } from '../../src/ledger/records.ts';
import { memoryStore } from '../../src/ledger/store/memory.ts';
import { DamagedError } from '../../src/ledger/store/store.ts';
import { recordOf } from '../support/review.ts';

const { run: RUN } = recordOf('2026-11-24T01:00:00.000Z', [], { state: 'stopped' });
const PATHS = pathsOf(RUN.id);

const KEPT: Decision = {
  repository: 'app', kind: 'tag', tag: 'v1', digest: 'sha256:1', action: 'keep', reason: 'locked', detail: 'is locked',
  beyondAcrPurge: false,
}; // prettier-ignore

const REPOSITORY = { ...recordOf(RUN.started, [KEPT]).repositories[0] };

/** Writes files as another program may have, and opens the ledger. */
async function ledgerWith(files: Readonly<Record<string, string>>) {
  const store = memoryStore();
  const gzipped = (text: string) => (async function* () { yield await Promise.resolve(gzipSync(text)); })(); // prettier-ignore
  for (const [path, text] of Object.entries(files))
    await store.write(path, path.endsWith('.gz') ? gzipped(text) : text);
  return openLedger(store);
}

const ledgerOf = (run: unknown, files = {}) => ledgerWith({ [PATHS.run]: JSON.stringify(run), ...files });
const lines = (...values: readonly unknown[]): string => values.map((value) => `${JSON.stringify(value)}\n`).join('');

async function damageOf(reading: Promise<unknown>): Promise<string> {
  const error: unknown = await reading.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  expect(error).toBeInstanceOf(DamagedError);
  const prefix = 'the ledger in memory cannot be read: ';
  const { message } = error as Error;
  expect(message.startsWith(prefix)).toBe(true);
  return message.slice(prefix.length);
}

describe('the record of a run', () => {
  test('is given back as it was written, with fields of another version', async () => {
    const run = { ...RUN, colour: 'green', progress: { ...RUN.progress, speed: 3 } };
    const read = await (await ledgerOf(run)).run(RUN.id);
    expect(JSON.stringify(read)).toBe(JSON.stringify(run));
  });

  test('keeps words that only another version knows', async () => {
    const run = { ...RUN, kind: 'rehearsal', breakers: [{ breaker: 'moon', found: 1, limit: 0, detail: 'full' }] };
    expect(await (await ledgerOf(run)).run(RUN.id)).toEqual(run);
  });

  test('is left to `whyNotResumed` where its format is another one', async () => {
    expect(await (await ledgerOf({ ...RUN, format: 2 })).run(RUN.id)).toMatchObject({ format: 2 });
  });

  test.each<readonly [string, unknown, string]>([
    ['no object', [], 'invalid input: expected object, received array'],
    ['a state that nothing is known of', { ...RUN, state: 'asleep' }, 'state: invalid option: expected one of "running"|'],
    ['a time that is none', { ...RUN, started: 'at dawn' }, 'started: invalid ISO datetime'],
    ['a name that steers terminals', { ...RUN, progress: { done: 1, of: 2, workers: { '\u001b[2J': 0 } } },
      'progress.workers."\\u001b[2J": invalid input: expected object, received number'],
    ['several mistakes', { ...RUN, registry: 1, policy: { ...RUN.policy, commands: [{ given: 'purge' }] } },
      'registry: invalid input: expected string, received number; policy.commands.0.understood: invalid input: expected record, received undefined'],
    ['more than can be named', {}, 'format: expected a number; id: '],
    ['more than can be named, at the end', {}, '; and 10 more mistakes'],
  ])('names %s', async (_, run, mistake) => {
    const damage = await damageOf((await ledgerOf(run)).run(RUN.id));
    expect(damage).toContain(`${PATHS.run}: `);
    expect(damage).toContain(mistake);
  }); // prettier-ignore

  test.each([
    ['nothing but brackets', `${'['.repeat(100_000)}${']'.repeat(100_000)}`],
    ['brackets in a field', JSON.stringify(RUN).replace('{', `{"x":${'['.repeat(100_000)}${']'.repeat(100_000)},`)],
    ['objects in objects', `${'{"a":'.repeat(100_000)}1${'}'.repeat(100_000)}`],
  ])('says that it nests too deep: %s', async (_, text) => {
    const damage = await damageOf((await ledgerWith({ [PATHS.run]: text })).run(RUN.id));
    expect(damage).toBe(`${PATHS.run}: it nests values more than 50 levels deep`);
  });

  test.each(['[', '{"', '\\"[', '"\\\\" [', '\\'])('takes no bracket in a text for one: %j', async (text) => {
    const run: RunRecord = { ...RUN, warnings: [text.repeat(1000)] };
    expect(await (await ledgerOf(run)).run(RUN.id)).toEqual(run);
  });

  test('hides no other run where it is damaged', async () => {
    const other = recordOf('2026-11-25T01:00:00.000Z', [], { state: 'stopped' }).run;
    const ledger = await ledgerOf({ ...RUN, holder: null }, { [pathsOf(other.id).run]: JSON.stringify(other) });
    expect(await Array.fromAsync(ledger.runs())).toEqual([other]);
  });
});

describe('files of lines say in which one the mistake is', () => {
  const decisions = PATHS.decisions('app');
  const all = async (...values: readonly unknown[]) =>
    Array.fromAsync((await ledgerOf(RUN, { [decisions]: lines(...values) })).decisions(RUN.id, { repository: 'app' }));

  test('decisions', async () => {
    const odd = { ...KEPT, reason: 'too-blue', colour: ['green'] };
    expect(await all(REPOSITORY, KEPT, odd)).toEqual([KEPT, odd]);
    const going = { ...KEPT, action: 'delete', reason: 'matched-and-expired', outcome: 'deleted' };
    expect(await all(REPOSITORY, going)).toEqual([going]);
    expect(await damageOf(all(REPOSITORY, KEPT, { ...going, outcome: 'eaten' }))).toMatch(
      `${decisions}: line 3: outcome: invalid option: expected one of`,
    );
    expect(await damageOf(all(REPOSITORY, { ...going, error: { status: '503' } }))).toBe(
      `${decisions}: line 2: error.message: invalid input: expected string, received undefined; error.status: invalid input: expected number, received string`,
    );
    expect(await damageOf(all(REPOSITORY, { ...KEPT, action: 'sell' }))).toMatch(`${decisions}: line 2: action: `);
    expect(await damageOf(all(REPOSITORY, KEPT, 'text'))).toMatch(`${decisions}: line 3: `);
    const deep = JSON.parse(`${'['.repeat(1000)}${']'.repeat(1000)}`) as unknown;
    expect(await damageOf(all(REPOSITORY, { ...KEPT, deep }))).toContain('line 2: it nests values more than 50 levels');
  });

  test.each<readonly [string, Readonly<Record<string, unknown>>]>([
    ...['repository', 'detail', 'reason', 'kind', 'tag', 'digest', 'mediaType', 'createdTime', 'lastUpdateTime'].map(
      (name) => ['no text', { [name]: 7 }] as const,
    ),
    ['no number', { size: '7' }],
    ['no list', { tags: 'v1' }],
    ['no list of texts', { tags: ['v1', 7] }],
    ['no boolean', { beyondAcrPurge: 'no' }],
    ['not true', { locked: 1 }],
    ['nothing', { detail: null }],
  ])('decisions, with a field that is %s: %j', async (_, wrong) => {
    for (const one of [KEPT, { ...KEPT, action: 'delete', reason: 'matched-and-expired', outcome: 'deleted' }])
      expect(await damageOf(all(REPOSITORY, { ...one, ...wrong }))).toContain(
        `line 2: ${Object.keys(wrong).join()}${'tags' in wrong && Array.isArray(wrong['tags']) ? '.1' : ''}: `,
      );
  });

  test('repositories', async () => {
    const ledger = await ledgerOf(RUN, { [PATHS.repositories]: lines(REPOSITORY, { planned: {} }) });
    expect(await damageOf(Array.fromAsync(ledger.repositories(RUN.id)))).toMatch(
      `${PATHS.repositories}: line 2: summary: invalid input: expected object, received undefined; planned.deletions: `,
    );
    const other = await ledgerOf(RUN, { [decisions]: lines(KEPT) });
    expect(await damageOf(other.repository(RUN.id, 'app'))).toMatch(`${decisions}: line 1: summary: `);
  });

  test('selected repositories', async () => {
    const ledger = await ledgerOf(RUN, { [PATHS.selected]: lines({ repository: 'app', commands: ['0'] }) });
    expect(await damageOf(ledger.selected(RUN.id))).toMatch(`${PATHS.selected}: line 1: commands.0: `);
  });

  test('a journal, of lines of two kinds', async () => {
    const path = PATHS.journal('app');
    const intent = { repository: 'app', intent: [':v1'], time: RUN.started };
    const journal = async (...values: readonly unknown[]) =>
      (await ledgerOf(RUN, { [path]: lines(...values) })).journal(RUN.id, 'app');
    expect([...((await journal(intent))?.open ?? [])]).toEqual([':v1']);
    expect(await damageOf(journal(intent, { ...intent, intent: ':v1' }))).toBe(
      `${path}: line 2: intent: invalid input: expected array, received string`,
    );
    expect(await damageOf(journal({ ...KEPT, detail: 1 }))).toBe(
      `${path}: line 1: detail: invalid input: expected string, received number`,
    );
  });
});

test.each([
  ['a cancellation', PATHS.cancellation, (ledger) => ledger.cancellation(RUN.id)],
  ['a parent', PATHS.parent, (ledger) => ledger.parent(RUN.id)],
  ['since when a schedule is watched', watchedPath('r'), (ledger) => ledger.watchedSince('r', new Date())],
] satisfies readonly (readonly [string, string, (ledger: ReturnType<typeof openLedger>) => Promise<unknown>])[])(
  'a damaged file is named: %s',
  async (_, path, read) => {
    for (const text of ['{}', 'null', '', '{"at": 1, "since": 1}'])
      expect(await damageOf(read(await ledgerWith({ [path]: text })))).toMatch(`${path}: `);
  },
);

import { expect, test } from 'vitest';
import { compareWithLast, lastComparable } from '../../src/ledger/compare.ts';
import type { RunRecord } from '../../src/ledger/records.ts';
import type { Decision } from '../../src/planner/decision.ts';
import { ledgerOf, type Recorded, recordOf } from '../support/review.ts';

const tag = (repository: string, n: number): Decision => ({
  repository, kind: 'tag', tag: `v${n}`, action: 'delete', reason: 'matched-and-expired', outcome: 'planned',
  detail: '', beyondAcrPurge: false,
}); // prettier-ignore

function runOn(day: number, over: Partial<RunRecord> = {}, decisions: readonly Decision[] = []): Recorded {
  return recordOf(`2026-11-${String(day).padStart(2, '0')}T01:00:00.000Z`, decisions, { dryRun: true, ...over });
}

const other = { hash: 'another', commands: [], from: 'request' } as const;
const now = runOn(20);

/** The day of the run that it is compared with. */
async function comparedWith(...earlier: readonly Recorded[]): Promise<number | undefined> {
  const found = await lastComparable(ledgerOf([...earlier, now, runOn(21)]), now.run);
  return found && Number(found.started.slice(8, 10));
}

test('the last run with the same policy comes first, then one of the same kind', async () => {
  expect(await comparedWith(runOn(17), runOn(18), runOn(19, { policy: other }))).toBe(18);
  expect(await comparedWith(runOn(18, { policy: other }), runOn(19, { policy: other, kind: 'dry-run' }))).toBe(18);
  expect(await comparedWith(runOn(18, { dryRun: false }))).toBe(18);
});

test('a run of another registry, one that was not done, and one that carried out a plan cannot be compared', async () => {
  const not: readonly Partial<RunRecord>[] = [
    { registry: 'fabrikam.azurecr.io' },
    { state: 'stopped' },
    { state: 'running' },
    { state: 'interrupted' },
    { state: 'failed', error: { message: 'it broke off' } },
    { kind: 'apply' },
    { policy: other, kind: 'purge' },
    { policy: other, dryRun: false },
  ];
  for (const over of not) expect(await comparedWith(runOn(19, over)), JSON.stringify(over)).toBe(undefined);
  expect(await comparedWith()).toBe(undefined);
});

test('a run is compared with another by the records of repositories: no decision is read', async () => {
  const before = runOn(19, {}, [tag('app', 1), tag('old', 1)]);
  const after = runOn(20, {}, [tag('app', 1), tag('app', 2), tag('new', 1)]);
  const ledger = ledgerOf([before, after]);
  expect(await compareWithLast(ledger, after.run, after.repositories)).toEqual({
    before: { id: before.run.id, started: before.run.started, kind: 'scheduled', dryRun: true },
    samePolicy: true,
    deletions: { before: 2, now: 3 },
    more: { first: [{ repository: 'app', before: 1, now: 2 }, { repository: 'new', before: 0, now: 1 }], count: 2 },
    fewer: { first: [], count: 0 },
    appeared: { first: ['new'], count: 1 },
    disappeared: { first: ['old'], count: 1 },
    newReasons: [],
  }); // prettier-ignore
  expect(ledger.read.decisions).toBe(0);
});

test('a repository that failed in one of the two is neither more nor less', async () => {
  const failed = { state: 'failed' as const, error: { message: 'no' } };
  const before = runOn(19, {}, [tag('app', 1)]);
  const after = runOn(20, {}, [tag('app', 1), tag('app', 2)]);
  const broken = before.repositories.map((one) => ({ ...one, summary: { ...one.summary, ...failed } }));
  const comparison = await compareWithLast(
    ledgerOf([{ ...before, repositories: broken }, after]),
    after.run,
    after.repositories,
  );
  expect([comparison?.more.count, comparison?.fewer.count, comparison?.appeared.count]).toEqual([0, 0, 0]);
});

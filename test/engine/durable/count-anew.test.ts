import { expect, test } from 'vitest';
import { countAnew } from '../../../src/engine/count-anew.ts';
import { summarize, unfinishedRepository } from '../../../src/ledger/summary.ts';
import type { Decision } from '../../../src/planner/decision.ts';
import { newLedger } from '../../support/ledger.ts';
import { recordOf } from '../../support/review.ts';

const DELETED: Decision = {
  repository: 'app',
  kind: 'tag',
  tag: 'v1',
  action: 'delete',
  reason: 'matched-and-expired',
  detail: 'old',
  beyondAcrPurge: false,
  outcome: 'deleted',
};

test.each([
  ['is counted, and done if that was all', DELETED, { state: 'done', totals: { tags: { deleted: 1 } } }],
  ['is counted', { ...DELETED, outcome: 'failed' as const }, { state: 'failed', totals: { tags: { failed: 1 } } }],
])('what a worker records after its run was closed as failed %s', async (_, late, expected) => {
  const ledger = newLedger();
  const { run } = recordOf('2026-11-24T01:00:00.000Z', [], { state: 'running', dryRun: false });
  const written = await ledger.begin(run);
  await written.select([{ repository: 'app', commands: [0] }]);
  const summary = unfinishedRepository('app', 'failed', { message: 'busy' }, []);
  await written.end({ state: 'failed' }, [{ summary, planned: { deletions: 0, hash: '0'.repeat(64) } }]);
  await countAnew(ledger, run.id);
  expect((await ledger.run(run.id))?.state).toBe('failed');
  await ledger
    .writer(run.id)
    .repository('app')
    .write(summarize('app', [late]), [late]);
  await countAnew(ledger, run.id);
  expect(await ledger.run(run.id)).toMatchObject(expected);
  expect(await Array.fromAsync(ledger.repositories(run.id))).toMatchObject([{ summary: { state: 'done' } }]);
});

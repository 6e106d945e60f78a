import { expect, test } from 'vitest';
import { changesSincePlan } from '../../src/engine/drift.ts';
import { type Attempt, merge, openIn } from '../../src/engine/merge.ts';
import { NO_REMARKS } from '../../src/engine/remarks.ts';
import { keptSince } from '../../src/executor/results.ts';
import { summarize } from '../../src/ledger/summary.ts';
import type { Decision, Deleted } from '../../src/planner/decision.ts';
import { connectTo, withEmulator } from '../support/registry.ts';

const planned: Deleted = {
  ...{ repository: 'app', kind: 'tag', tag: 'dev', digest: 'sha256:1', detail: 'is old', beyondAcrPurge: false },
  ...{ action: 'delete', reason: 'matched-and-expired', outcome: 'planned' },
};
const restore = 'az acr repository update --image app:dev';
const lostLock = { deleteEnabled: false, writeEnabled: true, restore };
const lost: Deleted = {
  ...planned,
  ...{ outcome: 'failed', error: { message: `its lock could not be put back: ${restore}` }, lostLock },
};

/** What an attempt in which the lock was lost, and a later one, come to. */
async function merged(later: Decision) {
  const before: Attempt = { decisions: [lost], open: openIn([lost]), remarks: NO_REMARKS, isPlan: true };
  const { summary, decisions } = await merge(before, { summary: summarize('app', [later]), decisions: [later] });
  return { decision: [...decisions][0], lostLocks: summary.lostLocks, failed: summary.tags.failed };
}

test.each<[string, Decision]>([
  ['is kept because it changed since', keptSince(lost, 'it was tagged again')],
  ['could not be deleted', { ...planned, outcome: 'failed', error: { message: '500' } }],
  ['was not come to', { ...planned, outcome: 'not-attempted' }],
])('a lock that could not be put back stays known where the artifact %s', async (_, later) => {
  const { decision, lostLocks, failed } = await merged(later);
  expect(decision).toMatchObject({ action: 'delete', outcome: 'failed', lostLock });
  expect(decision).toHaveProperty('error.message', expect.stringContaining(restore));
  expect(lostLocks).toEqual([{ image: 'app:dev', restore }]);
  expect(failed).toBe(1);
});

test.each<[string, Decision]>([
  ['deleted', { ...planned, outcome: 'deleted' }],
  ['gone already', { ...planned, outcome: 'already-gone' }],
  ['locked again', { ...keptSince(lost, 'it was locked'), locked: true }],
])('it counts no more once the artifact is %s', async (_, later) => {
  expect(await merged(later)).toEqual({ decision: later, lostLocks: undefined, failed: 0 });
});

test.each([
  ['is locked again', { locked: true as const }, undefined],
  ['is not', {}, lostLock],
])('where the artifact is kept by now, its lock counts as it is: it %s', async (_, now, still) => {
  const { outcome, error, ...about } = planned;
  const decision: Decision = { ...about, ...now, action: 'keep', reason: 'too-young', detail: 'it was tagged again' };
  await withEmulator({ repositories: {} }, async (emulator) => {
    const open = openIn([{ ...lost, locked: true }]);
    const [change] = await changesSincePlan(connectTo(emulator), 'app', open, [decision]);
    if (!change) throw new Error('nothing has changed');
    expect((await merged(change)).decision).toMatchObject(
      still ? { action: 'delete', lostLock } : { action: 'keep', reason: 'changed-since-plan' },
    );
  });
});

test('the lock of an artifact that is gone counts no more', async () => {
  await withEmulator({ repositories: {} }, async (emulator) => {
    const [change] = await changesSincePlan(connectTo(emulator), 'app', openIn([lost]), []);
    const { lostLock: _, ...gone } = lost;
    expect(change).toEqual({ ...gone, outcome: 'already-gone' });
  });
});

test('what may have been deleted, and is kept by now, says so also where it is decided anew', async () => {
  const doubt: Deleted = {
    ...planned,
    outcome: 'failed',
    error: { message: 'it is not known whether it was deleted' },
  };
  const { outcome, error, ...about } = doubt;
  const now: Decision = { ...about, action: 'keep', reason: 'too-young', detail: '2 minutes old' };
  const before: Attempt = { decisions: [doubt], open: openIn([doubt]), remarks: NO_REMARKS, isPlan: false };
  const { decisions } = await merge(before, { summary: summarize('app', [now]), decisions: [now] });
  const said = keptSince(doubt, '2 minutes old');
  expect([...decisions]).toEqual([said]);
  const again = await merge({ ...before, decisions: [said], open: openIn([said]) }, { summary: summarize('app', [now]), decisions: [now] }); // prettier-ignore
  expect([...again.decisions]).toEqual([said]);
});

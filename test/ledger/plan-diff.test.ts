import { describe, expect, test } from 'vitest';
import { differences } from '../../src/ledger/plan-diff.ts';
import { plannedOf } from '../../src/ledger/plan-hash.ts';
import { summarize } from '../../src/ledger/summary.ts';
import type { Decision } from '../../src/planner/decision.ts';
import { ledgerOf, recordOf, type Recorded } from '../support/review.ts';

const [FIRST, SECOND] = ['2026-11-23T01:00:00.000Z', '2026-11-24T01:00:00.000Z'];
const IDS = ['20261123T010000Z-3f9a0c', '20261124T010000Z-3f9a0c'] as const;

const tag = (repository: string, name: string, outcome: 'planned' | 'deleted' = 'planned', digest = 'sha256:ab') =>
  ({
    repository, kind: 'tag', tag: name, digest, action: 'delete', reason: 'matched-and-expired', detail: 'old',
    beyondAcrPurge: false, outcome,
  }) satisfies Decision; // prettier-ignore

/** A run with the records that it would have. */
async function runOf(started: string, decisions: readonly Decision[]): Promise<Recorded> {
  const names = [...new Set(decisions.map(({ repository }) => repository))];
  const repositories = names.map(async (name) => {
    const own = decisions.filter(({ repository }) => repository === name);
    return { summary: summarize(name, own), planned: await plannedOf(own) };
  });
  return { ...recordOf(started, decisions, { dryRun: true }), repositories: await Promise.all(repositories) };
}

async function diff(before: readonly Decision[], after: readonly Decision[], query = {}) {
  const ledger = ledgerOf([await runOf(FIRST, before), await runOf(SECOND, after)]);
  const found = await Array.fromAsync(differences(ledger, ...IDS, query));
  return {
    found: found.map(({ change, goes }) => `${change} ${goes.repository}:${goes.tag ?? ''}`),
    read: ledger.read.decisions,
  };
}

describe('what differs between two plans', () => {
  const same = [tag('app', 'a'), tag('app', 'b')];

  test('is found by repository; where both plan the same, no decision is read', async () => {
    expect(await diff(same, same)).toEqual({ found: [], read: 0 });
    expect(await diff([...same, tag('web', 'x')], [...same, tag('web', 'y'), tag('new', 'z')])).toEqual({
      found: ['added new:z', 'added web:y', 'removed web:x'],
      read: 3,
    });
  });

  test('is found where a tag was moved', async () => {
    expect((await diff(same, [tag('app', 'a'), tag('app', 'b', 'planned', 'sha256:cd')])).found).toEqual([
      'added app:b',
      'removed app:b',
    ]);
  });

  test('is found where something is deleted already, which the hash of a plan leaves out', async () => {
    const deleted = [tag('app', 'a', 'deleted'), tag('app', 'b', 'deleted')];
    expect(await diff(deleted, [tag('app', 'a', 'deleted'), tag('app', 'c', 'deleted')])).toEqual({
      found: ['added app:c', 'removed app:b'],
      read: 4,
    });
    expect(await diff(same, deleted)).toEqual({ found: [], read: 4 });
  });

  test('of one repository, and of those behind one', async () => {
    const all = [tag('a', 'x'), tag('b', 'x'), tag('c', 'x')];
    expect((await diff([], all, { repository: 'b' })).found).toEqual(['added b:x']);
    expect((await diff([], all, { behind: 'a' })).found).toEqual(['added b:x', 'added c:x']);
  });
});

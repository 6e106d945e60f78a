import { expect, test } from 'vitest';
import { freshRecord } from '../../src/engine/begin.ts';
import { upToDate } from '../../src/ledger/policy-record.ts';
import { policiesOf } from '../../src/ledger/policy-record.ts';
import { renderRun, renderSighting } from '../../src/report/runs.ts';
import { policyOf } from '../support/registry.ts';

const ODD = ['-f=--dry-run:x', '-f', "it's (a| --dry-run ):.*", '--ago', '30d', '--dry-run'];

function record(dryRun: boolean, startedBy = 'request') {
  return freshRecord({
    id: '20261124T010000Z-3f9a0c',
    kind: dryRun ? 'dry-run' : 'apply',
    dryRun,
    startedBy,
    by: 'e1a7',
    registry: 'contoso.azurecr.io',
    policies: [policyOf(ODD)],
    now: new Date(0),
    holder: { runId: '', startedBy, host: 'here', pid: 1, since: new Date(0).toISOString() },
  });
}

test('a run that deletes is not recorded with --dry-run, and its policy is the same', () => {
  const tried = record(true);
  const deleting = record(false);
  expect(tried.policy.commands[0]?.given).toMatch(/ --dry-run$/);
  expect(deleting.policy.commands[0]?.given).not.toMatch(/ --dry-run$/);
  expect(policiesOf(deleting.policy)?.[0]?.filters.map(({ text }) => text)).toEqual([
    '--dry-run:x',
    "it's (a| --dry-run ):.*",
  ]);
  expect(deleting.policy.hash).toBe(tried.policy.hash);
  // Of an older version.
  expect(upToDate({ ...deleting, policy: tried.policy }).policy).toEqual(deleting.policy);
  expect(upToDate(tried)).toBe(tried);
  expect(upToDate(deleting)).toEqual(deleting);
});

test('nor does it wait once its plan was carried out', () => {
  const plan = { hash: 'h', deletions: 1, state: 'applied' as const, appliedBy: 'x' };
  expect(upToDate({ ...record(false), state: 'waiting', plan }).state).toBe('done');
  expect(upToDate({ ...record(false), state: 'waiting', plan: { ...plan, state: 'waiting' } }).state).toBe('waiting');
});

test('runs show and explain say so, and who began it: an account, or an invocation that is no person', () => {
  const shown = renderRun(record(false), []);
  expect(shown).not.toMatch(/ --dry-run\n/);
  expect(shown).toContain('by request (invocation e1a7)');
  expect(renderRun(record(true, 'command line'), [])).toContain('by command line (e1a7)');
  const decision = {
    repository: 'app',
    kind: 'tag',
    tag: 'v1',
    action: 'keep',
    reason: 'too-young',
    detail: '',
    beyondAcrPurge: false,
  } as const;
  expect(renderSighting({ run: record(false), decision })).not.toMatch(/ --dry-run\n/);
});

import { expect, test } from 'vitest';
import { freshRecord } from '../../src/engine/begin.ts';
import { policiesOf, recordPolicy, upToDate } from '../../src/ledger/policy-record.ts';
import { parsePurgeCommand } from '../../src/policy/purge-command.ts';
import { renderRun } from '../../src/report/runs.ts';
import { renderSighting } from '../../src/report/sighting.ts';
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

test('a policy has the hash that it had before there were --protect and --keep-at-least, unless it has one of these', () => {
  const hashOf = (text: string) => recordPolicy([parsePurgeCommand(text).policy], 'settings').hash;
  const text = "--filter 'app:^dev-' --ago 30d --keep 3 --untagged";
  const recorded = 'c67391591b303afc27408b3755fd9731f6f937638f532a4902fb27a8a09e65c1';
  expect(hashOf(text)).toBe(recorded);
  expect(hashOf('--untagged-only')).toBe('1a31ad9e422758872e61e3407c6a8b22986ef93272a7c82bae33f593447395fd');
  expect(hashOf(`${text} --keep-at-least 0`)).toBe(recorded);
  const others = ['--keep-at-least 1', '--keep-at-least 2', '--protect app:v1', '--protect app:v2'];
  expect(new Set([recorded, ...others.map((more) => hashOf(`${text} ${more}`))]).size).toBe(5);
});

test('what a run recorded of --protect and --keep-at-least is read again as the same', () => {
  const { policy } = parsePurgeCommand("--filter 'app:^dev-' --ago 30d --protect '**:latest' --keep-at-least 5");
  const recorded = recordPolicy([policy], 'command line');
  expect(recorded.commands[0]?.understood).toMatchObject({ protect: ['**:latest'], keepAtLeast: 5 });
  expect(policiesOf(recorded)?.[0]).toMatchObject({ keepAtLeast: 5, protect: [{ text: '**:latest' }] });
});

test('nor does it wait once its plan was carried out', () => {
  const plan = { hash: 'h', deletions: 1, state: 'applied' as const, appliedBy: 'x' };
  expect(upToDate({ ...record(false), state: 'waiting', plan }).state).toBe('done');
  expect(upToDate({ ...record(false), state: 'waiting', plan: { ...plan, state: 'waiting' } }).state).toBe('waiting');
});

test('runs show and explain say so, and who began it: an account, or an invocation that is no person', () => {
  const shown = renderRun(record(false), []);
  expect(shown).not.toMatch(/ --dry-run\n/);
  expect(shown).toContain('by a client with a key, version');
  expect(shown).not.toContain('e1a7');
  expect(renderRun(record(true, 'command line'), [])).toContain('by e1a7, version');
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

import { describe, expect, test } from 'vitest';
import { dueOf } from '../../../src/engine/notify/due.ts';
import type { RunRecord } from '../../../src/ledger/records.ts';
import type { Hold } from '../../../src/planner/decision.ts';
import { recordOf, totalsOf } from '../../support/review.ts';
import { deletions } from './recorded.ts';

const STARTED = '2026-11-01T01:00:00.000Z';
const ENDED = new Date('2026-11-01T01:02:14.000Z');
const DAY = 86_400_000;
const HOLD: Hold = { breaker: 'max-deletions', found: 3, limit: 2, detail: 'too many' };
const plan = (state: 'open' | 'waiting' | 'applied' | 'rejected') => ({ hash: 'a'.repeat(64), deletions: 3, state });

const runOf = (over: Partial<RunRecord>, count = 0): RunRecord => recordOf(STARTED, deletions(count), over).run;

function due(
  over: Partial<RunRecord>,
  count = 0,
  how: { readonly days?: number; readonly isSuperseded?: boolean } = {},
) {
  const now = new Date(ENDED.getTime() + (how.days ?? 0) * DAY + 1000);
  const watched = { now, remindMilliseconds: 3 * DAY, isSuperseded: how.isSuperseded ?? false };
  return dueOf(runOf(over, count), watched).map(({ news, kinds }) => [news, ...kinds].join(' '));
}

describe('a run that has ended', () => {
  test.each<[string, Partial<RunRecord>, number, readonly string[]]>([
    ['deleted something', {}, 3, ['ended-0 deletion-done']],
    ['had nothing to delete', {}, 0, []],
    ['is under way', { state: 'running' }, 3, []],
    ['failed', { state: 'failed' }, 0, ['ended-0 run-failed']],
    ['failed, and deleted something', { state: 'failed' }, 3, ['ended-0 run-failed deletion-done']],
    ['was interrupted', { state: 'interrupted' }, 0, ['ended-0 run-failed']],
    ['is resumed by the next tick', { state: 'stopped', stopped: { by: 'budget', detail: '' } }, 3, []],
    ['was cancelled', { state: 'stopped', stopped: { by: 'cancel', detail: '' } }, 0, []],
    [
      'was cancelled after some',
      { state: 'stopped', stopped: { by: 'cancel', detail: '' } },
      3,
      ['ended-0 deletion-done'],
    ],
    ['was stopped', { state: 'stopped', stopped: { by: 'timeout', detail: '' } }, 0, ['ended-0 run-failed']],
    ['ended again', { resumed: [{ at: STARTED, startedBy: 'schedule' }] }, 3, ['ended-1 deletion-done']],
    [
      'was held back',
      { state: 'waiting', breakers: [HOLD], plan: plan('waiting') },
      0,
      ['ended-0 guard-tripped plan-waits'],
    ],
    [
      'was held back in part',
      { state: 'waiting', breakers: [HOLD], plan: plan('waiting') },
      3,
      ['ended-0 guard-tripped plan-waits deletion-done'],
    ],
    ['made a plan', { dryRun: true, plan: plan('open') }, 3, ['ended-0 plan-waits']],
    [
      'made a plan that guards would hold back',
      { dryRun: true, breakers: [HOLD], plan: plan('open') },
      3,
      ['ended-0 plan-waits'],
    ],
    ['made a plan that was carried out', { dryRun: true, plan: plan('applied') }, 3, []],
    ['made a plan that was rejected', { dryRun: true, plan: plan('rejected') }, 3, []],
    ['was asked for by a client', { kind: 'dry-run', dryRun: true, plan: plan('open') }, 3, []],
    ['was asked for by a client, and failed', { kind: 'dry-run', dryRun: true, state: 'failed' }, 0, []],
    [
      'has a plan that guards held back when it was to be carried out',
      { kind: 'dry-run', dryRun: true, breakers: [HOLD], plan: plan('waiting') },
      3,
      ['held guard-tripped plan-waits'],
    ],
    ['carried out a plan', { kind: 'apply', startedBy: 'request' }, 3, ['ended-0 deletion-done']],
    ['was begun on the command line', { kind: 'purge', startedBy: 'command line' }, 3, ['ended-0 deletion-done']],
  ])('%s', (_, over, count, said) => expect(due(over, count)).toEqual(said));
});

describe('a plan that waits long is said once more', () => {
  const waiting = { state: 'waiting', breakers: [HOLD], plan: plan('waiting') } as const;
  const reminded = (...how: Parameters<typeof due>): boolean => due(...how).includes('reminder plan-waits');

  test('not before that time', () =>
    expect([2.9, 3, 8].map((days) => reminded(waiting, 0, { days }))).toEqual([false, true, true]));
  test('nor where a later run of the registry has another', () =>
    expect(reminded(waiting, 0, { days: 4, isSuperseded: true })).toBe(false));
  test('nor where it was carried out, rejected, or approved in part', () => {
    const by = { kind: 'person', name: 'Ada' } as const;
    const reviews = [{ verdict: 'approved', at: STARTED, by, hash: 'a', repositories: ['app'] }] as const;
    for (const plan of [
      { ...waiting.plan, state: 'applied' },
      { ...waiting.plan, state: 'rejected' },
      { ...waiting.plan, reviews },
    ] as const)
      expect(reminded({ ...waiting, plan }, 0, { days: 4 })).toBe(false);
  });
  test('that of a scheduled dry run, too', () =>
    expect(reminded({ dryRun: true, plan: plan('open') }, 3, { days: 4 })).toBe(true));
});

test('the totals that these runs have are those of their decisions', () => {
  expect(totalsOf(deletions(3)).tags.deleted).toBe(3);
});

import { expect, test } from 'vitest';
import { compareRuns } from '../../src/ledger/compare.ts';
import type { RunRecord } from '../../src/ledger/records.ts';
import type { Decision, DeleteReason } from '../../src/planner/decision.ts';
import { renderVerdict } from '../../src/report/verdict-text.ts';
import { type Verdict, verdictOf } from '../../src/report/verdict.ts';
import { type Recorded, recordOf } from '../support/review.ts';

const GUARDS = { maxDeletions: 500, maxDeletionPercent: 30, maxMedianFactor: 5, keepLastTag: true };

/** Tags of a repository, of which the first ones are to be deleted. */
function tagsOf(
  repository: string,
  count: number,
  deleted: number,
  { outcome = 'planned', reason = 'matched-and-expired' }: { outcome?: 'planned' | 'held' | 'deleted' | 'failed'; reason?: DeleteReason } = {},
): readonly Decision[] {
  return Array.from({ length: count }, (_, n) => {
    const about = { repository, kind: 'tag', tag: `v${n}`, detail: '', beyondAcrPurge: false } as const;
    return n < deleted
      ? { ...about, action: 'delete', reason, outcome, size: 1_000_000 }
      : { ...about, action: 'keep', reason: 'too-young' };
  });
} // prettier-ignore

function dryRunOf(decisions: readonly Decision[], over: Partial<RunRecord> = {}): Recorded {
  return recordOf('2026-11-24T01:00:00.000Z', decisions, {
    dryRun: true,
    guards: GUARDS,
    plan: { hash: 'a3f09bc4d17e55aa', deletions: 4, state: 'open' },
    ...over,
  });
}

function judge(recorded: Recorded, before?: Recorded): Verdict {
  const { run, repositories } = recorded;
  const comparison = before && compareRuns(run, repositories, before.run, before.repositories);
  return verdictOf({ run, repositories, comparison });
}

const PLAN = [...tagsOf('app', 10, 3), ...tagsOf('web', 4, 1), ...tagsOf('kept', 5, 0)];

test('a plan that the guards let through is safe: what it deletes, what it keeps, by which guards', () => {
  const evidence = [{ source: 'kube', observedAt: '', scope: '', complete: true, images: 12 }];
  const { kind, label, what, keeps, why, held } = judge(dryRunOf(PLAN, { evidence }));
  expect({ kind, label, what, keeps, held }).toEqual({
    kind: 'safe',
    label: 'safe',
    what: 'Would delete 4 of 19 tags (21 %) and 0 of 19 manifests (0 %), at most 4 MB, in 2 of 3 repositories.',
    keeps: 'Would keep 15 tags and 0 manifests.',
    held: undefined,
  });
  expect(why).toEqual([
    'The guards let it through: at most 500 deletions in one run, at most 30 % of a repository’s tags and of the registry’s manifests, at most 5 times what runs usually delete and a tag left in each repository.',
    'What is in use is known, and kept: kube (12 images).',
  ]);
});

test('without a guard nothing says that a plan is safe', () => {
  for (const guards of [{}, { maxMedianFactor: Infinity, maxDeletionPercent: 100, keepLastTag: false }]) {
    const { kind, why } = judge(dryRunOf(PLAN, { guards }));
    expect([kind, why[0]]).toEqual(['unchecked', 'No guard is set, so nothing limits how much a run deletes.']);
  }
});

test('what a run warns of is part of the verdict: safe is no more than safe by its guards', () => {
  const warnings = ['the filter .* matches the tag latest of app', 'another one', 'a third one'];
  const { kind, label, why, cautions } = judge(dryRunOf(PLAN, { warnings }));
  expect([kind, label, cautions.length]).toEqual(['safe', 'safe, but 3 warnings', 3]);
  expect(why).toContain('Warning: the filter .* matches the tag latest of app');
});

test('one repository that trips a guard is held back alone', () => {
  const breakers = [
    { breaker: 'no-tag-left', repository: 'web', found: 4, limit: 3, detail: 'all 4 tags would be deleted' },
  ] as const;
  const { kind, label, held, why, most } = judge(dryRunOf([...tagsOf('app', 10, 3), ...tagsOf('web', 4, 4)], { breakers }));
  expect({ kind, label, held }).toEqual({
    kind: 'held',
    label: 'held back in part',
    held: { all: false, repositories: { first: ['web'], count: 1 }, deletions: 4, others: 3 },
  });
  expect(why.slice(0, 2)).toEqual([
    'web alone would be held back until it is approved, 4 deletions: all 4 tags would be deleted (guard keep-last-tag).',
    'The other 3 deletions need no approval: a purge, or apply, carries them out.',
  ]);
  expect(most).toEqual([
    { repository: 'web', kind: 'tags', deleted: 4, of: 4, percent: 100, isHeld: true },
    { repository: 'app', kind: 'tags', deleted: 3, of: 10, percent: 30, isHeld: false },
  ]);
}); // prettier-ignore

test('a guard of the whole run holds back everything; once it was carried out, nothing', () => {
  const breakers = [{ breaker: 'max-deletions', found: 4, limit: 1, detail: '4 artifacts would be deleted' }] as const;
  const { kind, label, held, why } = judge(dryRunOf(PLAN, { breakers }));
  expect([kind, label, held?.deletions, held?.others]).toEqual(['held', 'held back', 4, 0]);
  expect(why[0]).toBe('All 4 deletions would be held back until they are approved.');
  const applied = judge(
    dryRunOf(PLAN, { breakers, plan: { hash: '', deletions: 4, state: 'applied', appliedBy: 'a-run' } }),
  );
  expect([applied.kind, applied.why, applied.held]).toEqual([
    'applied',
    ['The plan was carried out by the run a-run.'],
    undefined,
  ]);
});

test('nothing is held back in part where no other repository loses anything', () => {
  const breakers = [
    { breaker: 'no-tag-left', repository: 'web', found: 1, limit: 0, detail: 'all 1 tags would be deleted' },
  ] as const;
  const { label, why } = judge(dryRunOf([...tagsOf('app', 3, 0), ...tagsOf('web', 1, 1)], { breakers }));
  expect([label, why[0], why[1]]).toEqual([
    'held back',
    'The only deletion would be held back until it is approved.',
    'web: all 1 tags would be deleted (guard keep-last-tag).',
  ]);
});

test('several repositories that are held back are named, and each with its guard', () => {
  const names = ['a', 'b', 'c', 'd'];
  const breakers = names.map((repository) => ({
    breaker: 'no-tag-left' as const, repository, found: 2, limit: 1, detail: 'all 2 tags would be deleted',
  })); // prettier-ignore
  const decisions = [...names.flatMap((name) => tagsOf(name, 2, 2)), ...tagsOf('z', 9, 1)];
  const { why } = judge(dryRunOf(decisions, { breakers }));
  expect(why.slice(0, 3)).toEqual([
    'a, b, c and 1 more alone would be held back until they are approved, 8 deletions.',
    'The one other deletion needs no approval: a purge, or apply, carries it out.',
    'a: all 2 tags would be deleted (guard keep-last-tag).',
  ]);
});

test('who rejected a plan, and who approved which part of it, stands in the verdict', () => {
  const by = { kind: 'person', name: 'Ada Lovelace' } as const;
  const at = '2026-11-24T09:30:00.000Z';
  const plan = { hash: '', deletions: 4 };
  const rejected = { verdict: 'rejected', at, by, hash: '', comment: 'web is still used' } as const;
  expect(judge(dryRunOf(PLAN, { plan: { ...plan, state: 'rejected', reviews: [rejected] } }))).toMatchObject({
    kind: 'rejected',
    why: ['It was rejected by Ada Lovelace at 2026-11-24T09:30:00.000Z: web is still used.'],
  });
  const approved = { verdict: 'approved', at, by, hash: '', repositories: ['web'] } as const;
  const { kind, why } = judge(dryRunOf(PLAN, { plan: { ...plan, state: 'open', reviews: [approved] } }));
  expect([kind, why[0]]).toEqual(['safe', 'web: approved by Ada Lovelace at 2026-11-24T09:30:00.000Z.']);
});

test('a plan that the app refuses by now says why, and asks for a new one; what is over is not told so', () => {
  const { run, repositories } = dryRunOf(PLAN);
  const refused = 'the plan is 50 hours old, and may be 24 (PLAN_MAX_AGE)';
  const { kind, label, why, next } = verdictOf({ run, repositories, refused });
  expect([kind, label, next]).toEqual([
    'outdated',
    'out of date',
    'Start a new dry run. Nothing of this plan is deleted.',
  ]);
  expect(why[0]).toBe(`The app refuses it: ${refused}.`);
  const applied = { ...run, plan: { hash: '', deletions: 4, state: 'applied' } } as const;
  expect(verdictOf({ run: applied, repositories, refused }).kind).toBe('applied');
});

test('what was approved is not held back any more, alone or all of it', () => {
  const breakers = ['app', 'web'].map((repository) => ({
    breaker: 'no-tag-left' as const, repository, found: 1, limit: 0, detail: 'all tags would be deleted',
  })); // prettier-ignore
  const by = { kind: 'person', name: 'Ada Lovelace' } as const;
  const approved = { verdict: 'approved', at: '2026-11-24T09:30:00.000Z', by, hash: '' } as const;
  const reviewed = (...repositories: readonly string[]) =>
    judge(dryRunOf(PLAN, { breakers, plan: { hash: '', deletions: 4, state: 'open', reviews: [{ ...approved, repositories }] } })); // prettier-ignore
  expect(reviewed('web')).toMatchObject({
    kind: 'held',
    held: { all: false, repositories: { first: ['app'], count: 1 }, deletions: 3, others: 1 },
    most: [
      { repository: 'app', isHeld: true },
      { repository: 'web', isHeld: false },
    ],
  });
  expect(reviewed('app', 'web').kind).toBe('safe');
  const whole = [{ breaker: 'max-deletions', found: 4, limit: 1, detail: '4 artifacts would be deleted' }] as const;
  const all = { hash: '', deletions: 4, state: 'open', reviews: [approved] } as const;
  expect(judge(dryRunOf(PLAN, { breakers: whole, plan: all })).kind).toBe('safe');
});

test('of a run that deletes: what it deleted, and what an approval would delete besides', () => {
  const web = tagsOf('web', 4, 4, { outcome: 'held' });
  const recorded = recordOf('2026-11-24T01:00:00.000Z', [...tagsOf('app', 10, 3, { outcome: 'deleted' }), ...web], {
    state: 'waiting',
    guards: GUARDS,
    breakers: [{ breaker: 'no-tag-left', repository: 'web', found: 4, limit: 3, detail: 'all 4 tags' }],
    plan: { hash: '', deletions: 4, state: 'waiting' },
  });
  const repositories = recorded.repositories.map((one) =>
    one.summary.repository === 'web'
      ? { summary: { ...one.summary, state: 'held' as const }, planned: { deletions: 4, hash: '' } }
      : one,
  );
  const { kind, what, why } = judge({ ...recorded, repositories });
  expect(kind).toBe('held');
  expect(what).toBe(
    'Deleted 3 of 14 tags (21 %) and 0 of 14 manifests (0 %), at most 3 MB, in 1 of 2 repositories. ' +
      'An approval would delete 4 tags and 0 manifests in 1 repository.',
  );
  expect(why.slice(0, 2)).toEqual([
    'web alone is held back until it is approved, 4 deletions: all 4 tags (guard keep-last-tag).',
    'The other 3 deletions needed no approval, and were carried out.',
  ]);
});

test('what failed, was stopped, runs, has nothing to delete or was rejected is not safe', () => {
  const evidence = [{ source: 'kube', observedAt: '', scope: '', complete: false, images: 0 }];
  const kinds = {
    failed: dryRunOf(PLAN, { state: 'failed' }),
    'not read': dryRunOf(PLAN, { state: 'failed', evidence }),
    'broken off': dryRunOf(PLAN, { state: 'failed', error: { message: 'the registry answered 503' } }),
    stopped: dryRunOf(PLAN, { state: 'stopped', stopped: { by: 'budget', detail: 'its time was up' } }),
    interrupted: dryRunOf(PLAN, { state: 'interrupted' }),
    running: dryRunOf(PLAN, { state: 'running', progress: { done: 1, of: 3 } }),
    nothing: dryRunOf(tagsOf('kept', 5, 0)),
    deleted: recordOf('2026-11-24T01:00:00.000Z', tagsOf('app', 10, 3, { outcome: 'deleted' })),
  };
  const verdicts = Object.entries(kinds).map(([name, one]) => {
    const { kind, why } = judge(one);
    return [name, kind, why[0]];
  });
  expect(verdicts).toEqual([
    ['failed', 'failed', 'Not everything that was to be done was done.'],
    ['not read', 'failed', 'What is in use is not known: kube could not be read. Whatever it may be about is kept.'],
    ['broken off', 'failed', 'It broke off: the registry answered 503.'],
    ['stopped', 'stopped', 'its time was up.'],
    ['interrupted', 'stopped', 'Its process ended before it was done.'],
    ['running', 'running', undefined],
    ['nothing', 'nothing', 'It is not known what is in use: no source is configured that says so.'],
    ['deleted', 'deleted', undefined],
  ]);
});

test('what changed since the last run: more, fewer, new repositories, reasons that there were not', () => {
  const before = recordOf('2026-11-23T01:00:00.000Z', [
    ...tagsOf('app', 10, 1),
    ...tagsOf('web', 10, 6),
    ...tagsOf('old', 2, 0),
  ]);
  const now = dryRunOf([
    ...tagsOf('app', 10, 4),
    ...tagsOf('web', 4, 2),
    ...tagsOf('fresh', 3, 3, { reason: 'rule-matched' }),
  ]);
  expect(judge(now, before).changes).toEqual([
    'Since the run of 2026-11-23 01:00 UTC: 2 deletions more (9, before 7).',
    'More: app (4, before 1) and fresh (3, before 0).',
    'Fewer: web (2, before 6).',
    'New: fresh.',
    'Not there any more: old.',
    'For the first time for this reason: 3 artifacts, a rule of the policy deletes it.',
  ]);
  expect(judge(now).changes).toEqual(['There is no earlier run that it can be compared with.']);
});

test('by another policy a repository is neither new nor gone: it is looked at, or not', () => {
  const policy = { ...dryRunOf([]).run.policy, hash: 'another' };
  const before = recordOf('2026-11-23T01:00:00.000Z', tagsOf('web', 10, 6), { policy });
  expect(judge(dryRunOf(tagsOf('app', 10, 4)), before).changes).toEqual([
    'Since the run of 2026-11-23 01:00 UTC, which had another policy: 2 deletions fewer (4, before 6).',
    'More: app (4, before 0).',
    'Only looked at now: app.',
    'Only looked at then: web.',
  ]);
});

test('nowhere is a repository said to lose everything, or nothing, by rounding', () => {
  const verdict = judge(dryRunOf([...tagsOf('app', 1_200, 1_199), ...tagsOf('web', 1_200, 1)]));
  const text = renderVerdict(verdict);
  expect(text).toContain('\n   99 %  app, 1,199 of 1,200 tags\n   <1 %  web, 1 of 1,200 tags\n');
});

test('the repositories that lose most in percent are five at most, by the larger share of tags and manifests', () => {
  const many = Array.from({ length: 8 }, (_, n) => tagsOf(`app-${n}`, 10, n + 1)).flat();
  const { most } = judge(dryRunOf(many));
  expect(most.map(({ repository, percent }) => [repository, percent])).toEqual([
    ['app-7', 80],
    ['app-6', 70],
    ['app-5', 60],
    ['app-4', 50],
    ['app-3', 40],
  ]);
});

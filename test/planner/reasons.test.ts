import { describe, expect, test } from 'vitest';
import { summarize } from '../../src/ledger/summary.ts';
import { DELETE_REASONS, KEEP_REASONS, type Reason, type KeepReason } from '../../src/planner/decision.ts';
import type { Evidence, Rule } from '../../src/planner/types.ts';
import { d, decisionOn, isByPolicy, planOf, type Thing } from './plan-of.ts';

const known = (reason: KeepReason, detail: string): Evidence => ({
  tags: new Map([['dev', { reason, detail }]]),
  digests: new Map(),
  configs: new Map(),
});

/** Of something that a source knows, or does not. */
const used = (reason: KeepReason, isEverything = false) => {
  const evidence = known(reason, 'what the source says');
  const everything = evidence.tags.get('dev');
  return {
    things: [{ name: 'a', tags: ['dev'] }],
    evidence: isEverything && everything ? { ...evidence, everything } : evidence,
    on: 'dev',
    says: /what the source says/,
    beyond: true,
  };
};

const CASES: Readonly<
  Record<
    string,
    {
      things: readonly Thing[];
      rule?: Partial<Rule>;
      evidence?: Evidence;
      on: string;
      says: RegExp;
      beyond?: boolean;
    }
  >
> = {
  'matched-and-expired': {
    things: [{ name: 'a', tags: ['dev'] }],
    on: 'dev',
    says: /matches "app:\^\(\?!v\)", and is 40 days old \(2026-10-15\), past --ago 30d/,
  },
  'untagged-and-expired': {
    things: [{ name: 'a', tags: ['dev'] }],
    on: 'a',
    says: /no tag left when dev is deleted, and is 40 days old .* nothing that is kept needs it/,
  },
  'referrer-of-deleted': {
    things: [{ name: 'a' }, { name: 'sbom', subject: 'a', days: 1 }],
    on: 'sbom',
    says: /which is deleted; the registry deletes it along/,
  },
  'too-young': { things: [{ name: 'a', days: 29 }], on: 'a', says: /29 days old \(2026-10-26\), not past --ago 30d/ },
  locked: {
    things: [{ name: 'a', tags: [{ name: 'dev', locked: true }] }],
    on: 'dev',
    says: /deleteEnabled or writeEnabled is false/,
  },
  'newest-kept': {
    things: [{ name: 'a', tags: ['dev'] }],
    rule: { keep: 1 },
    on: 'dev',
    says: /newest 1 of those \(--keep 1\)/,
  },
  'has-tags': { things: [{ name: 'a', tags: ['v1', 'v2', 'dev'] }], on: 'a', says: /^tagged v1, v2$/ },
  'child-of-kept-index': {
    things: [{ name: 'i', locked: true, tags: ['v1'], children: ['c'] }, { name: 'c' }],
    on: 'c',
    says: /\(tagged v1\) needs it, and is kept/,
    beyond: true,
  },
  'child-of-referrer': {
    things: [{ name: 'a' }, { name: 'i', subject: 'a', children: ['c'] }, { name: 'c' }],
    on: 'c',
    says: /the next run may delete it/,
  },
  'referrer-of-kept': {
    things: [{ name: 'a', tags: ['v1'] }, { name: 'i', subject: 'a', children: ['c'] }, { name: 'c' }],
    on: 'i',
    says: /\(tagged v1\), which is kept/,
    beyond: true,
  },
  'referrer-of-unlisted': {
    things: [{ name: 'sbom', subject: 'nowhere' }],
    on: 'sbom',
    says: /which is not listed here/,
  },
  'subject-of-kept': {
    things: [{ name: 'a' }, { name: 'sbom', subject: 'a', tags: ['v1-sbom'] }],
    on: 'a',
    says: /would also delete .* \(tagged v1-sbom\)/,
    beyond: true,
  },
  'signature-of-kept': {
    things: [
      { name: 'a', tags: ['v1'] },
      { name: 's', tags: [`${d('a').replace(':', '-')}.sig`] },
    ],
    on: `${d('a').replace(':', '-')}.sig`,
    says: /\(tagged v1\), which is kept/,
    beyond: true,
  },
  'not-selected': {
    things: [{ name: 'a' }, { name: 'sbom', subject: 'a', tags: ['v1-sbom'] }],
    on: 'v1-sbom',
    says: /acr purge deletes it along/,
    beyond: true,
  },
  'unknown-time': { things: [{ name: 'a', tags: [{ name: 'dev', days: undefined }] }], on: 'dev', says: /no time/ },
  'unknown-media-type': {
    things: [{ name: 'a', type: 'application/vnd.example' }],
    on: 'a',
    says: /application\/vnd\.example/,
    beyond: true,
  },
  unreadable: {
    things: [{ name: 'i', tags: ['v1'], children: [], state: 'unreadable' }, { name: 'a' }],
    on: 'a',
    says: /may need it, and cannot be read: 403 DENIED/,
    beyond: true,
  },
  'in-use': used('in-use'),
  'in-use-unknown': used('in-use-unknown', true),
  'pulled-recently': used('pulled-recently'),
  'pull-history-too-short': used('pull-history-too-short', true),
  'not-in-plan': {
    things: [{ name: 'a' }],
    rule: { only: { tags: new Map(), manifests: new Map() } },
    on: 'a',
    says: /would be deleted now, but is not in the plan/,
    beyond: true,
  },
};

describe('every reason of a plan', () => {
  // What changes after the plan is the executor's to say; what is in quarantine has tests of its own.
  const others: readonly Reason[] = ['changed-since-plan', 'quarantined', 'released'];
  const planned = [...DELETE_REASONS, ...KEEP_REASONS].filter(
    (reason) => !others.includes(reason) && !isByPolicy(reason),
  );
  test('has an example here', () => expect(Object.keys(CASES)).toEqual(planned));

  test.each(Object.entries(CASES))('%s', (reason, { things, rule, evidence, on, says, beyond = false }) => {
    const decision = decisionOn(planOf(things, rule, evidence && { evidence }), on);
    expect(decision).toMatchObject({ reason, beyondAcrPurge: beyond });
    expect(decision?.detail).toMatch(says);
  });
});

test('what is kept whatever the plan says has the same reason where a plan is carried out; the rest is not in it', () => {
  const only = { tags: new Map<never, never>(), manifests: new Map<never, never>() };
  const signature = (name: string): string => `${d(name).replace(':', '-')}.sig`;
  const things = [
    { name: 'a', tags: ['v1'] },
    { name: 's', tags: [signature('a')] },
    { name: 'b', tags: ['dev'] },
    { name: 'gone', tags: [signature('no image')] },
  ];
  for (const untagged of [true, false]) {
    const asked = planOf(things, { untagged });
    const carriedOut = planOf(things, { untagged, only });
    expect(decisionOn(carriedOut, signature('a'))).toEqual(decisionOn(asked, signature('a')));
    expect(decisionOn(carriedOut, 'dev')).toMatchObject({ reason: 'not-in-plan', beyondAcrPurge: true });
    expect(decisionOn(carriedOut, signature('no image'))).toMatchObject({ reason: 'not-in-plan' });
    expect(carriedOut.decisions.filter(({ action }) => action === 'delete')).toEqual([]);
  }
});

test.each([40, 1])('what a referrer of a type that is not known refers to is kept, %i days old', (days) => {
  const planned = planOf([{ name: 'a' }, { name: 'b', days, subject: 'a', type: 'application/vnd.example' }]);
  expect(decisionOn(planned, 'a')).toMatchObject({ action: 'keep', reason: 'subject-of-kept' });
  expect(decisionOn(planned, 'b')).toMatchObject({ reason: days === 1 ? 'too-young' : 'unknown-media-type' });
});

test('a deleted tag names the filter that matches it, and one that moves is found by that', () => {
  const planned = planOf([{ name: 'a', tags: ['dev', 'latest'] }]);
  expect(decisionOn(planned, 'dev')).toMatchObject({ action: 'delete', filter: 'app:^(?!v)' });
  expect(summarize('app', planned.decisions, {}).movingTags).toEqual([
    { repository: 'app', tag: 'latest', filter: 'app:^(?!v)', kind: 'name' },
  ]);
});

test('a tag that signs what its own manifest needs cannot make two deletions wait for each other', () => {
  const tag = `${d('c').replace(':', '-')}.sig`;
  const planned = planOf([{ name: 'i', tags: [tag], children: ['c'] }, { name: 'c' }]);
  expect(planned.decisions.map(({ action }) => action)).toEqual(['keep', 'keep', 'keep']);
});

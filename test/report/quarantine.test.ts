import { describe, expect, test } from 'vitest';
import { dueOf } from '../../src/engine/notify/due.ts';
import type { RunRecord } from '../../src/ledger/records.ts';
import { summarize } from '../../src/ledger/summary.ts';
import { total } from '../../src/ledger/total.ts';
import type { Decision } from '../../src/planner/decision.ts';
import { questionOf } from '../../src/doors/cli/confirm.ts';
import { csvLines, decisionSheet } from '../../src/report/csv.ts';
import { runNotification } from '../../src/report/notification-words.ts';
import { renderDecision } from '../../src/report/text.ts';
import { totalsInWords } from '../../src/report/totals.ts';
import { verdictOf } from '../../src/report/verdict.ts';
import { NOW, recordOf } from '../support/review.ts';

const UNTIL = '2026-12-08T01:00:00.000Z';
const SINCE = '2026-11-20T01:00:00.000Z';
const ABOUT = { repository: 'app', kind: 'manifest', detail: 'it is old', beyondAcrPurge: false } as const;

/** As many of a kind, told apart by their digests. */
function some(count: number, letter: string, rest: object): readonly Decision[] {
  return Array.from(
    { length: count },
    (_, n) => ({ ...ABOUT, digest: `sha256:${letter}${n}`, size: 1_000_000, ...rest }) as Decision,
  );
}

const HIDE = { action: 'delete', reason: 'untagged-and-expired', quarantine: { until: UNTIL } };
const WAITS = { action: 'keep', reason: 'quarantined', quarantine: { since: SINCE, until: UNTIL } };
const back = (outcome: string, needed = true): object => ({
  action: 'keep',
  reason: 'released',
  release: { outcome, ...(needed && { needed }) },
});

const PLANNED = [
  ...some(14, 'a', { ...HIDE, outcome: 'planned' }),
  ...some(3, 'b', { action: 'delete', reason: 'untagged-and-expired', outcome: 'planned' }),
  ...some(2, 'c', WAITS),
  ...some(1, 'd', back('planned')),
];
const DONE = [
  ...some(14, 'a', { ...HIDE, outcome: 'quarantined' }),
  ...some(3, 'b', { action: 'delete', reason: 'untagged-and-expired', outcome: 'deleted' }),
  ...some(2, 'c', WAITS),
  ...some(1, 'd', back('released')),
  ...some(1, 'e', { ...back('refused'), release: { outcome: 'refused', error: { message: 'it may not' } } }),
];

const verdictFor = (decisions: readonly Decision[], over: Partial<RunRecord> = {}) => {
  const { run, repositories } = recordOf('2026-11-24T01:00:00.000Z', decisions, over);
  return { run, verdict: verdictOf({ run, repositories }) };
};

describe('a summary', () => {
  test('counts what is put into quarantine, what waits, and what comes back', () => {
    const { manifests, quarantine, bytes } = summarize('app', DONE);
    expect(manifests).toMatchObject({ deleted: 3, quarantined: 14, kept: 3, failed: 1 });
    expect(quarantine).toEqual({ waiting: 2, tagsWaiting: 0, released: 1, needed: 1, until: UNTIL, bytes: 14_000_000 });
    expect(bytes).toBe(3_000_000);
    expect(summarize('app', [])).not.toHaveProperty('quarantine');
  });

  test('of several repositories: the last time, and the sums', () => {
    const later = '2026-12-20T01:00:00.000Z';
    const other = some(1, 'x', { ...HIDE, quarantine: { until: later }, outcome: 'quarantined' });
    const all = [summarize('a', DONE), summarize('b', other), summarize('c', [])];
    expect(total(all).quarantine).toMatchObject({ waiting: 2, released: 1, until: later, bytes: 15_000_000 });
    expect(total([summarize('c', [])])).not.toHaveProperty('quarantine');
  });
});

describe('the text', () => {
  test('says until when', () => {
    const words = (decisions: readonly Decision[], dryRun: boolean): string =>
      totalsInWords(total([summarize('app', decisions, { tags: 0, manifests: 40 })]), dryRun).join('\n');
    expect(words(PLANNED, true)).toBe(
      [
        '0 tags and 3 manifests (8 %) would be deleted, at most 3 MB; 0 tags and 23 manifests are kept.',
        '0 tags and 14 manifests would be quarantined until 2026-12-08 01:00 UTC, at most 14 MB: unreadable, and deleted by a run after that.',
        '2 artifacts wait in quarantine since an earlier run; acr-retention quarantine lists them.',
        '1 artifact would be released from quarantine, because a client asked for it, or a workload came to use it.',
      ].join('\n'),
    );
    expect(words(DONE, false)).toContain('0 tags and 14 manifests quarantined until 2026-12-08 01:00 UTC');
    expect(words(DONE, false)).toContain('1 artifact was released from quarantine');
  });

  test('of a decision says what becomes of it', () => {
    const lines = [PLANNED[0], DONE[0], DONE[17], DONE[19], PLANNED[19], DONE[20]].map((one) =>
      one ? renderDecision(one).replace(/\s+/g, ' ') : '',
    );
    expect(lines).toEqual([
      '~ would quarantine app@sha256:a0 untagged-and-expired: it is old; to be quarantined until 2026-12-08 01:00 UTC',
      '~ quarantined app@sha256:a0 untagged-and-expired: it is old; quarantined until 2026-12-08 01:00 UTC',
      ' keep app@sha256:c0 quarantined: it is old',
      ' released app@sha256:d0 released: it is old',
      ' would release app@sha256:d0 released: it is old',
      '! not released app@sha256:e0 released: it is old',
    ]);
  });

  test('a question before a purge names both steps', () => {
    const ask = (decisions: readonly Decision[]): string =>
      questionOf({ registry: 'contoso.azurecr.io', totals: total([summarize('app', decisions)]) });
    expect(ask(PLANNED)).toBe(
      'Make 0 tags and 14 manifests of contoso.azurecr.io unreadable until 2026-12-08 01:00 UTC, and delete 0 tags and 3 manifests (at most 3 MB) from contoso.azurecr.io?',
    );
    expect(ask(PLANNED.slice(0, 2))).toMatch(/unreadable until 2026-12-08 01:00 UTC\?$/);
    expect(ask(PLANNED.slice(14, 17))).toMatch(/^Delete /);
  });

  test('a table has the time, and what a release came to', () => {
    const cells = csvLines(
      [PLANNED[0], DONE[20]].flatMap((one) => one ?? []),
      decisionSheet(),
    ).split('\r\n');
    expect(cells[0]).toMatch(new RegExp(`,planned,.*,${UNTIL}$`));
    expect(cells[1]).toMatch(/,released,refused,.*,it may not,/);
  });
});

describe('a verdict', () => {
  test('says what is made unreadable until when, what is deleted, and what comes back', () => {
    const { verdict } = verdictFor(PLANNED, { dryRun: true, plan: { hash: 'a', deletions: 17, state: 'open' } });
    expect(verdict.what).toBe(
      'Would make 0 of 20 tags (0 %) and 14 of 20 manifests (70 %) unreadable until 2026-12-08 01:00 UTC, at most 14 MB; delete 0 of 20 tags (0 %) and 3 of 20 manifests (15 %), at most 3 MB; release 1 artifact from quarantine, in 1 of 1 repository.',
    );
    expect(verdict.kind).toBe('unchecked');
    expect(verdict.why.join('\n')).toContain('is not deleted before its time is over');
  });

  test('of a run says how it is taken back', () => {
    const { run, verdict } = verdictFor(DONE);
    expect(verdict.kind).toBe('deleted');
    expect(verdict.what).toMatch(
      /^Made 0 of 21 tags \(0 %\) and 14 of 21 manifests \(67 %\) unreadable until 2026-12-08/,
    );
    expect(verdict.why).toContain(
      `A run after that deletes what was made unreadable. Until then it can be pulled again after: acr-retention release ${run.id}.`,
    );
  });

  test('of a run that only hides, or only releases, is not that there is nothing', () => {
    expect(verdictFor(DONE.slice(0, 14)).verdict.kind).toBe('deleted');
    expect(verdictFor(DONE.slice(19, 20)).verdict.what).toBe(
      'Released 1 artifact from quarantine, in 1 of 1 repository.',
    );
    expect(verdictFor(DONE.slice(17, 19)).verdict.kind).toBe('nothing');
  });
});

describe('people are told', () => {
  const due = (decisions: readonly Decision[], over: Partial<RunRecord> = {}): readonly string[] =>
    dueOf(verdictFor(decisions, over).run, { now: NOW, remindMilliseconds: 86_400_000, isSuperseded: false }).flatMap(
      ({ kinds }) => kinds,
    );

  test('of what was put into quarantine, and of what was needed', () => {
    expect(due(DONE.slice(0, 14))).toEqual(['deletion-done']);
    expect(due(DONE.slice(0, 20))).toEqual(['image-released', 'deletion-done']);
    expect(due(some(1, 'd', back('released', false)))).toEqual([]);
    expect(due(PLANNED, { dryRun: true })).toEqual([]);
  });

  test('in words that name the time', () => {
    const { run, verdict } = verdictFor(DONE);
    const said = (kind: 'image-released' | 'deletion-done') =>
      runNotification({ news: 'x', kinds: [kind], at: run.started, now: NOW, run, verdict });
    expect(said('image-released').title).toMatch(/^Images in quarantine were needed, and can be pulled again: /);
    expect(said('image-released').facts).toEqual(
      expect.arrayContaining([
        ['Quarantined', '0 tags and 14 manifests, until 2026-12-08 01:00 UTC'],
        ['Waiting in quarantine', '2 artifacts'],
        ['Released', '1 artifact'],
      ]),
    );
    expect(said('deletion-done').title).toMatch(/^Images were deleted/);
    const hidden = verdictFor(DONE.slice(0, 14));
    const only = runNotification({ news: 'x', kinds: ['deletion-done'], at: '', now: NOW, ...hidden });
    expect(only.title).toMatch(/^Images were put into quarantine/);
  });
});

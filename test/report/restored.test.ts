import { expect, test } from 'vitest';
import type { RepositoryRecord } from '../../src/ledger/records.ts';
import { NOTHING_PLANNED } from '../../src/ledger/plan-hash.ts';
import { type RunSummary, summarize } from '../../src/ledger/summary.ts';
import { total } from '../../src/ledger/total.ts';
import type { Restored } from '../../src/planner/decision.ts';
import { csvLines, decisionSheet } from '../../src/report/csv.ts';
import { renderRun, renderRuns } from '../../src/report/runs.ts';
import { renderDecision, renderSummary } from '../../src/report/text.ts';
import { verdictOf } from '../../src/report/verdict.ts';
import { recordOf } from '../support/review.ts';

const about = {
  repository: 'shop/web',
  action: 'restore',
  beyondAcrPurge: false,
  detail: 'deleted by the run X',
} as const;
const digest = `sha256:${'a'.repeat(64)}`;
const decisions: readonly Restored[] = [
  { ...about, kind: 'tag', tag: 'v1', digest, reason: 'soft-deleted', outcome: 'restored' },
  {
    ...about,
    kind: 'tag',
    tag: 'v2',
    digest,
    reason: 'pushed-since',
    outcome: 'not-attempted',
    error: { message: 'names another now' },
  },
  { ...about, kind: 'manifest', digest, size: 2_000_000, reason: 'soft-deleted', outcome: 'restored' },
  { ...about, kind: 'manifest', digest: digest.replaceAll('a', 'b'), reason: 'no-copy', outcome: 'impossible' },
  { ...about, kind: 'manifest', digest: digest.replaceAll('a', 'c'), reason: 'is-there', outcome: 'already-there' },
];
const repositories: readonly RepositoryRecord[] = [
  { summary: summarize('shop/web', decisions, { tags: 4, manifests: 7, bytes: 10 }), planned: NOTHING_PLANNED },
];
const totals = total(repositories.map(({ summary }) => summary));
const restores = { run: '20261124T130052Z-01e520' };
const { run } = recordOf('2026-11-24T14:00:00.000Z', decisions, {
  kind: 'restore',
  dryRun: false,
  state: 'failed',
  totals,
  restores,
  policy: { commands: [], hash: '', from: 'command line' },
});

test('counts what came back, what is there, and what is neither; afterwards there is more', () => {
  expect(totals).toMatchObject({
    tags: { restored: 1, notAttempted: 1, failed: 0, deleted: 0 },
    manifests: { restored: 1, kept: 1, failed: 1, deleted: 0 },
    bytes: 2_000_000,
    listed: { tags: 4, manifests: 7, bytes: 10 },
    afterwards: { tags: 5, manifests: 8, bytes: 2_000_010 },
  });
});

const SENTENCES = [
  'Restored 1 tag and 1 manifest, at most 2 MB.',
  '0 tags and 1 manifest were there already.',
  '1 artifact cannot be brought back: there is no copy. What is known of each is listed.',
  '1 tag names what was pushed since, and is left alone; --force sets it back.',
];

test('a summary, a run and the list of runs say so', () => {
  const summary: RunSummary = {
    runId: run.id,
    registry: run.registry,
    dryRun: false,
    started: run.started,
    ended: run.started,
    repositories: repositories.map((one) => one.summary),
    totals,
    warnings: [],
    breakers: [],
    restores,
    examples: {},
    failures: decisions.filter(({ outcome }) => outcome === 'impossible'),
    succeeded: false,
  };
  const text = renderSummary(summary);
  for (const sentence of SENTENCES) expect(text).toContain(`${sentence}\n`);
  expect(text).toContain(`IMPOSSIBLE: shop/web@${digest.replaceAll('a', 'b')}: deleted by the run X\n`);
  expect(text).not.toMatch(/delete[sd]? [0-9]|would be deleted|undone/);
  const shown = renderRun(run, repositories);
  expect(shown).toMatch(/^restores +the run 20261124T130052Z-01e520$/m);
  for (const sentence of SENTENCES) expect(shown).toContain(`${sentence}\n`);
  expect(renderRuns([run], 'here')).toMatch(/restore +failed .* 1 +1 +2 MB +restored/);
});

test('the verdict of it, done or tried', () => {
  expect(verdictOf({ run, repositories })).toMatchObject({
    kind: 'failed',
    what: 'Restored 1 tag and 1 manifest, at most 2 MB. It is about the run 20261124T130052Z-01e520.',
    why: SENTENCES.slice(2),
    next: 'Remove the cause, then run the same command again: what is there already is left as it is.',
  });
  const done = verdictOf({ run: { ...run, state: 'done' }, repositories });
  expect(done).toMatchObject({ kind: 'restored', label: 'done', next: 'There is nothing to do.' });
  expect(done).not.toHaveProperty('undo');
  const dry = verdictOf({ run: { ...run, dryRun: true, state: 'done' }, repositories });
  expect(dry).toMatchObject({ label: 'dry run', what: expect.stringMatching(/^Would restore 1 tag/) as unknown });
});

test('a decision on a line, and in a table', () => {
  expect(decisions.map(renderDecision)).toEqual([
    '+ restored     shop/web:v1  soft-deleted: deleted by the run X',
    '! not attempted shop/web:v2  pushed-since: deleted by the run X',
    `+ restored     shop/web@${digest}  soft-deleted: deleted by the run X`,
    `! impossible   shop/web@${digest.replaceAll('a', 'b')}  no-copy: deleted by the run X`,
    `  is there     shop/web@${digest.replaceAll('a', 'c')}  is-there: deleted by the run X`,
  ]);
  expect(csvLines(decisions.slice(1, 2), decisionSheet())).toContain('restore,pushed-since,not-attempted');
  expect(csvLines(decisions.slice(1, 2), decisionSheet())).toContain('names another now');
});

import { expect, test } from 'vitest';
import { newDifferenceTotals } from '../../src/ledger/diff-totals.ts';
import { summarize } from '../../src/ledger/summary.ts';
import { total } from '../../src/ledger/total.ts';
import type { Decision } from '../../src/planner/decision.ts';
import { csvHeader, csvLines, decisionSheet, withFindings } from '../../src/report/csv.ts';
import { renderDifferenceTotals } from '../../src/report/diff.ts';
import { findingsBeforeAndAfter, shortFindings } from '../../src/report/finding-words.ts';
import { createLog, inInvocation, runLog } from '../../src/report/log.ts';
import { runNotification } from '../../src/report/notification-words.ts';
import { outputOf } from '../../src/report/output.ts';
import { renderRun } from '../../src/report/runs.ts';
import { renderSighting } from '../../src/report/sighting.ts';
import { PLAIN_STYLE } from '../../src/report/style.ts';
import { renderDecision, renderSummary } from '../../src/report/text.ts';
import { totalsInWords } from '../../src/report/totals.ts';
import { verdictOf } from '../../src/report/verdict.ts';
import { renderVerdict } from '../../src/report/verdict-text.ts';
import { HOSTILE, NOW, recordOf } from '../support/review.ts';
import { deletedImage, digestOf, keptImage, listedOf, SCAN, SCANNED } from '../support/scanned.ts';

const SAID = '41 removed (3 critical, 12 high), 17 kept (1 high), of these 4 in use; 3 images not scanned';
const SOURCES = [{ source: 'referrers', observedAt: '2026-11-24T01:00:00.000Z', complete: true, images: 4 }] as const;

const summary = summarize('app', SCANNED, { tags: 0, manifests: 8, ...listedOf(SCANNED) });
const totals = total([summary]);
const record = { summary, planned: { deletions: 2, hash: '' } };
const { run } = recordOf('2026-11-24T01:00:00.000Z', [], { totals, findings: SOURCES });
const without = SCANNED.map(({ findings: _, ...decision }) => decision as Decision);

test('a decision has its findings in short, the two worst severities by name', () => {
  expect(SCANNED.map(shortFindings)).toEqual([
    '3 critical, 12 high, 26 more',
    'not scanned',
    '1 high, 12 low',
    '4 medium',
    'no findings',
    'not scanned',
    'not scanned',
    undefined,
  ]);
  expect(SCANNED.slice(0, 2).map(renderDecision)).toEqual([
    `- deleted      app@${digestOf(1)}  untagged-and-expired: it is old; findings: 3 critical, 12 high, 26 more`,
    `- deleted      app@${digestOf(2)}  untagged-and-expired: it is old; not scanned`,
  ]);
  expect(without.map(renderDecision).join('\n')).not.toMatch(/finding|scan/);
});

test('a run says what it removed, what is kept, and what of that is in use', () => {
  expect(totalsInWords(totals, false)).toContain(`Findings: ${SAID}.`);
  expect(totalsInWords(totals, true)).toContain(`Findings: ${SAID.replace('41', '41 would be')}.`);
  const none = [deletedImage(1, {}), keptImage(2, {})];
  expect(totalsInWords(summarize('app', none, listedOf(none)), false)).toContain(
    'Findings: none of 2 images was scanned.',
  );
  // Without a source of what is in use, that is not said.
  const unused = { ...totals, findings: { ...summary.findings, inUse: undefined } } as unknown as typeof totals;
  expect(totalsInWords(unused, false)).toContain(`Findings: ${SAID.replace(', of these 4 in use', '')}.`);
  expect(findingsBeforeAndAfter(totals.findings ?? expect.fail())).toBe('Findings: 58 before, 41 removed, 17 left');
});

test('each repository has a column of them, and nothing where no source is configured', () => {
  const text = renderRun(run, [record]);
  expect(text).toMatch(/ {2}FINDINGS removed\n/);
  expect(text).toMatch(/\napp .* {2}41 of 58\n/);
  expect(text).toContain('findings  referrers: 4 images, as of 2026-11-24T01:00:00.000Z\n');
  expect(text).toContain(`\nFindings: ${SAID}.\n`);
  const plain = summarize('app', without, { tags: 0, manifests: 8 });
  const { findings: _, ...about } = run;
  const bare = { ...about, totals: total([plain]) };
  const planned = { summary: plain, planned: record.planned };
  for (const said of [
    renderRun(bare, [planned]),
    renderVerdict(verdictOf({ run: bare, repositories: [planned] })),
    JSON.stringify(told(bare)),
    csvHeader(decisionSheet()),
  ])
    expect(said).not.toMatch(/finding|scanned|critical/i);
});

const summaryOf = (decisions: readonly Decision[]) => {
  const repositories = [summarize('app', decisions, { tags: 0, manifests: 8, ...listedOf(decisions) })];
  const { id: runId, registry, started } = run;
  const about = { runId, registry, started, ended: started, dryRun: false, succeeded: true };
  return {
    ...about,
    repositories,
    totals: total(repositories),
    warnings: [],
    breakers: [],
    examples: {},
    failures: [],
  };
};

test('a narrow terminal has them in words', () => {
  const text = renderSummary(summaryOf(SCANNED), { width: 60, wraps: true, color: false });
  expect(text).toMatch(/findings removed 41 of\n? *58/);
});

test('the history of an image has all that is known of it, with names of vulnerabilities', () => {
  const [first = expect.fail(), second = expect.fail()] = SCANNED;
  expect(renderSighting({ run, decision: first }).split('\n').slice(2)).toEqual([
    '    Findings: 3 critical, 12 high, 20 medium, 6 low; 3 have a fix. By grype, 2026-11-23 02:00 UTC.',
    '    CVE-2026-1001, CVE-2026-1002',
    '    94 packages; end of life 2026-11-10; built on mcr.microsoft.com/dotnet/aspnet:8.0.',
    '',
  ]);
  expect(renderSighting({ run, decision: second })).toContain('\n    Not scanned, so its findings are not known.\n');
  const many = Array.from({ length: 400 }, (_, n) => `CVE-2026-${n}`);
  const [, , , ids = ''] = renderSighting({ run, decision: deletedImage(1, { scan: { ...SCAN, ids: many } }) }).split(
    '\n',
  );
  expect(ids.match(/CVE/g)).toHaveLength(20);
  expect(ids).toMatch(/, and others$/);
});

test('a table has numbers of what was scanned, and empty cells of what was not', () => {
  const sheet = withFindings(decisionSheet(), true);
  const ends = csvLines(SCANNED, sheet)
    .trimEnd()
    .split('\r\n')
    .map((line) => line.split(',').slice(-9).join(','));
  expect(csvHeader(sheet)).toMatch(/,critical,high,medium,low,negligible,unknown,fixable,scannedBy,inUse\r\n$/);
  expect(ends).toEqual([
    '3,12,20,6,0,0,3,grype,',
    ',,,,,,,,',
    '0,1,0,12,0,0,0,trivy,',
    '0,0,4,0,0,0,0,trivy,true',
    '0,0,0,0,0,0,0,trivy,',
    ',,,,,,,,',
    ',,,,,,,,',
    ',,,,,,,,',
  ]);
});

test('the table of a run has these columns where a source is asked, and else not', () => {
  const headed = (isAsked: boolean) => [...outputOf('csv', 'all', PLAIN_STYLE, isAsked).decisions(SCANNED)].join('');
  expect(headed(true).split('\r\n')[1]).toMatch(/,3,12,20,6,0,0,3,grype,$/);
  expect(headed(false)).not.toMatch(/critical|grype/);
});

test('the log has them as numbers, and names images with critical findings that are kept', async () => {
  const critical = keptImage(9, { scan: { ...SCAN, bySeverity: { critical: 1 } }, inUse: true });
  const part = keptImage(10, { ...critical.findings, part: true });
  const lines: Record<string, unknown>[] = [];
  const take = (line: string): void => void lines.push(JSON.parse(line) as Record<string, unknown>);
  const invocation = { invocationId: 'one', trace: take, debug: take, info: take, warn: take, error: take };
  await inInvocation(invocation, async () => {
    const log = runLog(createLog('info'), { runId: 'r', registry: 'contoso.azurecr.io', dryRun: false }, 'purge');
    await log.kept([...SCANNED, critical, part], true);
    await log.kept([critical], false);
    await log.decided(SCANNED);
    log.ended(summaryOf(SCANNED), undefined);
  });
  const numbers = { critical: 3, high: 12, medium: 20, low: 6, negligible: 0, unknown: 0, fixable: 3 };
  expect(lines).toMatchObject([
    { event: 'decision', action: 'keep', digest: critical.digest, findings: { critical: 1, inUse: true } },
    { event: 'decision', action: 'delete', findings: { scanned: true, ...numbers, scannedBy: 'grype', packages: 94 } },
    { event: 'decision', action: 'delete', findings: { scanned: false } },
    {
      event: 'run-ended',
      findings: {
        removed: { images: 1, notScanned: 1, findings: 41, ...numbers },
        kept: { images: 3, notScanned: 2, findings: 17, critical: 0, high: 1 },
        inUse: { images: 1, findings: 4 },
      },
    },
  ]);
  expect(JSON.stringify(lines)).not.toContain('CVE');
});

const told = (about: typeof run, kind: 'deletion-done' | 'run-failed' = 'deletion-done') =>
  runNotification({
    news: 'ended',
    kinds: [kind],
    at: about.started,
    now: NOW,
    run: about,
    verdict: verdictOf({ run: about, repositories: [record] }),
  });

test('a message has them in a line, and for programs', () => {
  expect(told(run).facts.filter(([name]) => name === 'Findings')).toEqual([['Findings', SAID]]);
  expect(told(run).data).toMatchObject({ findings: { removed: { findings: 41 }, kept: { findings: 17 } } });
  expect(told(run, 'run-failed').facts.map(([name]) => name)).not.toContain('Findings');
});

test('the verdict says them, and so does what differs between two runs', () => {
  expect(renderVerdict(verdictOf({ run, repositories: [record] }))).toContain(`\nFindings: ${SAID}.\n`);
  const { add, now } = newDifferenceTotals();
  for (const goes of SCANNED.slice(0, 2)) add({ change: 'added', goes, other: undefined });
  expect(renderDifferenceTotals(run, { ...run, id: 'later' }, now())).toContain(
    '+ Only later deletes 0 tags and 2 manifests, at most 2 MB, with 41 findings (3 critical, 12 high).',
  );
});

test('nothing that a report names does harm', () => {
  for (const text of HOSTILE) {
    const scan = { ...SCAN, by: text as 'grype', at: text, ids: [text, text] };
    const decision = keptImage(1, { scan, endOfLife: text, base: text });
    for (const said of [renderDecision(decision), ...renderSighting({ run, decision }).trimEnd().split('\n')]) {
      // eslint-disable-next-line no-control-regex -- control characters are what must not be there
      expect(said).not.toMatch(/[\u0000-\u001f\u007f-\u009f\u202a-\u202e]/);
      expect(said.length).toBeLessThan(1_000);
    }
    expect(csvLines([decision], withFindings(decisionSheet(), true)).trimEnd()).not.toContain('\n');
  }
});

import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { Decision } from '../../src/planner/decision.ts';
import { jsonLine, printable } from '../../src/report/escape.ts';
import { PLAIN_STYLE } from '../../src/report/style.ts';
import { type RepositorySummary, type RunSummary, unfinishedRepository, summarize } from '../../src/ledger/summary.ts';
import { total } from '../../src/ledger/total.ts';
import { renderDecision, renderSummary } from '../../src/report/text.ts';
import { evidenceWarnings } from '../../src/report/warnings.ts';

// eslint-disable-next-line no-control-regex -- control characters are what must not be there
const UNSAFE = /[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]/;

/** What is broken to fit is no line of its own. */
const WIDE = { ...PLAIN_STYLE, width: 100_000 };

const hostile = fc.string({
  unit: fc.constantFrom(
    '\u001b[2J',
    '\u009b31m',
    '\r',
    '\n',
    '\u202e',
    '\u200f',
    '\u2028',
    '\u0007',
    'tag',
    '<script>',
    '"',
    '\\',
    ' ',
  ),
});

const decision: fc.Arbitrary<Decision> = fc
  .record({ repository: hostile, tag: hostile, detail: hostile, message: hostile })
  .map(({ repository, tag, detail, message }) => ({
    repository,
    kind: 'tag',
    tag,
    digest: tag,
    action: 'delete',
    reason: 'matched-and-expired',
    detail,
    beyondAcrPurge: false,
    outcome: 'failed',
    error: { message, correlationId: message },
  }));

function summaryOf(decisions: readonly Decision[], warnings: readonly string[] = []): RunSummary {
  const [first] = decisions;
  const repositories = [
    summarize(first?.repository ?? '', decisions),
    unfinishedRepository(first?.repository ?? '', 'failed', { message: first?.detail ?? '' }),
  ];
  return {
    runId: '20261124T010000Z-3f9a0c',
    registry: 'contoso.azurecr.io',
    dryRun: false,
    started: '2026-11-24T00:00:00.000Z',
    ended: '2026-11-24T00:00:01.000Z',
    repositories,
    totals: total(repositories),
    warnings,
    examples: first ? { [first.reason]: first } : {},
    failures: decisions,
    breakers: [],
    succeeded: false,
  };
}

test('whatever a registry names its things, no escape sequence and no forged line reaches the terminal', () => {
  fc.assert(
    fc.property(decision, hostile, (one, warning) => {
      expect(renderDecision(one)).not.toMatch(UNSAFE);
      expect(renderDecision(one)).not.toContain('\n');
      const lines = renderSummary(summaryOf([one], [warning]), WIDE).split('\n');
      expect(lines.join('')).not.toMatch(UNSAFE);
      // As many lines as with harmless names: none was forged.
      const harmless = { ...one, repository: 'a', tag: 'b', detail: 'c', error: { message: 'd', correlationId: 'e' } };
      expect(lines.length).toBe(renderSummary(summaryOf([harmless], ['f'])).split('\n').length);
    }),
  );
});

test('a line of JSON is one line, safe on a terminal, and says the same', () => {
  fc.assert(
    fc.property(fc.array(hostile), (texts) => {
      const line = jsonLine({ texts });
      expect(line).not.toMatch(UNSAFE);
      expect(line).not.toContain('\n');
      expect(JSON.parse(line)).toEqual({ texts });
    }),
  );
});

test('what is harmless is not changed', () => {
  expect(printable('feature/größe-1_2.3 – ünïcode')).toBe('feature/größe-1_2.3 – ünïcode');
  expect(printable('\u001b[2J')).toBe('\\u001b[2J');
});

test('what guards hold back is not said to be not attempted as well', () => {
  const about = {
    repository: 'app',
    kind: 'tag',
    action: 'delete',
    reason: 'matched-and-expired',
    detail: 'old',
  } as const;
  const of = (tag: string, outcome: 'held' | 'not-attempted'): Decision => ({
    ...about,
    tag,
    beyondAcrPurge: false,
    outcome,
  });
  const held = { ...summarize('app', [of('a', 'held'), of('b', 'held')]), state: 'held' as const };
  const hold = { breaker: 'max-deletions', repository: 'app', found: 2, limit: 1, detail: 'too many' } as const;
  const textOf = (...repositories: readonly RepositorySummary[]): string =>
    renderSummary({ ...summaryOf([]), repositories, totals: total(repositories), breakers: [hold] });
  expect(textOf(held)).toContain('HELD BACK: app: too many (guard max-deletions)');
  expect(textOf(held)).not.toContain('NOT ATTEMPTED');
  expect(textOf(held, summarize('other', [of('c', 'not-attempted')]))).toContain('NOT ATTEMPTED: 1 artifact;');
});

test('a summary', () => {
  const about = { repository: 'shop/api', beyondAcrPurge: false, size: 2_500_000 };
  const deleted: Decision = {
    ...about,
    kind: 'tag',
    tag: 'pr-1',
    action: 'delete',
    reason: 'matched-and-expired',
    detail: 'matches "shop/api:^pr-"',
    outcome: 'deleted',
  };
  const refused: Decision = {
    ...about,
    kind: 'manifest',
    digest: `sha256:${'a'.repeat(64)}`,
    action: 'delete',
    reason: 'untagged-and-expired',
    detail: 'has no tag',
    outcome: 'refused',
    error: { message: 'delete: 405', correlationId: 'c-1' },
  };
  const repositories = [summarize('shop/api', [deleted, refused], { tags: 30, manifests: 8 })];
  const summary = {
    ...summaryOf([]),
    repositories,
    totals: total(repositories),
    examples: { 'matched-and-expired': deleted },
    failures: [refused],
  };
  expect(renderSummary(summary)).toBe(
    [
      'REPOSITORY  TAGS deleted  kept    %  MANIFESTS deleted  kept    %    SIZE',
      'shop/api               1    29  3 %                  0     8  0 %  2.5 MB',
      '',
      'WHY                             FOR EXAMPLE',
      'delete  1  matched-and-expired  shop/api:pr-1: matches "shop/api:^pr-"',
      '',
      '1 tag (3 %) and 0 manifests (0 %) deleted, at most 2.5 MB; 29 tags and 8 manifests are kept.',
      'Whether that can be undone is unknown: REGISTRY_RESOURCE_ID is not set, by which its soft delete is asked for.',
      `REFUSED: shop/api@sha256:${'a'.repeat(64)}: delete: 405 (correlation id c-1)`,
      '',
    ].join('\n'),
  );
});

test('what is in use and could not be found out is on top, with what to do, and is no warning as well', () => {
  const [unknown = ''] = evidenceWarnings([
    { source: 'kube', observedAt: '', scope: '', complete: false, problems: ['no answer'], images: 0 },
    { source: 'list:edge.txt', observedAt: '', scope: '', complete: true, images: 1 },
  ]);
  const text = renderSummary({ ...summaryOf([], ['something else', unknown]), registry: 'contoso.azurecr.io' }, WIDE);
  expect(text).toMatch(
    /^FAILED: what is in use is not known, so nothing was deleted that it may be about: kube: no answer\nTo see what a source may not read: acr-retention in-use -r contoso\.azurecr\.io\n\n/,
  );
  expect(text.match(/^Warning: .*/gm)).toEqual(['Warning: something else']);
});

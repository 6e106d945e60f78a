import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Decision } from '../../src/planner/decision.ts';
import { outputOf } from '../../src/report/output.ts';
import { PLAIN_STYLE, sentence, styleOf, wrapped } from '../../src/report/style.ts';
import { type RunSummary, summarize } from '../../src/ledger/summary.ts';
import { total } from '../../src/ledger/total.ts';
import { renderSummary } from '../../src/report/text.ts';

// eslint-disable-next-line no-control-regex -- what colours are made of
const ESCAPES = /\u001b\[\d+m/g;

function decisionOf(tag: string, detail: string, kept = false): Decision {
  const about = {
    repository: 'a-team/with-a-long-name/shop-frontend-service',
    kind: 'tag',
    tag,
    beyondAcrPurge: false,
    detail,
  } as const;
  return kept
    ? { ...about, action: 'keep', reason: 'too-young' }
    : { ...about, action: 'delete', reason: 'matched-and-expired', outcome: 'planned' };
}

function summaryOf(decisions: readonly Decision[], warnings: readonly string[] = []): RunSummary {
  const repositories = [summarize('a-team/with-a-long-name/shop-frontend-service', decisions, { tags: 40, manifests: 12 })];
  return {
    runId: '20261124T010000Z-3f9a0c', registry: 'contoso.azurecr.io', dryRun: true, started: '2026-11-24T00:00:00.000Z',
    ended: '2026-11-24T00:00:01.000Z', repositories, totals: total(repositories), warnings, breakers: [],
    plan: { id: '20261124T010000Z-3f9a0c', hash: '0'.repeat(64), deletions: 1 },
    examples: Object.fromEntries(decisions.map((one) => [one.reason, one])), failures: [], succeeded: true,
  };
} // prettier-ignore

const LONG =
  'matches "a-team/with-a-long-name/shop-frontend-service:^feature-", and is 60 days old (2026-09-30), past --ago 30d';
const summary = summaryOf(
  [decisionOf('feature-1', LONG), decisionOf('feature-2', LONG, true)],
  [`the filter "x:.*" matches no repository; ${LONG}`],
);

describe('a summary on a terminal', () => {
  test.each([60, 80, 120, 200])('fits into %i columns, and no word is cut', (columns) => {
    const text = renderSummary(summary, styleOf({ isTTY: true, columns }, { NO_COLOR: '1' }));
    for (const line of text.split('\n')) {
      // A word that is longer has a line of its own.
      if (line.length > columns) expect(line.trim()).not.toContain(' ');
    }
    const words = text.split(/\s+/);
    for (const word of `${LONG} contoso`.split(' ').slice(0, -1)) expect(words).toContain(word);
    // Names in the table are shortened, and stand whole in the examples.
    const [table = '', ...others] = text.split('\n\n');
    expect(others.join('\n')).not.toContain('…');
    if (columns >= 120) expect(table).not.toContain('…');
    expect(text).not.toMatch(ESCAPES);
  });

  test('uses a width of 60 to 200 columns', () => {
    const widthOf = (columns: number | undefined): number => styleOf({ isTTY: true, columns }, {}).width;
    expect([20, 60, 99, 200, 500, undefined].map(widthOf)).toEqual([60, 60, 99, 200, 200, 120]);
  });

  test('has colours but where NO_COLOR is set, or there is no terminal, and says the same in both', () => {
    const colored = renderSummary(summary, styleOf({ isTTY: true, columns: 120 }, { TERM: 'xterm' }));
    const plain = renderSummary(summary, styleOf({ isTTY: true, columns: 120 }, { NO_COLOR: '1' }));
    expect(colored).toMatch(ESCAPES);
    expect(colored.replace(ESCAPES, '')).toBe(plain);
    expect(styleOf({ isTTY: true }, { TERM: 'dumb' }).color).toBe(false);
    expect(styleOf({ isTTY: true }, { NO_COLOR: '' }).color).toBe(true);
    expect(styleOf({ isTTY: false, columns: 80 }, {})).toEqual(PLAIN_STYLE);
  });
});

test('what is kept is all that is there afterwards, with how many percent are deleted', () => {
  const text = renderSummary(summary);
  expect(text).toContain(
    '1 tag (3 %) and 0 manifests (0 %) would be deleted, at most 0 B; 39 tags and 12 manifests are kept.',
  );
  expect(text).not.toMatch(/\b(?:stays?|goes|would go)\b/);
});

test('a line for each deletion, for all decisions, or for none', () => {
  const decisions = [decisionOf('b', 'too young', true), decisionOf('a', 'old')];
  const listed = (which: 'none' | 'deletions' | 'all'): readonly string[] =>
    [...outputOf('text', which).decisions(decisions)]
      .join('')
      .split('\n')
      .filter((line) => line !== '');
  expect(listed('none')).toEqual([]);
  expect(listed('deletions')).toEqual([
    '- would delete a-team/with-a-long-name/shop-frontend-service:a  matched-and-expired: old',
  ]);
  expect(listed('all')).toHaveLength(2);
});

test('a command at the end of a sentence is on one line where it fits', () => {
  const style = { ...PLAIN_STYLE, wraps: true, width: 60 };
  const command = 'acr-retention apply 20261124T010000Z-3f9a0c';
  expect(sentence(style, `To delete exactly these: ${command}`)).toBe(`To delete exactly these:\n  ${command}`);
  expect(sentence(style, `Now: ${command}`)).toBe(`Now: ${command}`);
});

test('wrapping keeps every word, in order, and breaks only where it must', () => {
  expect(wrapped('  keep  app:dev is young', 12)).toEqual(['  keep', 'app:dev is', 'young']);
  const word = fc.stringMatching(/^[a-z"(]{1,12}$/);
  fc.assert(
    fc.property(fc.array(word, { minLength: 1 }), fc.integer({ min: 5, max: 40 }), (words, width) => {
      const lines = wrapped(words.join(' '), width);
      expect(lines.join(' ')).toBe(words.join(' '));
      lines.forEach((line, index) => {
        if (line.length > width) expect(line).not.toContain(' ');
        const next = lines[index + 1]?.split(' ')[0];
        if (next !== undefined) expect(line.length + 1 + next.length).toBeGreaterThan(width);
      });
    }),
  );
});

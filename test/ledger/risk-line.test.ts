import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { newRiskLine, readRiskLine, type RiskPoint } from '../../src/ledger/risk-line.ts';
import type { RepositorySummary } from '../../src/ledger/summary.ts';
import { DamagedError } from '../../src/ledger/store/store.ts';
import { type FindingSum, NO_FINDINGS, plusFindings } from '../../src/planner/findings.ts';
import { SEVERITIES } from '../../src/policy/severity.ts';
import { recordWith, runWith, sumOf } from '../support/at-risk.ts';
import { ledgerOf, type Recorded } from '../support/review.ts';

const critical = (points: readonly RiskPoint[]) =>
  points.map(({ before, removed, after }) =>
    [before, removed, after].map(({ bySeverity }) => bySeverity.critical ?? 0).join(' '),
  );

const lineOf = (runs: readonly Recorded[], most = 1_000) =>
  readRiskLine(ledgerOf(runs), runs.map(({ run }) => run).toReversed(), { most });

describe('the line', () => {
  const web = { all: sumOf({ critical: 10 }), removed: sumOf({ critical: 4 }) };
  const runs = [
    runWith('2026-11-01T00:00:00.000Z', { web, app: { all: sumOf({ critical: 1 }) } }),
    // Without the repository app: what was known of it stands.
    runWith('2026-11-02T00:00:00.000Z', { web: { all: sumOf({ critical: 7 }), removed: sumOf({ critical: 7 }) } }),
    runWith('2026-11-03T00:00:00.000Z', { web, more: { all: sumOf({ critical: 100 }) } }, { dryRun: true }),
  ];

  test('a run says what was there and what it left; of others the last known value stands', async () => {
    const { points, repositories } = await lineOf(runs);
    expect(critical(points)).toEqual(['11 4 7', '8 7 1', '111 4 111']);
    expect(points.map(({ looked, known, appeared }) => [looked, known, appeared])).toEqual([
      [2, 2, 2],
      [1, 2, 0],
      [2, 3, 1],
    ]);
    expect(repositories.map(({ repository, place, left }) => [repository, place, left.bySeverity.critical])).toEqual([
      ['app', 0, 1],
      ['more', 2, 100],
      ['web', 2, 10],
    ]);
  });

  test('a repository of which a run knows no findings is one that it did not look at', () => {
    const { summary } = recordWith('web', web);
    const { findings, listed: { findings: _, ...listed }, ...others } = summary; // prettier-ignore
    const failed = { ...others, listed, state: 'failed' as const };
    const some: readonly RepositorySummary[] = [summary, failed];
    const line = newRiskLine(2);
    for (const [index, one] of some.toReversed().entries()) line.add(1 - index, one, false);
    expect(critical(line.line().points)).toEqual(['10 4 6', '6 0 6']);
  });

  test('damaged runs are left out, and the oldest where there are too many records', async () => {
    const ledger = ledgerOf(runs);
    const damagedId = runs[1]?.run.id;
    const reader = {
      repositories(id: string) {
        if (id === damagedId) throw new DamagedError('cut off');
        return ledger.repositories(id);
      },
    };
    const all = runs.map(({ run }) => run).toReversed();
    const line = await readRiskLine(reader, all, { most: 1_000 });
    expect(line).toMatchObject({ damaged: 1, leftOut: 0, runs: [{ id: all[2]?.id }, { id: all[0]?.id }] });
    expect(critical(line.points)).toEqual(['11 4 7', '111 4 111']);

    const many = Array.from({ length: 9 }, (_, day) => runWith(`2026-11-0${day + 1}T00:00:00.000Z`, { web }));
    const cut = await lineOf(many, 4);
    expect([cut.points.length, cut.leftOut]).toEqual([4, 5]);
    expect(cut.runs[0]?.started).toBe('2026-11-06T00:00:00.000Z');
  });
});

const counts = fc.record(
  Object.fromEntries(SEVERITIES.map((severity) => [severity, fc.integer({ min: 1, max: 50 })])),
  { requiredKeys: [] },
);
const sums: fc.Arbitrary<FindingSum> = fc.record({
  images: fc.nat(20),
  notScanned: fc.nat(20),
  bySeverity: counts,
  fixable: counts,
});
const found = fc
  .record({ all: sums, removed: sums })
  .map(({ all, removed }) => ({ all, removed: leastOf(all, removed) }));

/** Nothing is removed that is not there. */
function leastOf(all: FindingSum, some: FindingSum): FindingSum {
  return plusFindings(all, plusFindings(all, some, -1), -1);
}

test('the sums of a line are those of a naive sum', () =>
  fc.assert(
    fc.asyncProperty(
      fc.array(
        fc.record({
          dryRun: fc.boolean(),
          repositories: fc.dictionary(fc.constantFrom('a', 'b', 'c', 'd'), found, { minKeys: 1 }),
        }),
        { maxLength: 12 },
      ),
      async (given) => {
        const runs = given.map(({ dryRun, repositories }, day) =>
          runWith(`2026-11-${String(day + 1).padStart(2, '0')}T00:00:00.000Z`, repositories, { dryRun }),
        );
        const { points } = await lineOf(runs);
        const left = new Map<string, FindingSum>();
        const whole = (): FindingSum => [...left.values()].reduce((sum, one) => plusFindings(sum, one), NO_FINDINGS);
        const naive = given.map(({ dryRun, repositories }) => {
          const names = Object.keys(repositories);
          const appeared = names.filter((name) => !left.has(name)).length;
          for (const [name, { all }] of Object.entries(repositories)) left.set(name, all);
          const before = whole();
          for (const [name, { all, removed }] of Object.entries(repositories))
            left.set(name, dryRun ? all : plusFindings(all, removed, -1));
          const removed = Object.values(repositories).reduce((sum, one) => plusFindings(sum, one.removed), NO_FINDINGS);
          return { before, removed, after: whole(), looked: names.length, known: left.size, appeared };
        });
        expect(points).toEqual(naive);
      },
    ),
  ));

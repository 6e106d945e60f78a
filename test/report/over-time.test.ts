import { describe, expect, test } from 'vitest';
import type { RunRecord } from '../../src/ledger/records.ts';
import { byReason, largest, overTime, type Series, sumOf, totalOf } from '../../src/report/over-time.ts';
import { recordOf, totalsOf } from '../support/review.ts';

const NOW = new Date('2026-11-30T12:00:00Z');

function run(started: string, deleted: number, over: Partial<RunRecord> = {}): RunRecord {
  const totals = {
    ...totalsOf([]),
    bytes: deleted * 1_000,
    reasons: { 'matched-and-expired': deleted, 'too-young': 900 },
  };
  return recordOf(`${started}Z`, [], { totals, ...over }).run;
}

const bytesOf = (runs: readonly RunRecord[]): readonly number[] =>
  sumOf(overTime(runs, NOW), 'bytes', ({ bytes }) => bytes).values.filter((value) => value > 0);

describe('over time', () => {
  test('what runs of the same day delete is summed; dry runs do not count beside them', () => {
    const runs = [
      run('2026-11-30T09:00:00', 8, { dryRun: true }),
      run('2026-11-30T08:00:00', 4),
      run('2026-11-30T01:00:00', 2),
      run('2026-11-01T01:00:00', 1),
    ];
    expect(overTime(runs, NOW).of).toBe('deleted');
    expect(bytesOf(runs)).toEqual([1_000, 6_000]);
  });

  test('of dry runs the last of a day counts for its registry, a scheduled one where there is one', () => {
    const dry = (started: string, deleted: number, over: Partial<RunRecord> = {}) =>
      run(started, deleted, { dryRun: true, ...over });
    const runs = [
      dry('2026-11-30T09:00:00', 8),
      dry('2026-11-30T08:00:00', 4),
      dry('2026-11-30T07:00:00', 16, { registry: 'fabrikam.azurecr.io' }),
      dry('2026-11-01T01:00:00', 1),
    ];
    expect(overTime(runs, NOW).of).toBe('planned');
    expect(bytesOf(runs)).toEqual([1_000, 24_000]);
    expect(bytesOf([dry('2026-11-30T10:00:00', 99, { kind: 'dry-run' }), ...runs])).toEqual([1_000, 24_000]);
  });

  test('a run without totals, or of no time, does not count', () => {
    const { totals: _, ...unfinished } = run('2026-11-29T01:00:00', 3);
    expect(bytesOf([unfinished, { ...run('2026-11-29T01:00:00', 3), started: 'soon' }])).toEqual([]);
  });

  test('by reason: those to delete alone', () => {
    expect(byReason(overTime([run('2026-11-29T01:00:00', 3)], NOW)).map(({ name }) => name)).toEqual([
      'matched-and-expired',
    ]);
  });
});

test('the largest are named, and the rest is one more', () => {
  const series = [3, 0, 5, 1, 9, 2, 7, 4].map((value, n): Series => ({ name: `r${n}`, values: [value, 0] }));
  const some = largest(series, 'others');
  expect(some.map(({ name }) => name)).toEqual(['r4', 'r6', 'r2', 'r7', 'r0', 'others']);
  expect(some.reduce((sum, one) => sum + totalOf(one), 0)).toBe(31);
  expect(largest(series.slice(0, 3), 'others').map(({ name }) => name)).toEqual(['r2', 'r0']);
});

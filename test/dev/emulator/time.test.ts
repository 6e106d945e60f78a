import fc from 'fast-check';
import { expect, test } from 'vitest';
import {
  microsBefore,
  parseTimeCursor,
  parseTimestamp,
  timeCursor,
  timestamp,
} from '../../../src/dev/emulator/time.ts';

const micros = fc.integer({ min: Date.UTC(1000, 0) * 1000, max: Date.UTC(3000, 0) * 1000 });

test('a time has seven digits, and is read back', () => {
  fc.assert(
    fc.property(micros, (instant) => {
      expect(timestamp(instant)).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}[1-9]Z$/);
      expect(parseTimestamp(timestamp(instant))).toBe(instant);
    }),
  );
  expect(parseTimestamp('2023-02-28T18:36:40.5864993Z')).toBe(Date.UTC(2023, 1, 28, 18, 36, 40) * 1000 + 586_499);
  expect(parseTimestamp('2023-02-28T18:36:40Z')).toBe(Date.UTC(2023, 1, 28, 18, 36, 40) * 1000);
  for (const text of ['', 'yesterday', '2023-02-28', '2023-02-99T18:36:40Z']) {
    expect(parseTimestamp(text)).toBeUndefined();
  }
});

test('an age is counted back from the start', () => {
  const start = new Date('2026-01-02T00:00:00Z');
  expect(timestamp(microsBefore(start, 86_400.25))).toMatch(/^2025-12-31T23:59:59\.750000\dZ$/);
  expect(timestamp(microsBefore(start, -1))).toMatch(/^2026-01-02T00:00:01\.000000\dZ$/);
});

test('a cursor is read back, and orders as its listing does', () => {
  fc.assert(
    fc.property(micros, micros, fc.constantFrom('timeasc', 'timedesc'), (one, two, order) => {
      expect(parseTimeCursor(order, timeCursor(order, one, 'a&b'))).toEqual({ micros: one, key: 'a&b' });
      fc.pre(one < two);
      const [first, second] = [timeCursor(order, one, ''), timeCursor(order, two, '')];
      expect(BigInt(first.slice(0, -1)) < BigInt(second.slice(0, -1))).toBe(order === 'timeasc');
    }),
  );
  // As recorded.
  expect(timestamp(parseTimeCursor('timedesc', '8586163895140836946&12.04')?.micros ?? 0)).toMatch(
    /^2020-03-26T10:09:31\.393886\dZ$/,
  );
  for (const text of ['latest', '12.04', '&x', '5&']) expect(parseTimeCursor('timedesc', text)).toBeUndefined();
});

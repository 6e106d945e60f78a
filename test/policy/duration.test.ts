import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { parseDuration } from '../../src/policy/duration.ts';
import { PolicyError } from '../../src/policy/errors.ts';

const SECOND = 1000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;
const LONGEST = 150 * 365 * DAY;

/** The whole message of the PolicyError for a text, or undefined if it is a duration. */
function refusal(text: string): string | undefined {
  try {
    parseDuration(text);
    return undefined;
  } catch (error) {
    if (error instanceof PolicyError && error.flag === '--ago' && error.text === text) return error.message;
    throw error;
  }
}

describe('parseDuration', () => {
  test.each([
    ['30d', 30 * DAY],
    ['2d3h30m', 2 * DAY + 3 * HOUR + 30 * MINUTE],
    ['1.5h', 90 * MINUTE],
    ['90m', 90 * MINUTE],
    ['0d', 0],
    ['0', 0],
    ['2d0', 2 * DAY],
    ['1h15m30s', HOUR + 15 * MINUTE + 30 * SECOND],
    ['1d12h', 36 * HOUR],
    ['5400s', 90 * MINUTE],
    ['100000h', 100_000 * HOUR],
    ['9223372036s', LONGEST],
    ['.5h', 30 * MINUTE],
    ['1.h', HOUR],
    ['30m1h', 90 * MINUTE],
    ['1h1h', 2 * HOUR],
    ['007d', 7 * DAY],
    ['1000us', 1],
    ['1000µs', 1],
    ['1000μs', 1],
    ['1500ms', 1500],
    ['1d ', DAY],
    ['\t 1d', DAY],
  ])('%s', (text, milliseconds) => {
    expect(parseDuration(text).milliseconds).toBe(milliseconds);
  });

  test.each([
    ['1ns', 1],
    ['1.0000001ms', 2],
    ['999us', 1],
    ['0.3333333333s', 334],
  ])('%s is rounded up: the cut-off must not come later than that of acr purge', (text, milliseconds) => {
    expect(parseDuration(text).milliseconds).toBe(milliseconds);
  });

  test.each(['54751d', '54750d1ns', '300000d', '300000d5h', '106751d', '9999999999h', `${'9'.repeat(500)}d`])(
    '%s is capped at 150 × 365 days',
    (text) => {
      expect(parseDuration(text)).toEqual({ milliseconds: LONGEST, capped: true });
    },
  );

  test('150 × 365 days are not capped', () => {
    expect(parseDuration('54750d')).toEqual({ milliseconds: LONGEST, capped: false });
  });

  test.each([
    ['', 'write days'],
    ['  ', 'write days'],
    ['-1d', 'write 1d'],
    ['+1d', 'write 1d'],
    ['2d-3h', 'write 2d3h'],
    ['-0', 'write 0'],
    ['abc', 'write days'],
    ['1.5d', 'write 1d12h'],
    ['.1d', 'write days'],
    ['.d', 'write days'],
    ['1 d', 'write 1d'],
    ['1d 2h', 'write 1d2h'],
    ['1d\n', 'write 1d'],
    ['1\u00a0d', 'write 1d'],
    ['d', 'write days'],
    ['d5', 'write days'],
    ['1h1d', 'days come first, as a whole number, then h, m and s; write 1d1h'],
    ['1d1d', 'write 2d'],
    ['1', 'write 1h'],
    ['1.5', 'needs a unit'],
    ['1D', 'write 1d'],
    ['1H30M', 'write 1h30m'],
    ['1w', 'write 7d'],
    ['2W', 'write 14d'],
    ['1y', 'write 365d'],
    ['1mo', 'write 30d'],
    ['6mo', 'write 180d'],
    ['6 months', 'write 180d'],
    ['2 weeks', 'write 14d'],
    ['1y6mo', 'write 545d'],
    ['1 year and 2 days', 'write 367d'],
    ['1.5y', 'write 547d12h'],
    ['30days', 'write 30d'],
    ['30 days', 'write 30d'],
    ['30 Days', 'write 30d'],
    ['1day', 'write 1d'],
    ['12hours', 'write 12h'],
    ['90min', 'write 1h30m'],
    ['P30D', 'write 30d'],
    ['P1M', 'write 30d'],
    ['PT36H', 'write 1d12h'],
    ['P1Y2M3DT4H', 'write 428d4h'],
    // A month to whom writes it; a minute would delete far more.
    ['6M', 'write 180d for months, or 6m for minutes'],
    ['2026-01-01', 'a duration is a length of time, and no date'],
    ['h', 'write days'],
    ['.h', 'write days'],
    ['1..5h', 'write days'],
    ['1h30', 'write days'],
    ['1e3s', 'write days'],
    ['١d', 'write days'],
    ['１d', 'write days'],
    ['1d\u0000', 'write days'],
    // Days beyond the limit make acr purge overlook what follows.
    ['300000dnonsense', 'write days'],
    ['300000d-5h', 'write 300000d5h'],
    [`${'9'.repeat(2000)}d`, 'no duration is longer'],
  ])('%j is refused, with what to write', (text, instead) => {
    expect(refusal(text)).toContain(instead);
  });

  test('reads back what it is given', () => {
    const parts = fc.record({
      days: fc.integer({ min: 0, max: 50_000 }),
      hours: fc.integer({ min: 0, max: 100_000 }),
      minutes: fc.integer({ min: 0, max: 100_000 }),
      milliseconds: fc.integer({ min: 0, max: 1_000_000 }),
    });
    fc.assert(
      fc.property(parts, ({ days, hours, minutes, milliseconds }) => {
        const text = `${days}d${hours}h${minutes}m${(milliseconds / 1000).toFixed(3)}s`;
        const expected = days * DAY + hours * HOUR + minutes * MINUTE + milliseconds;
        expect(parseDuration(text)).toEqual({
          milliseconds: Math.min(expected, LONGEST),
          capped: expected > LONGEST,
        });
      }),
    );
  });

  test('throws nothing but PolicyError, and answers only with whole milliseconds within bounds', () => {
    const near = fc.stringMatching(/^[0-9dhmsnuµw.+ -]{0,12}$/);
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.string({ unit: 'binary' }), near), (text) => {
        if (refusal(text) !== undefined) return;
        const { milliseconds } = parseDuration(text);
        expect(Number.isSafeInteger(milliseconds) && milliseconds >= 0 && milliseconds <= LONGEST).toBe(true);
      }),
      { numRuns: 2000 },
    );
  });
});

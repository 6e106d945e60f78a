import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { parseInstant, toInstant } from '../../src/registry/time.ts';

/** A moment in units of 100 ns, as the registry gives times: seven digits of a second. */
const ticks = fc.bigInt({
  min: BigInt(Date.UTC(1970, 0, 1)) * 10_000n,
  max: BigInt(Date.UTC(2200, 0, 1)) * 10_000n,
});

function textOf(moment: bigint): string {
  const seconds = new Date(Number(moment / 10_000n)).toISOString().slice(0, 19);
  return `${seconds}.${String(moment % 10_000_000n).padStart(7, '0')}Z`;
}

describe('an instant', () => {
  test('keeps the seven digits of a second that the registry gives', () => {
    expect(parseInstant('2023-02-28T18:36:40.5864993Z')).toBe('2023-02-28T18:36:40.586499300Z');
    fc.assert(
      fc.property(ticks, (moment) => {
        expect(parseInstant(textOf(moment))).toBe(textOf(moment).replace('Z', '00Z'));
      }),
    );
  });

  test('sorts as text in the order of the times', () => {
    // Close together, too: on the last digits hangs which tag is the newest.
    const near = fc.tuple(ticks, fc.bigInt({ min: -20n, max: 20n })).map(([a, by]) => [a, a + by] as const);
    fc.assert(
      fc.property(fc.oneof(near, fc.tuple(ticks, ticks)), ([a, b]) => {
        const [one = '', other = ''] = [parseInstant(textOf(a)), parseInstant(textOf(b))];
        expect(one < other).toBe(a < b);
        expect(one === other).toBe(a === b);
      }),
    );
  });

  test('is the same with fewer digits and in any zone', () => {
    const moment = '2023-02-28T18:36:40.500000000Z';
    for (const text of [
      '2023-02-28T18:36:40.5Z',
      '2023-02-28T18:36:40.500000Z',
      '2023-02-28T20:06:40.5+01:30',
      '2023-02-27T23:36:40.5-19:00',
    ])
      expect(parseInstant(text)).toBe(moment);
    expect(toInstant(new Date('2023-02-28T18:36:40.5Z'))).toBe(moment);
    expect(parseInstant('2023-02-28T18:36:40Z')).toBe('2023-02-28T18:36:40.000000000Z');
  });

  test.each([
    undefined,
    null,
    0,
    1_677_609_400,
    '',
    'yesterday',
    '2023-02-28',
    '2023-02-28T18:36:40',
    '2023-02-28 18:36:40Z',
    '2023-02-30T18:36:40Z',
    '2023-02-29T00:00:00Z',
    '2023-13-01T00:00:00Z',
    '2023-01-01T24:00:00Z',
    '2023-01-01T00:00:60Z',
    '2023-01-01T00:00:00.Z',
    '2023-01-01T00:00:00.1234567890Z',
    '2023-01-01T00:00:00z',
    ' 2023-01-01T00:00:00Z',
    '2023-01-01T00:00:00Z\n',
    '+002023-01-01T00:00:00Z',
    // Nor in another zone.
    '2023-02-30T00:00:00+01:00',
    '2023-01-01T24:00:00-01:00',
    '2023-01-01T00:00:00+24:00',
    // In UTC of no year of four digits.
    '9999-12-31T23:59:59-01:00',
    '0000-01-01T00:00:00+01:00',
    // Never set.
    '0001-01-01T00:00:00Z',
    '0001-01-01T00:00:00.0000000Z',
    '0001-01-01T01:00:00+01:00',
  ])('is not read from %j', (text) => {
    expect(parseInstant(text)).toBeUndefined();
  });
});

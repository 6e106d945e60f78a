import { describe, expect, test } from 'vitest';
import { lengthOf, placeIn, spanInWords, spansOf, ticksOf } from '../../src/report/spans.ts';

const NOW = new Date('2026-11-30T12:00:00Z');
const HOUR = 3_600_000;
const DAY = 24 * HOUR;
const since = (ms: number) => spansOf([NOW.getTime() - ms], NOW);

describe('the dates of a chart', () => {
  test.each([
    // How long ago the first run was, how long a bar is, what stands below the bars.
    [HOUR, 'hour', ['18:00', '30 Nov', '06:00', '12:00']],
    [2 * DAY, 'hour', ['12:00', '29 Nov', '12:00', '30 Nov', '12:00']],
    [10 * DAY, '6 hours', ['21 Nov', '23 Nov', '25 Nov', '27 Nov', '29 Nov']],
    // From a Monday, where there are weeks between them.
    [30 * DAY, 'day', ['2 Nov', '9 Nov', '16 Nov', '23 Nov', '30 Nov']],
    [59 * DAY, 'day', ['12 Oct', '26 Oct', '9 Nov', '23 Nov']],
    [200 * DAY, '7 days', ['1 Jul', '1 Sep', '1 Nov']],
    [700 * DAY, '28 days', ['1 Jan 2025', '1 Jul 2025', '1 Jan', '1 Jul']],
  ])('of %d ms', (length, bar, labels) => {
    const spans = since(length);
    expect(lengthOf(spans[0] ?? { start: 0, end: 0 })).toBe(bar);
    const ticks = ticksOf(spans, NOW);
    expect(ticks.map(({ label }) => label)).toEqual(labels);
    for (const { at } of ticks) expect(at >= 0 && at < 1).toBe(true);
  });

  test('stand where their time is', () => {
    const spans = since(30 * DAY);
    const [from, to] = [spans[0]?.start ?? 0, spans.at(-1)?.end ?? 0];
    const [first] = ticksOf(spans, NOW);
    expect(from + (first?.at ?? 0) * (to - from)).toBe(Date.parse('2026-11-02T00:00:00Z'));
  });

  test('there are between 24 and 61 spans, and at most five dates, for any length of time', () => {
    for (let length = HOUR; length < 20_000 * DAY; length *= 1.37) {
      const spans = since(length);
      expect(spans.length).toBeGreaterThanOrEqual(24);
      expect(spans.length).toBeLessThanOrEqual(61);
      const { length: ticks } = ticksOf(spans, NOW);
      expect(ticks, String(length)).toBeGreaterThan(0);
      expect(ticks).toBeLessThanOrEqual(5);
      expect(placeIn(spans, NOW.toISOString())).toBe(spans.length - 1);
      expect(placeIn(spans, new Date(NOW.getTime() - length).toISOString())).toBeGreaterThanOrEqual(0);
    }
  });
});

test('a span in words', () => {
  const at = (iso: string, length: number) =>
    spanInWords({ start: Date.parse(iso), end: Date.parse(iso) + length }, NOW);
  expect(at('2026-11-29T18:00:00Z', 6 * HOUR)).toBe('29 Nov 18:00 to 00:00');
  expect(at('2026-11-29T00:00:00Z', DAY)).toBe('29 Nov');
  expect(at('2025-11-23T00:00:00Z', 7 * DAY)).toBe('23 Nov 2025 to 29 Nov 2025');
});

test('nothing is shown of no time, and a time that is none is passed over', () => {
  expect(spansOf([], NOW)).toEqual([]);
  expect(spansOf([Number.NaN], NOW)).toEqual([]);
  expect(ticksOf([], NOW)).toEqual([]);
  expect(placeIn(since(DAY), 'soon')).toBe(-1);
});

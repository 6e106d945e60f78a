import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { PolicyError } from '../../src/policy/errors.ts';
import { parseSchedule } from '../../src/policy/schedule.ts';

interface Recorded {
  readonly expression: string;
  readonly host: 'accepts' | 'refuses';
  readonly next?: readonly string[];
  readonly refuse?: 'never' | 'backward-range' | 'zero-step';
}

/** What the Functions host made of each expression, and its next eight runs after START. */
const recorded = readFileSync(new URL('../conformance/schedules.ndjson', import.meta.url), 'utf8')
  .trimEnd()
  .split('\n')
  .map((line) => JSON.parse(line) as Recorded);
const START = new Date('2026-11-24T00:00:00Z');
const HORIZON = new Date('2060-01-01T00:00:00Z');

function next(expression: string, count: number, after = START): readonly string[] {
  return parseSchedule(expression)
    .next(after, count)
    .map((run) => run.toISOString().replace('.000Z', 'Z'));
}

/** The whole message of the PolicyError for an expression, or undefined if it is a schedule. */
function refusal(expression: string): string | undefined {
  try {
    parseSchedule(expression);
    return undefined;
  } catch (error) {
    if (error instanceof PolicyError && error.flag === 'PURGE_SCHEDULE' && error.text === expression) {
      return error.message;
    }
    throw error;
  }
}

/** What every refusal ends with. */
const FORM =
  /; write five fields .*, or six with the second before them, in UTC, e\.g\. 0 1 \* \* Sun for Sundays at 01:00 UTC$/;

describe('as the Functions host reads it', () => {
  const accepted = recorded.filter(({ host, refuse }) => host === 'accepts' && refuse === undefined);
  const refused = recorded.filter(({ host }) => host === 'refuses');
  const meaningless = recorded.filter(({ refuse }) => refuse !== undefined);

  test('every recorded case is looked at', () => {
    expect(recorded).toHaveLength(296);
    expect(accepted.length + refused.length + meaningless.length).toBe(296);
  });

  test.each(accepted)('$expression', ({ expression, next: runs }) => {
    expect(next(expression, 8)).toEqual(runs);
  });

  test.each(refused)('$expression is refused, with what to write', ({ expression }) => {
    expect(refusal(expression)).toMatch(FORM);
  });

  const WHY = {
    never: 'it never runs',
    'backward-range': 'runs backward',
    'zero-step': 'has a step below 1',
  } as const;
  test.each(meaningless)('$expression is refused, for $refuse', ({ expression, refuse }) => {
    expect(refusal(expression)).toContain(refuse === undefined ? '' : WHY[refuse]);
    expect(refusal(expression)).toMatch(FORM);
  });

  // Not among the recorded: these too were put to the host.
  test.each([
    ['5/1 * * * *', '2026-11-24T00:05:00Z', '2026-11-24T00:06:00Z'],
    ['*/+5 * * * *', '2026-11-24T00:05:00Z', '2026-11-24T00:10:00Z'],
    ['5\t * * * *', '2026-11-24T00:05:00Z', '2026-11-24T01:05:00Z'],
    ['*/2147483647 * * * *', '2026-11-24T01:00:00Z', '2026-11-24T02:00:00Z'],
    [`${'0'.repeat(2000)}5 * * * *`, '2026-11-24T00:05:00Z', '2026-11-24T01:05:00Z'],
    ['0 0 * J *', '2027-01-01T00:00:00Z', '2027-01-02T00:00:00Z'],
    ['0 0 * * T', '2026-12-01T00:00:00Z', '2026-12-08T00:00:00Z'],
    ['*,* * * * *', '2026-11-24T00:01:00Z', '2026-11-24T00:02:00Z'],
    ['* 4 * * * *', '2026-11-24T00:04:00Z', '2026-11-24T00:04:01Z'],
  ])('%s', (expression, ...runs) => {
    expect(next(expression, 2)).toEqual(runs);
  });

  test.each([
    '5/2147483647 * * * *',
    '*/2147483648 * * * *',
    '99999999999 * * * *',
    '5\0\t * * * *',
    '5\u00a0 * * * *',
    '5-\t7 * * * *',
    '٥ * * * *',
    '0 0 * * Sundays',
    '0 0 * * -Mon',
    '*/ 5 * * * *',
    '*/5/2 * * * *',
  ])('%j is refused', (expression) => {
    expect(refusal(expression)).toMatch(FORM);
  });
});

describe('next', () => {
  test('does not name the moment itself, but the next one after a part of a second', () => {
    expect(next('0 1 * * Sun', 1, new Date('2026-11-29T01:00:00Z'))).toEqual(['2026-12-06T01:00:00Z']);
    expect(next('0 1 * * Sun', 1, new Date('2026-11-29T00:59:59.999Z'))).toEqual(['2026-11-29T01:00:00Z']);
    expect(next('* * * * * *', 2, new Date('2026-11-24T00:00:00.001Z'))).toEqual([
      '2026-11-24T00:00:01Z',
      '2026-11-24T00:00:02Z',
    ]);
  });

  test('ends with 2059', () => {
    expect(next('* * * * * *', 5, new Date('2059-12-31T23:59:57Z'))).toEqual([
      '2059-12-31T23:59:58Z',
      '2059-12-31T23:59:59Z',
    ]);
    expect(next('* * * * *', 5, HORIZON)).toEqual([]);
    expect(next('* * * * *', 0)).toEqual([]);
  });

  test('takes no more time for a rare schedule, or for one that skips most of what it names', () => {
    const start = performance.now();
    expect(next('0 0 29 2 1', 8)).toEqual(['2044-02-29T00:00:00Z']);
    expect(next('* * * 29 2 Mon', 1000)).toHaveLength(1000);
    expect(next('* * * * * *', 1000).at(-1)).toBe('2026-11-24T00:16:40Z');
    expect(performance.now() - start).toBeLessThan(5000);
  });
});

describe('a refusal names the expression, and says what is wrong with it', () => {
  test.each([
    [
      '0 22-2 * * *',
      '"22-2" runs backward, and the Functions host would swap its ends; list both parts, as in 22-23,0-2',
    ],
    ['0 0 * * Fri-Mon', 'as in 5-6,0-1'],
    ['50-10/15 * * * *', '"50-10/15" runs backward'],
    ['*/0 * * * *', '"*/0" has a step below 1, which the Functions host takes for 1'],
    ['5-9/-2 * * * *', '"5-9/-2" has a step below 1'],
    ['0 0 31 2 *', 'none of its months has such a day, so that it never runs'],
    ['0 0 * * 7', 'Sunday is 0, not 7'],
    ['0 0 * * Fri-7', 'Sunday is 0, not 7'],
    ['0 0 ? * 1', '? is not known: * is any value'],
    ['0 0 * * 5#2', 'the day-of-week field does not know "5#2": it holds 0 to 6 or Sun to Sat'],
    ['0 0 L * *', 'the day-of-month field does not know "L"'],
    ['@daily', 'nicknames such as @daily are not known'],
    ['\t0 1 * * Sun\n', 'fields are separated by blanks, not by tabs or line breaks'],
    ['"0 1 * * Sun"', 'quotation marks are no part of a schedule'],
    ['TZ=Europe/Berlin 0 1 * * *', 'a schedule has no time zone: it is always in UTC'],
    ['0 1 * * Sun # weekly', 'a schedule has no comment'],
    ['0 0 1 ? * SUN *', 'it has seven fields: there is none for the year'],
    ['', 'no schedule is given'],
    ['0 1 * *', 'it has 4 fields'],
    ['01:00:00', 'it has one field'],
    ['0 24 * * *', 'the hour field does not know "24": it holds 0 to 23'],
    ['0 0 * * Son', 'it holds 0 to 6 or Sun to Sat'],
    ['0 0 15W * *', 'the day-of-month field does not know "15W"'],
    ['1,,2 * * * *', 'an item of the list "1,,2" is empty'],
    ['0 1 * * \u001b[31m', String.raw`does not know "\u001b[31m"`],
    [`${'1,'.repeat(6000)}1 * * * *`, 'no schedule is longer than 10000 characters'],
  ])('%j: %s', (expression, problem) => {
    expect(refusal(expression)).toContain(problem);
    expect(refusal(expression)).toMatch(/^PURGE_SCHEDULE "/);
    expect(refusal(expression)).toMatch(FORM);
  });
});

describe('description', () => {
  test.each([
    ['0 1 * * Sun', 'At 01:00, only on Sunday (UTC)'],
    ['0 0 13 * 5', 'At 00:00, on day 13 of the month, and only if it is Friday (UTC)'],
    [
      '0 0 1-7 2 0-2,5',
      'At 00:00, between day 1 and 7 of the month, only in February, and only if it is Sunday through Tuesday or Friday (UTC)',
    ],
    ['0 0 1-31 * 1', 'At 00:00, only on Monday (UTC)'],
    ['0 0 * * 0-6', 'At 00:00 (UTC)'],
    ['* * * * *', 'Every minute (UTC)'],
    ['* * * * * *', 'Every second (UTC)'],
    ['*/5 * * * *', 'Every 5 minutes (UTC)'],
    ['*/61 * * * *', 'Every hour (UTC)'],
    ['*/19 * * * *', 'Every 19 minutes, minutes 0 through 57 past the hour (UTC)'],
    ['*/25 * * * *', 'At 0, 25, and 50 minutes past the hour (UTC)'],
    ['0 */5 * * *', 'On the hour, every 5 hours, between 00:00 and 20:00 (UTC)'],
    ['0 */8 * * *', 'At 00:00, 08:00 and 16:00 (UTC)'],
    ['5 */2 * * *', 'At 5 minutes past the hour, every 2 hours (UTC)'],
    ['* 1,5 * * *', 'Every minute, at 01:00 through 01:59 and 05:00 through 05:59 (UTC)'],
    ['*/10 */5 * * * *', 'Every 10 seconds, in each of these minutes: every 5 minutes (UTC)'],
    ['*/2 30 0 * * *', 'Every 2 seconds, in each of these minutes: at 00:30 (UTC)'],
    ['5 4 3 * * *', 'At 03:04:05 (UTC)'],
    ['0 0 */2 * *', 'At 00:00, every 2 days in a month, between day 1 and 31 of the month (UTC)'],
    ['30 9-17 * * Mon-Fri', 'At 30 minutes past the hour, between 09:00 and 17:59, Monday through Friday (UTC)'],
    ['0 0 1 */3 *', 'At 00:00, on day 1 of the month, only in January, April, July, and October (UTC)'],
  ])('%s: %s', (expression, description) => {
    expect(parseSchedule(expression)).toMatchObject({ expression, description });
  });
});

describe('whatever is accepted', () => {
  interface Part {
    readonly text: string;
    readonly values: ReadonlySet<number>;
  }

  /** A field as people write it, and what it selects. */
  const field = (min: number, max: number): fc.Arbitrary<Part> => {
    const item = fc
      .record({
        ends: fc.tuple(fc.integer({ min, max }), fc.integer({ min, max })),
        step: fc.integer({ min: 1, max: max + 5 }),
        form: fc.constantFrom('a', 'a-b', 'a/n', 'a-b/n', '*/n', '*'),
      })
      .map(({ ends, step, form }) => {
        const [a, b] = [Math.min(...ends), Math.max(...ends)];
        const text = form.replace('a', String(a)).replace('b', String(b)).replace('n', String(step));
        const from = form.startsWith('*') ? min : a;
        const to = form === 'a' ? a : form.includes('b') ? b : max;
        const values: number[] = [];
        for (let value = from; value <= to; value += form.includes('n') ? step : 1) values.push(value);
        return { text, values };
      });
    const list = fc.array(item, { minLength: 1, maxLength: 4 }).map((items) => ({
      text: items.map(({ text }) => text).join(),
      values: new Set(items.flatMap(({ values }) => values)),
    }));
    return fc.oneof(list, fc.constant({ text: '*', values: new Set(Array.from({ length: max + 1 }, (_, i) => i)) }));
  };
  const fields = fc.tuple(field(0, 59), field(0, 59), field(0, 23), field(1, 31), field(1, 12), field(0, 6));
  const after = fc.date({ min: START, max: new Date('2030-01-01'), noInvalidDate: true });

  test('runs when every field matches, and skips no day that does', () => {
    fc.assert(
      fc.property(fields, after, (parts, moment) => {
        const expression = parts.map(({ text }) => text).join(' ');
        if (refusal(expression)?.includes('it never runs')) return;
        const [seconds, minutes, hours, days, months, weekdays] = parts.map(({ values }) => values);
        const isDay = (day: Date): boolean =>
          days?.has(day.getUTCDate()) === true &&
          months?.has(day.getUTCMonth() + 1) === true &&
          weekdays?.has(day.getUTCDay()) === true;
        let previous = moment;
        for (const run of parseSchedule(expression).next(moment, 20)) {
          expect(run.getTime()).toBeGreaterThan(previous.getTime());
          const matches =
            isDay(run) &&
            seconds?.has(run.getUTCSeconds()) &&
            minutes?.has(run.getUTCMinutes()) &&
            hours?.has(run.getUTCHours());
          expect(matches).toBe(true);
          // No day between the two is one of its days.
          const between = new Date(previous);
          between.setUTCHours(24, 0, 0, 0);
          for (; between.getTime() + 86_400_000 <= run.getTime(); between.setUTCDate(between.getUTCDate() + 1)) {
            expect(isDay(between)).toBe(false);
          }
          previous = run;
        }
      }),
    );
  });

  test('runs from one moment as from the run before', () => {
    fc.assert(
      fc.property(fields, after, (parts, moment) => {
        const expression = parts.map(({ text }) => text).join(' ');
        if (refusal(expression) !== undefined) return;
        const schedule = parseSchedule(expression);
        const runs = schedule.next(moment, 10);
        let previous = moment;
        const single = runs.map(() => (previous = schedule.next(previous, 1)[0] ?? HORIZON));
        expect(single).toEqual(runs);
      }),
    );
  });

  test('five fields are six with second 0', () => {
    fc.assert(
      fc.property(fields, ([, ...parts]) => {
        const five = parts.map(({ text }) => text).join(' ');
        const six = `0 ${five}`;
        expect(refusal(six) === undefined).toBe(refusal(five) === undefined);
        if (refusal(five) !== undefined) return;
        expect(next(six, 5)).toEqual(next(five, 5));
        expect(parseSchedule(six).description).toBe(parseSchedule(five).description);
      }),
    );
  });

  test('throws nothing but PolicyError, with what a schedule looks like', () => {
    const near = fc.stringMatching(/^[ *,0-9?L/#-]{0,12}( [*0-9A-Za-z,/?#-]{1,4}){4,5}$/);
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.string({ unit: 'binary' }), near), (text) => {
        expect(refusal(text) ?? 'a schedule; write five fields').toContain('; write five fields');
      }),
      { numRuns: 2000 },
    );
  });
});

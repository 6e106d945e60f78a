import { PolicyError } from './errors.ts';

const FLAG = '--ago';

/** `acr purge` looks back no further than 150 years, and replaces anything longer by that. */
const LONGEST_DAYS = 150n * 365n;

/** No duration that means anything is longer; without a bound, a million digits would be worth minutes of arithmetic. */
const LONGEST_TEXT = 1000;

const NANOSECONDS_PER_MILLISECOND = 1_000_000n;
const DAY = 86_400_000_000_000n;
const LONGEST = LONGEST_DAYS * DAY;

/** The units of Go's time.ParseDuration, in nanoseconds; both micro signs of Unicode are its own. */
const UNITS: ReadonlyMap<string, bigint> = new Map([
  ['ns', 1n],
  ['us', 1_000n],
  ['µs', 1_000n],
  ['μs', 1_000n],
  ['ms', NANOSECONDS_PER_MILLISECOND],
  ['s', 1_000_000_000n],
  ['m', 60_000_000_000n],
  ['h', 3_600_000_000_000n],
]);

/**
 * Reads the value of `--ago`, or of the setting `flag`: `[<days>d][<Go duration>]`, e.g. `30d`, `2d3h30m`, `1.5h`, `0`. Blanks around it are
 * ignored.
 *
 * The duration is rounded up to whole milliseconds: the cut-off then lies no later than that of `acr purge`, and selects
 * no more. Beyond 150 × 365 days it is that, as in `acr purge`, and `capped` says so, for the caller to warn.
 *
 * @throws {PolicyError} for a text that is no such duration, also where `acr purge` would overlook that because the days
 * before it already exceed the limit; and for a negative duration, which would select what has not been pushed yet
 */
export function parseDuration(text: string, flag = FLAG): { readonly milliseconds: number; readonly capped: boolean } {
  const trimmed = text.replace(/^[ \t]+|[ \t]+$/g, '');
  const nanoseconds = trimmed.length > LONGEST_TEXT ? undefined : readDuration(trimmed);
  if (nanoseconds === undefined) throw new PolicyError(flag, text, explain(trimmed));
  const capped = nanoseconds > LONGEST;
  const counted = capped ? LONGEST : nanoseconds;
  return { milliseconds: Number(ceilDivide(counted, NANOSECONDS_PER_MILLISECOND)), capped };
}

/** The duration in nanoseconds, or undefined for a text that is none. */
function readDuration(text: string): bigint | undefined {
  if (text === '') return undefined;
  const days = /^([0-9]+)d/.exec(text);
  const rest = days ? text.slice(days[0].length) : text;
  let total = BigInt(days?.[1] ?? 0) * DAY;
  // Go reads a bare zero as a duration, and no other number without a unit.
  if (rest === '0') return total;
  // Not one regular expression for the whole: its groups would keep only the last number.
  const part = /([0-9]*)(?:\.([0-9]*))?([a-zµμ]+)/y;
  while (part.lastIndex < rest.length) {
    const found = part.exec(rest);
    const [, whole = '', fraction = '', name = ''] = found ?? [];
    const unit = UNITS.get(name);
    if (unit === undefined || whole + fraction === '') return undefined;
    total += ceilDivide(BigInt(whole + fraction) * unit, 10n ** BigInt(fraction.length));
  }
  return total;
}

const FORM =
  'a duration is a length of time, and no date: write days, then hours, minutes and seconds, e.g. 30d, 2d3h30m or 90m';

/** What can be wrong with a text, and the text without it. */
const SLIPS: readonly (readonly [problem: string, mend: (text: string) => string])[] = [
  ['no blank may stand inside a duration', (text) => text.replace(/\s+/g, '')],
  ['a duration has no sign', (text) => text.replace(/[+-]/g, '')],
  ['units are written small', (text) => text.toLowerCase()],
];

/** What is wrong with a text that is no duration, and what to write instead. */
function explain(text: string): string {
  if (text === '') return `no duration is given; ${FORM}`;
  if (text.length > LONGEST_TEXT) return `no duration is longer than ${LONGEST_TEXT} characters; ${FORM}`;
  // A month to most who write it; a minute would delete far more.
  if (/^M$|^[0-9.]+M(?![A-Z])/.test(text)) {
    const [, count = '1'] = /^([0-9]{1,6})M$/.exec(text) ?? [];
    return `M is no unit; write ${Number(count) * 30}d for months, or ${count}m for minutes`;
  }
  const words = fromWords(text);
  if (words !== undefined) return `days come first, as a whole number, then h, m and s; write ${words}`;
  if (/^[0-9.]+$/.test(text)) return `a number needs a unit; write ${text}h for hours, or ${text}d for days`;
  for (const [problem, mend] of SLIPS) {
    const mended = mend(text);
    if (readDuration(mended) !== undefined) return `${problem}; write ${mended}`;
  }
  return `this is no duration; ${FORM}`;
}

/** Units that people write and Go has not, by their names and in milliseconds. A month is 30 days, a year 365. */
const WORDS: readonly (readonly [RegExp, number])[] = [
  [/^(?:y|yrs?|years?)$/, 31_536_000_000],
  [/^(?:mo|mos|mon|mons|mth|mths|months?)$/, 2_592_000_000],
  [/^(?:w|wk|wks|weeks?)$/, 604_800_000],
  [/^(?:d|days?)$/, 86_400_000],
  [/^(?:h|hrs?|hours?)$/, 3_600_000],
  [/^(?:m|mins?|minutes?)$/, 60_000],
  [/^(?:s|secs?|seconds?)$/, 1000],
];

/** The duration of a text with other units, in another order, with days that are no whole number, or of ISO 8601. */
function fromWords(text: string): string | undefined {
  const spoken = isoInWords(text) ?? text.toLowerCase();
  const parts = [
    ...spoken.matchAll(/([0-9]{1,9}(?:[.,][0-9]{1,3})?)[ \t_-]*([a-z]+)(?:[ \t,]+(?:and[ \t]+)?|(?=[0-9])|$)/gy),
  ];
  if (parts.length === 0 || parts.map(([part]) => part).join('') !== spoken) return undefined;
  const counted = parts.map(([, count = '', unit = '']) => {
    const [, milliseconds = Number.NaN] = WORDS.find(([names]) => names.test(unit)) ?? [];
    return Number(count.replace(',', '.')) * milliseconds;
  });
  const seconds = Math.ceil(counted.reduce((sum, one) => sum + one) / 1000);
  return Number.isNaN(seconds) ? undefined : written(seconds);
}

/** `P1M2DT3H` as `1mo2d3h`. */
function isoInWords(text: string): string | undefined {
  const [, date = '', time = ''] = /^P((?:[0-9]+[YMWD])*)(?:T((?:[0-9]+[HMS])+))?$/i.exec(text) ?? [];
  if (date + time === '') return undefined;
  return `${date.replace(/M/i, 'mo')}${time}`.toLowerCase();
}

/** Seconds as `--ago` takes them. */
function written(seconds: number): string {
  const of = (count: number, unit: string): string => (count === 0 ? '' : `${count}${unit}`);
  const [days, rest] = [Math.floor(seconds / 86_400), seconds % 86_400];
  const parts = [
    of(days, 'd'),
    of(Math.floor(rest / 3600), 'h'),
    of(Math.floor((rest % 3600) / 60), 'm'),
    of(rest % 60, 's'),
  ];
  return parts.join('') || '0';
}

function ceilDivide(value: bigint, divisor: bigint): bigint {
  return (value + divisor - 1n) / divisor;
}

/** How long a run may take, before it is stopped between deletions. */
export interface TimeBudget {
  /** As it was given, for people. */
  readonly text: string;
  readonly milliseconds: number;
}

/** The longest timeout that a timer of Node takes is a little more. */
const LONGEST_BUDGET_DAYS = 24;

/**
 * Reads a time budget: a duration as `--ago` takes it, e.g. `25m`, `1h30m`.
 * @param name the flag or setting that it is the value of
 * @throws {PolicyError}
 */
export function parseTimeBudget(text: string, name: string): TimeBudget {
  if (/^\s*-/.test(text)) throw new PolicyError(name, text, 'must be longer than 0, e.g. 25m');
  const { milliseconds } = parseDuration(text, name);
  if (milliseconds === 0) throw new PolicyError(name, text, 'must be longer than 0, e.g. 25m');
  if (milliseconds > LONGEST_BUDGET_DAYS * 86_400_000)
    throw new PolicyError(name, text, `must be at most ${LONGEST_BUDGET_DAYS}d`);
  return { text: text.trim(), milliseconds };
}

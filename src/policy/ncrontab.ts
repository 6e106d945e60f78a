import { quote } from './errors.ts';

/**
 * The dialect of timer expressions that the Azure Functions host reads (NCrontab), which is no other cron's: days of
 * the month and of the week must BOTH match, names may be cut to any length, a number may stand with `/n` alone.
 *
 * What is accepted here and what it means is checked against the host itself (test/conformance/schedules.ndjson). One
 * difference is meant: names are plain letters. What else the host takes for a letter (soft hyphens, Ⓢ) hangs on the
 * tables of Unicode on the machine it runs on.
 */

/** What may stand in one place of an expression. */
export interface Field {
  readonly name: string;
  readonly min: number;
  readonly max: number;
  /** In the order of the numbers, from `min`. */
  readonly names: readonly string[];
}

const MONTHS = 'January February March April May June July August September October November December'.split(' ');
const DAYS = 'Sunday Monday Tuesday Wednesday Thursday Friday Saturday'.split(' ');

/** The fields of an expression of six, in their order; one of five begins with the minute. */
export const FIELDS = [
  { name: 'second', min: 0, max: 59, names: [] },
  { name: 'minute', min: 0, max: 59, names: [] },
  { name: 'hour', min: 0, max: 23, names: [] },
  { name: 'day-of-month', min: 1, max: 31, names: [] },
  { name: 'month', min: 1, max: 12, names: MONTHS },
  { name: 'day-of-week', min: 0, max: 6, names: DAYS },
] as const satisfies readonly Field[];

/** Which seconds, minutes, hours, days, months and weekdays (Sunday is 0); ascending, and never empty. */
export interface Moments {
  readonly seconds: readonly number[];
  readonly minutes: readonly number[];
  readonly hours: readonly number[];
  readonly days: readonly number[];
  readonly months: readonly number[];
  readonly weekdays: readonly number[];
}

/** Every value of every field written out takes about 500 characters; the rest is for lists that repeat themselves. */
const LONGEST_SCHEDULE = 10_000;
const LARGEST_INT = 2 ** 31 - 1;

/** The host parses a number as .NET does, which overlooks white space (and NUL) around it. */
const NUMBER = /^[0-9]+[\t-\r]*\0*$/;
const STEP = /^[\t-\r]*([+-]?[0-9]+)[\t-\r]*\0*$/;

/** What other schedulers know, or people add, and the host refuses. */
const UNKNOWN: readonly (readonly [RegExp, string])[] = [
  [/^\s*["'`]/, 'quotation marks are no part of a schedule'],
  [/^\s*(?:CRON_)?TZ=/, 'a schedule has no time zone: it is always in UTC'],
  [/^\s*@/, 'nicknames such as @daily are not known'],
  [/ #/, 'a schedule has no comment'],
  [/^\s*(?:\S+\s+){6}\S+\s*$/, 'it has seven fields: there is none for the year'],
  [/[\t-\r]/, 'fields are separated by blanks, not by tabs or line breaks'],
];

/**
 * What an expression selects.
 *
 * @param refuse told what is wrong where the host refuses an expression, and where it reads what a user hardly means: a
 * range that runs backward (the host swaps its ends), a step of zero, a day that never comes
 */
export function readMoments(text: string, refuse: (problem: string) => never): Moments {
  if (text.length > LONGEST_SCHEDULE) refuse(`no schedule is longer than ${LONGEST_SCHEDULE} characters`);
  if (text.trim() === '') refuse('no schedule is given');
  const unknown = (problem: string): never => refuse(UNKNOWN.find(([mark]) => mark.test(text))?.[1] ?? problem);
  // Nothing but a blank separates: a tab belongs to the field it stands in.
  const parts = text.split(' ').filter((part) => part !== '');
  const { length } = parts;
  if (length !== 5 && length !== 6) unknown(`it has ${length === 1 ? 'one field' : `${length} fields`}`);
  const values = FIELDS.slice(-length).map((field, index) => readList(field, parts[index] ?? '', unknown));
  const [seconds = [], minutes = [], hours = [], days = [], months = [], weekdays = []] =
    length === 5 ? [[0], ...values] : values;
  if (!everRuns(days, months)) refuse('none of its months has such a day, so that it never runs');
  return { seconds, minutes, hours, days, months, weekdays };
}

/** The values that one field selects, ascending. */
function readList(field: Field, text: string, refuse: (problem: string) => never): readonly number[] {
  const { min, max } = field;
  const selected = new Array<boolean>(max - min + 1).fill(false);
  for (const part of text.split(',')) {
    const item = readItem(field, part);
    if (!item) return refuse(part === '' ? `an item of the list ${quote(text)} is empty` : whyUnknown(field, part));
    const { from, to, step } = item;
    if (from > to)
      refuse(
        `${quote(part)} runs backward, and the Functions host would swap its ends; list both parts, as in ${from}-${max},${min}-${to}`,
      );
    if (step < 1) refuse(`${quote(part)} has a step below 1, which the Functions host takes for 1`);
    for (let value = from; value <= to; value += step) selected[value - min] = true;
  }
  return selected.flatMap((is, index) => (is ? [index + min] : []));
}

function whyUnknown(field: Field, text: string): string {
  const { name, min, max, names } = field;
  if (text === '?') return '? is not known: * is any value';
  if (names === DAYS && readItem({ ...field, max: 7 }, text)) return 'Sunday is 0, not 7';
  const [first = '', last = ''] = [names[0]?.slice(0, 3), names.at(-1)?.slice(0, 3)];
  const named = first === '' ? '' : ` or ${first} to ${last}`;
  return `the ${name} field does not know ${quote(text)}: it holds ${min} to ${max}${named}, a range such as ${min}-${max}, a step such as */2, or a list of these with commas`;
}

/** One part of a list: every `step`th value from `from` to `to`. */
interface Item {
  readonly from: number;
  /** Below `from` where a range runs backward, e.g. `22-2`. */
  readonly to: number;
  /** Zero or less where it is written so; the host takes that for 1. */
  readonly step: number;
}

/** One part of a list as the host reads it; undefined where the host refuses it. */
function readItem(field: Field, text: string): Item | undefined {
  const slash = text.indexOf('/');
  const isStepped = slash >= 0;
  const step = isStepped ? readStep(text.slice(slash + 1)) : 1;
  const range = isStepped ? text.slice(0, slash) : text;
  const dash = range.indexOf('-');
  const isAny = range === '*';
  const from = isAny ? field.min : readValue(field, dash < 0 ? range : range.slice(0, dash));
  // `5/15` runs to the end of the field.
  const to = isAny || (dash < 0 && isStepped) ? field.max : dash < 0 ? from : readValue(field, range.slice(dash + 1));
  if (from === undefined || to === undefined || step === undefined) return undefined;
  return overflows(field, { from, to, step }) ? undefined : { from, to, step };
}

function readValue({ min, max, names }: Field, text: string): number | undefined {
  if (NUMBER.test(text)) {
    const value = Number.parseInt(text, 10);
    return value >= min && value <= max ? value : undefined;
  }
  if (!/^[a-z]+$/i.test(text)) return undefined;
  // Any beginning of a name is that name, and the first that fits: M is March, S is Sunday.
  const index = names.findIndex((name) => name.toLowerCase().startsWith(text.toLowerCase()));
  return index < 0 ? undefined : index + min;
}

function readStep(text: string): number | undefined {
  const [, digits] = STEP.exec(text) ?? [];
  const step = Number(digits);
  return digits !== undefined && step >= -LARGEST_INT - 1 && step <= LARGEST_INT ? step : undefined;
}

/** The host counts in 32 bits, and fails where the value after the last one would not fit. */
function overflows({ min }: Field, { from, to, step }: Item): boolean {
  if (step < 1) return false;
  const first = Math.min(from, to) - min;
  const last = Math.max(from, to) - min;
  return first + (Math.floor((last - first) / step) + 1) * step > LARGEST_INT;
}

/**
 * Whether there is any day on it. The weekday does not matter: every date that the calendar has, 29 February too, falls
 * on each weekday at some time.
 */
function everRuns(days: readonly number[], months: readonly number[]): boolean {
  const leapYear = 2024;
  return months.some((month) => days.some((day) => day <= new Date(Date.UTC(leapYear, month, 0)).getUTCDate()));
}

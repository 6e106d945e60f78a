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

/** One part of a list: every `step`th value from `from` to `to`. */
export interface Item {
  readonly from: number;
  /** Below `from` where a range runs backward, e.g. `22-2`. */
  readonly to: number;
  /** Zero or less where it is written so; the host reads 1. */
  readonly step: number;
}

/** Which seconds, minutes, hours, days, months and weekdays (Sunday is 0); ascending, and never empty. */
export interface Moments {
  readonly seconds: readonly number[];
  readonly minutes: readonly number[];
  readonly hours: readonly number[];
  readonly days: readonly number[];
  readonly months: readonly number[];
  readonly weekdays: readonly number[];
}

/** The host parses a number as .NET does, which overlooks white space (and NUL) around it. */
const NUMBER = /^[0-9]+[\t-\r]*\0*$/;
const STEP = /^[\t-\r]*([+-]?[0-9]+)[\t-\r]*\0*$/;
const LARGEST_INT = 2 ** 31 - 1;

/** The fields of an expression with what each may hold; undefined where they are neither five nor six. */
export function splitFields(text: string): readonly { readonly field: Field; readonly text: string }[] | undefined {
  // Nothing but a blank separates: a tab belongs to the field it stands in.
  const parts = text.split(' ').filter((part) => part !== '');
  if (parts.length !== 5 && parts.length !== 6) return undefined;
  return FIELDS.slice(-parts.length).map((field, index) => ({ field, text: parts[index] ?? '' }));
}

/** One part of a list as the host reads it; undefined where the host refuses it. */
export function readItem(field: Field, text: string): Item | undefined {
  const slash = text.indexOf('/');
  const step = slash < 0 ? 1 : readStep(text.slice(slash + 1));
  const range = readRange(field, slash < 0 ? text : text.slice(0, slash), slash >= 0);
  if (!range || step === undefined) return undefined;
  const item = { ...range, step };
  return overflows(field, item) ? undefined : item;
}

function readRange(field: Field, text: string, stepped: boolean): Omit<Item, 'step'> | undefined {
  if (text === '*') return { from: field.min, to: field.max };
  const dash = text.indexOf('-');
  const from = readValue(field, dash < 0 ? text : text.slice(0, dash));
  // `5/15` goes on to the end of the field.
  const to = dash >= 0 ? readValue(field, text.slice(dash + 1)) : stepped ? field.max : from;
  return from === undefined || to === undefined ? undefined : { from, to };
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
 * What an expression selects; undefined where the host refuses it, and where nobody means what the host makes of it: a
 * range that runs backward, a step of zero, no run ever.
 */
export function readMoments(text: string): Moments | undefined {
  const fields = splitFields(text);
  if (!fields) return undefined;
  const values: (readonly number[] | undefined)[] = fields.map(({ field, text: list }) => readList(field, list));
  if (!values.every((selected) => selected !== undefined)) return undefined;
  const [seconds = [], minutes = [], hours = [], days = [], months = [], weekdays = []] =
    values.length === 5 ? [[0], ...values] : values;
  const moments = { seconds, minutes, hours, days, months, weekdays };
  return everRuns(moments) ? moments : undefined;
}

/** The values that one field selects, ascending; undefined as for `readMoments`. */
export function readList(field: Field, text: string): readonly number[] | undefined {
  const { min, max } = field;
  const selected = new Array<boolean>(max - min + 1).fill(false);
  for (const part of text.split(',')) {
    const item = readItem(field, part);
    if (!item || item.from > item.to || item.step < 1) return undefined;
    for (let value = item.from; value <= item.to; value += item.step) selected[value - min] = true;
  }
  return selected.flatMap((is, index) => (is ? [index + min] : []));
}

/**
 * Whether there is any day on it. The weekday does not matter: every date that the calendar has, 29 February too, falls
 * on each weekday at some time.
 */
function everRuns({ days, months }: Moments): boolean {
  const leapYear = 2024;
  return months.some((month) => days.some((day) => day <= daysInMonth(leapYear, month)));
}

/** `month` counts from 1. */
export function daysInMonth(year: number, month: number): number {
  return new Date(Date.UTC(year, month, 0)).getUTCDate();
}

import { quote } from './errors.ts';
import { daysInMonth, type Field, FIELDS, readList, readMoments, splitFields } from './ncrontab.ts';
import { mendItem } from './schedule-mend.ts';

/** Every value of every field written out takes about 500 characters; the rest is for lists that repeat themselves. */
export const LONGEST_SCHEDULE = 10_000;

/** A longer expression is not repeated in a message. */
const LONGEST_ADVICE = 200;

const FORM =
  'write five fields (minute, hour, day of the month, month, day of the week), e.g. 0 1 * * Sun for 01:00 UTC on ' +
  'Sundays; the second may stand before them as a sixth';

/** What other schedulers know and the host does not. */
const NICKNAMES: ReadonlyMap<string, string> = new Map([
  ['@yearly', '0 0 1 1 *'],
  ['@annually', '0 0 1 1 *'],
  ['@monthly', '0 0 1 * *'],
  ['@weekly', '0 0 * * Sun'],
  ['@daily', '0 0 * * *'],
  ['@midnight', '0 0 * * *'],
  ['@hourly', '0 * * * *'],
]);

/** What can be wrong with an expression as a whole, and the expression without it. */
const SLIPS: readonly { readonly problem: string; readonly mend: (text: string) => string }[] = [
  {
    problem: 'fields are separated by blanks, not by tabs or line breaks',
    mend: (text) => text.trim().replace(/\s+/g, ' '),
  },
  {
    problem: 'only plain letters and the digits 0 to 9 may stand in a schedule',
    mend: (text) => text.normalize('NFKC').replace(/[\p{Cf}\p{Cc}]/gu, ''),
  },
  {
    problem: 'quotation marks are no part of a schedule',
    mend: (text) => text.replace(/^\s*(["'`])(.*)\1\s*$/s, '$2'),
  },
  { problem: 'a schedule has no time zone, it is always UTC', mend: (text) => text.replace(/^(CRON_)?TZ=\S+ +/, '') },
  { problem: 'a schedule has no comment', mend: (text) => text.replace(/ #.*$/s, '') },
  { problem: 'a schedule has no field for the year', mend: (text) => text.replace(/^((?:\S+ +){6})[*?]$/, '$1') },
  { problem: 'nicknames are not known', mend: (text) => NICKNAMES.get(text.trim().toLowerCase()) ?? text },
];

/** What is wrong with a text that `readMoments` refuses (or that is too long for it), and what to write instead. */
export function explainSchedule(text: string): string {
  if (text.length > LONGEST_SCHEDULE) return `no schedule is longer than ${LONGEST_SCHEDULE} characters; ${FORM}`;
  if (text.trim() === '') return `no schedule is given; ${FORM}`;
  const mended = mendFields(text);
  if (mended) return `${mended.problems.join(', and ')}; ${advise(mended.text)}`;
  for (const { problem, mend } of SLIPS) {
    const without = mendFields(mend(text));
    if (without) return `${problem}; ${advise(without.text)}`;
  }
  return explainFields(text);
}

/** An expression that says what was meant, and what was wrong; undefined where there is no telling. */
function mendFields(text: string): { readonly problems: readonly string[]; readonly text: string } | undefined {
  const fields = splitFields(nthWeekday(text));
  if (!fields) return undefined;
  const problems: string[] =
    nthWeekday(text) === text ? [] : ['# is not known (but the days of the month and of the week must both match)'];
  const mended: string[] = [];
  for (const { field, text: list } of fields) {
    const items = list.split(',').map((item) => mendItem(field, item));
    if (!items.every((item) => item !== undefined)) return undefined;
    for (const { problem } of items) if (problem !== undefined) problems.push(problem);
    mended.push(items.map((item) => item.text).join());
  }
  const [first] = problems;
  const settled = settle(mended);
  if (settled === undefined) return undefined;
  const never = settled === mended.join(' ') ? [] : ['none of its months has such a day, so that it never runs'];
  return { problems: [...(first === undefined ? [] : [first]), ...never], text: settled };
}

/** The fields as an expression that is a schedule; where they name only days that never come, with one that does. */
function settle(fields: readonly string[]): string | undefined {
  const text = fields.join(' ');
  if (readMoments(text)) return text;
  const months = readList(FIELDS[4], fields.at(-2) ?? '') ?? [];
  const commonYear = 2023;
  const lastDay = months.reduce(
    (least, one) => Math.min(least, daysInMonth(commonYear, one)),
    Number.POSITIVE_INFINITY,
  );
  const another = fields.with(-3, String(lastDay)).join(' ');
  return readMoments(another) && another;
}

/** The second Friday, `* * 5#2`, is the Friday from the 8th to the 14th. */
function nthWeekday(text: string): string {
  return text.replace(/[*?] +(\S+) +([a-z]+|[0-7])#([1-5]) *$/i, (_, month: string, weekday: string, nth: string) => {
    const last = Number(nth) * 7;
    return `${last - 6}-${Math.min(last, 31)} ${month} ${weekday}`;
  });
}

function advise(text: string): string {
  return text.length > LONGEST_ADVICE ? FORM : `write ${text}`;
}

/** What is wrong where nothing can be guessed. */
function explainFields(text: string): string {
  const fields = splitFields(text);
  for (const { field, text: list } of fields ?? []) {
    const wrong = list.split(',').find((item) => mendItem(field, item) === undefined);
    if (wrong === '') return `an item of the list ${quote(list)} is empty; ${formOf(field)}`;
    if (wrong !== undefined) return `the ${field.name} field does not know ${quote(wrong)}; ${formOf(field)}`;
  }
  const count = text.split(' ').filter((part) => part !== '').length;
  return `it has ${count === 1 ? 'one field' : `${count} fields`}; ${FORM}`;
}

function formOf({ min, max, names }: Field): string {
  const [first, last] = [names[0]?.slice(0, 3), names.at(-1)?.slice(0, 3)];
  const named = first === undefined || last === undefined ? '' : ` or ${first} to ${last}`;
  return `write ${min} to ${max}${named}, a range such as ${min}-${max}, a step such as */2, or a list of these with commas`;
}

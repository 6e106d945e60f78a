import cronstrue from 'cronstrue';
import { type Field, FIELDS, type Moments } from './ncrontab.ts';

const [SECOND, MINUTE, HOUR, DAY, MONTH, WEEKDAY] = FIELDS;

/** Fewer values than this are named one by one, even where they are evenly spaced. */
const PROGRESSION = 4;

interface Run {
  readonly from: number;
  readonly to: number;
}

/**
 * A schedule in words, by cronstrue. It reads another dialect, and reads some steps loosely (every 19 minutes, for 0, 19,
 * 38 and 57). So it is given the selected moments, in a form for which its words are right.
 */
export function describeMoments({ seconds, minutes, hours, days, months, weekdays }: Moments): string {
  const bothDays = days.length < count(DAY) && weekdays.length < count(WEEKDAY);
  const date = [evenly(days) ?? list(days, DAY), list(months, MONTH), bothDays ? '*' : list(weekdays, WEEKDAY)].join(
    ' ',
  );
  const minute = sixty(minutes, MINUTE);
  const hour = hourPart(seconds, minutes, hours);
  const everyMinute = minutes.length === count(MINUTE);
  // `*/10 */5 …` would be "every 10 seconds, every 5 minutes".
  const words =
    seconds.length > 1 && !everyMinute
      ? `${say(`${sixty(seconds, SECOND)} * * * * *`)}, in each of these minutes: ${lowerFirst(say(`0 ${minute} ${hour} ${date}`))}`
      : say(`${sixty(seconds, SECOND)} ${minute} ${hour} ${date}`);
  return `${words}${bothDays ? `, and only if it is ${weekdayNames(weekdays)}` : ''} (UTC)`;
}

function say(expression: string): string {
  return cronstrue.toString(expression, { use24HourTimeFormat: true });
}

/** Seconds or minutes: `*`, `*\/5` where that is even through the hour, `5-50/15`, or a list. */
function sixty(values: readonly number[], field: Field): string {
  return wholeSteps(values, field) ?? evenly(values) ?? list(values, field);
}

/** Hours in a form that does not make "at 01:00" of the sixty minutes from 01:00 on. */
function hourPart(seconds: readonly number[], minutes: readonly number[], hours: readonly number[]): string {
  if (hours.length === count(HOUR)) return '*';
  const [minute] = minutes;
  if (minutes.length > 1) return ranges(hours);
  const steps = evenly(hours) && (wholeSteps(hours, HOUR) ?? evenly(hours));
  if (steps !== undefined) return steps;
  // With one second and one minute cronstrue writes the times themselves, if it is given no range.
  const listed = list(hours, HOUR);
  const onTheMinute = seconds.length > 1 || seconds[0] === 0;
  const timesOfDay = !listed.includes('-') && (onTheMinute || hours.length === 1);
  return minute === 0 || timesOfDay ? listed : ranges(hours);
}

/** `*\/n` for what starts with the field and meets its end: only that is the same distance every time. */
function wholeSteps(values: readonly number[], { min, max }: Field): string | undefined {
  const size = max - min + 1;
  const step = size / values.length;
  const whole = step > 1 && values.length > 1 && values.every((value, index) => value === min + index * step);
  return whole ? `*/${step}` : undefined;
}

/** `5-50/15` for values at one distance. */
function evenly(values: readonly number[]): string | undefined {
  const [first = 0, second = 0] = values;
  const step = second - first;
  const even = values.length >= PROGRESSION && step > 1;
  if (!even || !values.every((value, index) => value === first + index * step)) return undefined;
  return `${first}-${first + (values.length - 1) * step}/${step}`;
}

function list(values: readonly number[], field: Field): string {
  if (values.length === count(field)) return '*';
  return runsOf(values)
    .map(({ from, to }) => (to - from < 2 ? values.filter((value) => value >= from && value <= to) : `${from}-${to}`))
    .join();
}

/** Every part as a range, a single value too. */
function ranges(values: readonly number[]): string {
  return runsOf(values)
    .map(({ from, to }) => `${from}-${to}`)
    .join();
}

function runsOf(values: readonly number[]): readonly Run[] {
  const runs: Run[] = [];
  for (const value of values) {
    const last = runs.at(-1);
    if (last?.to === value - 1) runs.splice(-1, 1, { from: last.from, to: value });
    else runs.push({ from: value, to: value });
  }
  return runs;
}

/** `Sunday, Tuesday through Thursday or Saturday` */
function weekdayNames(weekdays: readonly number[]): string {
  const name = (day: number): string => WEEKDAY.names[day] ?? '';
  const parts = runsOf(weekdays).flatMap(({ from, to }) =>
    to - from < 2
      ? weekdays.filter((day) => day >= from && day <= to).map(name)
      : [`${name(from)} through ${name(to)}`],
  );
  const last = parts.pop() ?? '';
  return parts.length === 0 ? last : `${parts.join(', ')} or ${last}`;
}

function count({ min, max }: Field): number {
  return max - min + 1;
}

function lowerFirst(text: string): string {
  return text.slice(0, 1).toLowerCase() + text.slice(1);
}

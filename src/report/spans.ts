import { dayOf } from './title.ts';

/* The time that charts show, cut into spans of equal length, and the dates that stand below it. */

const HOUR = 3_600_000;
const DAY = 24 * HOUR;

/** Milliseconds since 1970. */
export interface Span {
  readonly start: number;
  readonly end: number;
}

/** The time that one span may have. */
const WIDTHS = [HOUR, 6 * HOUR, DAY, 7 * DAY, 28 * DAY];

/** With fewer, each bar would be a block; with more, a telephone has no pixel for each. */
const MIN_SPANS = 24;
const MAX_SPANS = 60;

/** Spans of equal length from the first of some times up to now, so that a time without a run shows as a gap. */
export function spansOf(times: readonly number[], now: Date): readonly Span[] {
  const known = times.filter((time) => !Number.isNaN(time));
  if (known.length === 0) return [];
  const first = known.reduce((a, b) => Math.min(a, b));
  const last = known.reduce((a, b) => Math.max(a, b), now.getTime());
  const spansIn = (width: number): number => Math.floor(last / width) - Math.floor(first / width) + 1;
  const width =
    WIDTHS.find((one) => spansIn(one) <= MAX_SPANS) ?? Math.ceil((last - first + 1) / (MAX_SPANS - 1) / DAY) * DAY;
  const spans = Math.max(spansIn(width), MIN_SPANS);
  const start = (Math.floor(last / width) - spans + 1) * width;
  return Array.from({ length: spans }, (_, index) => ({
    start: start + index * width,
    end: start + (index + 1) * width,
  }));
}

/** The place of the span in which a time is; -1 where none is. */
export function placeIn(spans: readonly Span[], iso: string): number {
  const time = Date.parse(iso);
  return spans.findIndex(({ start, end }) => time >= start && time < end);
}

export interface Tick {
  /** From 0, the beginning of the time, to 1, its end. */
  readonly at: number;
  readonly label: string;
}

/** A telephone has room for no more. */
const MAX_TICKS = 5;

/** The time between two ticks: hours from midnight, days, weeks from a Monday. */
const STEPS = [HOUR, 3 * HOUR, 6 * HOUR, 12 * HOUR, DAY, 2 * DAY, 7 * DAY, 14 * DAY];
/** 1970 began on a Thursday. */
const MONDAY = 4 * DAY;
const MONTHS = [1, 2, 3, 6, 12, 24, 60, 120];

/** Dates within some spans: where a day, a week or a month begins, as fits. */
export function ticksOf(spans: readonly Span[], now: Date): readonly Tick[] {
  const [from, to] = [spans[0]?.start ?? 0, spans.at(-1)?.end ?? 0];
  const candidates = function* (): Generator<readonly number[]> {
    for (const step of STEPS) yield everyStep(from, to, step);
    for (const months of MONTHS) yield everyMonths(from, to, months);
  };
  for (const times of candidates())
    if (times.length <= MAX_TICKS)
      return times.map((time) => ({ at: (time - from) / (to - from), label: labelOf(new Date(time), now) }));
  return [];
}

function everyStep(from: number, to: number, step: number): readonly number[] {
  const origin = step % (7 * DAY) === 0 ? MONDAY : 0;
  const first = Math.ceil((from - origin) / step) * step + origin;
  const found: number[] = [];
  for (let time = first; time < to && found.length <= MAX_TICKS; time += step) found.push(time);
  return found;
}

function everyMonths(from: number, to: number, months: number): readonly number[] {
  const start = new Date(from);
  const found: number[] = [];
  const first = Math.ceil((start.getUTCFullYear() * 12 + start.getUTCMonth()) / months) * months;
  for (let month = first; found.length <= MAX_TICKS; month += months) {
    const time = Date.UTC(Math.floor(month / 12), month % 12);
    if (time >= to) break;
    if (time >= from) found.push(time);
  }
  return found;
}

/** The day where it begins; else the hour. */
function labelOf(time: Date, now: Date): string {
  return time.getTime() % DAY === 0 ? dayOf(time, now) : time.toISOString().slice(11, 16);
}

/** A span in words: `24 Nov`, `24 Nov 06:00 to 12:00`, `23 to 29 Nov`. */
export function spanInWords({ start, end }: Span, now: Date): string {
  const [first, last] = [new Date(start), new Date(end - 1)];
  if (end - start < DAY) {
    const hour = (time: number): string => new Date(time).toISOString().slice(11, 16);
    return `${dayOf(first, now)} ${hour(start)} to ${hour(end)}`;
  }
  const day = dayOf(first, now);
  return end - start === DAY ? day : `${day} to ${dayOf(last, now)}`;
}

/** `hour`, `6 hours`, `day`, `7 days` */
export function lengthOf({ start, end }: Span): string {
  const hours = (end - start) / HOUR;
  const [number, unit] = hours < 24 ? [hours, 'hour'] : [hours / 24, 'day'];
  return number === 1 ? unit : `${number} ${unit}s`;
}

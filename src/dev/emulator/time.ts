/**
 * Instants as whole microseconds since 1970: the finest unit in which today still fits a safe integer.
 * A registry shows seven digits of a second (100 ns, .NET's tick). The seventh is made up: never 0, so that a client which
 * reads only six fails a test, and computed from the other digits, so that the order is kept.
 */
export type Micros = number;

/** What ages count from, and what time it is: milliseconds since 1970. */
export interface Times {
  readonly start: Date;
  readonly now: () => number;
}

/** The age of what happens now: negative, because ages count from the start. */
export function ageOfNow({ start, now }: Times): number {
  return (start.getTime() - now()) / 1000;
}

/** The instant it is now. */
export function microsOfNow({ now }: Times): Micros {
  return Math.round(now() * 1000);
}

const ticksBefore1970 = 621_355_968_000_000_000n;
const largestInt64 = 9_223_372_036_854_775_807n;

/** `age` seconds before `start`. */
export function microsBefore(start: Date, age: number): Micros {
  return start.getTime() * 1000 - Math.round(age * 1_000_000);
}

/** `2023-02-28T18:36:40.5864993Z` */
export function timestamp(micros: Micros): string {
  const milliseconds = Math.floor(micros / 1000);
  const rest = String(micros - milliseconds * 1000).padStart(3, '0');
  return `${new Date(milliseconds).toISOString().slice(0, -1)}${rest}${seventhDigit(micros)}Z`;
}

/** The instant of a text in the form of {@link timestamp}; undefined for other text. */
export function parseTimestamp(text: string): Micros | undefined {
  const parts = /^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.(\d+))?Z$/.exec(text);
  const seconds = parts?.[1] === undefined ? NaN : Date.parse(`${parts[1]}Z`);
  if (Number.isNaN(seconds)) return undefined;
  return seconds * 1000 + Number((parts?.[2] ?? '').slice(0, 6).padEnd(6, '0'));
}

/**
 * The cursor of a listing by time. Recorded cursors (`8586163895140836946&12.04`) are the ticks left until the
 * largest Int64, and the name: they ascend while time descends.
 */
export function timeCursor(order: 'timeasc' | 'timedesc', micros: Micros, key: string): string {
  const ticks = BigInt(micros) * 10n + BigInt(seventhDigit(micros)) + ticksBefore1970;
  return `${String(order === 'timedesc' ? largestInt64 - ticks : ticks)}&${key}`;
}

/** The place of a {@link timeCursor}; undefined for other text. */
export function parseTimeCursor(
  order: 'timeasc' | 'timedesc',
  cursor: string,
): { micros: Micros; key: string } | undefined {
  const parts = /^(\d{1,19})&(.+)$/.exec(cursor);
  if (parts?.[1] === undefined || parts[2] === undefined) return undefined;
  const count = BigInt(parts[1]);
  const since1970 = (order === 'timedesc' ? largestInt64 - count : count) - ticksBefore1970;
  const digit = ((since1970 % 10n) + 10n) % 10n;
  return { micros: Number((since1970 - digit) / 10n), key: parts[2] };
}

function seventhDigit(micros: Micros): number {
  return (Math.abs(micros) % 9) + 1;
}

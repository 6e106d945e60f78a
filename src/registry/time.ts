/**
 * A moment as text that sorts: UTC, always nine digits of a second (`2023-02-28T18:36:40.586499300Z`).
 *
 * The registry gives times with seven digits of a second, a JavaScript `Date` keeps three. Which of two tags is the newer,
 * and so is kept by `--keep`, can depend on the other four. As text of one width, moments compare exactly with `<`.
 */
export type Instant = string & { readonly __instant: unique symbol };

const RFC_3339 = /^(\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2})(?:\.(\d{1,9}))?(Z|[+-]\d{2}:\d{2})$/;

/** Most times: in UTC, and on a day that every month has, so that nothing else need be checked. */
const PLAIN = /^\d{4}-(?:0[1-9]|1[0-2])-(?:0[1-9]|1\d|2[0-8])T(?:[01]\d|2[0-3]):[0-5]\d:[0-5]\d\.\d{7}Z$/;

/** Reads an RFC 3339 time. `undefined` for anything else: a time that cannot be read is a doubt. */
export function parseInstant(text: unknown): Instant | undefined {
  if (typeof text !== 'string') return undefined;
  if (PLAIN.test(text) && !text.startsWith(NEVER)) return flat(text.slice(0, -1), '00Z');
  const parts = RFC_3339.exec(text);
  if (!parts) return undefined;
  const [, seconds = '', fraction = '', zone = ''] = parts;
  const local = secondsOf(`${seconds}Z`);
  // `Date` rolls an impossible day over (30 February becomes 2 March); such a text is no time.
  if (local !== seconds) return undefined;
  const utc = secondsOf(seconds + zone);
  // Go and .NET write a time that was never set so: it must not pass for a very old one.
  if (utc === NEVER) return undefined;
  return utc === undefined ? undefined : flat(utc, '.', fraction.padEnd(9, '0'), 'Z');
}

const NEVER = '0001-01-01T00:00:00';

/** Joins to one flat string. Concatenated with `+` it would keep its parts and the texts they were cut from: ten times as much. */
function flat(...parts: readonly string[]): Instant {
  return parts.join('') as Instant;
}

/** In UTC; `undefined` for no time, and for a year that has not four digits: as text it would not sort. */
function secondsOf(text: string): string | undefined {
  const date = new Date(text);
  if (Number.isNaN(date.getTime())) return undefined;
  const iso = date.toISOString();
  return /^\d{4}-/.test(iso) ? iso.slice(0, 19) : undefined;
}

/** The moment of a `Date`. */
export function toInstant(date: Date): Instant {
  return `${date.toISOString().slice(0, 23)}000000Z` as Instant;
}

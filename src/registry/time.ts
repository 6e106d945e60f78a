/**
 * A moment as text that sorts: UTC, always nine digits of a second (`2023-02-28T18:36:40.586499300Z`).
 *
 * The registry gives times with seven digits, a JavaScript `Date` keeps three. Which of two tags is the newer, and so
 * stays under `--keep`, can hang on the other four; as text of one width moments compare exactly with `<`.
 */
export type Instant = string & { readonly __instant: unique symbol };

const RFC_3339 = /^(\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2})(?:\.(\d{1,9}))?(Z|[+-]\d{2}:\d{2})$/;

/** Reads an RFC 3339 time as the registry writes it. `undefined` for anything else: a time nobody can read is a doubt. */
export function parseInstant(text: unknown): Instant | undefined {
  if (typeof text !== 'string') return undefined;
  const parts = RFC_3339.exec(text);
  if (!parts) return undefined;
  const [, seconds = '', fraction = '', zone = ''] = parts;
  const date = new Date(seconds + zone);
  if (Number.isNaN(date.getTime())) return undefined;
  // `Date` rolls an impossible day over (30 February becomes 2 March); such a text is no time.
  if (zone === 'Z' && date.toISOString().slice(0, 19) !== seconds) return undefined;
  return `${date.toISOString().slice(0, 19)}.${fraction.padEnd(9, '0')}Z` as Instant;
}

/** The moment of a `Date`. */
export function toInstant(date: Date): Instant {
  return `${date.toISOString().slice(0, 23)}000000Z` as Instant;
}

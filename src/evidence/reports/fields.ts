import { z } from 'zod';

/*
 * Parts of the schemas of reports. A report is written by tools that a user chooses, and by anyone who may push: what it has
 * beyond these fields is passed over, what only describes is missing where it cannot be read, and what counts must be
 * there.
 */

/** Entries of one list that are read. An image with a tenth of that is a bad one. */
export const MOST_ENTRIES = 100_000;

/** A report cannot be read. The message says why; it quotes nothing of the report. */
export class DamagedReport extends Error {
  override readonly name = 'DamagedReport';
}

export const text = z.string().optional().catch(undefined);
export const anything = z.unknown().optional();

/** A list. Tools that are written in Go write `null` for one without entries. */
export function listOf<T extends z.ZodType>(entry: T) {
  return z
    .array(z.unknown())
    .max(MOST_ENTRIES, `a list has more than ${MOST_ENTRIES} entries`)
    .nullish()
    .transform((found) => found ?? [])
    .pipe(z.array(entry));
}

/** @throws {DamagedReport} */
export function parse<T>(schema: z.ZodType<T>, document: unknown): T {
  const { success, data, error } = schema.safeParse(document);
  if (success) return data;
  const [issue] = error.issues;
  const where = issue?.path.filter((part) => typeof part === 'string').join('.');
  const what = issue?.code === 'too_big' ? issue.message : 'is not what it should be';
  throw new DamagedReport(where ? `${where}: ${what}` : what);
}

const LONGEST_TIME = 64;

/** A time with a date, in ISO 8601, UTC; `undefined` where it is none. */
export function timeOf(given: unknown): string | undefined {
  if (typeof given !== 'string' || given.length > LONGEST_TIME || !/^\d{4}-\d\d-\d\d/.test(given)) return undefined;
  // Go writes nanoseconds, .NET seven digits.
  const time = new Date(given.replace(/(\.\d{3})\d+/, '$1'));
  // What is before containers is what a program writes that knows no time.
  return time.getTime() > Date.UTC(2000, 0) && time.getUTCFullYear() < 10_000 ? time.toISOString() : undefined;
}

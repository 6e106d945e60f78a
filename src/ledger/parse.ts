import type { z } from 'zod';
import { gunzippedLines } from './ndjson.ts';
import { DamagedError, LedgerError, type Store } from './store/store.ts';

/** No file of a ledger nests values nearly as deep. Deeper ones would exhaust the stack wherever they are written. */
const DEEPEST = 50;

/** How many mistakes of one value are named. */
const MOST_NAMED = 5;

/** A schema; or which one, for a value that may be of several kinds: none for one that is known to be right. */
export type SchemaFor<T> = z.ZodType<T> | ((value: unknown) => z.ZodType<T> | undefined);

/**
 * Reads a value as a file of a ledger has it.
 * @param line its number in the file, for a file of lines
 * @throws {DamagedError} which names every mistake, with the file and the place in it
 */
export function parse<T>(store: Store, path: string, schema: SchemaFor<T>, text: string, line?: number): T {
  try {
    return parseText(schema, text, line);
  } catch (cause) {
    throw unreadable(store, path, cause);
  }
}

/** @throws {SyntaxError} which names every mistake */
export function parseText<T>(schema: SchemaFor<T>, text: string, line?: number): T {
  const wrong = (why: string, cause?: unknown): SyntaxError =>
    new SyntaxError(line === undefined ? why : `line ${line}: ${why}`, { cause });
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw wrong((cause as Error).message, cause);
  }
  const found = typeof schema === 'function' ? schema(value) : schema;
  if (!found) return value as T;
  if (nestsDeeperThan(text, DEEPEST)) throw wrong(`it nests values more than ${DEEPEST} levels deep`);
  const { error } = found.safeParse(value);
  if (error) throw wrong(mistakesIn(error.issues));
  // As it was written: what the schema gives has its fields in another order.
  return value as T;
}

function mistakesIn(issues: readonly z.core.$ZodIssue[]): string {
  const named = issues.slice(0, MOST_NAMED).map(({ path, message }) => {
    const words = message.charAt(0).toLowerCase() + message.slice(1);
    return path.length === 0 ? words : `${path.map(nameOf).join('.')}: ${words}`;
  });
  const rest = issues.length - named.length;
  return named.join('; ') + (rest > 0 ? `; and ${rest} more mistakes` : '');
}

/** Part of a path. It comes from outside, and may hold anything. */
function nameOf(key: PropertyKey): string {
  return typeof key === 'string' && !/^\w+$/.test(key) ? JSON.stringify(key.slice(0, 100)) : String(key);
}

/** Whether JSON opens more brackets within each other than this. What stands in strings is passed over. */
function nestsDeeperThan(text: string, levels: number): boolean {
  let open = 0;
  for (let index = 0; index < text.length; index += 1) {
    const letter = text.charAt(index);
    if (letter === '"') {
      index = endOfString(text, index);
      if (index === -1) return false;
    } else if (letter === '{' || letter === '[') {
      open += 1;
      if (open > levels) return true;
    } else if (letter === '}' || letter === ']') open -= 1;
  }
  return false;
}

/** Where the string that begins here ends; -1 where it does not. */
function endOfString(text: string, start: number): number {
  let end = start;
  let isEscaped: boolean;
  do {
    end = text.indexOf('"', end + 1);
    let before = end;
    while (before > 0 && text.charAt(before - 1) === '\\') before -= 1;
    isEscaped = (end - before) % 2 === 1;
  } while (end !== -1 && isEscaped);
  return end;
}

/** The values of a file of compressed lines. */
export async function* valuesOf<T>(
  store: Store,
  path: string,
  schema: z.ZodType<T>,
  bytes: AsyncIterable<Uint8Array>,
): AsyncGenerator<T, void> {
  let number = 0;
  for await (const some of linesOf(store, path, bytes))
    for (const line of some) yield parse(store, path, schema, line, (number += 1));
}

/** The lines of a compressed file, several at a time; none where there is no such file. */
export async function* linesOf(
  store: Store,
  path: string,
  bytes: AsyncIterable<Uint8Array> | undefined,
): AsyncGenerator<readonly string[], void> {
  if (!bytes) return;
  try {
    yield* gunzippedLines(bytes);
  } catch (cause) {
    const isDamaged = cause instanceof SyntaxError || String((cause as NodeJS.ErrnoException).code).startsWith('Z_');
    if (cause instanceof LedgerError) throw cause;
    if (isDamaged) throw unreadable(store, path, cause);
    throw new LedgerError(`the ledger in ${store.place} cannot be read: ${path}: ${(cause as Error).message}`, {
      cause,
    });
  }
}

/** What was read is not what it should be. */
export function unreadable(store: Store, path: string, cause: unknown): DamagedError {
  return new DamagedError(`the ledger in ${store.place} cannot be read: ${path}: ${(cause as Error).message}`, {
    cause,
  });
}

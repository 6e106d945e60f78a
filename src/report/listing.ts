import { csvHeader, csvLines, type Sheet } from './csv.ts';
import { jsonLine } from './escape.ts';

/* Values one after the other, for programs: as many as there are, a piece in memory. */

export type ListForm = 'json' | 'ndjson' | 'csv';

export interface Listing<T> {
  /** The field of the JSON document that has the values. */
  readonly name: string;
  /** What JSON says of a value; absent: all of it. */
  readonly told?: (value: T) => unknown;
  readonly sheet: Sheet<T>;
  /** What the values are about: fields of the document before them, and the first line of NDJSON. */
  readonly head?: object;
  /** What is known at the end: fields after them, and the last line of NDJSON. */
  readonly end?: () => object;
}

/** How many values are written together: some ten kilobytes. */
const PIECE = 100;

/** The pieces of a text that has all values. */
export async function* listed<T>(
  form: ListForm,
  values: AsyncIterable<T> | Iterable<T>,
  listing: Listing<T>,
): AsyncGenerator<string, void> {
  yield* { json, ndjson, csv }[form](values, listing);
}

/** One document: `{…,"decisions":[…],…}`. */
async function* json<T>(
  values: AsyncIterable<T> | Iterable<T>,
  { name, told = itself, head, end }: Listing<T>,
): AsyncGenerator<string, void> {
  let separator = `{${head ? `${fieldsOf(head)},` : ''}"${name}":[\n`;
  for await (const piece of pieces(values, (some) => some.map((one) => jsonLine(told(one))).join(',\n'))) {
    yield separator + piece;
    separator = ',\n';
  }
  const rest = end ? `,${fieldsOf(end())}` : '';
  yield `${separator === ',\n' ? '\n' : separator}]${rest}}\n`;
}

/** A value a line. */
async function* ndjson<T>(
  values: AsyncIterable<T> | Iterable<T>,
  { told = itself, head, end }: Listing<T>,
): AsyncGenerator<string, void> {
  const line = (value: unknown): string => `${jsonLine(value)}\n`;
  if (head) yield line(head);
  yield* pieces(values, (some) => some.map((one) => line(told(one))).join(''));
  if (end) yield line(end());
}

async function* csv<T>(values: AsyncIterable<T> | Iterable<T>, { sheet }: Listing<T>): AsyncGenerator<string, void> {
  yield csvHeader(sheet);
  yield* pieces(values, (some) => csvLines(some, sheet));
}

const itself = (value: unknown): unknown => value;

/** The fields of an object, without its braces. */
function fieldsOf(about: object): string {
  return jsonLine(about).slice(1, -1);
}

async function* pieces<T>(
  values: AsyncIterable<T> | Iterable<T>,
  render: (some: readonly T[]) => string,
): AsyncGenerator<string, void> {
  let some: T[] = [];
  for await (const value of values) {
    if (some.push(value) < PIECE) continue;
    yield render(some);
    some = [];
  }
  if (some.length > 0) yield render(some);
}

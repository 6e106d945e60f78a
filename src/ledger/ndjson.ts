import { StringDecoder } from 'node:string_decoder';
import { Readable } from 'node:stream';
import { createGunzip, createGzip } from 'node:zlib';

/** Lines that are compressed together: some hundred kilobytes. */
const LINES = 500;

/** Values, a line of JSON each, compressed. */
export function toGzippedLines(values: Iterable<unknown>): AsyncIterable<Uint8Array> {
  // One piece ahead: more would be made without a pause.
  const source = Readable.from(pieces(values), { highWaterMark: 1 });
  const gzip = createGzip();
  source.once('error', (error) => gzip.destroy(error));
  return source.pipe(gzip);
}

function* pieces(values: Iterable<unknown>): Generator<string> {
  let lines: string[] = [];
  for (const value of values) {
    if (lines.push(JSON.stringify(value)) < LINES) continue;
    yield `${lines.join('\n')}\n`;
    lines = [];
  }
  if (lines.length > 0) yield `${lines.join('\n')}\n`;
}

/** Text that is decompressed at once. */
const CHUNK_BYTES = 64 * 1024;

/** The lines of a compressed file, as many at a time as were decompressed together: one by one takes far longer. */
export async function* gunzippedLines(bytes: AsyncIterable<Uint8Array>): AsyncGenerator<readonly string[], void> {
  const source = bytes instanceof Readable ? bytes : Readable.from(bytes);
  const gunzip = createGunzip({ chunkSize: CHUNK_BYTES });
  source.once('error', (error) => gunzip.destroy(error));
  try {
    yield* split(source.pipe(gunzip));
  } finally {
    source.destroy();
    gunzip.destroy();
  }
}

/** The lines of a text, without what follows the last line end: it was cut off. */
export async function* lines(bytes: AsyncIterable<Uint8Array>): AsyncGenerator<string, void> {
  for await (const some of split(bytes)) yield* some;
}

/**
 * The longest line that is read, in characters. The longest that is written is that of a manifest with all its tags: with
 * 60,000 of them, some eight million.
 */
export const LONGEST_LINE = 64 * 1024 * 1024;

/** The most characters of lines that are read from one file: some three million decisions. */
const LONGEST_FILE = 2 * 1024 * 1024 * 1024;

/** A file has more than is ever written into one: it is damaged. */
export class TooLong extends SyntaxError {
  override readonly name = 'TooLong';
}

export interface LineLimits {
  readonly line: number;
  readonly file: number;
}

/** @throws {TooLong} */
export async function* split(
  bytes: AsyncIterable<Uint8Array>,
  limits: LineLimits = { line: LONGEST_LINE, file: LONGEST_FILE },
): AsyncGenerator<readonly string[], void> {
  const decoder = new StringDecoder('utf8');
  /** The beginning of a line, in pieces: to join them for each piece would take time that grows with their square. */
  let rest: string[] = [];
  let [restLength, read] = [0, 0];
  for await (const chunk of bytes) {
    const text = decoder.write(Buffer.from(chunk));
    read += text.length;
    if (read > limits.file) throw new TooLong(`it has more than ${limits.file} characters`);
    const parts = text.split('\n');
    const last = parts.pop() ?? '';
    const [first] = parts;
    const isTooLong = ({ length }: string): boolean => length > limits.line;
    // Only a piece that is longer than the limit can have a line within it that is.
    if (restLength + (first ?? last).length > limits.line || (isTooLong(text) && [...parts, last].some(isTooLong)))
      throw new TooLong(`a line of it has more than ${limits.line} characters`);
    if (first === undefined) {
      rest.push(last);
      restLength += last.length;
      continue;
    }
    parts[0] = rest.join('') + first;
    [rest, restLength] = [[last], last.length];
    yield parts;
  }
}

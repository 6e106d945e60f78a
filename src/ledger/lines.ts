import { StringDecoder } from 'node:string_decoder';
import { Readable } from 'node:stream';
import { createGunzip, createGzip } from 'node:zlib';

/** Lines that are compressed together: some hundred kilobytes. */
const LINES = 500;

/** Values, a line of JSON each, compressed. */
export function toGzippedLines(values: Iterable<unknown>): AsyncIterable<Uint8Array> {
  const source = Readable.from(pieces(values));
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

/** The same lines again, as text, as many at a time as were decompressed together: one by one takes far longer. */
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

async function* split(bytes: AsyncIterable<Uint8Array>): AsyncGenerator<readonly string[], void> {
  const decoder = new StringDecoder('utf8');
  let rest = '';
  for await (const chunk of bytes) {
    const parts = (rest + decoder.write(Buffer.from(chunk))).split('\n');
    rest = parts.pop() ?? '';
    if (parts.length > 0) yield parts;
  }
}

import { once } from 'node:events';
import { type FileHandle, mkdtemp, open, readdir, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { ReadableStream } from 'node:stream/web';
import { createGzip } from 'node:zlib';
import type { HttpRequest, HttpResponseInit } from '@azure/functions';
import Negotiator from 'negotiator';
import type { Client } from './handler.ts';
import { redact } from '../../ledger/redact/redact.ts';
import { RequestError } from './problem.ts';

/** The forms of an answer by media type. The first is the default. */
export type Forms<T extends string> = Readonly<Record<string, T>>;

/** The forms for programs. */
export const JSON_FORMS: Forms<'json' | 'ndjson'> = {
  'application/json': 'json',
  'application/x-ndjson': 'ndjson',
  'application/ndjson': 'ndjson',
  'application/jsonl': 'ndjson',
};

const CHUNK_BYTES = 64 * 1024;

/** How a client wants to be answered. */
export interface Negotiated<T extends string = string> {
  readonly mediaType: string;
  readonly form: T;
  readonly gzip: boolean;
}

/**
 * The form that a client wants: by the parameter `format`, which links have, or else by the header `Accept`.
 * @throws {RequestError} 406 where it takes none of the forms; 400 for a format that there is not
 */
export function negotiate<T extends string>(request: HttpRequest, forms: Forms<T>): Negotiated<T> {
  const headers = Object.fromEntries(request.headers);
  // A charset or a version of a media type changes nothing here.
  const accept = headers['accept']?.replace(/;(?!\s*q\s*=)[^;,]*/gi, '');
  const negotiator = new Negotiator({ headers: { ...headers, accept } });
  const format = request.query.get('format');
  const mediaType =
    format === null
      ? negotiator.mediaType(Object.keys(forms))
      : Object.keys(forms).find((mediaType) => forms[mediaType] === format);
  const form = forms[mediaType ?? ''];
  if (mediaType === undefined || form === undefined)
    throw format === null
      ? new RequestError(406, `there are answers in ${Object.keys(forms).join(', ')}`)
      : new RequestError(400, `the parameter format is one of ${[...new Set(Object.values(forms))].join(', ')}`);
  return { mediaType, form, gzip: negotiator.encoding(['gzip', 'identity']) === 'gzip' };
}

/** Takes a piece of an answer, and resolves when the next may follow. */
export type Write = (text: string) => Promise<void>;

/**
 * An answer of any size in little memory: `work` writes it to a file without a name, which is then sent as fast as the
 * client reads.
 *
 * The answer begins when the work is done. So a failure is answered with its status, and not with half an answer. And
 * what the work logs belongs to the invocation: the Functions worker takes an invocation for ended once its answer has
 * begun, and warns of each line that is logged later.
 *
 * @throws whatever `work` throws
 */
export async function answer(
  { mediaType, gzip }: Negotiated,
  client: Client,
  work: (write: Write) => Promise<void>,
  headers: Readonly<Record<string, string>> = {},
): Promise<HttpResponseInit> {
  const file = await nameless();
  try {
    const text = new PassThrough();
    const toFile = (source: AsyncIterable<Uint8Array>): Promise<void> => file.writeFile(source);
    const written = gzip ? pipeline(text, createGzip({ level: 1 }), toFile) : pipeline(text, toFile);
    const write: Write = async (piece) => {
      if (!text.write(redact(piece))) await Promise.race([once(text, 'drain'), written]);
    };
    const produced = work(write).then(
      () => text.end(),
      (error: unknown) => {
        text.destroy(error as Error);
        throw error;
      },
    );
    const failed = (await Promise.allSettled([produced, written])).find((one) => one.status === 'rejected');
    if (failed) throw failed.reason;
    const { size } = await file.stat();
    return {
      status: 200,
      headers: {
        'Content-Type': `${mediaType}; charset=utf-8`,
        'Content-Length': String(size),
        ...(gzip && { 'Content-Encoding': 'gzip' }),
        Vary: 'Accept, Accept-Encoding',
        'Cache-Control': 'no-store',
        'X-Content-Type-Options': 'nosniff',
        ...headers,
      },
      body: bodyOf(file, size, client),
    };
  } catch (error) {
    await file.close();
    throw error;
  }
}

const PREFIX = 'acr-retention-answer-';

/** A file without a name: the system deletes it when the process ends, however that happens. */
async function nameless(): Promise<FileHandle> {
  await (swept ??= sweep());
  const folder = await mkdtemp(join(tmpdir(), PREFIX));
  const file = await open(join(folder, 'answer'), 'wx+', 0o600);
  // Some systems cannot remove an open file: then `sweep` removes it a day later.
  await rm(folder, { recursive: true }).catch(() => undefined);
  return file;
}

const LEFTOVER_MS = 24 * 3_600_000;

let swept: Promise<void> | undefined;

/** Removes the files of processes that were killed before they could remove the name. */
async function sweep(): Promise<void> {
  try {
    for (const name of await readdir(tmpdir())) {
      if (!name.startsWith(PREFIX)) continue;
      const folder = join(tmpdir(), name);
      if ((await stat(folder)).mtimeMs < Date.now() - LEFTOVER_MS) await rm(folder, { recursive: true });
    }
  } catch {
    // Another process does the same, or the folder is another user's. The answer does not depend on it.
  }
}

/**
 * The file as a body. It is closed at its end, when the body is cancelled, and when the client disconnects. A client may
 * do so before the first byte, and then the body is never read.
 */
function bodyOf(file: FileHandle, size: number, client: Client): ReadableStream<Uint8Array> {
  const { signal } = client;
  let closed: Promise<void> | undefined;
  const close = (): Promise<void> => {
    signal.removeEventListener('abort', leave);
    return (closed ??= file.close());
  };
  const leave = (): void => void close().catch(() => undefined);
  if (signal.aborted) leave();
  signal.addEventListener('abort', leave, { once: true });
  let position = 0;
  return new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        if (position > 0) await client.ready();
        const isOver = position >= size || closed !== undefined;
        const { bytesRead, buffer } = isOver
          ? NOTHING
          : await file.read(Buffer.allocUnsafe(CHUNK_BYTES), 0, CHUNK_BYTES, position);
        position += bytesRead;
        if (bytesRead > 0) controller.enqueue(buffer.subarray(0, bytesRead));
        else {
          await close();
          controller.close();
        }
      },
      cancel: close,
    },
    { highWaterMark: 0 },
  );
}

const NOTHING = { bytesRead: 0, buffer: Buffer.alloc(0) };

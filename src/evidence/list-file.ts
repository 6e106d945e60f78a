import { randomUUID } from 'node:crypto';
import { constants, type Stats } from 'node:fs';
import { open, rename, rm, stat, writeFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import type { Readable } from 'node:stream';
import type { TokenCredential } from '@azure/core-auth';
import { type Clock, inTime } from '../registry/clock.ts';
import type { Dated } from './list.ts';

/** A list of a million images is less. */
const MOST_BYTES = 64 * 1024 * 1024;

/** How long a list may take to come. */
const TIMEOUT_MS = 60_000;

/** What a list is read or written with. */
export interface ListPlace {
  readonly credential: TokenCredential;
  readonly clock: Clock;
  /** Where relative paths start. */
  readonly root: string;
}

/**
 * Reads a list: a file, a blob with the identity of the app, or what an https address answers. A blob whose address holds
 * a shared access signature is read with that.
 * @throws where it cannot be read, or does not say when it was made
 */
export async function fetchList(
  from: string,
  { credential, clock, root }: ListPlace,
  signal?: AbortSignal,
): Promise<Dated> {
  if (!/^https:/i.test(from)) return fileAt(resolve(root, from));
  const url = new URL(from);
  return inTime({ clock, milliseconds: TIMEOUT_MS, signal }, (until) =>
    isBlob(url) && !url.searchParams.has('sig') ? blobAt(url, credential, until) : answerOf(url, until),
  );
}

/**
 * Writes a list in the place of the one before, as a whole: a reader never sees a part of it. To a file, or to a blob, with
 * the identity or with the shared access signature in its address.
 * @throws where it cannot be written
 */
export async function storeList(text: string, to: string, { credential, clock, root }: ListPlace): Promise<void> {
  if (/^https:/i.test(to))
    return inTime({ clock: clock, milliseconds: TIMEOUT_MS, signal: undefined }, (until) =>
      storeBlob(text, new URL(to), credential, until),
    );
  const path = resolve(root, to);
  const before = `${path}.${randomUUID()}`;
  try {
    await writeFile(before, text);
    await rename(before, path);
  } catch (cause) {
    await rm(before, { force: true });
    throw new Error(`it cannot be written: ${(cause as NodeJS.ErrnoException).code ?? 'an error'}`, { cause });
  }
}

async function storeBlob(text: string, url: URL, credential: TokenCredential, abortSignal: AbortSignal): Promise<void> {
  const { BlockBlobClient, ContainerClient } = await import('@azure/storage-blob');
  const identity = url.searchParams.has('sig') ? undefined : credential;
  const blob = new BlockBlobClient(url.href, identity);
  const options = { abortSignal, blobHTTPHeaders: { blobContentType: 'text/plain; charset=utf-8' } };
  const upload = () => blob.upload(text, Buffer.byteLength(text), options);
  try {
    await upload();
  } catch (error) {
    if ((error as { readonly code?: string }).code !== 'ContainerNotFound') refused(error);
    // Only now: an identity that may write to a container may not be allowed to create it.
    const folder = new URL(url);
    folder.pathname = folder.pathname.slice(0, folder.pathname.indexOf(`/${blob.containerName}/`) + blob.containerName.length + 1); // prettier-ignore
    await new ContainerClient(folder.href, identity).createIfNotExists({ abortSignal }).catch(refused);
    await upload().catch(refused);
  }
}

const isBlob = ({ hostname }: URL): boolean => /^[^.]+\.blob\.(?:core|storage)\./.test(hostname);

async function fileAt(path: string): Promise<Dated> {
  // Before it is opened, as some devices do something then. Without waiting: a pipe without a writer would never open.
  checkOrdinary(await stat(path).catch(unreadable));
  const file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK).catch(unreadable);
  try {
    const before = checkOrdinary(await file.stat());
    checkSize(before.size);
    const bytes = await file.readFile().catch(unreadable);
    const { size, mtimeMs } = await file.stat();
    if (bytes.length !== size || size !== before.size || mtimeMs !== before.mtimeMs)
      throw new Error('it was written while it was read; write it beside, and rename it then');
    return { text: bytes.toString('utf8'), made: before.mtime };
  } finally {
    await file.close();
  }
}

function checkOrdinary(found: Stats): Stats {
  if (found.isFile()) return found;
  throw new Error('it is no ordinary file: a folder, a pipe and a device are not read');
}

/** Without the path: the source is named already. */
function unreadable(error: unknown): never {
  const { code } = error as { readonly code?: string };
  throw new Error(code === 'ENOENT' ? 'there is no such file' : `it cannot be read: ${code ?? 'an error'}`, {
    cause: error,
  });
}

async function blobAt(url: URL, credential: TokenCredential, abortSignal: AbortSignal): Promise<Dated> {
  const { BlobClient } = await import('@azure/storage-blob');
  return contentOf(new BlobClient(url.href, credential), abortSignal);
}

/** Of the client for a blob. */
interface Downloadable {
  readonly download: (
    offset: number,
    count: undefined,
    options: { readonly abortSignal: AbortSignal },
  ) => Promise<{
    readonly contentLength?: number;
    readonly lastModified?: Date;
    readonly readableStreamBody?: NodeJS.ReadableStream;
  }>;
}

/**
 * Reads a blob in one request: one that is replaced meanwhile is the old one or the new one, with its own time. Where the
 * connection breaks, the client goes on behind it only while the blob is the same.
 */
export async function contentOf(blob: Downloadable, abortSignal: AbortSignal): Promise<Dated> {
  const answer = await blob.download(0, undefined, { abortSignal }).catch(refused);
  const { contentLength = 0, lastModified, readableStreamBody: body } = answer;
  const pieces: Uint8Array[] = [];
  let length = 0;
  try {
    checkSize(contentLength);
    for await (const piece of (body ?? []) as AsyncIterable<Uint8Array>) {
      pieces.push(piece);
      checkSize((length += piece.length));
    }
  } catch (error) {
    if (error instanceof TooLarge) throw error;
    refused(error);
  } finally {
    (body as Readable | undefined)?.destroy();
  }
  if (length !== contentLength) throw new Error(`the storage answers ${length} of ${contentLength} bytes`);
  return { text: Buffer.concat(pieces).toString('utf8'), made: checkMade(lastModified) };
}

/** Without the body of the answer: it names the request, and may name the identity. */
function refused(error: unknown): never {
  const { statusCode, code, message } = error as { statusCode?: number; code?: string; message?: string };
  const why =
    statusCode === undefined ? (message ?? 'an error').split('\n', 1)[0] : `${statusCode} ${code ?? ''}`.trim();
  throw new Error(`the storage answers ${why ?? ''}`, { cause: error });
}

async function answerOf(url: URL, signal: AbortSignal): Promise<Dated> {
  // Not to where an answer points: the address was chosen by the owner of the app, that other one was not.
  const response = await fetch(url, { signal, redirect: 'error' }).catch((error: unknown) => {
    throw new Error('it cannot be fetched', { cause: error });
  });
  if (response.status !== 200) {
    await response.body?.cancel();
    throw new Error(`it is answered ${response.status}`);
  }
  const pieces: Uint8Array[] = [];
  let length = 0;
  for await (const piece of response.body ?? []) {
    pieces.push(piece);
    checkSize((length += piece.length));
  }
  const modified = response.headers.get('last-modified');
  const made = checkMade(modified === null ? undefined : new Date(modified));
  return { text: Buffer.concat(pieces).toString('utf8'), made };
}

function checkSize(bytes: number): void {
  if (bytes > MOST_BYTES) throw new TooLarge(`it has more than ${MOST_BYTES / 1024 / 1024} MB`);
}

class TooLarge extends Error {}

function checkMade(made: Date | undefined): Date {
  if (made && !Number.isNaN(made.getTime())) return made;
  throw new Error('it does not say when it was made: the answer has no Last-Modified');
}

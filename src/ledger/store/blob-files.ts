import { createHash, randomUUID } from 'node:crypto';
import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import type { BlobRequestConditions, ContainerClient } from '@azure/storage-blob';
import { type BlobClient, isConflict, statusOf } from './blob-client.ts';
import { checkSize, type Condition } from './store.ts';

export interface Fetched {
  readonly bytes: Buffer;
  /** The length of the whole file. */
  readonly total: number;
  readonly etag: string;
  /** It is one that is appended to: what it has stays as it is. */
  readonly grows: boolean;
}

/** A file as a whole, or a part of it; `undefined` where there is none. */
export function fetchBlob(
  { reading, place, kept }: BlobClient,
  path: string,
  [offset, count]: readonly [offset: number, count: number | undefined] = [0, undefined],
  conditions: BlobRequestConditions = {},
): Promise<Fetched | undefined> {
  return reading(
    path,
    async (container, { signal }) => {
      const options = { abortSignal: signal, maxRetryRequests: 0, conditions };
      const answer = await container.getBlobClient(path).download(offset, count, options);
      try {
        checkSize(place, path, answer.contentLength ?? 0, kept);
      } catch (error) {
        (answer.readableStreamBody as Partial<Readable> | undefined)?.destroy?.();
        throw error;
      }
      const bytes = answer.readableStreamBody ? await buffer(answer.readableStreamBody) : Buffer.alloc(0);
      const total = Number(answer.contentRange?.split('/')[1] ?? bytes.length);
      return { bytes, total, etag: answer.etag ?? '', grows: answer.blobType === 'AppendBlob' };
    },
    count,
  );
}

/** The length of a file; `undefined` where there is none. */
export function sizeOfBlob({ reading }: BlobClient, path: string): Promise<number | undefined> {
  return reading(path, async (container, { signal }) => {
    const { contentLength } = await container.getBlobClient(path).getProperties({ abortSignal: signal });
    return contentLength ?? 0;
  });
}

/** A file piece by piece; `undefined` where there is none. */
export async function streamBlob(client: BlobClient, path: string, pieceBytes: number): Promise<Readable | undefined> {
  const length = await sizeOfBlob(client, path);
  // A range of an empty file is refused.
  const first = length ? await fetchBlob(client, path, [0, pieceBytes]) : undefined;
  if (first) return Readable.from(pieces(client, path, pieceBytes, first), { objectMode: false });
  return length === 0 ? Readable.from([]) : undefined;
}

async function* pieces(
  client: BlobClient,
  path: string,
  pieceBytes: number,
  { bytes, total, etag, grows }: Fetched,
): AsyncGenerator<Uint8Array> {
  yield bytes;
  // A file that is appended to is read as far as it went; one that is replaced must not become a mixture.
  const conditions = grows ? {} : { ifMatch: etag };
  for (let offset = bytes.length; offset < total;) {
    const piece = await fetchBlob(client, path, [offset, Math.min(pieceBytes, total - offset)], conditions);
    if (!piece?.bytes.length) throw client.conflict(path, 'was removed while it was read');
    yield piece.bytes;
    offset += piece.bytes.length;
  }
}

/** Names below a prefix, page by page; with a delimiter, the folders right below it. */
export async function* namesOf(
  client: BlobClient,
  prefix: string,
  kind: 'files' | 'folders',
  pageSize: number,
): AsyncGenerator<string, void> {
  let continuationToken: string | undefined;
  do {
    const settings = { maxPageSize: pageSize, ...(continuationToken !== undefined && { continuationToken }) };
    const page = await client.reading(prefix, async (container, { signal }) => {
      const options = { prefix, abortSignal: signal };
      return kind === 'files' ? filesOf(container, options, settings) : foldersOf(container, options, settings);
    });
    yield* page?.names ?? [];
    continuationToken = page?.next;
  } while (continuationToken);
}

interface Listing {
  readonly prefix: string;
  readonly abortSignal: AbortSignal;
}

interface Settings {
  readonly maxPageSize: number;
  readonly continuationToken?: string;
}

interface Page {
  readonly names: readonly string[];
  readonly next: string | undefined;
}

async function filesOf(container: ContainerClient, options: Listing, settings: Settings): Promise<Page> {
  for await (const { segment, continuationToken } of container.listBlobsFlat(options).byPage(settings))
    return { names: segment.blobItems.map(({ name }) => name), next: continuationToken };
  return { names: [], next: undefined };
}

async function foldersOf(container: ContainerClient, options: Listing, settings: Settings): Promise<Page> {
  for await (const { segment, continuationToken } of container.listBlobsByHierarchy('/', options).byPage(settings)) {
    const names = (segment.blobPrefixes ?? []).map(({ name }) => name.slice(options.prefix.length, -1));
    return { names, next: continuationToken };
  }
  return { names: [], next: undefined };
}

/*
 * A change on a condition may be carried out although no answer arrives. Tried again it fails, because of itself. So where
 * an earlier try may have been carried out, what is in the account is compared with what was to be written.
 */

export function conditionsOf(condition: Condition | undefined): BlobRequestConditions {
  if (condition === undefined || (condition !== 'absent' && 'check' in condition)) return {};
  return condition === 'absent' ? { ifNoneMatch: '*' } : { ifMatch: condition.etag };
}

export function writeText(
  client: BlobClient,
  path: string,
  text: string,
  conditions: BlobRequestConditions,
  check?: () => void,
): Promise<string> {
  const bytes = Buffer.from(text);
  return client.changing(async (container, { signal, unsure }) => {
    check?.();
    const blob = container.getBlockBlobClient(path);
    try {
      return (await blob.upload(bytes, bytes.length, { abortSignal: signal, conditions })).etag ?? '';
    } catch (error) {
      const there = unsure && isConflict(error) ? await fetchBlob(client, path) : undefined;
      if (!there?.bytes.equals(bytes)) throw error;
      return there.etag;
    }
  }, bytes.length);
}

interface StreamOptions {
  readonly conditions: BlobRequestConditions;
  /** Called right before the blocks become the file. */
  readonly check: (() => void) | undefined;
  readonly blockBytes: number;
}

/** Blocks are sent one by one, and become the file all at once. */
export async function writeStream(
  { changing, kept }: BlobClient,
  path: string,
  content: AsyncIterable<Uint8Array>,
  { conditions, check, blockBytes }: StreamOptions,
): Promise<string> {
  const ids: string[] = [];
  const prefix = randomUUID();
  for await (const block of blocksOf(content, blockBytes)) {
    const id = Buffer.from(`${prefix}-${String(ids.length).padStart(6, '0')}`).toString('base64');
    await changing(
      (container, { signal }) =>
        container.getBlockBlobClient(path).stageBlock(id, block, block.length, {
          abortSignal: signal,
          // The service refuses what is not what was sent: what is archived is the only copy soon.
          ...(kept === 'archive' && { transactionalContentMD5: createHash('md5').update(block).digest() }),
        }),
      block.length,
    );
    ids.push(id);
  }
  return changing(async (container, { signal, unsure }) => {
    check?.();
    const blob = container.getBlockBlobClient(path);
    try {
      return (await blob.commitBlockList(ids, { abortSignal: signal, conditions })).etag ?? '';
    } catch (error) {
      if (!unsure || !isConflict(error)) throw error;
      // No other process has blocks of these names.
      const { committedBlocks = [], etag } = await blob.getBlockList('committed', { abortSignal: signal });
      if (ids.length === 0 || ids.join() !== committedBlocks.map(({ name }) => name).join()) throw error;
      return etag ?? '';
    }
  });
}

/** Content in pieces of a size, the last of which may be smaller. */
async function* blocksOf(content: AsyncIterable<Uint8Array>, size: number): AsyncGenerator<Buffer> {
  let kept: Uint8Array[] = [];
  let length = 0;
  for await (let piece of content) {
    while (length + piece.length >= size) {
      yield Buffer.concat([...kept, piece.subarray(0, size - length)]);
      piece = piece.subarray(size - length);
      kept = [];
      length = 0;
    }
    kept.push(piece);
    length += piece.length;
  }
  if (length > 0) yield Buffer.concat(kept);
}

/** Appends at the end, in as few calls as the service takes. */
export async function append(
  client: BlobClient,
  path: string,
  bytes: Uint8Array,
  length: number,
  mostBytes: number,
): Promise<number> {
  if (length === 0 && bytes.length > 0) await createToAppend(client, path);
  for (let sent = 0; sent < bytes.length; sent += mostBytes)
    await appendBlock(client, path, bytes.subarray(sent, sent + mostBytes), length + sent);
  return length + bytes.length;
}

/**
 * An empty file will do, too: that of this call, when it is tried again, or that of a process that ended before it
 * appended. The first append to it succeeds.
 */
function createToAppend({ changing }: BlobClient, path: string): Promise<void> {
  return changing(async (container, { signal }) => {
    const blob = container.getAppendBlobClient(path);
    try {
      await blob.create({ abortSignal: signal, conditions: { ifNoneMatch: '*' } });
    } catch (error) {
      if (!isConflict(error)) throw error;
      const { blobType, contentLength } = await blob.getProperties({ abortSignal: signal });
      if (blobType !== 'AppendBlob' || contentLength !== 0) throw error;
    }
  });
}

function appendBlock(client: BlobClient, path: string, bytes: Uint8Array, length: number): Promise<void> {
  return client.changing(async (container, { signal, unsure }) => {
    const options = { abortSignal: signal, conditions: { appendPosition: length } };
    try {
      await container.getAppendBlobClient(path).appendBlock(bytes, bytes.length, options);
    } catch (error) {
      if (statusOf(error) === 404 && length > 0) throw client.conflict(path, 'is gone', error);
      if (!unsure || !isConflict(error)) throw error;
      // A byte more than ours: where it is there, another process has appended since.
      const there = await fetchBlob(client, path, [length, bytes.length + 1]).catch((failure: unknown) => {
        // It has become shorter than what was read of it.
        if (statusOf((failure as Error).cause) !== 416) throw failure;
      });
      if (!there?.bytes.equals(bytes)) throw error;
    }
  }, bytes.length);
}

/**
 * Removes a file as it is now. A try that was given up may arrive late: it must not remove what was written under the
 * same path since, such as the mark of a run that was resumed.
 */
export async function removeBlob({ reading }: BlobClient, path: string): Promise<void> {
  await reading(path, async (container, { signal }) => {
    const blob = container.getBlobClient(path);
    const { etag = '' } = await blob.getProperties({ abortSignal: signal });
    try {
      await blob.delete({ abortSignal: signal, deleteSnapshots: 'include', conditions: { ifMatch: etag } });
    } catch (error) {
      // Another process has written it right now: as if that had come after the removal.
      if (!isConflict(error)) throw error;
    }
  });
}

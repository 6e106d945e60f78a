import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import type { BlobRequestConditions, ContainerClient } from '@azure/storage-blob';
import type { Session } from './blob-session.ts';
import { checkSize } from './store.ts';

export interface Fetched {
  readonly bytes: Buffer;
  /** The length of the whole file. */
  readonly total: number;
  readonly etag: string;
  /** It is appended to, and keeps what it has. */
  readonly grows: boolean;
}

/** A file as a whole, or a part of it; `undefined` where there is none. */
export function fetchBlob(
  { reading, place }: Session,
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
        checkSize(place, path, answer.contentLength ?? 0);
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

/** A file piece by piece; `undefined` where there is none. */
export async function streamBlob(session: Session, path: string, pieceBytes: number): Promise<Readable | undefined> {
  const length = await session.reading(path, async (container, { signal }) => {
    const { contentLength } = await container.getBlobClient(path).getProperties({ abortSignal: signal });
    return contentLength ?? 0;
  });
  // A range of an empty file is refused.
  const first = length ? await fetchBlob(session, path, [0, pieceBytes]) : undefined;
  if (first) return Readable.from(pieces(session, path, pieceBytes, first), { objectMode: false });
  return length === 0 ? Readable.from([]) : undefined;
}

async function* pieces(
  session: Session,
  path: string,
  pieceBytes: number,
  { bytes, total, etag, grows }: Fetched,
): AsyncGenerator<Uint8Array> {
  yield bytes;
  // A file that is appended to is read as far as it went; one that is replaced must not become a mixture.
  const conditions = grows ? {} : { ifMatch: etag };
  for (let offset = bytes.length; offset < total;) {
    const piece = await fetchBlob(session, path, [offset, Math.min(pieceBytes, total - offset)], conditions);
    if (!piece?.bytes.length) throw session.conflict(path, 'was removed while it was read');
    yield piece.bytes;
    offset += piece.bytes.length;
  }
}

/** Names below a prefix, page by page; with a delimiter, the folders right below it. */
export async function* namesOf(
  session: Session,
  prefix: string,
  kind: 'files' | 'folders',
  pageSize: number,
): AsyncGenerator<string, void> {
  let continuationToken: string | undefined;
  do {
    const settings = { maxPageSize: pageSize, ...(continuationToken !== undefined && { continuationToken }) };
    const page = await session.reading(prefix, async (container, { signal }) => {
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

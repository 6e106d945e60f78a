import { randomUUID } from 'node:crypto';
import type { BlobRequestConditions } from '@azure/storage-blob';
import { statusOf } from './blob-attempt.ts';
import { fetchBlob } from './blob-read.ts';
import { isConflict, type Session } from './blob-session.ts';
import type { Condition } from './store.ts';

/*
 * A change on a condition may be carried out although no answer arrives. When it is tried again, it fails, because it is
 * there already. So where an earlier try's fate is not known, what is there is compared with what was to be written.
 */

export function conditionsOf(condition: Condition | undefined): BlobRequestConditions {
  if (condition === undefined) return {};
  return condition === 'absent' ? { ifNoneMatch: '*' } : { ifMatch: condition.etag };
}

export function writeText(
  session: Session,
  path: string,
  text: string,
  conditions: BlobRequestConditions,
): Promise<string> {
  const bytes = Buffer.from(text);
  return session.changing(async (container, { signal, unsure }) => {
    const blob = container.getBlockBlobClient(path);
    try {
      return (await blob.upload(bytes, bytes.length, { abortSignal: signal, conditions })).etag ?? '';
    } catch (error) {
      const there = unsure && isConflict(error) ? await fetchBlob(session, path) : undefined;
      if (!there?.bytes.equals(bytes)) throw error;
      return there.etag;
    }
  }, bytes.length);
}

/** Blocks are sent one by one, and become the file all at once. */
export async function writeStream(
  { changing }: Session,
  path: string,
  content: AsyncIterable<Uint8Array>,
  conditions: BlobRequestConditions,
  blockBytes: number,
): Promise<string> {
  const ids: string[] = [];
  const prefix = randomUUID();
  for await (const block of blocksOf(content, blockBytes)) {
    const id = Buffer.from(`${prefix}-${String(ids.length).padStart(6, '0')}`).toString('base64');
    await changing(
      (container, { signal }) =>
        container.getBlockBlobClient(path).stageBlock(id, block, block.length, { abortSignal: signal }),
      block.length,
    );
    ids.push(id);
  }
  return changing(async (container, { signal, unsure }) => {
    const blob = container.getBlockBlobClient(path);
    try {
      return (await blob.commitBlockList(ids, { abortSignal: signal, conditions })).etag ?? '';
    } catch (error) {
      if (!unsure || !isConflict(error)) throw error;
      // Nobody else has blocks of these names.
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
  session: Session,
  path: string,
  bytes: Uint8Array,
  length: number,
  mostBytes: number,
): Promise<number> {
  if (length === 0 && bytes.length > 0) await createToAppend(session, path);
  for (let sent = 0; sent < bytes.length; sent += mostBytes)
    await appendBlock(session, path, bytes.subarray(sent, sent + mostBytes), length + sent);
  return length + bytes.length;
}

/**
 * An empty file will do, too: this call's own, when it is tried again, or that of a process that ended before it
 * appended. Of those who append to it, the first one succeeds.
 */
function createToAppend({ changing }: Session, path: string): Promise<void> {
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

function appendBlock(session: Session, path: string, bytes: Uint8Array, length: number): Promise<void> {
  return session.changing(async (container, { signal, unsure }) => {
    const options = { abortSignal: signal, conditions: { appendPosition: length } };
    try {
      await container.getAppendBlobClient(path).appendBlock(bytes, bytes.length, options);
    } catch (error) {
      if (statusOf(error) === 404 && length > 0) throw session.conflict(path, 'is gone', error);
      if (!unsure || !isConflict(error)) throw error;
      // Up to the end, and a byte more than ours: then somebody has appended since.
      const there = await fetchBlob(session, path, [length, bytes.length + 1]);
      if (!there?.bytes.equals(bytes)) throw error;
    }
  }, bytes.length);
}

import { createHash, randomUUID } from 'node:crypto';
import { text } from 'node:stream/consumers';
import { z } from 'zod';
import type { BlobLeaseClient, BlockBlobClient, ContainerClient } from '@azure/storage-blob';
import { codeOf, statusOf, type Try } from './blob-client.ts';
import { holderSchema, type Lease } from './lease.ts';
import { hasEnded, type System } from './system.ts';
import { HeldError, type Holder, type LockUse } from './store.ts';

export interface LeaseRequest {
  readonly name: string;
  /** What is locked, for people. */
  readonly what: string;
  readonly holder: Holder;
  readonly seconds: number;
  readonly use?: LockUse | undefined;
  readonly system: System;
  /** Does a call on the container, with retries; errors stay the SDK's. */
  readonly ask: <T>(call: (container: ContainerClient, one: Try) => Promise<T>) => Promise<T>;
}

export interface Taken {
  readonly lease: Lease;
  /** By `Clock.ticks`. */
  readonly askedAt: number;
}

/** How often a lock is tried that is released or taken by another process meanwhile. */
const TRIES = 5;

/**
 * Takes a lock: the lease on a blob that says who holds it.
 *
 * The lock is taken once the holder is written UNDER the lease, not before. A process that finds that the holder has
 * ended breaks the lease on the condition that the blob is still as it was read: so it never breaks the lease of another
 * process that has taken the lock since.
 */
export async function takeLease(request: LeaseRequest): Promise<Taken> {
  const { name, what, holder, seconds, use, system, ask } = request;
  const sharedBy = typeof use === 'object' ? use.sharedBy : undefined;
  const id = sharedBy === undefined ? randomUUID() : leaseId(sharedBy);
  const content = JSON.stringify({ holder }, undefined, 2);
  const onLease = <T>(call: (lease: BlobLeaseClient, blob: BlockBlobClient, signal: AbortSignal) => Promise<T>) =>
    ask((container, { signal }) => {
      const blob = container.getBlockBlobClient(name);
      return call(blob.getBlobLeaseClient(id), blob, signal);
    });
  const release = async (): Promise<void> => {
    await onLease((lease, blob, abortSignal) =>
      use === 'ephemeral'
        ? blob.delete({ abortSignal, conditions: { leaseId: id } })
        : lease.releaseLease({ abortSignal }),
    );
  };
  const acquire = (): Promise<unknown> =>
    onLease((lease, _, abortSignal) => lease.acquireLease(seconds, { abortSignal }));

  for (let tries = 1; ; tries++) {
    const askedAt = system.clock.ticks();
    try {
      await acquire();
      await onLease((_, blob, abortSignal) =>
        blob.upload(content, Buffer.byteLength(content), { abortSignal, conditions: { leaseId: id } }),
      );
      if (sharedBy !== undefined)
        // Acquired again under the same id it is renewed, also where another worker has released it meanwhile.
        return { askedAt, lease: { renew: () => isDone(acquire()), release: () => Promise.resolve() } };
      const renew = (): Promise<boolean> =>
        isDone(onLease((lease, _, abortSignal) => lease.renewLease({ abortSignal })));
      return { askedAt, lease: { renew, release } };
    } catch (error) {
      if (statusOf(error) === 404 && tries < TRIES)
        await ask((container, one) => createBlob(container, name, content, one));
      else if (isTaken(error)) await breakStale(tries);
      else {
        // A shared lease is not released for all because one worker could not write that it holds it, too.
        if (sharedBy === undefined) await release().catch(() => undefined);
        throw error;
      }
    }
  }

  /** Breaks the lease of a holder that has ended; throws where it has not. */
  async function breakStale(tries: number): Promise<void> {
    const held = await ask((container, one) => read(container, name, one)).catch((error: unknown) => {
      if (statusOf(error) !== 404) throw error;
    });
    // Released since, and its file deleted: the next try creates it again.
    if (!held && tries < TRIES) return;
    const { found, etag } = held ?? {};
    if (!found || !hasEnded(system, found) || tries === TRIES) throw new HeldError(what, found);
    try {
      await onLease((lease, _, abortSignal) =>
        lease.breakLease(0, { abortSignal, ...(etag !== undefined && { conditions: { ifMatch: etag } }) }),
      );
    } catch (error) {
      // Another process was quicker, or it has just run out: the next try tells.
      if (!isTaken(error) && statusOf(error) !== 404) throw error;
    }
  }
}

/** Releases a shared lease, by whichever worker it was acquired. It is no error if none holds it. */
export async function releaseSharedLease(
  container: ContainerClient,
  name: string,
  sharedBy: string,
  one: Try,
): Promise<void> {
  try {
    const lease = container.getBlobClient(name).getBlobLeaseClient(leaseId(sharedBy));
    await lease.releaseLease({ abortSignal: one.signal });
  } catch (error) {
    if (!isTaken(error) && statusOf(error) !== 404) throw error;
  }
}

/** A lease is acquired under a GUID: all that acquire it under the same one share it. */
function leaseId(sharedBy: string): string {
  return createHash('sha256')
    .update(sharedBy)
    .digest('hex')
    .replace(/^(.{8})(.{4})(.{4})(.{4})(.{12}).*$/, '$1-$2-$3-$4-$5');
}

/** Whether a lease was renewed. */
async function isDone(renewing: Promise<unknown>): Promise<boolean> {
  try {
    await renewing;
    return true;
  } catch (error) {
    if (isTaken(error) || statusOf(error) === 404) return false;
    throw error;
  }
}

/** Writes the candidate holder first, so that a process killed while acquiring can be identified. */
async function createBlob(container: ContainerClient, name: string, content: string, { signal }: Try): Promise<void> {
  try {
    const options = { abortSignal: signal, conditions: { ifNoneMatch: '*' } };
    await container.getBlockBlobClient(name).upload(content, Buffer.byteLength(content), options);
  } catch (error) {
    if (!isTaken(error)) throw error;
  }
}

const lockSchema = z.object({ holder: holderSchema });

async function read(
  container: ContainerClient,
  name: string,
  { signal }: Try,
): Promise<{ readonly found?: Holder | undefined; readonly etag?: string | undefined }> {
  // One call: the holder and the etag are of the same version.
  const options = { abortSignal: signal, maxRetryRequests: 0 };
  const { etag, readableStreamBody } = await container.getBlobClient(name).download(0, undefined, options);
  const said = readableStreamBody ? await text(readableStreamBody) : '';
  try {
    return { found: lockSchema.safeParse(JSON.parse(said)).data?.holder, etag };
  } catch {
    return { etag };
  }
}

/** Another process has the lease, or the blob has changed. */
function isTaken(error: unknown): boolean {
  const status = statusOf(error);
  return status === 412 || (status === 409 && !codeOf(error)?.startsWith('Container'));
}

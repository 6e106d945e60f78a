import { randomUUID } from 'node:crypto';
import { Readable } from 'node:stream';
import { keepRenewed, LOCK_TIMES, type LockTimes } from './lease.ts';
import { hasEnded, realSystem, type System } from './system.ts';
import {
  checkLockName,
  checkPath,
  checkPrefix,
  checkSize,
  type Condition,
  ConflictError,
  type Content,
  HeldError,
  type Holder,
  type Store,
} from './store.ts';

const PLACE = 'memory';
const CHUNK_BYTES = 256 * 1024;

/** What memory stores share that are opened on the same memory, as workers share a storage account. */
export interface Memory {
  readonly files: Map<string, StoredBytes>;
  readonly locks: Map<string, Held>;
}

interface StoredBytes {
  readonly bytes: Buffer;
  readonly etag: string;
}

interface Held {
  /** Tells who holds it: the same for all that share it. */
  readonly id: string;
  readonly holder: Holder;
  /** Milliseconds since 1970. */
  readonly until: number;
}

export function newMemory(): Memory {
  return { files: new Map(), locks: new Map() };
}

/** A ledger in memory, with the guarantees of the others but one: it ends with its process. For tests, and for cases of policies. */
export function memoryStore(
  memory: Memory = newMemory(),
  times: LockTimes = LOCK_TIMES,
  system: System = realSystem,
): Store {
  const { clock } = system;
  const { files, locks } = memory;

  const put = (path: string, bytes: Buffer): string => {
    // Not made of the content: the same content written again is another version, as in Blob Storage.
    const etag = randomUUID();
    files.set(path, { bytes, etag });
    return etag;
  };

  async function* below(prefix: string): AsyncGenerator<string, void> {
    checkPrefix(prefix);
    await Promise.resolve();
    yield* [...files.keys()].filter((path) => path.startsWith(prefix)).sort();
  }

  /** Takes or renews the lease. @returns the lease in the way, if there is one */
  const acquire = (name: string, { id, holder }: Omit<Held, 'until'>): Held | undefined => {
    const found = locks.get(name);
    const now = clock.now();
    if (found && found.id !== id && now < found.until && !hasEnded(system, found.holder)) return found;
    locks.set(name, { id, holder, until: now + times.seconds * 1000 });
    return undefined;
  };

  return {
    place: PLACE,
    system,
    async read(path) {
      checkPath(path);
      await Promise.resolve();
      const found = files.get(path);
      if (!found) return undefined;
      checkSize(PLACE, path, found.bytes.length);
      return { text: found.bytes.toString(), etag: found.etag };
    },
    async size(path) {
      checkPath(path);
      await Promise.resolve();
      return files.get(path)?.bytes.length;
    },
    async stream(path) {
      checkPath(path);
      await Promise.resolve();
      const found = files.get(path);
      return found && Readable.from(pieces(found.bytes), { objectMode: false });
    },
    async write(path, content, condition) {
      checkPath(path);
      const bytes = await bytesOf(content);
      // From here to its end in one step: of several writers with the same condition one succeeds.
      if (!holds(condition, files.get(path))) throw conflict(path, 'is not as expected');
      return put(path, bytes);
    },
    async append(path, bytes, length) {
      checkPath(path);
      await Promise.resolve();
      if (bytes.length === 0) return length;
      const known = files.get(path);
      if (length === 0 ? known : known?.bytes.length !== length) throw conflict(path, `has not ${length} bytes`);
      put(path, Buffer.concat([known?.bytes ?? Buffer.alloc(0), bytes]));
      return length + bytes.length;
    },
    async remove(path) {
      checkPath(path);
      await Promise.resolve();
      files.delete(path);
    },
    list: below,
    async *folders(prefix) {
      const names = new Set<string>();
      for await (const path of below(prefix)) {
        const [name = '', ...rest] = path.slice(prefix.length).split('/');
        if (rest.length > 0) names.add(name);
      }
      yield* names;
    },
    async lock(name, holder, use) {
      checkLockName(name);
      await Promise.resolve();
      const what = `the registry's ledger (${name} in ${PLACE})`;
      const sharedBy = typeof use === 'object' ? use.sharedBy : undefined;
      const lease = { id: sharedBy ?? randomUUID(), holder };
      const askedAt = clock.ticks();
      const inTheWay = acquire(name, lease);
      if (inTheWay) throw new HeldError(what, inTheWay.holder);
      const isOurs = (): boolean => locks.get(name)?.id === lease.id;
      const renewing = {
        // One that is shared may have been given up by another worker meanwhile.
        renew: () => Promise.resolve((sharedBy !== undefined || isOurs()) && !acquire(name, lease)),
        release: () => Promise.resolve(sharedBy === undefined && isOurs() ? void locks.delete(name) : undefined),
      };
      return keepRenewed(what, renewing, askedAt, times, clock);
    },
    async releaseShared(name, sharedBy) {
      checkLockName(name);
      await Promise.resolve();
      if (locks.get(name)?.id === sharedBy) locks.delete(name);
    },
  };
}

function holds(condition: Condition | undefined, found: StoredBytes | undefined): boolean {
  if (condition === undefined) return true;
  if (condition !== 'absent' && 'check' in condition) {
    condition.check();
    return true;
  }
  return condition === 'absent' ? !found : found?.etag === condition.etag;
}

function conflict(path: string, why: string): ConflictError {
  return new ConflictError(`the ledger in ${PLACE} is written by another process: ${path} ${why}`);
}

async function bytesOf(content: Content): Promise<Buffer> {
  if (typeof content === 'string') return Buffer.from(content);
  return Buffer.concat(await Array.fromAsync(content));
}

function* pieces(bytes: Buffer): Generator<Uint8Array> {
  for (let offset = 0; offset < bytes.length; offset += CHUNK_BYTES) yield bytes.subarray(offset, offset + CHUNK_BYTES);
}

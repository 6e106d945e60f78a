import type { BlobLocation } from './blob-account.ts';
import { openBlobClient, statusOf } from './blob-client.ts';
import {
  append,
  conditionsOf,
  fetchBlob,
  namesOf,
  removeBlob,
  sizeOfBlob,
  streamBlob,
  writeStream,
  writeText,
} from './blob-files.ts';
import { releaseSharedLease, takeLease } from './blob-lease.ts';
import { keepRenewed, LOCK_TIMES, type LockTimes } from './lease.ts';
import { realSystem, type System } from './system.ts';
import { checkLockName, checkPath, checkPrefix, type Store } from './store.ts';

export { type BlobLocation, CONTAINER } from './blob-account.ts';

/** Smaller in tests. */
export interface BlobLimits {
  /** Names in a page of a listing; the service gives 5000 at most. */
  readonly pageSize: number;
  /** The most that is fetched, or sent of a stream, with one call. A file has 50,000 such blocks at most. */
  readonly blockBytes: number;
  /** The most that is appended with one call; the service takes 100 MiB. */
  readonly appendBytes: number;
  /** A lease is for 15 to 60 seconds. */
  readonly lock: LockTimes;
}

const MiB = 1024 * 1024;
const LIMITS: BlobLimits = { pageSize: 5000, blockBytes: 4 * MiB, appendBytes: 64 * MiB, lock: LOCK_TIMES };

/**
 * A ledger in the container `retention-runs` of a storage account; it is created when something is written.
 *
 * A file is either written or appended to: the service has two kinds of blob. It takes 50,000 appends. One of up to
 * 64 MiB is atomic; a longer one goes in pieces, and may break off between them: then the file ends with a torn line,
 * like one in a folder whose writer was killed.
 *
 * @throws LedgerError where the location is not usable
 */
export function blobStore(
  location: BlobLocation,
  limits: Partial<BlobLimits> = {},
  system: System = realSystem,
): Store {
  const { pageSize, blockBytes, appendBytes, lock } = { ...LIMITS, ...limits };
  const client = openBlobClient(location, system.clock);
  const { place } = client;

  const changing = async <T>(path: string, change: () => Promise<T>): Promise<T> => {
    checkPath(path);
    try {
      return await change();
    } catch (error) {
      throw client.failure('written', path, error);
    }
  };

  return {
    place,
    system,
    async read(path) {
      checkPath(path);
      const found = await fetchBlob(client, path);
      return found && { text: found.bytes.toString(), etag: found.etag };
    },
    async size(path) {
      checkPath(path);
      return sizeOfBlob(client, path);
    },
    async stream(path) {
      checkPath(path);
      return streamBlob(client, path, blockBytes);
    },
    write: (path, content, condition) =>
      changing(path, async () => {
        const conditions = conditionsOf(condition);
        const check = typeof condition === 'object' && 'check' in condition ? condition.check : undefined;
        try {
          return typeof content === 'string'
            ? await writeText(client, path, content, conditions, check)
            : await writeStream(client, path, content, { conditions, check, blockBytes });
        } catch (error) {
          if (conditions.ifMatch !== undefined && statusOf(error) === 404)
            throw client.conflict(path, 'is gone', error);
          throw error;
        }
      }),
    append: (path, bytes, length) => changing(path, () => append(client, path, bytes, length, appendBytes)),
    remove: (path) => changing(path, () => removeBlob(client, path)),
    async *list(prefix) {
      checkPrefix(prefix);
      yield* namesOf(client, prefix, 'files', pageSize);
    },
    async *folders(prefix) {
      checkPrefix(prefix);
      yield* namesOf(client, prefix, 'folders', pageSize);
    },
    async lock(name, holder, use) {
      checkLockName(name);
      const what = `the registry's ledger (${name} in ${place})`;
      const path = `locks/${name}`;
      const request = { name: path, what, holder, use, seconds: lock.seconds, system, ask: client.changing };
      const { lease, askedAt } = await changing(path, () => takeLease(request));
      return keepRenewed(what, lease, askedAt, lock, system.clock);
    },
    async releaseShared(name, sharedBy) {
      checkLockName(name);
      const path = `locks/${name}`;
      await changing(path, () =>
        client.changing((container, one) => releaseSharedLease(container, path, sharedBy, one)),
      );
    },
  };
}

import type { StorageSum } from '../../ledger/storage.ts';
import { newBlobTable } from '../../registry/blob-table.ts';

/** All blobs of a registry, and which of them something has that is kept. */
export interface Pool {
  /** The number of a blob. @returns `undefined` where it cannot be counted */
  readonly blob: (digest: string, size: number) => number | undefined;
  /** A manifest has a blob. @param isKept whether the manifest is kept */
  readonly has: (blob: number | undefined, isKept: boolean) => void;
  /** Of so many manifests it is not known what they hold. */
  readonly unread: (isKept: boolean, count?: number) => void;
  /** There are more blobs than are counted: then nothing is known. */
  readonly isFull: () => boolean;
  readonly total: () => StorageSum;
  /** Sums up a part of the registry, once all of it is in the pool. */
  readonly part: () => Part;
}

interface Part {
  readonly has: (blob: number | undefined) => void;
  readonly unread: (isKept: boolean, count?: number) => void;
  readonly total: () => StorageSum;
}

const [IS_THERE, IS_KEPT] = [1, 2];

export function newPool(most?: number): Pool {
  const blobs = newBlobTable(most);
  let flags = new Uint8Array(1024);
  /** In which part each was counted last. */
  let counted = new Uint32Array(0);
  let parts = 0;
  let isFull = false;
  const not = newUnread();
  const flag = (blob: number, more: number): void => {
    if (blob >= flags.length) {
      const before = flags;
      flags = new Uint8Array(Math.max(blob + 1, before.length * 2));
      flags.set(before);
    }
    flags[blob] = (flags[blob] ?? 0) | more;
  };
  const isFreed = (blob: number): boolean => flags[blob] === IS_THERE;
  return {
    blob(digest, size) {
      const blob = blobs.add(digest, size);
      if (blob === undefined) isFull = true;
      return blob;
    },
    has(blob, isKept) {
      if (blob !== undefined) flag(blob, isKept ? IS_THERE | IS_KEPT : IS_THERE);
    },
    unread: not.count,
    isFull: () => isFull,
    total() {
      let [unique, frees] = [0, 0];
      for (let blob = 0; blob < blobs.count(); blob += 1) {
        if (((flags[blob] ?? 0) & IS_THERE) === 0) continue;
        unique += blobs.sizeOf(blob);
        if (isFreed(blob)) frees += blobs.sizeOf(blob);
      }
      return { unique, frees, ...not.found() };
    },
    part() {
      parts += 1;
      const now = parts;
      if (counted.length < blobs.count()) counted = new Uint32Array(blobs.count());
      const not = newUnread();
      let [unique, frees] = [0, 0];
      return {
        has(blob) {
          if (blob === undefined || counted[blob] === now) return;
          counted[blob] = now;
          unique += blobs.sizeOf(blob);
          if (isFreed(blob)) frees += blobs.sizeOf(blob);
        },
        unread: not.count,
        total: () => ({ unique, frees, ...not.found() }),
      };
    },
  };
}

function newUnread() {
  let [kept, deleted] = [0, 0];
  return {
    count: (isKept: boolean, count = 1): void => {
      if (isKept) kept += count;
      else deleted += count;
    },
    found: (): Pick<StorageSum, 'unread' | 'unreadDeleted'> => ({
      ...(kept > 0 && { unread: kept }),
      ...(deleted > 0 && { unreadDeleted: deleted }),
    }),
  };
}

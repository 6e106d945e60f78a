import { blobStore } from '../../../src/ledger/store/blob.ts';
import { folderStore } from '../../../src/ledger/store/folder.ts';
import { LOCK_TIMES } from '../../../src/ledger/store/lease.ts';
import { memoryStore } from '../../../src/ledger/store/memory.ts';
import type { Store } from '../../../src/ledger/store/store.ts';
import { BlobService } from './blob.ts';
import { mount } from './mount.ts';
import type { Process, World } from '../world/world.ts';

/** Where the ledger of a story is kept. */
export interface Stores {
  readonly of: (process: Process) => Store;
  /** What is in it now, to be read without time. */
  readonly now: () => Store;
  /** The locks that are held now. */
  readonly held: () => readonly string[];
}

/** @param onKilled is told which process was killed in the middle of a write */
export function openStores(world: World, kind: 'folder' | 'blob', onKilled: (process: Process) => void): Stores {
  if (kind === 'blob') {
    const service = new BlobService(world, { onKilled });
    const { draws } = world;
    // In some stories so little that files and listings are sent in several calls; what a torn append is made of.
    const limits = draws.number('limits of blobs') < 0.5 ? {} : { pageSize: 3, blockBytes: 512, appendBytes: 120 };
    return {
      of: (process) => blobStore(service.location(process), limits, process.system),
      now: () => memoryStore({ files: new Map(service.files), locks: new Map() }),
      held: () => service.leased,
    };
  }
  const disk = mount(world, { onKilled });
  return {
    of: (process) => folderStore(`/${process.name}/ledger`, LOCK_TIMES, process.system),
    now: () => {
      const files = Array.from(disk.files('ledger'), ([path, { bytes }]) => [path, { bytes, etag: '' }] as const);
      return memoryStore({ files: new Map(files), locks: new Map() });
    },
    held: () => {
      const runOut = world.now - LOCK_TIMES.seconds * 1_000;
      return [...disk.files('ledger/locks')].filter(([, { mtimeMs }]) => mtimeMs > runOut).map(([name]) => name);
    },
  };
}

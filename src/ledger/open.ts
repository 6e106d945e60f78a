import { randomUUID } from 'node:crypto';
import { rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import type { ArchiveLocation } from '../policy/archive.ts';
import type { StorageLocation } from '../policy/storage.ts';
import { type Archive, openArchive } from './archive.ts';
import { blobStore } from './store/blob.ts';
import { folderStore } from './store/folder.ts';
import { LOCK_TIMES } from './store/lease.ts';
import { memoryStore } from './store/memory.ts';
import { realSystem } from './store/system.ts';
import { type Ledger, openLedger } from './ledger.ts';

/**
 * The ledger at a place; nothing is contacted before it is used.
 * @param root where relative folders start
 * @param clientId the managed identity, where there are several
 */
export function ledgerAt(location: StorageLocation, root: string, clientId?: string): Ledger {
  if (location.kind === 'folder') return openLedger(folderStore(resolve(root, location.folder)));
  return openLedger(blobStore('accountUrl' in location ? { ...location, clientId } : location));
}

/** The archive at a place, as `ledgerAt`. Its name is what a person writes to name it again. */
export function archiveAt(location: ArchiveLocation, clientId?: string): Archive {
  if (location.kind === 'folder') {
    const folder = resolve(location.root ?? '', location.folder);
    return openArchive(folderStore(folder, LOCK_TIMES, realSystem, 'archive'), { place: folder });
  }
  const { accountUrl, container, prefix } = location;
  return openArchive(blobStore({ accountUrl, clientId, container, kept: 'archive' }), {
    place: `${accountUrl}/${container}${prefix === '' ? '' : `/${prefix.slice(0, -1)}`}`,
    prefix,
  });
}

/** A ledger that ends with the process. */
export function temporaryLedger(): Ledger {
  const folder = join(tmpdir(), `acr-retention-${randomUUID()}`);
  process.once('exit', () => rmSync(folder, { recursive: true, force: true }));
  return openLedger(folderStore(folder));
}

/** A ledger in memory where it is always the same time: for what is tried at a time of its own. */
export function memoryLedger(now: Date): Ledger {
  const clock = { ...realSystem.clock, now: () => now.getTime() };
  return openLedger(memoryStore(undefined, undefined, { ...realSystem, clock }));
}

import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { type Archive, openArchive } from '../../src/ledger/archive.ts';
import { memoryStore } from '../../src/ledger/store/memory.ts';
import type { Store } from '../../src/ledger/store/store.ts';

/** An archive in memory, and what it is kept in. */
export function newArchive(store: Store = memoryStore()): { readonly archive: Archive; readonly store: Store } {
  return { archive: openArchive(store, { place: 'the archive' }), store };
}

/** Downloads an archive, as `az storage blob download-batch` does. */
export async function download(store: Store, registry: string, folder: string): Promise<void> {
  for await (const path of store.list(`${registry}/`)) {
    const file = join(folder, path);
    mkdirSync(dirname(file), { recursive: true });
    const stream = await store.stream(path);
    writeFileSync(file, stream ? await buffer(stream) : '');
  }
}

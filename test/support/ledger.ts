import { randomUUID } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { folderStore } from '../../src/ledger/store/folder.ts';
import { memoryStore } from '../../src/ledger/store/memory.ts';
import { type Ledger, openLedger } from '../../src/ledger/ledger.ts';

let root: string | undefined;

/** A folder that is gone with the process of the test. */
export function newFolder(): string {
  if (root === undefined) {
    const folder = mkdtempSync(join(tmpdir(), 'acr-retention-test-'));
    process.once('exit', () => rmSync(folder, { recursive: true, force: true }));
    root = folder;
  }
  return join(root, randomUUID());
}

/** An empty ledger in a folder. */
export function newLedger(): Ledger {
  return openLedger(folderStore(newFolder()));
}

/** An empty ledger in memory, for what does not test a store. */
export function newMemoryLedger(): Ledger {
  return openLedger(memoryStore());
}

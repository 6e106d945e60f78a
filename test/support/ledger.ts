import { randomUUID } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
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

/** An empty ledger in memory: for all that does not test a store, nor reads its files. */
export function newLedger(): Ledger {
  return openLedger(memoryStore());
}

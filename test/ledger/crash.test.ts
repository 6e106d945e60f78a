import { existsSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { crash } from '../crash/crash.ts';
import { type Azurite, startAzurite } from '../support/azurite.ts';

const POINTS = 2;

/** Where it is not known that a process has ended, the next one has to wait until its lock runs out. */
const knowsProcesses = existsSync('/proc/self/stat');

/** `npm run crash` does the same two hundred times. */
describe.runIf(knowsProcesses)(
  'a process that is killed at any moment leaves a ledger that agrees with the registry',
  () => {
    let azurite: Azurite;
    beforeAll(async () => {
      azurite = await startAzurite();
    });
    afterAll(() => azurite.close());

    for (const store of ['folder', 'blob'] as const) {
      test(`in ${store === 'folder' ? 'a folder' : 'Blob Storage'}`, { timeout: 300_000 }, async () => {
        const { connectionString } = azurite;
        const options = { points: POINTS, seed: 1, jobs: 1, ...(store === 'blob' && { connectionString }) };
        for (const ways of ['deleting', 'quarantine'] as const)
          expect(await crash({ ...options, ways })).toMatchObject({ points: POINTS, failures: [] });
      });
    }
  },
);

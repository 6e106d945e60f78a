import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';

/*
 * `npm run simulate -- --seeds 100000` searches longer; `docs/simulation.md` says how to read what it finds.
 */

const SEEDS = 500;

test('whatever goes wrong, in any order: all that is promised holds', { timeout: 300_000 }, async () => {
  const main = fileURLToPath(new URL('main.ts', import.meta.url));
  const told = await promisify(execFile)(process.execPath, [main, '--seeds', String(SEEDS)], {
    maxBuffer: 64 * 1024 * 1024,
  }).catch((error: unknown) => error as { readonly stdout: string; readonly stderr: string });
  expect(told.stdout, told.stderr).toMatch(/^500 seeds from 0, .* all held\n$/s);
});

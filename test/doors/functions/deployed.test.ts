import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import ignore from 'ignore';
import { expect, test } from 'vitest';
import { sampleRegistry } from '../../../src/dev/emulator/index.ts';
import { withApp } from '../../support/app.ts';
import { withServedEmulator } from '../../support/registry.ts';

const root = fileURLToPath(new URL('../../..', import.meta.url));

/** What is left of this folder when .funcignore is obeyed. */
function deployed(): readonly string[] {
  const left = ignore().add(readFileSync(join(root, '.funcignore'), 'utf8'));
  const walk = (folder: string): readonly string[] =>
    readdirSync(join(root, folder), { withFileTypes: true }).flatMap((entry) => {
      const path = folder + entry.name;
      if (entry.isDirectory()) return left.ignores(`${path}/`) ? [] : walk(`${path}/`);
      return left.ignores(path) ? [] : [path];
    });
  return walk('');
}

test('what is deployed is the bundle of the functions, and the two files that the host reads', () => {
  const files = deployed().filter((file) => file !== '.DS_Store');
  expect(files.filter((file) => !file.startsWith('dist/functions/'))).toEqual(['host.json', 'package.json']);
  expect(files.every((file) => /\.js(?:on)?$/.test(file))).toBe(true);
  const bundle = files.map((file) => readFileSync(join(root, file), 'utf8')).join('\n');
  // Neither the emulator nor the local host, nor a map.
  expect(bundle).not.toMatch(/startEmulator|sampleRegistry|sourceMappingURL/);
});

test('it runs by itself, without node_modules', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'acr-retention-test-'));
  try {
    for (const file of deployed()) cpSync(join(root, file), join(folder, file), { recursive: true });
    const settings = { PURGE_COMMAND: "--filter '.*:^dev-' --ago 30d --untagged", PURGE_SCHEDULE: '0 1 * * Sun' };
    await withServedEmulator({ repositories: sampleRegistry() }, (emulator) =>
      withApp(
        emulator,
        settings,
        async (app) => {
          const response = await app.ask('/api/dry-run');
          expect(response.status).toBe(200);
          expect(await response.json()).toMatchObject({ summary: { succeeded: true, dryRun: true } });
        },
        ['--root', folder],
      ),
    );
  } finally {
    rmSync(folder, { recursive: true });
  }
});

import { expect, test } from 'vitest';
import type { FindingsSource } from '../../../src/engine/findings/findings.ts';
import { image } from '../../../src/dev/emulator/manifests.ts';
import { ledgerAt } from '../../../src/index.ts';
import { cli } from '../../support/cli.ts';
import { repositoryOf } from '../../support/contents.ts';
import { newFolder } from '../../support/ledger.ts';
import { run, withEmulator } from '../../support/registry.ts';

const built = image('old');
const source: FindingsSource = {
  source: 'referrers',
  read: () =>
    Promise.resolve({
      observedAt: new Date().toISOString(),
      complete: true,
      problems: [],
      images: new Map([
        [built.digest, { scan: { by: 'grype', bySeverity: { critical: 3 }, fixable: {}, ids: ['CVE-2026-0001'] } }],
      ]),
    }),
};

test('risk shows what runs recorded, as text, JSON, NDJSON and CSV, and asks no registry', async () => {
  const runs = newFolder();
  const ledger = ledgerAt({ kind: 'folder', folder: runs }, runs);
  const host = await withEmulator(
    { repositories: { app: repositoryOf({ built, days: 90, tags: ['v1'] }) } },
    async (emulator) => {
      const command = ['--filter', 'app:.*', '--ago', '30d', '--untagged', '--dry-run'];
      await run(emulator, command, undefined, ledger, { findings: { sources: [source] } });
      return emulator.loginServer;
    },
  );
  const asked = (...args: readonly string[]) => cli(['risk', '-r', host, '--runs', runs, ...args]);
  const text = await asked();
  expect(text).toMatchObject({ code: 0, stderr: '' });
  expect(text.stdout).toContain('3 findings in 1 scanned image');
  expect(text.stdout).toMatch(/^\S+ \S+ {2}dry run +3 +0 +0 +0 +0 {2}would: 3 critical/m);
  expect(text.stdout).toMatch(/^app:v1 +3 +0 +0 +0 +0 {2}not known$/m);
  expect(text.stdout).toContain('Set IN_USE (or --in-use)');
  const json = JSON.parse((await asked('--output', 'json', '--since', '2d')).stdout) as object;
  expect(json).toMatchObject({
    line: [{ dryRun: true, removed: { bySeverity: { critical: 3 } }, after: { bySeverity: { critical: 3 } } }],
    registry: host,
    critical: { unknown: { images: 1, first: [{ repository: 'app', tags: ['v1'], ids: ['CVE-2026-0001'] }] } },
  });
  expect((await asked('--output', 'ndjson')).stdout.trim().split('\n')).toHaveLength(2);
  expect((await asked('--output', 'csv')).stdout).toMatch(/^run,at,kind,dryRun,before_critical,/);
  const none = await cli(['risk', '-r', 'fabrikam', '--runs', runs]);
  expect(none.stdout).toContain('No run of fabrikam.azurecr.io has asked for findings yet');
  for (const wrong of [
    ['--top', '0'],
    ['--since', 'soon'],
    ['--since', '2026-02-31'],
    ['--since', '0d'],
  ])
    expect((await asked(...wrong)).code, wrong.join(' ')).toBe(2);
});

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { tryCommand } from '../../../src/doors/cli/policy-try.ts';
import { sampleRegistry } from '../../../src/dev/emulator/index.ts';
import { ledgerAt } from '../../../src/index.ts';
import { policyOf, run, withEmulator } from '../../support/registry.ts';

const folder = mkdtempSync(join(tmpdir(), 'acr-retention-try-'));
afterAll(() => rmSync(folder, { recursive: true }));

async function tried(...args: readonly string[]): Promise<readonly string[]> {
  let written = '';
  await tryCommand((text) => void (written += text)).parseAsync([...args, '--runs', 'runs'].map((one) => (one === 'runs' ? join(folder, one) : one)), { from: 'user' }); // prettier-ignore
  return written.trimEnd().split('\n');
}

test('what a policy deletes and a run did not, what it keeps, both counts, and what is not known', async () => {
  const path = join(folder, 'retention.yaml');
  writeFileSync(path, "version: 1\nrules: [{ name: features, tags: ['feature-*'], keep: { newest: 3 } }]\n");
  const ledger = ledgerAt({ kind: 'folder', folder: 'runs' }, folder);
  const id = await withEmulator({ repositories: sampleRegistry() }, async (emulator) => {
    const flags = ['--filter', 'microtodo-frontendapi:^feature-', '--ago', '150d', '--dry-run'];
    return (await run(emulator, policyOf(flags), undefined, ledger)).summary.runId;
  });
  const lines = await tried(path, '--against', id);
  expect(lines[0]).toMatch(/^\+ microtodo-frontendapi:feature-\d+ {2}rule-matched; before: kept, too-young: /);
  expect(lines).toContain(
    `In the one repository that run ${id} saw, the policy deletes 4 tags and 0 manifests; the run decided to delete 2 tags and 0 manifests.`,
  );
  expect(lines.at(-1)).toMatch(/^Not known, and counted as kept: \d+\. The run did not record when/);
  const said = (await tried(path, '--against', id, '--output', 'ndjson')).map((line) => JSON.parse(line) as object);
  expect(said.at(-1)).toMatchObject({ runId: id, deletes: { tags: 4 }, before: { tags: 2 } });
  expect(said).toHaveLength(3);
  await expect(tried(path, '--against', 'none')).rejects.toThrow(/^run "none": there is no such run/);
});

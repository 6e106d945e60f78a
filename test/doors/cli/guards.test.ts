import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import type { Emulator } from '../../../src/dev/emulator/index.ts';
import { cli, folder, type Ran } from '../../support/cli.ts';
import { images, repositoryOf } from '../../support/contents.ts';
import { USER, withServedEmulator } from '../../support/registry.ts';

function dryRun(emulator: Emulator, ...args: readonly string[]): Promise<Ran> {
  const file = join(folder, 'guards.pem');
  writeFileSync(file, emulator.certificate);
  const purge = ['purge', '-r', emulator.loginServer, '-f', '.*:.*', '--ago', '30d', '--untagged', '--dry-run'];
  const identity = { ACR_USERNAME: USER.username, ACR_PASSWORD: USER.password };
  return cli([...purge, ...args], { NODE_EXTRA_CA_CERTS: file, ...identity });
}

test('a dry run says what guards would hold back, ends with 0, and sends nothing that changes the registry', async () => {
  const repositories = {
    portal: repositoryOf(...images('portal', 1, 'v')),
    migration: repositoryOf(...images('migration', 1, 'v')),
  };
  await withServedEmulator({ repositories }, async (emulator) => {
    const cases: readonly (readonly [string, string])[] = [
      ['--max-deletions=1', 'everything: 4 artifacts'],
      ['--max-deletion-percent=50', 'migration: 1 of 1 tags'],
      ['--keep-last-tag', 'portal: its only tag would be deleted'],
      ['--keep-last-tag=true', 'migration: its only tag would be deleted'],
    ];
    for (const [flag, expected] of cases) {
      const { code, stdout } = await dryRun(emulator, flag);
      expect({ flag, code }).toEqual({ flag, code: 0 });
      expect(stdout).toContain(`WOULD BE HELD BACK: ${expected}`);
      expect(stdout).toContain('would hold back 4 of 4 deletions');
    }
    const { stdout: plain } = await dryRun(emulator);
    expect(plain).not.toContain('HELD BACK');

    const { stdout: json } = await dryRun(emulator, '--max-deletions=1', '--output=json');
    const breakers = [{ breaker: 'max-deletions', found: 4, limit: 1 }];
    expect(JSON.parse(json)).toMatchObject({ summary: { dryRun: true, succeeded: true, breakers } });
    const { stdout: ndjson } = await dryRun(emulator, '--keep-last-tag', '--output=ndjson');
    expect(JSON.parse(ndjson.trimEnd().split('\n').at(-1) ?? '')).toMatchObject({
      summary: { breakers: [{ breaker: 'no-tag-left' }, { breaker: 'no-tag-left' }] },
    });
    const changing = Object.entries(emulator.counts()).filter(
      ([kind, count]) => /^(?:update|delete|put|other)/.test(kind) && count > 0,
    );
    expect(changing).toEqual([]);
    expect(emulator.tagsLeft()).toHaveLength(2);
  });
});

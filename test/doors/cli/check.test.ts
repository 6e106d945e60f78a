import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { image, index } from '../../../src/dev/emulator/manifests.ts';
import { cli } from '../../support/cli.ts';
import { repositoryOf } from '../../support/contents.ts';
import { newFolder } from '../../support/ledger.ts';
import { USER, withServedEmulator } from '../../support/registry.ts';

const broken = index([{ ...image('gone'), architecture: 'arm64', os: 'linux' }]);

test('check says what is broken, and its exit code says whether something is', () =>
  withServedEmulator(
    {
      repositories: {
        app: repositoryOf({ built: broken, days: 9, tags: ['v1'] }),
        fine: repositoryOf({ built: image('fine'), days: 9, tags: ['v1'] }),
      },
    },
    async (emulator) => {
      const certificate = `${newFolder()}.pem`;
      writeFileSync(certificate, emulator.certificate);
      const runs = newFolder();
      const kept = join(runs, 'checks', `${emulator.loginServer.replace(':', '_')}.json`);
      const at = (...args: readonly string[]) =>
        cli(['check', '-r', emulator.loginServer, '--runs', runs, ...args], {
          NODE_EXTRA_CA_CERTS: certificate,
          ACR_USERNAME: USER.username,
          ACR_PASSWORD: USER.password,
        });
      expect(await at('--repository', 'fine')).toMatchObject({ code: 0, stderr: '' });
      // Of some repositories only: that says too little of the registry.
      expect(existsSync(kept)).toBe(false);
      const found = await at();
      expect(found).toMatchObject({ code: 1, stderr: '' });
      expect(found.stdout).toMatch(/^BROKEN {2}platform-missing: 1$/m);
      expect(JSON.parse(readFileSync(kept, 'utf8'))).toMatchObject({ counts: { 'platform-missing': 1 } });
      const json = await at('--output', 'json');
      expect(JSON.parse(json.stdout)).toMatchObject({ counts: { 'platform-missing': 1 }, repositories: { of: 2 } });
      expect(await at('--locked-older-than', 'long')).toMatchObject({ code: 2, stdout: '' });
      expect(await at('--repository', '^app$')).toMatchObject({ code: 2, stdout: '' });
    },
  ));

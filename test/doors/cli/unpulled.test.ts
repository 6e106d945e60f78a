import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { image } from '../../../src/dev/emulator/manifests.ts';
import { cli, folder } from '../../support/cli.ts';
import { repositoryOf } from '../../support/contents.ts';
import { newFolder } from '../../support/ledger.ts';
import { withLogsAtAzure } from '../../support/logs-at-azure.ts';
import { USER, withServedEmulator } from '../../support/registry.ts';

const DAY_MS = 86_400_000;
const daysAgo = (days: number): Date => new Date(Date.now() - days * DAY_MS);

const resource =
  '/subscriptions/00000000-0000-4000-8000-000000000001/resourceGroups/shop/providers/Microsoft.ContainerRegistry/registries/contoso';
const repositories = {
  app: repositoryOf(
    { built: image('pulled'), days: 200, tags: ['pulled'] },
    { built: image('forgotten'), days: 200, tags: ['forgotten'] },
  ),
};
const events = [
  { TimeGenerated: daysAgo(120), OperationName: 'Push', Repository: 'app', Tag: 'other' },
  {
    TimeGenerated: daysAgo(10),
    OperationName: 'Pull',
    Repository: 'app',
    Tag: 'pulled',
    UserAgent: 'containerd/v1.7.2',
  },
  { TimeGenerated: daysAgo(0), OperationName: 'Push', Repository: 'app', Tag: 'other' },
];

test('unpulled asks the registry and Log Analytics, lists what was not pulled, and fails where it is not known', async () => {
  await withServedEmulator({ repositories }, (emulator) =>
    withLogsAtAzure(resource, events, async ({ log, certificate, environment }) => {
      const file = join(folder, 'unpulled.pem');
      writeFileSync(file, `${emulator.certificate}\n${certificate}`);
      const host = emulator.loginServer;
      const asked = (more: readonly string[], settings: Readonly<Record<string, string>> = {}) =>
        cli(['unpulled', '-r', host, '--runs', newFolder(), ...more], {
          ...environment,
          REGISTRY_RESOURCE_ID: `${host}=${resource}`,
          ACR_USERNAME: USER.username,
          ACR_PASSWORD: USER.password,
          NODE_EXTRA_CA_CERTS: file,
          ...settings,
        });
      const { code, stdout, stderr } = await asked([]);
      expect({ code, stderr }, stdout).toEqual({ code: 0, stderr: '' });
      expect(stdout).toMatch(/^IMAGE +TAGS +PUSHED +LAST PULL +SIZE\napp@sha256:\w+ +forgotten /);
      expect(stdout).not.toMatch(/^app\S+ +pulled /m);
      expect(stdout).toContain(`One image of ${host}`);
      expect(stdout).toMatch(/ was not pulled for 90d; every pull is known since \d{4}-\d\d-\d\d\./);

      // The pull 10 days ago is no pull within 5 days.
      const lines = (await asked(['--for', '5d', '--output', 'ndjson'])).stdout.trimEnd().split('\n');
      const [one, two, about] = lines.map((line) => JSON.parse(line) as Readonly<Record<string, unknown>>);
      expect([one?.['tags'], two?.['tags']].flat().toSorted()).toEqual(['forgotten', 'pulled']);
      expect(about).toMatchObject({ registry: host, isLongEnough: true, problems: [], total: { images: 2 } });

      log.faults = { status: 403 };
      const refused = await asked([]);
      expect(refused.code).toBe(1);
      expect(refused.stdout).toContain(`It is not known what was pulled of ${host}.`);

      const none = await asked([], { REGISTRY_RESOURCE_ID: '' });
      expect(none).toMatchObject({ code: 2, stdout: '' });
      expect(none.stderr).toContain('REGISTRY_RESOURCE_ID');
    }),
  );
});

test('the plan of a policy file whose rules ask for pulls is applied without a flag that asks for them', async () => {
  await withServedEmulator({ repositories }, (emulator) =>
    withLogsAtAzure(resource, events, async ({ certificate, environment }) => {
      const file = join(folder, 'pulls-by-rules.pem');
      writeFileSync(file, `${emulator.certificate}\n${certificate}`);
      const policy = join(folder, 'pulls-by-rules.yaml');
      writeFileSync(policy, 'version: 1\nrules: [{ name: all, olderThan: 90d, notPulledWithin: 60d }]\n');
      const runs = newFolder();
      const run = (...args: readonly string[]) =>
        cli([...args, '-r', emulator.loginServer, '--runs', runs], {
          ...environment,
          REGISTRY_RESOURCE_ID: `${emulator.loginServer}=${resource}`,
          ACR_USERNAME: USER.username,
          ACR_PASSWORD: USER.password,
          NODE_EXTRA_CA_CERTS: file,
        });
      const planned = await run('purge', '--policy', policy, '--dry-run');
      const [, command = ''] = /To delete exactly this: acr-retention (apply \S+)\n/.exec(planned.stdout) ?? [];
      expect(command, planned.stdout).not.toBe('');
      expect(await run(...command.split(' '))).toMatchObject({ code: 0, stderr: '' });
      expect(emulator.tagsLeft()).toEqual(['app:pulled']);
    }),
  );
});

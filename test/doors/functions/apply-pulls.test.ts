import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { expect, test } from 'vitest';
import type { RunSummary } from '../../../src/ledger/summary.ts';
import { MASTER_KEY, withApp } from '../../support/app.ts';
import { images, repositoryOf } from '../../support/contents.ts';
import { newFolder } from '../../support/ledger.ts';
import { withLogsAtAzure } from '../../support/logs-at-azure.ts';
import { USER, withServedEmulator } from '../../support/registry.ts';

const RESOURCE =
  '/subscriptions/00000000-0000-4000-8000-000000000001/resourceGroups/shop/providers/Microsoft.ContainerRegistry/registries/contoso';
const FILE = "version: 1\nrules:\n  - { name: dev, tags: ['dev-*'], olderThan: 8d, notPulledWithin: 7d }\n";

test('a plan by the policy file of a request is applied with the log of pulls that the file asks for', async () => {
  const repositories = { app: repositoryOf(...images('app', 2, 'dev'), ...images('kept', 2, 'v')) };
  const daysAgo = (days: number): Date => new Date(Date.now() - days * 86_400_000);
  const events = [
    { TimeGenerated: daysAgo(60), OperationName: 'Push', Repository: 'other' },
    { TimeGenerated: daysAgo(3), OperationName: 'Pull', Repository: 'app', Tag: 'dev-1' },
  ];
  await withServedEmulator({ repositories }, (emulator) =>
    withLogsAtAzure(RESOURCE, events, async ({ environment, certificate }) => {
      const certificates = join(newFolder(), 'ca.pem');
      mkdirSync(dirname(certificates));
      writeFileSync(certificates, `${emulator.certificate}\n${certificate}`);
      const settings = {
        ...environment,
        PURGE_COMMAND: "--filter '.*:^none' --ago 30d",
        PURGE_SCHEDULE: '0 1 * * Sun',
        ACR_USERNAME: USER.username,
        ACR_PASSWORD: USER.password,
        NODE_EXTRA_CA_CERTS: certificates,
        REGISTRY_RESOURCE_ID: `${emulator.loginServer}=${RESOURCE}`,
      };
      await withApp(emulator, settings, async (app) => {
        const headers = { 'content-type': 'application/yaml' };
        const asked = await app.ask('/api/dry-run', { method: 'POST', body: FILE, headers });
        const { summary } = (await asked.json()) as { readonly summary: RunSummary };
        expect(summary.evidence).toMatchObject([{ complete: true }]);
        expect(summary.plan).toBeDefined();
        const path = `/api/plans/${summary.runId}/apply`;
        const applied = await app.ask(path, { method: 'POST', key: MASTER_KEY });
        expect(await applied.json()).toMatchObject({ state: 'applied' });
        expect(emulator.tagsLeft()).toEqual(['app:dev-1', 'app:v-0', 'app:v-1']);
      });
    }),
  );
});

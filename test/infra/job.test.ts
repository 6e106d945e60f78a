import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { readInUseSettings, readPullSettings } from '../../src/policy/settings.ts';
import { readStorage } from '../../src/policy/storage.ts';
import {
  bicep,
  grantsOf,
  infra,
  JOB,
  only,
  predict,
  predictFile,
  type Resource,
  type Snapshot,
  SUBSCRIPTION,
} from '../support/bicep.ts';
import { runSample } from '../support/image.ts';

interface Job {
  readonly configuration: Readonly<Record<string, unknown>>;
  readonly template: {
    readonly containers: readonly {
      readonly image: string;
      readonly args: readonly string[];
      readonly env: readonly { readonly name: string; readonly value: string }[];
    }[];
  };
}

function jobOf({ predictedResources }: Snapshot): Job {
  return propertiesOf(predictedResources, 'Microsoft.App/jobs') as unknown as Job;
}

function containerOf(snapshot: Snapshot) {
  const [container, ...others] = jobOf(snapshot).template.containers;
  if (!container || others.length > 0) throw new Error('not one container');
  return container;
}

const propertiesOf = (resources: readonly Resource[], type: string): Readonly<Record<string, unknown>> =>
  only(resources, type).properties ?? {};

/** The roles that are granted at the registry. */
const rolesAtRegistry = ({ predictedResources }: Snapshot): readonly (string | undefined)[] =>
  grantsOf(predictedResources).flatMap(({ role, scope }) => (scope.endsWith('/registries/contoso') ? [role] : []));

describe('the parameters file', () => {
  const text = readFileSync(join(infra, 'container/job.bicepparam'), 'utf8');

  test('has a comment for each value', () => {
    const lines = text.split('\n');
    const values = lines.flatMap((line, index) => (line.startsWith('param ') ? [index] : []));
    expect(values.length).toBeGreaterThan(8);
    for (const index of values) expect(lines[index - 1]).toMatch(/^\/\/ \S/);
  });

  test.skipIf(bicep === undefined)('deploys a dry run', async () => {
    const snapshot = await predictFile('container/job.bicepparam');
    expect(snapshot.diagnostics).toEqual([]);
    expect(rolesAtRegistry(snapshot)).toEqual(['AcrPull']);
    const { ran, gone } = await runSample(containerOf(snapshot).args);
    expect(ran).toMatchObject({ code: 0, stderr: '' });
    expect(ran.stdout).toContain('DRY RUN: nothing was deleted.');
    expect(gone).toBe(0);
  });
});

describe.skipIf(bicep === undefined)('the job', () => {
  let dry: Snapshot;
  beforeAll(async () => {
    dry = await predict('container/job.bicep', JOB);
  });

  test('by default can read the registry, and only tries', () => {
    expect(dry.diagnostics).toEqual([]);
    expect(rolesAtRegistry(dry)).toEqual(['AcrPull']);
    expect(containerOf(dry).args.at(-1)).toBe('--dry-run');
  });

  test('deletes where it is told to, with AcrDelete on top', async () => {
    const deleting = await predict('container/job.bicep', { ...JOB, dryRunOnly: 'false' });
    expect(rolesAtRegistry(deleting)).toEqual(['AcrPull', 'AcrDelete']);
    const { args } = containerOf(deleting);
    expect(args).toEqual(containerOf(dry).args.filter((one) => one !== '--dry-run'));
    const { ran, gone } = await runSample(args);
    expect(ran.stderr).toBe('');
    expect(gone).toBeGreaterThan(0);
  });

  test.each([
    [{ purge: `['--filter=.*:^pr-', '--ago=30d', '--quarantine=14d']` }, true],
    [{ purge: `['--filter=.*:^pr-', '--ago=30d', '--quarantine', '14d']` }, true],
    [{ purge: `['--filter=.*:^pr-', '--ago=30d', '--quarantine=off']` }, false],
    [{ grantQuarantine: 'true' }, true],
  ])('may write metadata for a quarantine: %o', async (given, isGranted) => {
    const all = { ...JOB, ...given, dryRunOnly: 'false' };
    const roles = ['AcrPull', 'AcrDelete', ...(isGranted ? ['AcrPush'] : [])];
    expect(rolesAtRegistry(await predict('container/job.bicep', all))).toEqual(roles);
    const dry = await predict('container/job.bicep', { ...all, dryRunOnly: 'true' });
    expect(rolesAtRegistry(dry)).toEqual(['AcrPull']);
  });

  test('addresses of messages come from Key Vault, by its own identity', async () => {
    const uri = 'https://contoso.vault.azure.net/secrets/notify';
    const snapshot = await predict('container/job.bicep', { ...JOB, notifySecretUri: `'${uri}'` });
    const { secrets, registries } = jobOf(snapshot).configuration as {
      readonly secrets: unknown;
      readonly registries: readonly { readonly identity: string }[];
    };
    expect(secrets).toEqual([{ name: 'notify', keyVaultUrl: uri, identity: registries[0]?.identity }]);
    expect(containerOf(snapshot).env).toContainEqual({ name: 'NOTIFY', secretRef: 'notify' });
  });

  test('with abac, by prefixes: the repository of its image is granted, too', async () => {
    const given = { ...JOB, registryPermissions: `'abac'`, repositoryPrefixes: `['team-a/']` };
    const snapshot = await predict('container/job.bicep', given);
    expect(rolesAtRegistry(snapshot)).toEqual([
      'Container Registry Repository Reader',
      'Container Registry Repository Catalog Lister',
    ]);
    const conditions = snapshot.predictedResources.flatMap(({ properties }) => properties?.['condition'] ?? []);
    expect(conditions).toEqual([
      expect.stringMatching(/StringStartsWith 'team-a\/' OR .*StringStartsWith 'acr-retention'/),
    ]);
  });

  test('is one at a time, is not tried again, and ends by itself first', async () => {
    const { configuration } = jobOf(dry);
    expect(configuration).toMatchObject({
      triggerType: 'Schedule',
      scheduleTriggerConfig: { cronExpression: '0 1 * * *', parallelism: 1, replicaCompletionCount: 1 },
      replicaRetryLimit: 0,
      replicaTimeout: 70 * 60,
    });
    expect(containerOf(dry).args).toContain('--time-budget=60m');
    const longer = await predict('container/job.bicep', { ...JOB, timeBudgetInMinutes: '300' });
    expect(jobOf(longer).configuration).toMatchObject({ replicaTimeout: 310 * 60 });
    expect(containerOf(longer).args).toContain('--time-budget=300m');
  });

  test('has one identity and no key: for its image, the registry, its record and its logs', () => {
    const all = dry.predictedResources;
    expect(all.filter(({ type }) => type.endsWith('/userAssignedIdentities'))).toHaveLength(1);
    expect(JSON.stringify(all)).not.toMatch(/listKeys|sharedKey"|AccountKey|passwordSecretRef|"secrets"/);
    expect(jobOf(dry).configuration['registries']).toEqual([
      { server: expect.stringContaining('contoso') as unknown, identity: expect.any(String) as unknown },
    ]);
    expect(propertiesOf(all, 'Microsoft.Storage/storageAccounts')).toMatchObject({ allowSharedKeyAccess: false });
    expect(propertiesOf(all, 'Microsoft.App/managedEnvironments')).toMatchObject({
      appLogsConfiguration: { destination: 'azure-monitor' },
    });
    const logs = all.find(({ type, name }) => type.endsWith('/diagnosticSettings') && name === 'logs');
    expect(logs?.properties).toMatchObject({ logs: [{ categoryGroup: 'allLogs', enabled: true }] });
  });

  test('tells the command line all that it does not know by itself', () => {
    const environment = Object.fromEntries(containerOf(dry).env.map(({ name, value }) => [name, value]));
    expect(Object.keys(environment)).toEqual(['ACR_REGISTRY', 'AZURE_CLIENT_ID', 'RETENTION_STORAGE']);
    // What the account says of itself when it is deployed has this form.
    const url = 'https://stcontoso.blob.core.windows.net/';
    expect(readStorage(url, 'RETENTION_STORAGE')).toEqual({ kind: 'blob', accountUrl: url });
  });

  const environmentOf = (snapshot: Snapshot) =>
    Object.fromEntries(containerOf(snapshot).env.map(({ name, value }) => [name, value]));

  test('is given the settings of what is in use and was pulled; pulls it may read, and nothing else', async () => {
    const given = `{ IN_USE: 'list:https://contoso.blob.core.windows.net/in-use/prod.txt', IN_USE_REMEMBER: '', KEEP_PULLED_WITHIN: '30d', PULL_IGNORE: 'trivy' }`;
    const snapshot = await predict('container/job.bicep', { ...JOB, settings: given });
    expect(snapshot.diagnostics).toEqual([]);
    const registry = `/subscriptions/${SUBSCRIPTION}/resourceGroups/platform/providers/Microsoft.ContainerRegistry/registries/contoso`;
    const { ACR_REGISTRY, AZURE_CLIENT_ID, RETENTION_STORAGE, ...settings } = environmentOf(snapshot);
    expect([ACR_REGISTRY, AZURE_CLIENT_ID, RETENTION_STORAGE]).not.toContain(undefined);
    expect(settings).toEqual({
      IN_USE: 'list:https://contoso.blob.core.windows.net/in-use/prod.txt',
      KEEP_PULLED_WITHIN: '30d',
      PULL_IGNORE: 'trivy',
      REGISTRY_RESOURCE_ID: registry,
    });
    expect(readInUseSettings(settings)?.sources).toMatchObject([{ kind: 'list' }]);
    expect(readPullSettings(settings, {})).toMatchObject({ within: '30d', resources: [{ id: registry }] });
    const all = snapshot.predictedResources;
    expect(only(all, 'Microsoft.Authorization/roleDefinitions').properties?.['permissions']).toMatchObject([
      {
        actions: [
          'Microsoft.Insights/logs/ContainerRegistryRepositoryEvents/read',
          'Microsoft.ContainerRegistry/registries/read',
        ],
        dataActions: [],
      },
    ]);
    expect(rolesAtRegistry(snapshot).toSorted()).toEqual(['AcrPull', undefined]);
    expect(all.some(({ id, name }) => name === 'acr-retention-pulls' && id.includes(registry))).toBe(true);
  });
});

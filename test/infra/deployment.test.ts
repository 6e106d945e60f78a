import { readdirSync, readFileSync } from 'node:fs';
import { appendFile } from 'node:fs/promises';
import { join } from 'node:path';
import ignore from 'ignore';
import { describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { readSettings, SETTINGS } from '../../src/policy/settings.ts';
import {
  APP,
  askBicep,
  bicep,
  formatted,
  type Grant,
  grantsOf,
  inCopy,
  infra,
  only,
  PATTERNS,
  predict,
  predictFile,
  type Resource,
  roleNames,
  sourceFiles,
  SUBSCRIPTION,
} from '../support/bicep.ts';

const root = new URL('../../', import.meta.url);
const sources = sourceFiles.map((file) => ({ file, text: readFileSync(join(infra, file), 'utf8') }));

const REGISTRY = `/subscriptions/${SUBSCRIPTION}/resourceGroups/platform/providers/Microsoft.ContainerRegistry/registries/contoso`;

/** As `APP`, with a second registry beside the first, and one in another subscription. */
const ELSEWHERE = '/subscriptions/00000000-0000-4000-8000-000000000009/resourceGroups/east';
const severalRegistries = {
  ...APP,
  registryName: `'contoso, fabrikam,${ELSEWHERE}/providers/Microsoft.ContainerRegistry/registries/adatum'`,
};
const REGISTRIES = [
  REGISTRY,
  REGISTRY.replace(/contoso$/, 'fabrikam'),
  `${ELSEWHERE}/providers/Microsoft.ContainerRegistry/registries/adatum`,
];

const ARCHIVE_URL = 'https://contosoarchive.blob.core.windows.net/archive/prod';
const ARCHIVE_ACCOUNT = `${ELSEWHERE}/providers/Microsoft.Storage/storageAccounts/contosoarchive`;

const durable = { ...APP, engine: `'durable'` };

const atRegistry = (grants: readonly Grant[]) => grants.filter(({ scope }) => scope === REGISTRY);

function appSettingsOf(resources: readonly Resource[]): Readonly<Record<string, string>> {
  const found = resources.find(({ id }) => id.endsWith('/config/appsettings'));
  return found?.properties as Readonly<Record<string, string>>;
}

interface Target {
  readonly groupIds: readonly string[];
  readonly privateLinkServiceId: string;
}

/** What a private endpoint leads to. */
function targetOf({ properties }: Resource): Target {
  const [{ properties: target }] = properties?.['privateLinkServiceConnections'] as [{ properties: Target }];
  return target;
}

/** All properties with such a name, wherever they are. */
function valuesOf(value: unknown, name: RegExp): readonly (readonly [string, unknown])[] {
  if (typeof value !== 'object' || value === null) return [];
  return Object.entries(value).flatMap(([key, inner]) => [
    ...(name.test(key) ? [[key, inner] as const] : []),
    ...valuesOf(inner, name),
  ]);
}

describe('what stands once', () => {
  test('no role id, and no other id, is outside roles.bicep, nor is one there twice', () => {
    expect(roleNames.size).toBeGreaterThan(5);
    for (const { file, text } of sources) {
      const ids = [...text.matchAll(/[\da-f]{8}-(?:[\da-f]{4}-){3}[\da-f]{12}/g)].map(([id]) => id);
      expect(new Set(ids).size, file).toBe(ids.length);
      if (file !== 'roles.bicep') expect(ids, file).toEqual([]);
    }
  });

  test('a resource type has the same API version wherever it is', () => {
    const versions = new Map<string, Set<string>>();
    for (const { text } of sources)
      for (const [, type = '', version = ''] of text.matchAll(/'(Microsoft\.[\w./]+)@([\w-]+)'/gi))
        versions.set(type, new Set([...(versions.get(type) ?? []), version]));
    expect(versions.size).toBeGreaterThan(10);
    expect([...versions].filter(([, all]) => all.size > 1)).toEqual([]);
  });
});

describe('azure.yaml', () => {
  interface Azd {
    readonly services: Readonly<Record<string, Readonly<Record<string, unknown>>>>;
  }
  const azd = parse(readFileSync(new URL('azure.yaml', root), 'utf8')) as Azd;

  test('names one function app that is built here, and what is packed holds no packages', () => {
    expect(azd.services).toEqual({
      'acr-retention': { project: '.', host: 'function', language: 'ts', remoteBuild: false },
    });
    // azd refuses to deploy what it shall not build where the folder itself is ignored: it takes that for a mistake.
    const ignored = ignore().add(readFileSync(new URL('.funcignore', root), 'utf8'));
    expect(ignored.ignores('node_modules')).toBe(false);
    expect(ignored.ignores('node_modules/undici/index.js')).toBe(true);
    expect(ignored.ignores('node_modules/.bin/node')).toBe(true);
  });

  test.skipIf(bicep === undefined)('azd finds the function app and its resource group by their tags', async () => {
    const { predictedResources: all } = await predict('main.bicep', APP);
    expect(only(all, 'Microsoft.Web/sites').tags).toEqual({
      'azd-env-name': 'prod',
      'azd-service-name': Object.keys(azd.services)[0],
    });
    expect(only(all, 'Microsoft.Resources/resourceGroups').tags).toEqual({ 'azd-env-name': 'prod' });
  });
});

describe('the parameters file', () => {
  const text = readFileSync(join(infra, 'main.bicepparam'), 'utf8');

  test('sets every parameter of the template', () => {
    const set = [...text.matchAll(/^param (\w+)/gm)].map(([, name]) => name);
    const main = readFileSync(join(infra, 'main.bicep'), 'utf8');
    expect(set.toSorted()).toEqual([...main.matchAll(/^param (\w+)/gm)].map(([, name]) => name).toSorted());
  });

  test('has a comment for each line', () => {
    const lines = text.split('\n');
    const values = lines.flatMap((line, index) => (/^ *(?:param )?\w+(?: =|:) /.test(line) ? [index] : []));
    expect(values.length).toBeGreaterThan(30);
    const comments = values.map((index) => lines[index - 1] ?? '');
    for (const comment of comments) expect(comment).toMatch(/^ *\/\/ \S/);
    expect(new Set(comments).size).toBe(comments.length);
  });
});

describe('the documentation', () => {
  const pages = ['README.md', 'docs/deploying.md', 'docs/from-acr-tasks.md'];
  const text = pages.map((page) => readFileSync(new URL(page, root), 'utf8')).join('\n\n');
  const named = (pattern: RegExp) => new Set([...text.matchAll(pattern)].map(([, name = '']) => name));

  test('sets only what the parameters file reads, and asks only for what the template gives back', () => {
    const parametersFile = readFileSync(join(infra, 'main.bicepparam'), 'utf8');
    const set = named(/azd env set (\w+)/g);
    expect(set.size).toBeGreaterThan(5);
    for (const name of set) expect(parametersFile).toContain(`readEnvironmentVariable('${name}'`);
    const main = readFileSync(join(infra, 'main.bicep'), 'utf8');
    const asked = named(/azd env get-value (\w+)/g);
    expect(asked.size).toBeGreaterThan(2);
    for (const name of asked) if (name !== 'AZURE_SUBSCRIPTION_ID') expect(main).toContain(`output ${name} `);
  });

  test('comes from a clone to a dry run in under ten commands', () => {
    const commands = text.split('\n\n').find((paragraph) => paragraph.includes('git clone')) ?? '';
    const lines = commands
      .replaceAll('\\\n', ' ')
      .split('\n')
      .filter((line) => !/^ *#/.test(line));
    expect(lines.at(-1)).toContain('/api/dry-run');
    expect(lines.length).toBeLessThan(10);
    // One a line, and azd takes a value that begins with a hyphen for a flag of its own.
    for (const line of lines) expect(line).not.toMatch(/&&|; |azd env set \w+ "?-/);
    expect(text).not.toMatch(/azd env set \w+ ["']?-/);
  });

  test('names every role that is granted', () => {
    for (const name of roleNames.values())
      expect(text).toContain(name.replace(/^Container Registry Repository Catalog/, 'Repository Catalog'));
  });
});

describe.skipIf(bicep === undefined)('Bicep', () => {
  test('every file compiles without a diagnostic, the linter included', async () => {
    for (const pattern of PATTERNS)
      expect((await askBicep(['lint', '--pattern', pattern])).diagnostics, pattern).toEqual([]);
  });

  test('every file is formatted', async () => {
    const texts = await formatted();
    for (const { file, text } of sources) expect(texts[file]?.trimEnd(), file).toBe(text.trimEnd());
  });

  test('what the linter finds is found here', () =>
    inCopy(async (folder) => {
      await appendFile(join(folder, 'identity.bicep'), '\nvar nobodyReadsIt = 1\n');
      await expect(askBicep(['lint', 'identity.bicep'], folder)).resolves.toMatchObject({
        diagnostics: [expect.stringContaining('no-unused-vars')],
      });
    }));
});

describe.skipIf(bicep === undefined)('what is granted', () => {
  const own = ['Monitoring Metrics Publisher', 'Storage Blob Data Owner'];

  test('a dry-run-only deployment can read the registry, and nothing else is granted outside its own resources', async () => {
    const { predictedResources: all } = await predict('main.bicep', APP);
    const grants = grantsOf(all);
    expect(atRegistry(grants)).toEqual([{ role: 'AcrPull', scope: REGISTRY, condition: undefined }]);
    const others = grants.filter(({ scope }) => scope !== REGISTRY);
    expect(others.map(({ role }) => role).toSorted()).toEqual(own);
    for (const { scope } of others) expect(scope).toMatch(/\/resourceGroups\/rg-prod\/providers\/\S+\/\S+\/\S+/);
  });

  test('one that deletes gets AcrDelete on top', async () => {
    const { predictedResources: all } = await predict('main.bicep', { ...APP, dryRunOnly: 'false' });
    const grants = grantsOf(all);
    expect(atRegistry(grants).map(({ role }) => role)).toEqual(['AcrPull', 'AcrDelete']);
    expect(grants.length).toBe(2 + own.length);
  });

  test.each([
    [{ settings: `{ QUARANTINE: '14d' }` }, true],
    [{ grantQuarantine: 'true' }, true],
    [{ settings: `{ QUARANTINE: 'off' }` }, false],
    [{ settings: `{ QUARANTINE: '' }` }, false],
  ])('metadata is written where there is a quarantine, and only where it may delete: %o', async (given, isGranted) => {
    const rolesWith = async (dryRunOnly: string, permissions = 'rbac'): Promise<readonly (string | undefined)[]> => {
      const all = { ...APP, ...given, dryRunOnly, registryPermissions: `'${permissions}'` };
      return atRegistry(grantsOf((await predict('main.bicep', all)).predictedResources)).map(({ role }) => role);
    };
    // A role of its own reads what was asked for in vain.
    const log = isGranted ? [undefined] : [];
    expect(await rolesWith('false')).toEqual(['AcrPull', 'AcrDelete', ...(isGranted ? ['AcrPush'] : []), ...log]);
    expect(await rolesWith('true')).toEqual(['AcrPull', ...log]);
    expect(await rolesWith('false', 'abac')).toEqual([
      'Container Registry Repository Contributor',
      'Container Registry Repository Catalog Lister',
      ...log,
    ]);
  });

  test('what is deleted is archived in one container, which is granted only then', async () => {
    const archiving = {
      ...APP,
      settings: `{ ARCHIVE: '${ARCHIVE_URL}' }`,
      archiveStorageId: `'${ARCHIVE_ACCOUNT}'`,
    };
    const grantsWith = async (given: Readonly<Record<string, string>>): Promise<readonly Grant[]> =>
      grantsOf((await predict('main.bicep', given)).predictedResources).filter(({ scope }) =>
        scope.includes('archive'),
      );
    expect(await grantsWith({ ...archiving, dryRunOnly: 'false' })).toEqual([
      {
        role: 'Storage Blob Data Contributor',
        scope: `${ARCHIVE_ACCOUNT}/blobServices/default/containers/archive`,
        condition: undefined,
      },
    ]);
    expect(await grantsWith({ ...archiving, dryRunOnly: 'true' })).toEqual([]);
    for (const half of [{ settings: archiving.settings }, { archiveStorageId: archiving.archiveStorageId }])
      await expect(predict('main.bicep', { ...APP, ...half })).rejects.toThrow(/set both/);
  });

  test.each([
    [true, 'Container Registry Repository Reader'],
    [false, 'Container Registry Repository Contributor'],
  ])('abac, dryRunOnly = %s: %s, and listing the catalog', async (dryRunOnly, role) => {
    const given = { ...APP, registryPermissions: `'abac'`, dryRunOnly: String(dryRunOnly) };
    const { predictedResources: all } = await predict('main.bicep', given);
    expect(atRegistry(grantsOf(all))).toEqual([
      { role, scope: REGISTRY, condition: undefined },
      { role: 'Container Registry Repository Catalog Lister', scope: REGISTRY, condition: undefined },
    ]);
  });

  test('abac, by prefixes: no action on a repository goes without the condition', async () => {
    const given = {
      ...APP,
      registryPermissions: `'abac'`,
      dryRunOnly: 'false',
      repositoryPrefixes: `['team-a/', 'team-b/']`,
    };
    const { predictedResources: all } = await predict('main.bicep', given);
    const [repositories, catalog] = atRegistry(grantsOf(all));
    const actions = ['content', 'metadata'].flatMap((what) =>
      ['read', 'write', 'delete'].map((how) => `${what}/${how}`),
    );
    const named = 'Microsoft.ContainerRegistry/registries/repositories';
    expect(repositories?.condition).toBe(
      `((${actions.map((action) => `!(ActionMatches{'${named}/${action}'})`).join(' AND ')}) OR (` +
        `@Request[${named}:name] StringStartsWith 'team-a/' OR @Request[${named}:name] StringStartsWith 'team-b/'))`,
    );
    expect(catalog?.condition).toBeUndefined();
  });

  test('the registry may be in another resource group and subscription', async () => {
    const elsewhere = '00000000-0000-4000-8000-000000000009';
    const given = { ...APP, registrySubscriptionId: `'${elsewhere}'` };
    const { predictedResources: all } = await predict('main.bicep', given);
    const [grant, ...others] = grantsOf(all).filter(({ scope }) => scope.startsWith(`/subscriptions/${elsewhere}/`));
    expect(grant?.scope).toBe(REGISTRY.replace(SUBSCRIPTION, elsewhere));
    expect(others).toEqual([]);
    // Nothing is made there.
    for (const { id, type } of all)
      if (type !== 'Microsoft.Authorization/roleAssignments') expect(id).not.toContain(elsewhere);
  });

  test.each([
    ['inline', APP, []],
    ['durable', durable, ['Storage Queue Data Contributor', 'Storage Table Data Contributor']],
  ])('%s: at the storage account of the app, and nowhere else, what that engine needs', async (_, given, more) => {
    const { predictedResources: all } = await predict('main.bicep', given);
    const grants = grantsOf(all);
    const ofStorage = grants.filter(({ role }) => role?.startsWith('Storage '));
    expect(ofStorage.map(({ role }) => role)).toEqual(['Storage Blob Data Owner', ...more]);
    const { id } = only(all, 'Microsoft.Storage/storageAccounts');
    for (const { scope } of ofStorage) expect(scope).toBe(id);
    const others = grants.filter(({ role }) => !role?.startsWith('Storage '));
    expect(others.map(({ role }) => role).toSorted()).toEqual(['AcrPull', 'Monitoring Metrics Publisher']);
  });

  test('several registries: the same at each, wherever it is', async () => {
    const { predictedResources: all, diagnostics } = await predict('main.bicep', {
      ...severalRegistries,
      dryRunOnly: 'false',
    });
    expect(diagnostics).toEqual([]);
    const grants = grantsOf(all).filter(({ role }) => role?.startsWith('Acr'));
    expect(grants.map(({ role, scope }) => `${role ?? ''} ${scope}`).toSorted()).toEqual(
      REGISTRIES.flatMap((id) => [`AcrPull ${id}`, `AcrDelete ${id}`]).toSorted(),
    );
    const logins = appSettingsOf(all)['ACR_REGISTRY'] ?? '';
    for (const id of REGISTRIES) expect(logins).toContain(`reference('${id}'`);
    expect(logins).toMatch(/^\[join\(createArray\(.*\), ','\)\]$/);
  });

  test.each([
    [
      'no registry, half a network, a password for all to read',
      {
        registryName: `''`,
        privateNetwork: 'true',
        functionSubnetId: `'x'`,
        settings: `{ ACR_PASSWORD: 'hunter2' }`,
      },
      /REGISTRY_NAME, REGISTRY_RESOURCE_GROUP: set both.* PRIVATE_NETWORK: set both.* ACR_PASSWORD: many can read/,
    ],
    [
      'a registry by name, and not where it is',
      { registryName: `'${REGISTRY},fabrikam'`, registryResourceGroup: `''` },
      /REGISTRY_NAME, REGISTRY_RESOURCE_GROUP: set both/,
    ],
    ['an id that is cut off', { registryName: `'${ELSEWHERE}'` }, /REGISTRY_NAME: a resource id is/],
    [
      'sign-in in a network without a way out',
      { privateNetwork: 'true', signInClientId: `'client'` },
      /PRIVATE_NETWORK: sign-in and Key Vault references need a way out of the network. Set NAT_GATEWAY=true/,
    ],
    [
      'a Key Vault reference in a network without a way out',
      { privateNetwork: 'true', settings: `{ ACR_PASSWORD: '@Microsoft.KeyVault(SecretUri=…)' }` },
      /PRIVATE_NETWORK: sign-in and Key Vault references need a way out/,
    ],
    [
      'messages in a network without a way out',
      { privateNetwork: 'true', settings: `{ NOTIFY: '@Microsoft.KeyVault(SecretUri=…)' }` },
      /PRIVATE_NETWORK: sign-in and Key Vault references need a way out/,
    ],
    [
      'addresses of messages for all to read',
      { settings: `{ NOTIFY: 'https://hooks.slack.com/services/T0/B0/x' }` },
      /NOTIFY: many can read what is deployed; write a Key Vault reference/,
    ],
    ['a NAT gateway of no network', { natGateway: 'true' }, /NAT_GATEWAY: it belongs to the network/],
    [
      'a secret for all to read, and no registration that it is of',
      { signInKeyVaultReference: `'hunter2'` },
      /SIGN_IN_KEY_VAULT_REFERENCE: many can read.* SIGN_IN_KEY_VAULT_REFERENCE: set SIGN_IN_CLIENT_ID/,
    ],
    ['the other half', { privateNetwork: 'true', privateEndpointSubnetId: `'x'` }, /PRIVATE_NETWORK: set both/],
    ['endpoints of nothing', { privateEndpointSubnetId: `'x'` }, /PRIVATE_ENDPOINT_SUBNET_ID: private endpoints/],
    [
      'prefixes that nothing would hold to',
      { repositoryPrefixes: `['team-a/']` },
      /REPOSITORY_PREFIXES: roles on some/,
    ],
    [
      'a prefix that ends the condition',
      { registryPermissions: `'abac'`, repositoryPrefixes: `['x\\' OR ']` },
      /REPOSITORY_PREFIXES: no repository has a quote/,
    ],
  ])('%s: nothing is deployed, and the mistake is named', async (_, given, words) => {
    await expect(predict('main.bicep', { ...APP, ...given })).rejects.toThrow(words);
  });
});

describe.skipIf(bicep === undefined)('what can be reached, and how', () => {
  const isPublic = /publicNetworkAccess/i;

  test('there are no keys, no passwords and no plain HTTP, whatever is asked for', async () => {
    for (const privateNetwork of ['true', 'false']) {
      const { predictedResources: all } = await predict('main.bicep', {
        ...(privateNetwork === 'true' ? { ...durable, nodeVersion: `'22'` } : APP),
        privateNetwork,
      });
      expect(only(all, 'Microsoft.Storage/storageAccounts').properties).toMatchObject({
        allowSharedKeyAccess: false,
        allowBlobPublicAccess: false,
        supportsHttpsTrafficOnly: true,
        minimumTlsVersion: 'TLS1_2',
      });
      expect(only(all, 'Microsoft.Insights/components').properties).toMatchObject({ DisableLocalAuth: true });
      expect(only(all, 'Microsoft.OperationalInsights/workspaces').properties).toMatchObject({
        features: { disableLocalAuth: true },
      });
      expect(only(all, 'Microsoft.Web/sites').properties).toMatchObject({
        httpsOnly: true,
        siteConfig: { ftpsState: 'Disabled', minTlsVersion: '1.2' },
        functionAppConfig: {
          runtime: { name: 'node', version: privateNetwork === 'true' ? '22' : '24' },
          // The least that every region takes.
          scaleAndConcurrency: { instanceMemoryMB: 2048, maximumInstanceCount: 40 },
          deployment: { storage: { authentication: { type: 'UserAssignedIdentity' } } },
        },
      });
      const passwords = all.filter(({ type }) => type === 'Microsoft.Web/sites/basicPublishingCredentialsPolicies');
      expect(passwords.map(({ properties }) => properties)).toEqual([{ allow: false }, { allow: false }]);
      expect(JSON.stringify(appSettingsOf(all))).not.toMatch(/listKeys|AccountKey|SharedAccess/i);
    }
  });

  test.each([
    ['inline', APP],
    ['durable', durable],
  ])('%s: in a private network nothing is public, and all has a private endpoint with its names', async (_, given) => {
    const { predictedResources: all, diagnostics } = await predict('main.bicep', { ...given, privateNetwork: 'true' });
    expect(diagnostics).toEqual([]);
    const isDurable = given === durable;
    const flags = all.flatMap(({ type, properties }) =>
      valuesOf(properties, isPublic).map(([name, value]) => `${type} ${name} ${String(value)}`),
    );
    expect(flags.length).toBe(6);
    expect(flags.filter((flag) => !flag.endsWith(' Disabled'))).toEqual([]);
    expect(only(all, 'Microsoft.Storage/storageAccounts').properties).toMatchObject({
      networkAcls: { defaultAction: 'Deny', bypass: 'None' },
    });
    const endpoints = all
      .filter(({ type }) => type === 'Microsoft.Network/privateEndpoints')
      .toSorted((one, other) => one.name.localeCompare(other.name));
    const targets = endpoints.map(targetOf);
    const storage = only(all, 'Microsoft.Storage/storageAccounts').id;
    expect(targets).toEqual([
      { groupIds: ['azuremonitor'], privateLinkServiceId: only(all, 'Microsoft.Insights/privateLinkScopes').id },
      { groupIds: ['blob'], privateLinkServiceId: storage },
      ...(isDurable ? [{ groupIds: ['queue'], privateLinkServiceId: storage }] : []),
      { groupIds: ['registry'], privateLinkServiceId: REGISTRY },
      { groupIds: ['sites'], privateLinkServiceId: only(all, 'Microsoft.Web/sites').id },
      ...(isDurable ? [{ groupIds: ['table'], privateLinkServiceId: storage }] : []),
    ]);
    const groups = all.filter(({ type }) => type === 'Microsoft.Network/privateEndpoints/privateDnsZoneGroups');
    const zones = groups.map(({ id, properties }) => [
      /-([a-z]+)\/privateDnsZoneGroups/.exec(id)?.[1],
      valuesOf(properties, /^privateDnsZoneId$/).map(([, zone]) => /privatelink[^',]*/.exec(String(zone))?.[0]),
    ]);
    expect(Object.fromEntries(zones)).toEqual({
      sites: ['privatelink.{0}'],
      blob: ['privatelink.blob.{0}'],
      ...(isDurable && { queue: ['privatelink.queue.{0}'], table: ['privatelink.table.{0}'] }),
      registry: ['privatelink{0}'],
      azuremonitor: [
        'privatelink.monitor.{0}',
        'privatelink.oms.opinsights.{0}',
        'privatelink.ods.opinsights.{0}',
        'privatelink.agentsvc.azure-automation.{0}',
        'privatelink.blob.{0}',
      ],
    });
    const count = (type: string) => all.filter((resource) => resource.type === `Microsoft.Network/${type}`).length;
    expect(count('privateDnsZones')).toBe(count('privateDnsZones/virtualNetworkLinks'));
    expect(count('privateDnsZones')).toBe(isDurable ? 9 : 7);
    // And so the app sends through it.
    expect(only(all, 'Microsoft.Web/sites').properties?.['virtualNetworkSubnetId']).toBeDefined();
  });

  test('in a private network each of several registries has an endpoint of its own', async () => {
    const { predictedResources: all } = await predict('main.bicep', { ...severalRegistries, privateNetwork: 'true' });
    const endpoints = all.filter(
      (one) => one.type === 'Microsoft.Network/privateEndpoints' && targetOf(one).groupIds[0] === 'registry',
    );
    expect(endpoints.map((one) => targetOf(one).privateLinkServiceId)).toEqual(REGISTRIES);
    expect(new Set(endpoints.map(({ name }) => name)).size).toBe(REGISTRIES.length);
    for (const { name } of endpoints) expect(name.length).toBeLessThanOrEqual(80);
  });

  test('the app comes after its roles and after the private endpoints that it starts by', async () => {
    const { stdout } = await askBicep(['build', 'main.bicep', '--stdout']);
    const { resources } = JSON.parse(stdout) as {
      readonly resources: Readonly<Record<string, { readonly dependsOn?: readonly string[] }>>;
    };
    expect(resources['app']?.dependsOn).toEqual(
      expect.arrayContaining([
        ...['endpoints', 'registryEndpoints', 'identity', 'applicationInsights', 'permissions', 'storage'],
      ]),
    );
    expect(resources['appEndpoint']?.dependsOn).toContain('app');
  });

  test('the network that is made has no way out, unless it is asked for: then by a NAT gateway, for the app alone', async () => {
    const subnets = async (given: Readonly<Record<string, string>>) => {
      const { predictedResources: all, diagnostics } = await predict('main.bicep', given);
      expect(diagnostics).toEqual([]);
      const { properties } = only(all, 'Microsoft.Network/virtualNetworks');
      const found = properties?.['subnets'] as readonly Resource[];
      const gateways = all.filter(({ type }) => type === 'Microsoft.Network/natGateways');
      return { found: found.map((one) => one.properties), gateways };
    };
    const closed = await subnets({ ...APP, privateNetwork: 'true' });
    expect(closed.found).toMatchObject([{ defaultOutboundAccess: false }, { defaultOutboundAccess: false }]);
    for (const subnet of closed.found) expect(subnet).not.toHaveProperty('natGateway.id');
    expect(closed.gateways).toEqual([]);
    const open = await subnets({
      ...APP,
      privateNetwork: 'true',
      natGateway: 'true',
      signInClientId: `'client'`,
    });
    expect(open.gateways.length).toBe(1);
    expect(open.found).toMatchObject([
      { defaultOutboundAccess: false, natGateway: { id: open.gateways[0]?.id } },
      { defaultOutboundAccess: false },
    ]);
    expect(open.found[1]).not.toHaveProperty('natGateway.id');
  });

  test('what a service refuses to write side by side is written one after the other', async () => {
    const dependencies = async (file: string) => {
      const { stdout } = await askBicep(['build', file, '--stdout']);
      const { resources } = JSON.parse(stdout) as {
        readonly resources: Readonly<Record<string, { readonly type: string; readonly dependsOn?: readonly string[] }>>;
      };
      return Object.entries(resources);
    };
    /** The children of a parent, from the first written to the last. */
    const chain = (all: Awaited<ReturnType<typeof dependencies>>, parent: string): readonly string[] => {
      const children = all.filter(([name]) => name.startsWith(`${parent}::`));
      const ordered: string[] = [];
      for (let before = [parent]; ordered.length < children.length; before = [parent, ordered.at(-1) ?? '']) {
        const next = children.filter(
          ([, { dependsOn = [] }]) => dependsOn.toSorted().join() === before.toSorted().join(),
        );
        expect(next.map(([name]) => name)).toHaveLength(1);
        ordered.push(next[0]?.[0] ?? '');
      }
      return ordered.map((name) => name.split('::')[1] ?? '');
    };
    expect(chain(await dependencies('app.bicep'), 'app')).toEqual([
      'appsettings',
      'ftpPassword',
      'deploymentPassword',
      'signIn',
    ]);
    const scope = (await dependencies('application-insights.bicep')).filter(([name]) => name.includes('::'));
    const after = Object.fromEntries(scope.map(([name, { dependsOn }]) => [name, dependsOn]));
    expect(after['privateLinkScope::telemetry']).toContain('privateLinkScope::logs');
    expect(after['privateLinkScope::logs']).not.toContain('privateLinkScope::telemetry');
  });

  test('other clouds: the zones have their suffixes', async () => {
    const { stdout } = await askBicep(['build', 'main.bicep', '--stdout']);
    const { variables } = JSON.parse(stdout) as { readonly variables: Readonly<Record<string, unknown>> };
    expect(variables['clouds']).toEqual({
      AzureCloud: { sites: 'azurewebsites.net', monitor: 'azure.com', automation: 'net' },
      AzureUSGovernment: { sites: 'azurewebsites.us', monitor: 'azure.us', automation: 'us' },
      AzureChinaCloud: { sites: 'chinacloudsites.cn', monitor: 'azure.cn', automation: 'cn' },
    });
  });

  test.each([1024])('an instance of %i MB is refused', async (instanceMemoryMB) => {
    const given = { ...APP, instanceMemoryMB: String(instanceMemoryMB) };
    await expect(predict('main.bicep', given)).rejects.toThrow(/instanceMemoryMB|512 \| 2048|2048 \| 4096/);
  });

  test('a network that exists is used as it is: no network, no names', async () => {
    const subnet = (name: string) =>
      `'/subscriptions/${SUBSCRIPTION}/resourceGroups/hub/providers/Microsoft.Network/virtualNetworks/hub/subnets/${name}'`;
    const given = {
      ...APP,
      privateNetwork: 'true',
      functionSubnetId: subnet('app'),
      privateEndpointSubnetId: subnet('endpoints'),
    };
    const { predictedResources: all } = await predict('main.bicep', given);
    expect(`'${String(only(all, 'Microsoft.Web/sites').properties?.['virtualNetworkSubnetId'])}'`).toBe(subnet('app'));
    const types = new Set(all.map(({ type }) => type).filter((type) => type.startsWith('Microsoft.Network/')));
    expect([...types]).toEqual(['Microsoft.Network/privateEndpoints']);
  });

  test('by default there is no network, and no sign-in', async () => {
    const { predictedResources: all } = await predict('main.bicep', APP);
    expect(all.filter(({ type }) => /^Microsoft\.Network\/|privateLinkScopes/i.test(type))).toEqual([]);
    // Said, or a sign-in that was there before would stay.
    const auth = all.filter(({ id }) => id.endsWith('/config/authsettingsV2'));
    expect(auth.map(({ properties }) => properties)).toEqual([{ platform: { enabled: false } }]);
  });

  test('signing in with a client secret: it stays in the key vault', async () => {
    const reference = '@Microsoft.KeyVault(SecretUri=…)';
    const given = { ...APP, signInClientId: `'client'`, signInKeyVaultReference: `'${reference}'` };
    const { predictedResources: all } = await predict('main.bicep', given);
    expect(all.find(({ id }) => id.endsWith('/config/authsettingsV2'))?.properties).toMatchObject({
      identityProviders: {
        azureActiveDirectory: {
          registration: { clientSecretSettingName: 'MICROSOFT_PROVIDER_AUTHENTICATION_SECRET' },
        },
      },
    });
    expect(appSettingsOf(all)).toMatchObject({ MICROSOFT_PROVIDER_AUTHENTICATION_SECRET: reference });
    expect(appSettingsOf(all)).not.toHaveProperty('OVERRIDE_USE_MI_FIC_ASSERTION_CLIENTID');
  });

  test('signing in: without a secret; everything but the review page is for machines, with their keys', async () => {
    const given = { ...APP, signInClientId: `'client'` };
    const { predictedResources: all } = await predict('main.bicep', given);
    const auth = all.find(({ id }) => id.endsWith('/config/authsettingsV2'))?.properties;
    expect(auth).toMatchObject({
      platform: { enabled: true },
      globalValidation: { requireAuthentication: true, unauthenticatedClientAction: 'RedirectToLoginPage' },
      identityProviders: {
        azureActiveDirectory: {
          registration: {
            clientId: 'client',
            clientSecretSettingName: 'OVERRIDE_USE_MI_FIC_ASSERTION_CLIENTID',
            openIdIssuer: expect.stringContaining("/v2.0', environment().authentication.loginEndpoint") as string,
          },
          validation: { allowedAudiences: ['client', 'api://client'] },
        },
      },
    });
    expect(appSettingsOf(all)).toHaveProperty('OVERRIDE_USE_MI_FIC_ASSERTION_CLIENTID');
    const { excludedPaths } = auth?.['globalValidation'] as { readonly excludedPaths: readonly string[] };
    const isExcluded = (path: string) =>
      excludedPaths.some((one) => (one.endsWith('/*') ? path.startsWith(one.slice(0, -1)) : path === one));
    const folder = new URL('functions/', root);
    const routes = readdirSync(folder).flatMap((file) => {
      const route = /\broute: '([^']+)'/.exec(readFileSync(new URL(file, folder), 'utf8'))?.[1];
      return route === undefined ? [] : [`/${route}`];
    });
    expect(routes.length).toBeGreaterThan(7);
    expect(routes.filter((route) => !isExcluded(route))).toEqual(['/{root:maxlength(0)?}', '/review', '/api/review']);
  });
});

describe.skipIf(bicep === undefined)('app settings', () => {
  /** What the platform reads: the host's storage, and where it sends logs. */
  const platform = [
    'APPLICATIONINSIGHTS_AUTHENTICATION_STRING',
    'APPLICATIONINSIGHTS_CONNECTION_STRING',
    'AzureWebJobsStorage__blobServiceUri',
    'AzureWebJobsStorage__clientId',
    'AzureWebJobsStorage__credential',
    'AzureWebJobsStorage__queueServiceUri',
    'AzureWebJobsStorage__tableServiceUri',
    'languageWorkers__node__arguments',
  ];
  /** As a deployment would fill in what is only known then. */
  const filledIn = (settings: Readonly<Record<string, string>>) =>
    readSettings(
      {
        ...settings,
        ACR_REGISTRY: 'contoso.azurecr.io',
        AZURE_CLIENT_ID: '00000000-0000-4000-8000-000000000003',
        RETENTION_STORAGE: 'https://contoso.blob.core.windows.net/',
      },
      () => {
        throw new Error('there is no file');
      },
    );

  test('by default only what the app needs is written, it takes it, and it is a dry run', async () => {
    const { predictedResources: all } = await predict('main.bicep', APP);
    const settings = appSettingsOf(all);
    expect(Object.keys(settings).toSorted()).toEqual(
      [
        ...platform,
        ...['ACR_REGISTRY', 'AZURE_CLIENT_ID', 'RETENTION_STORAGE'],
        ...['PURGE_COMMAND', 'PURGE_SCHEDULE', 'PURGE_DRY_RUN'],
      ].toSorted(),
    );
    expect(settings).toMatchObject({
      PURGE_DRY_RUN: 'true',
      // As the cloud that it is in names them.
      AzureWebJobsStorage__blobServiceUri: expect.stringMatching(
        /^\[reference\(.*\.primaryEndpoints\.blob\]$/,
      ) as string,
      AzureWebJobsStorage__queueServiceUri: expect.stringMatching(
        /^\[reference\(.*\.primaryEndpoints\.queue\]$/,
      ) as string,
      AzureWebJobsStorage__tableServiceUri: expect.stringMatching(
        /^\[reference\(.*\.primaryEndpoints\.table\]$/,
      ) as string,
      AzureWebJobsStorage__credential: 'managedidentity',
      AzureWebJobsStorage__clientId: expect.stringMatching(/^\[reference\(.*\.clientId\]$/) as string,
      APPLICATIONINSIGHTS_AUTHENTICATION_STRING: expect.stringMatching(
        /^\[format\('ClientId=\{0\};Authorization=AAD', reference\(.*\.clientId\)\]$/,
      ) as string,
    });
    const configuration = filledIn(settings);
    expect(configuration.state === 'valid' || configuration.mistakes).toBe(true);
  });

  test('each setting that the app reads can be written, and no other', async () => {
    const valueOf = (name: string) =>
      ({
        ACR_PASSWORD: '@Microsoft.KeyVault(SecretUri=…)',
        NOTIFY: '@Microsoft.KeyVault(SecretUri=…)',
        ARCHIVE: ARCHIVE_URL,
        RETENTION_ENGINE: 'durable',
      })[name] ?? `value of ${name}`;
    const environment = Object.fromEntries(SETTINGS.map((name) => [name, valueOf(name)]));
    const { predictedResources: all } = await predictFile('main.bicepparam', {
      environment: {
        ...environment,
        REGISTRY_NAME: 'contoso',
        REGISTRY_RESOURCE_GROUP: 'platform',
        DRY_RUN_ONLY: 'false',
        ARCHIVE_STORAGE_ID: ARCHIVE_ACCOUNT,
      },
    });
    const settings = appSettingsOf(all);
    expect(Object.keys(settings).toSorted()).toEqual([...platform, ...SETTINGS].toSorted());
    // Three follow from what is deployed, whatever the environment of the one who deploys says.
    for (const name of SETTINGS)
      if (/^(?:ACR_REGISTRY|AZURE_CLIENT_ID|RETENTION_STORAGE)$/.test(name)) expect(settings[name]).toMatch(/^\[/);
      else expect(settings[name]).toBe(valueOf(name));
  });

  test('durable: the engine is said, and its queues and tables are found as the host finds its blobs', async () => {
    const { predictedResources: all } = await predict('main.bicep', durable);
    const inline = appSettingsOf((await predict('main.bicep', APP)).predictedResources);
    expect(appSettingsOf(all)).toEqual({ ...inline, RETENTION_ENGINE: 'durable' });
  });

  test('an identity that may only read is never told to delete', async () => {
    const settings = `{ PURGE_DRY_RUN: 'false' }`;
    const kept = await predict('main.bicep', { ...APP, settings });
    expect(appSettingsOf(kept.predictedResources)['PURGE_DRY_RUN']).toBe('true');
    const deleting = await predict('main.bicep', { ...APP, settings, dryRunOnly: 'false' });
    expect(appSettingsOf(deleting.predictedResources)['PURGE_DRY_RUN']).toBe('false');
    const undecided = await predict('main.bicep', { ...APP, dryRunOnly: 'false' });
    expect(appSettingsOf(undecided.predictedResources)['PURGE_DRY_RUN']).toBe('true');
  });

  test('a task file stands instead of the command; debug reaches the host, too', async () => {
    const settings = `{ ACR_TASK_FILE: 'purge.yaml', LOG_LEVEL: 'DEBUG' }`;
    const { predictedResources: all } = await predict('main.bicep', { ...APP, settings });
    expect(appSettingsOf(all)).toMatchObject({
      ACR_TASK_FILE: 'purge.yaml',
      AzureFunctionsJobHost__logging__logLevel__Function: 'Debug',
    });
    expect(appSettingsOf(all)).not.toHaveProperty('PURGE_COMMAND');
  });
});

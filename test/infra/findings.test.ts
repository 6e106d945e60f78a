import { describe, expect, test } from 'vitest';
import { APP, bicep, grantsOf, JOB, predict, SUBSCRIPTION } from '../support/bicep.ts';

const OTHER = '00000000-0000-4000-8000-00000000000b';
const registry = (name: string, subscription = SUBSCRIPTION): string =>
  `/subscriptions/${subscription}/resourceGroups/platform/providers/Microsoft.ContainerRegistry/registries/${name}`;

async function predicted(file: string, given: Readonly<Record<string, string>>) {
  // What is deployed to a subscription from a group has the place of the group.
  const options = file === 'main.bicep' ? {} : { resourceGroup: 'retention' };
  const { predictedResources: all, diagnostics } = await predict(file, given, options);
  expect(diagnostics).toEqual([]);
  const env = all.find(({ type }) => type === 'Microsoft.App/jobs')?.properties;
  return {
    granted: grantsOf(all)
      .filter(({ role }) => role === 'Security Reader')
      .map(({ scope }) => /^\[subscriptionResourceId\('([^']+)'/.exec(scope)?.[1]),
    resource: file === 'main.bicep' ? all.find(({ id }) => id.endsWith('/config/appsettings'))?.properties?.['REGISTRY_RESOURCE_ID'] : /"REGISTRY_RESOURCE_ID","value":"([^"]+)"/.exec(JSON.stringify(env))?.[1], // prettier-ignore
    roles: all.filter(({ type }) => type === 'Microsoft.Authorization/roleDefinitions'),
  };
}

describe.skipIf(bicep === undefined)('what is granted to find out what Defender for Cloud found', () => {
  test.each(['defender', 'Defender', 'referrers, defender', 'referrers\\ndefender'])(
    '%s: Security Reader at the subscription of the registry, and no role of its own',
    async (findings) => {
      const settings = `{ FINDINGS: '${findings}' }`;
      const { granted, resource, roles } = await predicted('main.bicep', { ...APP, settings });
      expect(granted).toEqual([SUBSCRIPTION]);
      expect(resource).toBe(registry('contoso'));
      expect(roles).toEqual([]);
    },
  );

  test('once at each subscription of several registries', async () => {
    const registryName = `'contoso,${registry('fabrikam', OTHER)},tailspin'`;
    const all = await predicted('main.bicep', { ...APP, registryName, settings: `{ FINDINGS: 'defender' }` });
    expect(all.granted.toSorted()).toEqual([SUBSCRIPTION, OTHER].toSorted());
  });

  test.each(['', 'off', 'referrers'])('%j: nothing', async (findings) => {
    const settings = `{ FINDINGS: '${findings}' }`;
    for (const [file, given] of [
      ['main.bicep', APP],
      ['container/job.bicep', JOB],
    ] as const)
      // prettier-ignore
      expect((await predicted(file, { ...given, settings })).granted).toEqual([]);
  });

  test('in a network without a way out nothing is deployed, and the mistake is named', async () => {
    const given = { ...APP, privateNetwork: 'true', settings: `{ FINDINGS: 'defender' }` };
    await expect(predicted('main.bicep', given)).rejects.toThrow(/PRIVATE_NETWORK: what Defender for Cloud found/);
  });

  test('the job has the same', async () => {
    const all = await predicted('container/job.bicep', { ...JOB, settings: `{ FINDINGS: 'defender' }` });
    expect(all).toMatchObject({ granted: [SUBSCRIPTION], resource: registry('contoso') });
  });
});

import { expect, test } from 'vitest';
import { APP, grantsOf, predict, SUBSCRIPTION } from '../support/bicep.ts';

const REGISTRY = `/subscriptions/${SUBSCRIPTION}/resourceGroups/platform/providers/Microsoft.ContainerRegistry/registries/contoso`;
const WITHIN = { settings: `{ KEEP_PULLED_WITHIN: '30d' }` };

async function predicted(more: Readonly<Record<string, string>> = {}) {
  const { predictedResources: all, diagnostics } = await predict('main.bicep', { ...APP, ...more });
  expect(diagnostics).toEqual([]);
  return {
    settings: all.find(({ id }) => id.endsWith('/config/appsettings'))?.properties,
    roles: all.filter(({ type }) => type === 'Microsoft.Authorization/roleDefinitions'),
    granted: grantsOf(all).filter(({ role, scope }) => role === undefined && scope === REGISTRY),
    diagnosticSettings: all.filter(
      ({ type, id }) => type === 'Microsoft.Insights/diagnosticSettings' && id.includes(REGISTRY),
    ),
  };
}

test.each([
  ['pulls count', WITHIN],
  ['a quarantine is on', { settings: `{ QUARANTINE: '14d' }` }],
])(
  'where %s, the registry sends its events, and the identity may read them, how the registry is set up, and nothing else',
  async (_, on) => {
    const { settings, roles, granted, diagnosticSettings } = await predicted(on);
    expect(settings?.['REGISTRY_RESOURCE_ID']).toBe(REGISTRY);
    expect(diagnosticSettings.map(({ properties }) => properties?.['logs'])).toEqual([
      [{ category: 'ContainerRegistryRepositoryEvents', enabled: true }],
    ]);
    expect(roles.map(({ properties }) => properties?.['permissions'])).toEqual([
      [
        {
          actions: [
            'Microsoft.Insights/logs/ContainerRegistryRepositoryEvents/read',
            'Microsoft.ContainerRegistry/registries/read',
          ],
          notActions: [],
          dataActions: [],
          notDataActions: [],
        },
      ],
    ]);
    expect(granted).toHaveLength(1);
  },
);

test('where the registry sends its events already, it is only read', async () => {
  const { granted, diagnosticSettings } = await predicted({ ...WITHIN, registryDiagnostics: 'false' });
  expect(diagnosticSettings).toEqual([]);
  expect(granted).toHaveLength(1);
});

test('where pulls do not count, nothing of it is made', async () => {
  const { settings, roles, granted, diagnosticSettings } = await predicted();
  expect(settings?.['REGISTRY_RESOURCE_ID'] ?? undefined).toBeUndefined();
  expect([...roles, ...granted, ...diagnosticSettings]).toEqual([]);
});

import { describe, expect, test } from 'vitest';
import { AKS_ACTIONS } from '../../src/evidence/azure/aks.ts';
import { APP_SERVICE_ACTIONS } from '../../src/evidence/azure/app-service.ts';
import { CONTAINER_APPS_ACTIONS } from '../../src/evidence/azure/container-apps.ts';
import { CONTAINER_INSTANCES_ACTIONS } from '../../src/evidence/azure/container-instances.ts';
import { APP, bicep, grantsOf, predict, type Resource } from '../support/bicep.ts';

const parameters = {
  ...APP,
  dryRunOnly: 'false',
};
const ONE = '00000000-0000-4000-8000-00000000000a';
const TWO = '00000000-0000-4000-8000-00000000000b';
const cluster = (subscription: string, name: string): string =>
  `/subscriptions/${subscription}/resourceGroups/shop/providers/Microsoft.ContainerService/managedClusters/${name}`;

async function predicted(inUse: string, more: Readonly<Record<string, string>> = {}) {
  const settings = `{ IN_USE: '${inUse}' }`;
  const { predictedResources, diagnostics } = await predict('main.bicep', { ...parameters, settings, ...more });
  expect(diagnostics).toEqual([]);
  return predictedResources;
}

interface Permission {
  readonly actions: readonly string[];
  readonly notActions: readonly string[];
  readonly dataActions: readonly string[];
  readonly notDataActions: readonly string[];
}

/** The roles that are made: by what is in use, in which subscription, what they hold. */
function rolesIn(all: readonly Resource[]) {
  return all
    .filter(({ type }) => type === 'Microsoft.Authorization/roleDefinitions')
    .map(({ id, properties }) => ({
      id,
      kind: /: (\w+) in use/.exec(String(properties?.['roleName']))?.[1],
      scopes: properties?.['assignableScopes'],
      permissions: properties?.['permissions'] as readonly Permission[],
    }));
}

/** What is granted outside the registry and the app, as `scope role`. */
function grantedIn(all: readonly Resource[]): readonly string[] {
  const kinds = new Map(rolesIn(all).map(({ id, kind = '' }) => [/[\da-f-]{36}$/.exec(id)?.[0] ?? id, kind]));
  return all
    .filter(({ type }) => type === 'Microsoft.Authorization/roleAssignments')
    .flatMap((resource) => {
      const text = JSON.stringify(resource);
      const kind = [...kinds].find(([id]) => text.includes(id))?.[1];
      return kind === undefined ? [] : [`${scopeOf(resource)} ${kind}`];
    })
    .toSorted();
}

/** Ids hold the identity's, which is known later: they are expressions, with the scope first. */
function scopeOf({ id }: Resource): string {
  const [, name, scope = ''] = /^\[(\w+)\('([^']+)'/.exec(id) ?? [];
  return name === 'subscriptionResourceId' ? `/subscriptions/${scope}` : scope;
}

const MAY = 'Microsoft.Authorization/permissions/read';
const LISTS = ['pods', 'replicationcontrollers', 'apps/deployments', 'apps/replicasets', 'apps/daemonsets', 'apps/statefulsets', 'batch/jobs', 'batch/cronjobs']; // prettier-ignore

describe.skipIf(bicep === undefined)('what is granted to find out what is in use', () => {
  test('nothing is asked: no role is made, and none is granted', async () => {
    for (const inUse of ['', 'kube list:https://contoso.blob.core.windows.net/in-use/edge.txt']) {
      const all = await predicted(inUse);
      expect(rolesIn(all)).toEqual([]);
      expect(grantsOf(all).map(({ role }) => role)).not.toContain(undefined);
    }
  });

  test('a subscription: for each kind of source what it calls, and no more', async () => {
    const all = await predicted(`containerapps:${ONE} appservice:${ONE}\\n aci:${ONE} aks:${ONE.toUpperCase()}`);
    const found = Object.fromEntries(rolesIn(all).map(({ kind = '', permissions }) => [kind, permissions]));
    const none = { notActions: [], dataActions: [], notDataActions: [] };
    expect(found).toEqual({
      containerapps: [{ ...none, actions: [MAY, ...CONTAINER_APPS_ACTIONS] }],
      appservice: [{ ...none, actions: [MAY, ...APP_SERVICE_ACTIONS] }],
      aci: [{ ...none, actions: [MAY, ...CONTAINER_INSTANCES_ACTIONS] }],
      aks: [
        {
          ...none,
          actions: [MAY, ...AKS_ACTIONS],
          dataActions: LISTS.map((list) => `Microsoft.ContainerService/managedClusters/${list}/read`),
        },
      ],
    });
    for (const { scopes } of rolesIn(all)) expect(scopes).toEqual([`/subscriptions/${ONE}`]);
    const scope = `/subscriptions/${ONE}`;
    expect(grantedIn(all)).toEqual(['aci', 'aks', 'appservice', 'containerapps'].map((kind) => `${scope} ${kind}`));
  });

  test('clusters by their ids: the role is granted there, and not at their subscription', async () => {
    const all = await predicted(`aks:${cluster(ONE, 'prod')} aks:${cluster(TWO, 'edge')} aci:${TWO}`);
    expect(
      rolesIn(all)
        .map(({ kind, scopes }) => `${String(scopes)} ${kind ?? ''}`)
        .toSorted(),
    ).toEqual([`/subscriptions/${ONE} aks`, `/subscriptions/${TWO} aci`, `/subscriptions/${TWO} aks`]);
    expect(grantedIn(all)).toEqual(
      [`${cluster(ONE, 'prod')} aks`, `${cluster(TWO, 'edge')} aks`, `/subscriptions/${TWO} aci`].toSorted(),
    );
  });

  test.each([
    ['aks:contoso', {}, /IN_USE: write the id of a subscription/],
    [`aks:/subscriptions/${ONE}/resourceGroups/shop`, {}, /IN_USE: write the id of a subscription/],
    [
      `aci:${ONE}`,
      { privateNetwork: 'true' },
      /PRIVATE_NETWORK: what IN_USE names in Azure is asked over the internet/,
    ],
  ])('%s: nothing is deployed, and the mistake is named', async (inUse, more, words) => {
    await expect(predicted(inUse, more)).rejects.toThrow(words);
  });
});

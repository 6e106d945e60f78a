import { readFileSync } from 'node:fs';
import { afterEach, describe, expect, test } from 'vitest';
import { parseAllDocuments } from 'yaml';
import type { Azure, AzureFault } from '../../src/dev/azure/answers.ts';
import { startAzure } from '../../src/dev/azure/server.ts';
import { type Cluster, pod, type Rule, startKubernetes, workload } from '../../src/dev/kubernetes/index.ts';
import { aksCluster, aksClusters } from '../../src/evidence/azure/aks.ts';
import type { Evidence } from '../../src/evidence/types.ts';
import { systemClock } from '../../src/registry/clock.ts';

const SUBSCRIPTION = '00000000-0000-4000-8000-000000000001';
const REGISTRY = 'contoso.azurecr.io';
const AKS = '6dae42f8-4368-4678-94ff-3960e28e3630/.default';
const TOKENS: Readonly<Record<string, string>> = {
  'https://management.azure.com/.default': 'a-secret-for-azure',
  [AKS]: 'a-secret-for-clusters',
};

const running: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const stop of running.splice(0)) await stop();
});

const idOf = (name: string): string =>
  `/subscriptions/${SUBSCRIPTION}/resourceGroups/shop/providers/Microsoft.ContainerService/managedClusters/${name}`;

interface Given {
  readonly name: string;
  readonly properties?: Readonly<Record<string, unknown>>;
  /** Absent: none answers. */
  readonly cluster?: Cluster;
}

const entra = { powerState: { code: 'Running' }, aadProfile: { managed: true, enableAzureRBAC: true } };

function azureOf(clusters: readonly Given[]): Azure {
  const gone = { url: 'https://127.0.0.1:1', certificate: 'none' };
  return {
    tokens: new Set(['a-secret-for-azure']),
    subscriptions: { [SUBSCRIPTION]: [{ actions: ['Microsoft.ContainerService/managedClusters/*'] }] },
    resources: clusters.map(({ name, properties = entra }) => ({ id: idOf(name), name, properties })),
    // An administrator's certificate beside it: it is not used.
    kubeconfigs: Object.fromEntries(
      clusters.map(({ name, cluster: { url, certificate } = gone }) => [
        idOf(name),
        `apiVersion: v1
kind: Config
clusters:
- name: ${name}
  cluster:
    certificate-authority-data: ${Buffer.from(certificate).toString('base64')}
    server: ${url}
users:
- name: clusterUser_shop_${name}
  user: { token: the-secret-of-an-administrator }
`,
      ]),
    ),
  };
}

async function clusterWith(image: string, rules?: readonly Rule[]): Promise<Cluster> {
  const cluster = await startKubernetes({
    tokens: ['a-secret-for-clusters'],
    ...(rules && { rules }),
    state: {
      pods: [pod({ namespace: 'shop', name: 'api-1', containers: [{ image: `${REGISTRY}/${image}` }] })],
      deployments: [workload({ namespace: 'shop', name: 'next', replicas: 0, containers: [{ image: `${REGISTRY}/next:1` }] })], // prettier-ignore
    },
  });
  running.push(() => cluster.close());
  return cluster;
}

async function readFrom(azure: Azure, id: string | undefined, faults: readonly AzureFault[] = []) {
  const at = await startAzure(azure, faults);
  running.push(() => at.stop());
  const scopes: string[] = [];
  const getToken = (scope: string | string[]) => {
    const asked = String(scope);
    scopes.push(asked);
    return Promise.resolve({ token: TOKENS[asked] ?? 'unknown', expiresOnTimestamp: Date.now() + 3_600_000 });
  };
  const options = {
    name: 'aks:tried',
    credential: { getToken },
    clock: systemClock,
    cloud: 'AzurePublicCloud',
    at,
  } as const;
  const source = id === undefined ? aksClusters(options, SUBSCRIPTION) : aksCluster(options, id);
  const evidence: Evidence = await source.read(REGISTRY);
  expect(JSON.stringify(evidence)).not.toMatch(/secret|names the identity/);
  return { ...evidence, scopes: new Set(scopes), asked: at.asked };
}

const uses = ({ facts }: Evidence) =>
  facts.map(({ repository, tag, where }) => `${repository}:${tag ?? ''} ${where}`).toSorted();

describe('AKS', () => {
  test('one cluster, with a token of the app for it, and no credential of the cluster', async () => {
    const azure = azureOf([{ name: 'prod', cluster: await clusterWith('api:1') }]);
    const evidence = await readFrom(azure, idOf('prod'));
    expect(evidence).toMatchObject({ complete: true, problems: [], scope: 'all namespaces of the cluster prod' });
    expect(uses(evidence)).toEqual([
      'api:1 cluster prod, namespace shop, pod api-1',
      'next:1 cluster prod, namespace shop, deployment next',
    ]);
    expect(evidence.scopes).toEqual(new Set(Object.keys(TOKENS)));
    expect(evidence.asked.map((line) => line.replace(/\?.*/, ''))).toEqual([
      `GET ${idOf('prod')}`,
      `POST ${idOf('prod')}/listClusterUserCredential`,
    ]);
  });

  test('with the ClusterRole for clusters without Azure RBAC, and with none of it missing', async () => {
    const file = readFileSync(new URL('../../infra/in-use-cluster-role.yaml', import.meta.url), 'utf8');
    const [role] = parseAllDocuments(file).map((document) => document.toJS() as { readonly rules: readonly Rule[] });
    const rules = role?.rules ?? [];
    expect(rules.flatMap(({ verbs }) => verbs)).toEqual(['list', 'list', 'list']);
    const read = async (of: readonly Rule[]) =>
      readFrom(azureOf([{ name: 'prod', cluster: await clusterWith('api:1', of) }]), idOf('prod'));
    expect(await read(rules)).toMatchObject({ complete: true, problems: [] });
    for (const resource of rules.flatMap(({ resources }) => resources)) {
      const without = rules.map((one) => ({ ...one, resources: one.resources.filter((name) => name !== resource) }));
      expect((await read(without)).problems).toEqual([expect.stringMatching(/^cluster prod: .*403/)]);
    }
  });

  test('all clusters of a subscription', async () => {
    const evidence = await readFrom(
      { ...azureOf([{ name: 'one', cluster: await clusterWith('api:1') }, { name: 'two', cluster: await clusterWith('api:2') }]), page: 1 }, // prettier-ignore
      undefined,
    );
    expect(evidence).toMatchObject({ complete: true, scope: `all clusters in the subscription ${SUBSCRIPTION}` });
    expect(uses(evidence).filter((use) => use.startsWith('api'))).toEqual([
      'api:1 cluster one, namespace shop, pod api-1',
      'api:2 cluster two, namespace shop, pod api-1',
    ]);
  });

  test('one of several fails: it is named, and what the others say counts', async () => {
    const broken = await clusterWith('api:2');
    broken.fail(({ resource }) => (resource === 'pods' ? { status: 403 } : undefined));
    const evidence = await readFrom(
      azureOf([
        { name: 'one', cluster: await clusterWith('api:1') },
        { name: 'two', cluster: broken },
      ]),
      undefined,
    );
    expect(evidence.complete).toBe(false);
    expect(evidence.problems).toEqual([expect.stringMatching(/^cluster two: .*pods.*403/)]);
    expect(uses(evidence)).toContain('api:1 cluster one, namespace shop, pod api-1');
  });

  test.each([
    ['a stopped one', { ...entra, powerState: { code: 'Stopped' } }, /^cluster prod is stopped: start it/],
    [
      'one without Entra integration',
      { ...entra, aadProfile: null },
      /^cluster prod has no Entra integration, and would/,
    ],
  ])('%s is not asked, and named', async (_, properties, words) => {
    const cluster = await clusterWith('api:1');
    const evidence = await readFrom(azureOf([{ name: 'prod', properties, cluster }]), undefined);
    expect(evidence).toMatchObject({ complete: false, facts: [], problems: [expect.stringMatching(words)] });
    expect(evidence.asked.filter((line) => line.startsWith('POST') && !line.includes('ResourceGraph'))).toEqual([]);
    expect(cluster.asked).toEqual([]);
  });

  test('a private one that cannot be reached says so', async () => {
    const properties = { ...entra, apiServerAccessProfile: { enablePrivateCluster: true } };
    const evidence = await readFrom(azureOf([{ name: 'prod', properties }]), idOf('prod'));
    expect(evidence.complete).toBe(false);
    expect(evidence.problems.length).toBeGreaterThan(0);
    for (const problem of evidence.problems) expect(problem).toMatch(/^cluster prod: .*\(it is private: the app must/);
  });

  test.each([
    ['the cluster is not there', /GET .*managedClusters\/prod/, 404, /managedClusters\/prod: Azure does not know it/],
    [
      'its address is refused',
      /POST/,
      403,
      /^cluster prod: .*listClusterUserCredential: the identity may not read it \(403/,
    ],
  ])('%s', async (_, at, status, words) => {
    const azure = azureOf([{ name: 'prod', cluster: await clusterWith('api:1') }]);
    const evidence = await readFrom(azure, idOf('prod'), [{ at, status, code: 'AuthorizationFailed' }]);
    expect(evidence).toMatchObject({ complete: false, facts: [], problems: [expect.stringMatching(words)] });
  });

  test.each([
    ['nothing', ''],
    ['plain http', 'clusters: [{ cluster: { server: "http://127.0.0.1:1", certificate-authority-data: eA== } }]'],
    ['no certificate authority', 'clusters: [{ cluster: { server: "https://127.0.0.1:1" } }]'],
  ])('a kubeconfig with %s: no token is shown', async (_, text) => {
    const azure = { ...azureOf([{ name: 'prod' }]), kubeconfigs: { [idOf('prod')]: text } };
    const evidence = await readFrom(azure, idOf('prod'));
    expect(evidence.problems).toEqual(['cluster prod: its kubeconfig names no server and certificate authority']);
    expect(evidence.scopes.has(AKS)).toBe(false);
  });
});

import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { KubeConfig } from '@kubernetes/client-node';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { type ClusterState, cronJob, pod, workload } from '../../src/dev/kubernetes/index.ts';
import { configuredCluster, kubernetesSource } from '../../src/evidence/kubernetes.ts';
import type { Use } from '../../src/evidence/types.ts';
import { systemClock } from '../../src/registry/clock.ts';
import { clusterOf, IMPATIENT, kubeconfigFile, sourceOf, temporaryFolder, TOKEN } from '../support/kubernetes.ts';

const REGISTRY = 'contoso.azurecr.io';
const digest = (n: number): string => `sha256:${n.toString(16).padStart(64, '0')}`;
const named = (text: string): string => `${REGISTRY}/${text}`;
const shop = { namespace: 'shop' };

async function usesIn(state: ClusterState, registry = REGISTRY): Promise<readonly Use[]> {
  const evidence = await sourceOf(await clusterOf(state)).read(registry);
  expect(evidence).toMatchObject({
    source: 'kube',
    scope: 'all namespaces of the cluster',
    problems: [],
    complete: true,
  });
  return evidence.facts.map(({ repository, tag, digest, config, where }) => ({
    repository, ...(tag !== undefined && { tag }), ...(digest !== undefined && { digest }), ...(config !== undefined && { config }), where,
  })); // prettier-ignore
}

afterEach(() => void vi.unstubAllEnvs());

describe('what names an image', () => {
  test('containers, init containers, ephemeral containers and image volumes', async () => {
    const state = {
      pods: [
        pod({
          ...shop,
          name: 'all',
          containers: [{ image: named('main:1'), imageID: named(`main@${digest(1)}`) }],
          initContainers: [{ image: named('init:1'), imageID: named(`init@${digest(2)}`) }],
          ephemeralContainers: [{ image: named('debug:1'), imageID: named(`debug@${digest(3)}`) }],
          imageVolumes: [named('model:1'), `docker.io/library/data:1`],
        }),
      ],
    };
    const where = 'namespace shop, pod all';
    expect(new Set(await usesIn(state))).toEqual(
      new Set([
        { repository: 'main', tag: '1', where },
        { repository: 'main', digest: digest(1), where },
        { repository: 'init', tag: '1', where },
        { repository: 'init', digest: digest(2), where },
        { repository: 'debug', tag: '1', where },
        { repository: 'debug', digest: digest(3), where },
        { repository: 'model', tag: '1', where },
      ]),
    );
  });

  test('the templates of everything that makes pods, also without a replica', async () => {
    const containers = (image: string) => [{ image: named(image) }];
    const state = {
      deployments: [workload({ ...shop, name: 'api', replicas: 0, containers: containers('api:2') })],
      replicasets: [
        workload({ ...shop, name: 'api-5d', replicas: 0, owner: { kind: 'Deployment', name: 'api' }, containers: containers('api:1') }),
        workload({ ...shop, name: 'alone', containers: containers('alone:1') }),
      ],
      replicationcontrollers: [workload({ ...shop, name: 'old', replicas: 0, containers: containers('old:1') })],
      daemonsets: [workload({ ...shop, name: 'agent', containers: containers('agent:1') })],
      statefulsets: [workload({ ...shop, name: 'db', containers: containers('db:1') })],
      jobs: [workload({ ...shop, name: 'nightly-1', owner: { kind: 'CronJob', name: 'nightly' }, containers: containers('job:1') })],
      cronjobs: [cronJob({ ...shop, name: 'nightly', containers: containers('job:2') })],
    }; // prettier-ignore
    expect(new Set(await usesIn(state))).toEqual(
      new Set([
        { repository: 'api', tag: '2', where: 'namespace shop, deployment api' },
        { repository: 'api', tag: '1', where: 'namespace shop, deployment api, replica set api-5d' },
        { repository: 'alone', tag: '1', where: 'namespace shop, replica set alone' },
        { repository: 'old', tag: '1', where: 'namespace shop, replication controller old' },
        { repository: 'agent', tag: '1', where: 'namespace shop, daemon set agent' },
        { repository: 'db', tag: '1', where: 'namespace shop, stateful set db' },
        { repository: 'job', tag: '1', where: 'namespace shop, cron job nightly, job nightly-1' },
        { repository: 'job', tag: '2', where: 'namespace shop, cron job nightly' },
      ]),
    );
  });

  test.each([
    ['the deployment of its replica set', { kind: 'ReplicaSet', name: 'api-5d' }, 'deployment api'],
    ['the cron job of its job', { kind: 'Job', name: 'nightly-1' }, 'cron job nightly'],
    ['its stateful set', { kind: 'StatefulSet', name: 'db' }, 'stateful set db'],
    ['a replica set that is gone', { kind: 'ReplicaSet', name: 'gone-1' }, 'replica set gone-1'],
    ['a kind that Kubernetes does not know', { kind: 'SparkApplication', name: 'etl' }, 'spark application etl'],
    ['its node: it is a static pod', { kind: 'Node', name: 'node-1' }, 'pod p'],
  ])('a pod is known by %s', async (_, owner, words) => {
    const state = {
      pods: [pod({ ...shop, name: 'p', owner, containers: [{ image: named('api:1') }] })],
      replicasets: [
        workload({ ...shop, name: 'api-5d', owner: { kind: 'Deployment', name: 'api' }, containers: [{ image: named('api:1') }] }),
        workload({ namespace: 'other', name: 'gone-1', owner: { kind: 'Deployment', name: 'gone' }, containers: [] }),
      ],
      jobs: [workload({ ...shop, name: 'nightly-1', owner: { kind: 'CronJob', name: 'nightly' }, containers: [] })],
    }; // prettier-ignore
    // The pod, not what would make another one.
    expect(await usesIn(state)).toEqual([{ repository: 'api', tag: '1', where: `namespace shop, ${words}` }]);
  });

  test('a pod that has ended counts', async () => {
    const state = {
      pods: ['Succeeded', 'Failed', 'Pending'].map((phase) =>
        pod({ ...shop, name: phase.toLowerCase(), phase, containers: [{ image: named(`${phase.toLowerCase()}:1`) }] }),
      ),
    };
    expect((await usesIn(state)).map(({ repository }) => repository)).toEqual(['succeeded', 'failed', 'pending']);
  });

  test('what a cluster calls its objects stays one short line', async () => {
    const state = {
      pods: [pod({ namespace: 'a\nb\u001b[31m', name: 'x'.repeat(5000), containers: [{ image: named('api:1') }] })],
    };
    const [use] = await usesIn(state);
    expect(use?.where).toBe(`namespace a-b-[31m, pod ${'x'.repeat(253)}`);
  });
});

describe('each kind of imageID', () => {
  const D = digest(0xabc);
  const api = { repository: 'shop/api' };
  const TAG = { ...api, tag: '1' };
  const DIGEST = { ...api, digest: D };
  const CONFIG = { ...api, digest: D, config: D };
  const cases: readonly (readonly [string, { image?: string; shownAs?: string; imageID: string }, readonly Partial<Use>[]])[] = [
    ['the digest of an index or a platform', { imageID: named(`shop/api@${D}`) }, [TAG, DIGEST]],
    ['docker-pullable://', { imageID: `docker-pullable://${named(`shop/api@${D}`)}` }, [TAG, DIGEST]],
    ['of a configuration, or of an index, without a repository', { imageID: D }, [TAG, CONFIG]],
    ['docker://', { imageID: `docker://${D}` }, [TAG, CONFIG]],
    ['hexadecimal digits alone', { imageID: D.slice('sha256:'.length) }, [TAG, CONFIG]],
    ['as the name of the image, too', { shownAs: D, imageID: named(`shop/api@${D}`) }, [TAG, CONFIG, DIGEST]],
    ['the same image by the name of another registry', { imageID: `mirror.example:5000/cache/api@${D}` }, [TAG, DIGEST]],
    ['the same image by the name of another repository', { imageID: named(`other@${D}`) }, [TAG, DIGEST, { repository: 'other', digest: D }]],
    ['ours, where another registry is asked for', { image: 'mirror.example/api:1', imageID: named(`shop/api@${D}`) }, [DIGEST]],
    ['with a tag', { imageID: named(`shop/api:1@${D}`) }, [TAG, DIGEST, { ...TAG, digest: D }]],
    ['upper case', { image: 'CONTOSO.azurecr.io/shop/api:1', imageID: `Contoso.AzureCR.io/shop/api@sha256:${D.slice(7).toUpperCase()}` }, [TAG, DIGEST]],
    ['the port that needs no name', { image: 'contoso.azurecr.io:443/shop/api:1', imageID: `contoso.azurecr.io:443/shop/api@${D}` }, [TAG, DIGEST]],
    ['another port', { image: 'contoso.azurecr.io:5000/shop/api:1', imageID: `contoso.azurecr.io:5000/shop/api@${D}` }, []],
    ['another registry', { image: 'fabrikam.azurecr.io/shop/api:1', imageID: D }, []],
    ['none yet', { imageID: '' }, [TAG]],
    ['what is no image', { imageID: 'contoso.azurecr.io/../x@sha256:zz' }, [TAG]],
  ]; // prettier-ignore
  test.each(cases)('%s', async (_, { image = named('shop/api:1'), ...status }, expected) => {
    const uses = await usesIn({ pods: [pod({ ...shop, name: 'p', containers: [{ image, ...status }] })] });
    const where = 'namespace shop, pod p';
    expect(new Set(uses)).toEqual(new Set(expected.map((use) => ({ ...use, where }))));
  });

  test('a registry with a port', async () => {
    const state = { pods: [pod({ ...shop, name: 'p', containers: [{ image: `127.0.0.1:5000/api:1`, imageID: `127.0.0.1:5000/api@${D}` }] })] }; // prettier-ignore
    expect(await usesIn(state, '127.0.0.1:5000')).toHaveLength(2);
    expect(await usesIn(state, '127.0.0.1:5001')).toEqual([]);
  });
});

const podsOf = (count: number): ClusterState => ({
  pods: Array.from({ length: count }, (_, n) =>
    pod({ namespace: `n${n % 7}`, name: `p${n}`, containers: [{ image: named(`app-${n}:1`) }] }),
  ),
});

const pages = (count: number) => Array.from({ length: count }, (_, n) => n + 1);

describe('pages', () => {
  test('all are read', async () => {
    const cluster = await clusterOf(podsOf(1234));
    const { facts } = await sourceOf(cluster).read(REGISTRY);
    expect(facts).toHaveLength(1234);
    expect(cluster.asked.filter(({ resource }) => resource === 'pods').map(({ page }) => page)).toEqual(pages(13));
  });

  test('a next page that has expired begins the list again', async () => {
    const cluster = await clusterOf(podsOf(1234));
    let expired = 0;
    cluster.fail(({ resource, page }) => {
      if (resource === 'pods' && page === 3 && expired++ < 2) cluster.expire();
      return undefined;
    });
    const evidence = await sourceOf(cluster).read(REGISTRY);
    expect(evidence).toMatchObject({ complete: true });
    expect(evidence.facts).toHaveLength(1234);
    expect(cluster.asked.filter(({ resource }) => resource === 'pods').map(({ page }) => page)).toEqual([...pages(3), ...pages(3), ...pages(13)]); // prettier-ignore
  });

  test('one that always expires is given up', async () => {
    const cluster = await clusterOf(podsOf(1234));
    cluster.fail(({ resource, page }) => {
      if (resource === 'pods' && page === 2) cluster.expire();
      return undefined;
    });
    expect(await sourceOf(cluster).read(REGISTRY)).toMatchObject({
      complete: false,
      problems: ['pods cannot be listed: the cluster answered 410'],
    });
  });

  test.each([{ status: 429, retryAfter: 1 }, { status: 500 }, { status: 503 }, 'drop' as const])(
    'one that fails once is asked for again: %j',
    async (fault) => {
      const cluster = await clusterOf(podsOf(600));
      let failed = 0;
      cluster.fail(({ resource, page }) => (resource === 'pods' && page === 2 && failed++ === 0 ? fault : undefined));
      const evidence = await sourceOf(cluster).read(REGISTRY);
      expect(evidence).toMatchObject({ complete: true, problems: [] });
      expect(evidence.facts).toHaveLength(600);
      expect(failed).toBeGreaterThan(0);
    },
  );

  test('one that fails each time: incomplete, the rest is read all the same', async () => {
    const cluster = await clusterOf({ ...podsOf(600), deployments: [workload({ ...shop, name: 'a', containers: [{ image: named('a:1') }] })] }); // prettier-ignore
    cluster.fail(({ resource, page }) => (resource === 'pods' && page === 2 ? { status: 500 } : undefined));
    const evidence = await sourceOf(cluster).read(REGISTRY);
    expect(evidence).toMatchObject({ complete: false, problems: ['pods cannot be listed: the cluster answered 500'] });
    expect(evidence.facts).toHaveLength(101);
  });
});

describe('what cannot be read', () => {
  const state = podsOf(3);

  test('one kind that may not be listed is named', async () => {
    const cluster = await clusterOf(state);
    cluster.fail(({ resource }) =>
      resource === 'cronjobs' || resource === 'statefulsets' ? { status: 403 } : undefined,
    );
    const evidence = await sourceOf(cluster).read(REGISTRY);
    expect(evidence).toMatchObject({
      complete: false,
      problems: [
        'stateful sets cannot be listed: the identity may not list them in all namespaces (403)',
        'cron jobs cannot be listed: the identity may not list them in all namespaces (403)',
      ],
    });
    expect(evidence.facts).toHaveLength(3);
  });

  test('an identity that may list everything but one kind', async () => {
    const kinds = ['pods', 'deployments', 'replicasets', 'daemonsets', 'statefulsets', 'jobs', 'cronjobs'];
    const cluster = await clusterOf(state, { rules: [{ apiGroups: ['*'], resources: kinds, verbs: ['list'] }] });
    expect(await sourceOf(cluster).read(REGISTRY)).toMatchObject({
      complete: false,
      problems: ['replication controllers cannot be listed: the identity may not list them in all namespaces (403)'],
    });
  });

  test('a cluster that has no replication controllers has none; the same of pods is a doubt', async () => {
    const cluster = await clusterOf(state);
    cluster.fail(({ resource }) => (resource === 'replicationcontrollers' ? { status: 404 } : undefined));
    expect(await sourceOf(cluster).read(REGISTRY)).toMatchObject({ complete: true, problems: [] });
    cluster.fail(({ resource }) => (resource === 'pods' ? { status: 404 } : undefined));
    expect(await sourceOf(cluster).read(REGISTRY)).toMatchObject({
      complete: false,
      problems: ['pods cannot be listed: the cluster answered 404'],
    });
  });

  test('an API that leaves out what it need not say', async () => {
    const cluster = await clusterOf(state);
    const pod = {
      metadata: { name: 'p' },
      spec: { containers: [{ image: 'contoso.azurecr.io/app:v1' }] },
      status: { containerStatuses: [{ name: 'c' }] },
    };
    const body = JSON.stringify({ kind: 'PodList', apiVersion: 'v1', items: [pod] });
    cluster.fail(({ resource }) => (resource === 'pods' ? { body } : undefined));
    expect(await sourceOf(cluster).read(REGISTRY)).toMatchObject({
      complete: true,
      facts: [{ repository: 'app', tag: 'v1' }],
    });
  });

  test('an identity that the cluster does not know', async () => {
    const cluster = await clusterOf(state);
    const evidence = await sourceOf(cluster, { user: { token: 'wrong-token' } }).read(REGISTRY);
    expect(evidence).toMatchObject({ complete: false, facts: [] });
    expect(evidence.problems).toEqual([
      'replica sets cannot be listed: the cluster does not accept the identity (401)',
    ]);
  });

  test.each([
    ['<html>a-secret-of-a-proxy</html>'],
    ['{"kind":"Status","message":"a-secret-of-a-proxy"}'],
    ['{"kind":"PodList","items":"a-secret-of-a-proxy"}'],
    ['{"kind":"DeploymentList","items":[]}'],
  ])('a proxy that answers for the cluster: %s', async (body) => {
    const cluster = await clusterOf(state);
    cluster.fail(({ resource }) => (resource === 'pods' ? { body } : undefined));
    const { complete, problems } = await sourceOf(cluster).read(REGISTRY);
    expect({ complete, problems }).toEqual({
      complete: false,
      problems: ['pods cannot be listed: what was answered is no list of them'],
    });
  });

  const NO_LIST = 'what was answered is no list of them';
  const list = (over: object) =>
    JSON.stringify({ kind: 'PodList', apiVersion: 'v1', metadata: {}, items: [], ...over });
  const item = (over: object) => list({ items: [{ metadata: { name: 'p', namespace: 'n' }, spec: { containers: [] }, ...over }] }); // prettier-ignore

  test.each([
    ['no items', list({ items: undefined })],
    ['items that are null', list({ items: null })],
    ['items that are a text', list({ items: '' })],
    ['items that are an object', list({ items: {} })],
    ['an item that is null', list({ items: [null] })],
    ['an item without a spec', item({ spec: undefined })],
    ['an item whose spec is null', item({ spec: null })],
    ['a spec without containers', item({ spec: {} })],
    ['containers that are a text', item({ spec: { containers: '' } })],
    ['an image that is no text', item({ spec: { containers: [{ name: 'c', image: 5 }] } })],
    ['statuses that are null', item({ status: { containerStatuses: null } })],
    ['a list of another group', list({ apiVersion: 'metrics.k8s.io/v1beta1' })],
    ['a Status', '{"kind":"Status","apiVersion":"v1","metadata":{},"status":"Success"}'],
    ['more that is left, and no next page', list({ metadata: { remainingItemCount: 7 } }), '7 more are left, and the cluster does not say where'],
  ])('an answer with the status 200 that lacks something: %s', async (_, body, problem = NO_LIST) => {
    const cluster = await clusterOf(state);
    cluster.fail(({ resource }) => (resource === 'pods' ? { body } : undefined));
    const { complete, problems } = await sourceOf(cluster).read(REGISTRY);
    expect({ complete, problems }).toEqual({ complete: false, problems: [`pods cannot be listed: ${problem}`] });
  }); // prettier-ignore

  test.each([
    ['deployments', 'apps/v1', 'Deployment', {}],
    ['deployments', 'apps/v1', 'Deployment', { template: null }],
    ['deployments', 'apps/v1', 'Deployment', { template: { spec: null } }],
    ['cronjobs', 'batch/v1', 'CronJob', { jobTemplate: { spec: { template: {} } } }],
  ])('a template that lacks something: %s', async (which, apiVersion, kind, spec) => {
    const cluster = await clusterOf(state);
    const body = JSON.stringify({ kind: `${kind}List`, apiVersion, metadata: {}, items: [{ metadata: { name: 'a' }, spec }] }); // prettier-ignore
    cluster.fail(({ resource }) => (resource === which ? { body } : undefined));
    expect(await sourceOf(cluster).read(REGISTRY)).toMatchObject({
      complete: false,
      problems: [expect.stringMatching(/^(deployments|cron jobs) cannot be listed: what was answered is no list of them$/)], // prettier-ignore
    });
  });

  test.each([201, 202, 203, 206])('a whole list with the status %i', async (status) => {
    const cluster = await clusterOf(state);
    cluster.fail(({ resource }) => (resource === 'pods' ? { body: list({}), status } : undefined));
    const { complete, problems } = await sourceOf(cluster).read(REGISTRY);
    expect({ complete, problems }).toEqual({
      complete: false,
      problems: [`pods cannot be listed: the cluster answered ${status}, which is no whole list`],
    });
  });

  test('the answers above are refused for what they lack', async () => {
    const cluster = await clusterOf(state);
    cluster.fail(({ resource }) => (resource === 'pods' ? { body: item({}) } : undefined));
    expect(await sourceOf(cluster).read(REGISTRY)).toMatchObject({ complete: true, problems: [] });
  });

  test('a cluster that is not there', async () => {
    const cluster = await clusterOf(state);
    await cluster.close();
    const evidence = await sourceOf(cluster).read(REGISTRY);
    expect(evidence).toMatchObject({
      complete: false,
      problems: ['replica sets cannot be listed: the cluster cannot be reached (ECONNREFUSED)'],
    });
  });

  test('a cluster whose certificate is not the one of the kubeconfig', async () => {
    const cluster = await clusterOf(state);
    const evidence = await kubernetesSource({
      name: 'kube',
      cluster: 'it',
      clock: IMPATIENT,
      connect() {
        const config = new KubeConfig();
        config.loadFromClusterAndUser({ name: 'c', server: cluster.url, skipTLSVerify: false }, { name: 'u', token: TOKEN }); // prettier-ignore
        return Promise.resolve(config);
      },
    }).read(REGISTRY);
    expect(evidence.complete).toBe(false);
    expect(evidence.problems.join()).toMatch(/^replica sets cannot be listed: the cluster cannot be reached \([A-Z_]*CERT[A-Z_]*\)$/); // prettier-ignore
    expect(cluster.asked).toEqual([]);
  });

  test('a cluster that never answers is given up when its time is over, by the clock', async () => {
    const cluster = await clusterOf(state);
    cluster.fail(() => 'hang');
    const waits: number[] = [];
    const clock = {
      ...IMPATIENT,
      after(milliseconds: number, call: () => void) {
        waits.push(milliseconds);
        return systemClock.after(cluster.asked.length > 0 || milliseconds === 60_000 ? 50 : milliseconds, call);
      },
    };
    const evidence = await sourceOf(cluster, { clock }).read(REGISTRY);
    expect(evidence).toMatchObject({
      complete: false,
      problems: ['replica sets cannot be listed: the cluster did not answer within 60 seconds'],
    });
    expect(new Set(waits)).toEqual(new Set([60_000]));
  });

  test('a run that is stopped waits no longer', async () => {
    const cluster = await clusterOf(state);
    const stop = new AbortController();
    cluster.fail(() => {
      setImmediate(() => stop.abort());
      return 'hang';
    });
    expect(await sourceOf(cluster).read(REGISTRY, stop.signal)).toMatchObject({
      complete: false,
      problems: ['replica sets cannot be listed: it was stopped'],
    });
    expect(await sourceOf(cluster).read(REGISTRY, stop.signal)).toMatchObject({ complete: false });
  });
});

describe('how it signs in', () => {
  const state = podsOf(2);
  const plugin = (code: string) => ({ exec: { command: process.execPath, args: ['-e', code] } });
  const status = (token: string): string => `{ apiVersion: 'client.authentication.k8s.io/v1beta1', kind: 'ExecCredential', status: { token: ${token} } }`; // prettier-ignore

  test('with what an exec plug-in says, which is told what kubectl tells it', async () => {
    const cluster = await clusterOf(state);
    const code = `const info = JSON.parse(process.env.KUBERNETES_EXEC_INFO);
      const isTold = info.kind === 'ExecCredential' && info.apiVersion === 'client.authentication.k8s.io/v1beta1' && info.spec.interactive === false;
      console.log(JSON.stringify(${status(`isTold ? '${TOKEN}' : 'not told'`)}))`;
    const evidence = await sourceOf(cluster, { user: plugin(code) }).read(REGISTRY);
    expect(evidence).toMatchObject({ complete: true, problems: [] });
    expect(evidence.facts).toHaveLength(2);
  });

  test.each([
    ['fails', `console.error('${TOKEN}'); process.exit(1)`],
    ['says something else', `console.log('${TOKEN}')`],
    ['says nothing of use', `console.log('{}')`],
  ])('a plug-in that %s', async (_, code) => {
    const cluster = await clusterOf(state);
    const evidence = await sourceOf(cluster, { user: plugin(code) }).read(REGISTRY);
    expect(evidence).toMatchObject({
      complete: false,
      problems: [`the command of the kubeconfig that signs in, ${process.execPath}, failed`],
    });
    expect(cluster.asked).toEqual([]);
  });

  test('a plug-in that is not installed', async () => {
    const cluster = await clusterOf(state);
    const user = { exec: { command: 'no-such-plug-in', args: [] } };
    expect(await sourceOf(cluster, { user }).read(REGISTRY)).toMatchObject({
      complete: false,
      problems: ['the command of the kubeconfig that signs in, no-such-plug-in, failed (ENOENT)'],
    });
  });

  test('as the service account of the pod that it runs in', async () => {
    const cluster = await clusterOf(state);
    const root = temporaryFolder();
    const folder = join(root, 'var/run/secrets/kubernetes.io/serviceaccount');
    mkdirSync(folder, { recursive: true });
    writeFileSync(join(folder, 'token'), TOKEN);
    writeFileSync(join(folder, 'ca.crt'), cluster.certificate);
    vi.stubEnv('KUBERNETES_SERVICE_HOST', '127.0.0.1');
    vi.stubEnv('KUBERNETES_SERVICE_PORT', new URL(cluster.url).port);
    const config = new KubeConfig();
    config.loadFromCluster(root);
    const source = kubernetesSource({ name: 'kube', cluster: 'it', clock: IMPATIENT, connect: () => Promise.resolve(config) }); // prettier-ignore
    const evidence = await source.read(REGISTRY);
    expect(evidence).toMatchObject({ complete: true, problems: [] });
    expect(evidence.facts).toHaveLength(2);
  });
});

describe('the kubeconfig', () => {
  test('a context of it', async () => {
    const cluster = await clusterOf(podsOf(2));
    vi.stubEnv('KUBECONFIG', kubeconfigFile(cluster, { wrong: { token: 'wrong' }, prod: { token: TOKEN } }));
    expect(await configuredCluster('kube:prod', 'prod', IMPATIENT).read(REGISTRY)).toMatchObject({
      source: 'kube:prod',
      scope: 'all namespaces of the cluster of the context prod',
      complete: true,
    });
    expect(await configuredCluster('kube', undefined, IMPATIENT).read(REGISTRY)).toMatchObject({ complete: false });
    expect(await configuredCluster('kube:dev', 'dev', IMPATIENT).read(REGISTRY)).toMatchObject({
      complete: false,
      problems: ['the kubeconfig has no context dev'],
    });
  });

  test('one that is no YAML is not repeated', async () => {
    const file = join(temporaryFolder(), 'config');
    writeFileSync(file, `users:\n- user: {token: "${TOKEN}`);
    vi.stubEnv('KUBECONFIG', file);
    const { complete, problems } = await configuredCluster('kube', undefined, IMPATIENT).read(REGISTRY);
    expect({ complete, problems }).toEqual({ complete: false, problems: ['the kubeconfig cannot be read'] });
  });

  test('none', async () => {
    const home = temporaryFolder();
    vi.stubEnv('HOME', home);
    vi.stubEnv('KUBECONFIG', '');
    const { problems } = await configuredCluster('kube', undefined, IMPATIENT).read(REGISTRY);
    expect(problems).toEqual([
      'there is no kubeconfig (KUBECONFIG, ~/.kube/config), and this process does not run in a pod',
    ]);
    vi.stubEnv('KUBECONFIG', join(home, 'no-such-file'));
    const missing = await configuredCluster('kube', undefined, IMPATIENT).read(REGISTRY);
    expect(missing).toMatchObject({ complete: false, problems: ['the kubeconfig cannot be read (ENOENT)'] });
  });
});

test('all registries at once, for a list', async () => {
  const state = {
    pods: [
      pod({ ...shop, name: 'p', containers: [{ image: named('a:1') }, { image: 'GHCR.io/b:2' }, { image: 'nginx' }] }),
    ],
  };
  const evidence = await sourceOf(await clusterOf(state)).readAll?.();
  expect(evidence?.facts).toEqual([
    { registry: REGISTRY, repository: 'a', tag: '1', where: 'namespace shop, pod p' },
    { registry: 'ghcr.io', repository: 'b', tag: '2', where: 'namespace shop, pod p' },
  ]);
});

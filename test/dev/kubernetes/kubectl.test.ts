import { describe, expect, test } from 'vitest';
import { type Cluster, type ClusterState, cronJob, pod, workload } from '../../../src/dev/kubernetes/index.ts';
import { imageIn } from '../../../src/evidence/image.ts';
import { findKubectl, kubectl, type Said } from '../../support/kubectl.ts';
import { clusterOf, kubeconfigFile, sourceOf, temporaryFolder, TOKEN } from '../../support/kubernetes.ts';

/*
 * What was not written here reads the stand-in as our source does: `kubectl`, with its own discovery and paging. Skipped
 * where there is none (apt-get install kubernetes-client).
 */

const program = findKubectl();
const REGISTRY = 'contoso.azurecr.io';

function ask(cluster: Cluster, ...args: readonly string[]): Promise<Said> {
  return kubectl(program ?? '', kubeconfigFile(cluster), temporaryFolder(), ...args);
}

const containers = (name: string) => [{ image: `${REGISTRY}/${name}`, imageID: `${REGISTRY}/${name.split(':')[0] ?? ''}@sha256:${'a'.repeat(64)}` }]; // prettier-ignore
const shop = { namespace: 'shop' };
const STATE: ClusterState = {
  pods: Array.from({ length: 1200 }, (_, n) =>
    pod({ namespace: `n${n % 3}`, name: `p${n}`, containers: containers(`pod-${n}:1`), initContainers: containers(`init-${n % 9}:1`) }),
  ),
  deployments: [workload({ ...shop, name: 'api', containers: containers('api:2') })],
  replicasets: [workload({ ...shop, name: 'api-1', replicas: 0, containers: containers('api:1') })],
  replicationcontrollers: [workload({ ...shop, name: 'old', containers: containers('old:1') })],
  daemonsets: [workload({ ...shop, name: 'agent', containers: containers('agent:1') })],
  statefulsets: [workload({ ...shop, name: 'db', containers: containers('db:1') })],
  jobs: [workload({ ...shop, name: 'job', containers: containers('job:1') })],
  cronjobs: [cronJob({ ...shop, name: 'cron', containers: containers('cron:1') })],
}; // prettier-ignore
const KINDS = Object.keys(STATE);

/** Every image that stands anywhere in what `kubectl` prints, but for the copies in annotations. */
function imagesIn(value: unknown, key = ''): readonly string[] {
  if (typeof value === 'string') return key === 'image' || key === 'imageID' || key === 'reference' ? [value] : [];
  if (typeof value !== 'object' || value === null) return [];
  return Object.entries(value).flatMap(([name, one]) => imagesIn(one, Array.isArray(value) ? key : name));
}

describe.skipIf(program === undefined)('kubectl', () => {
  test('reads the images that the source names', async () => {
    const cluster = await clusterOf(STATE);
    const said = await ask(cluster, 'get', KINDS.join(','), '-A', '-o', 'json');
    expect({ code: said.code, stderr: said.stderr }).toEqual({ code: 0, stderr: '' });
    const list = JSON.parse(said.stdout) as { readonly items: readonly { readonly kind: string }[] };
    expect(list.items).toHaveLength(1207);
    // It reads by pages of 500.
    expect(cluster.asked.filter(({ resource }) => resource === 'pods').map(({ page }) => page)).toEqual([1, 2, 3]);
    const theirs = imagesIn(list).map((name) => JSON.stringify(imageIn(REGISTRY, name)));
    const { facts, complete } = await sourceOf(cluster).read(REGISTRY);
    const ours = facts.map(({ repository, tag, digest }) => JSON.stringify({ repository, ...(tag !== undefined && { tag }), ...(digest !== undefined && { digest }) })); // prettier-ignore
    expect(complete).toBe(true);
    expect(new Set(ours)).toEqual(new Set(theirs));
    expect(new Set(ours).size).toBeGreaterThan(2400);
  });

  test('finds the kinds, by their short names, too, and objects of one namespace', async () => {
    const cluster = await clusterOf(STATE);
    const kinds = await ask(cluster, 'api-resources', '--no-headers', '-o', 'name');
    expect(new Set(kinds.stdout.trim().split('\n').map((name) => name.split('.')[0]))).toEqual(new Set(KINDS)); // prettier-ignore
    expect(await ask(cluster, 'get', 'deploy', '-n', 'shop', '-o', 'name')).toMatchObject({
      stdout: 'deployment.apps/api\n',
    });
    expect(await ask(cluster, 'get', 'deploy', '-n', 'other', '-o', 'name')).toMatchObject({ code: 0, stdout: '' });
    const one = await ask(cluster, 'get', 'pod', 'p4', '-n', 'n1', '-o', 'jsonpath={.spec.containers[0].image}');
    expect(one).toMatchObject({ code: 0, stdout: `${REGISTRY}/pod-4:1` });
    expect(await ask(cluster, 'get', 'pod', 'none', '-n', 'n1')).toMatchObject({ code: 1, stderr: 'Error from server (NotFound): pods "none" not found\n' }); // prettier-ignore
  });

  test('understands what goes wrong', async () => {
    const cluster = await clusterOf(STATE);
    cluster.fail(({ resource }) => (resource === 'jobs' ? { status: 403 } : undefined));
    const forbidden = await ask(cluster, 'get', 'jobs', '-A');
    expect(forbidden).toMatchObject({ code: 1, stderr: expect.stringMatching(/^Error from server \(Forbidden\): jobs.* is forbidden: .*cannot list resource "jobs"/) as string }); // prettier-ignore

    cluster.fail(({ page }) => (page === 2 ? { status: 500 } : undefined));
    const failed = await ask(cluster, 'get', 'pods', '-A');
    expect(failed).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('etcdserver: request timed out') as string,
    });

    cluster.fail(({ page }) => {
      if (page === 2) cluster.expire();
      return undefined;
    });
    const expired = await ask(cluster, 'get', 'pods', '-A', '-o', 'json');
    expect(expired).toMatchObject({
      code: 1,
      stderr: expect.stringMatching(/continue parameter is too old/) as string,
    });
    const { complete, problems } = await sourceOf(cluster).read(REGISTRY);
    expect({ complete, problems }).toEqual({
      complete: false,
      problems: ['pods cannot be listed: the cluster answered 410'],
    });
  });

  test('signs in: with a token, with a plug-in, and not without one', async () => {
    const cluster = await clusterOf(STATE);
    const code = `console.log(JSON.stringify({ apiVersion: 'client.authentication.k8s.io/v1beta1', kind: 'ExecCredential', status: { token: '${TOKEN}' } }))`; // prettier-ignore
    const users = { exec: { exec: { command: process.execPath, args: ['-e', code] } }, wrong: { token: 'wrong' } };
    const file = kubeconfigFile(cluster, users);
    const get = (context: string) => kubectl(program ?? '', file, temporaryFolder(), '--context', context, 'get', 'ds', '-A', '-o', 'name'); // prettier-ignore
    expect(await get('exec')).toEqual({ code: 0, stdout: 'daemonset.apps/agent\n', stderr: '' });
    expect(await get('wrong')).toMatchObject({ code: 1, stderr: expect.stringMatching(/Unauthorized|must be logged in/) as string }); // prettier-ignore
  });
});

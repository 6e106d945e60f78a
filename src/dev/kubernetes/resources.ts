/** The kinds of objects that it has, as discovery describes them. */
export const RESOURCES = {
  pods: { group: '', version: 'v1', kind: 'Pod', singular: 'pod', short: ['po'] },
  replicationcontrollers: { group: '', version: 'v1', kind: 'ReplicationController', singular: 'replicationcontroller', short: ['rc'] }, // prettier-ignore
  deployments: { group: 'apps', version: 'v1', kind: 'Deployment', singular: 'deployment', short: ['deploy'] },
  replicasets: { group: 'apps', version: 'v1', kind: 'ReplicaSet', singular: 'replicaset', short: ['rs'] },
  daemonsets: { group: 'apps', version: 'v1', kind: 'DaemonSet', singular: 'daemonset', short: ['ds'] },
  statefulsets: { group: 'apps', version: 'v1', kind: 'StatefulSet', singular: 'statefulset', short: ['sts'] },
  jobs: { group: 'batch', version: 'v1', kind: 'Job', singular: 'job', short: [] },
  cronjobs: { group: 'batch', version: 'v1', kind: 'CronJob', singular: 'cronjob', short: ['cj'] },
} as const;

export type ResourceName = keyof typeof RESOURCES;

export const isResource = (name: string): name is ResourceName => Object.hasOwn(RESOURCES, name);

/** `v1`, `apps/v1` */
export const groupVersionOf = ({ group, version }: { readonly group: string; readonly version: string }): string =>
  group === '' ? version : `${group}/${version}`;

const all = Object.entries(RESOURCES).map(([name, about]) => ({ name, ...about }));
const groups = [...new Set(all.map(({ group }) => group).filter((group) => group !== ''))];

/** What a client asks before it knows what there is; undefined where it asks for something else. */
export function discovery(path: string): unknown {
  if (path === '/version') return { major: '1', minor: '32', gitVersion: 'v1.32.4', platform: 'linux/amd64' };
  if (path === '/api') return { kind: 'APIVersions', versions: ['v1'] };
  if (path === '/apis') return { kind: 'APIGroupList', apiVersion: 'v1', groups: groups.map(apiGroup) };
  const groupVersion = /^\/apis?\/((?:[a-z]+\/)?v1)$/.exec(path)?.[1];
  const resources = all.filter((one) => groupVersionOf(one) === groupVersion);
  if (resources.length === 0 || path.startsWith('/api/') !== (groupVersion === 'v1')) return undefined;
  return {
    kind: 'APIResourceList',
    apiVersion: 'v1',
    groupVersion,
    resources: resources.map(({ name, singular, kind, short }) => ({
      name,
      singularName: singular,
      namespaced: true,
      kind,
      verbs: ['get', 'list'],
      shortNames: short,
    })),
  };
}

function apiGroup(name: string) {
  const version = { groupVersion: `${name}/v1`, version: 'v1' };
  return { name, versions: [version], preferredVersion: version };
}

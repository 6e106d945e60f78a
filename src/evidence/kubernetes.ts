import type { KubeConfig, V1PodSpec } from '@kubernetes/client-node';
import { imageIn } from './image.ts';
import type { Evidence, Source, Use } from './types.ts';

/** Objects of one page. */
const PAGE = 500;

/** How often a list is begun again whose next page has expired: the cluster forgets these after some minutes. */
const RESTARTS = 2;

export interface KubernetesOptions {
  /** As it is configured. */
  readonly name: string;
  /** In words: `the cluster prod`. */
  readonly cluster: string;
  /** @throws where there is no such cluster, or it cannot be signed in to */
  readonly connect: () => Promise<KubeConfig>;
  /** Milliseconds since 1970. */
  readonly now: () => number;
}

/** What of an object is looked at, of every kind. */
interface Workload {
  readonly kind: string;
  readonly namespace: string;
  readonly name: string;
  readonly spec: V1PodSpec | undefined;
  readonly statuses?: readonly Status[];
}

/** Of a container: what its image was called, and what it turned out to be. */
interface Status {
  readonly name: string;
  readonly image: string;
  readonly imageID: string;
}

interface Page {
  readonly items: readonly Workload[];
  readonly next: string | undefined;
}

type List = (limit: number, next: string | undefined) => Promise<Page>;

/**
 * The images of a cluster: those of its pods, and those that its deployments, replica sets, daemon sets, stateful sets,
 * jobs and cron jobs will run, also with no replica now.
 */
export function kubernetesSource({ name, cluster, connect, now }: KubernetesOptions): Source {
  return {
    name,
    async read(registry): Promise<Evidence> {
      const about = { source: name, scope: `all namespaces of ${cluster}`, observedAt: new Date(now()).toISOString() };
      const problems: string[] = [];
      const facts = new Map<string, Use>();
      try {
        const lists = await listsOf(await connect());
        for (const [kind, list] of Object.entries(lists)) {
          try {
            for await (const workload of allOf(list))
              for (const use of usesIn(workload, registry)) facts.set(keyOf(use), use);
          } catch (error) {
            problems.push(`${kind} cannot be listed: ${reasonOf(error)}`);
          }
        }
      } catch (error) {
        problems.push(reasonOf(error));
      }
      return { ...about, complete: problems.length === 0, problems, facts: [...facts.values()] };
    },
  };
}

/** The cluster of a context of the kubeconfig, or, where there is no kubeconfig, of the pod that this process runs in. */
export function configuredCluster(name: string, context: string | undefined, now: () => number): Source {
  return kubernetesSource({
    name,
    cluster: context === undefined ? 'the cluster' : `the cluster of the context ${context}`,
    now,
    async connect() {
      const { KubeConfig } = await import('@kubernetes/client-node');
      const config = new KubeConfig();
      config.loadFromDefault();
      if (context === undefined) return config;
      if (!config.getContextObject(context)) throw new Error(`the kubeconfig has no context ${context}`);
      config.setCurrentContext(context);
      return config;
    },
  });
}

const keyOf = ({ repository, tag, digest, config }: Use): string => JSON.stringify([repository, tag, digest, config]);

/** All objects of a list. One whose next page has expired is begun again: some objects come twice then. */
async function* allOf(list: List): AsyncGenerator<Workload> {
  let next: string | undefined;
  for (let restarts = 0; ;) {
    try {
      const page = await list(PAGE, next);
      yield* page.items;
      next = page.next;
      if (next === undefined) return;
    } catch (error) {
      if (next === undefined || codeOf(error) !== 410 || restarts === RESTARTS) throw error;
      restarts += 1;
      next = undefined;
    }
  }
}

const codeOf = (error: unknown): number | undefined => (error as { readonly code?: number }).code;

/** Never the body of an answer: a proxy may have put anything there. */
function reasonOf(error: unknown): string {
  const code = codeOf(error);
  if (typeof code !== 'number') return (error as Error).message;
  const why = code === 401 ? 'the cluster does not know the identity' : code === 403 ? 'the identity may not list them' : 'the cluster answered'; // prettier-ignore
  return `${why} (${code})`;
}

function* usesIn({ kind, namespace, name, spec, statuses = [] }: Workload, registry: string): Generator<Use> {
  const where = `namespace ${namespace}, ${kind} ${name}`;
  const containers = [
    ...(spec?.containers ?? []),
    ...(spec?.initContainers ?? []),
    ...(spec?.ephemeralContainers ?? []),
  ];
  const volumes = (spec?.volumes ?? []).flatMap(({ image }) => image?.reference ?? []);
  for (const text of [...containers.flatMap(({ image }) => image ?? []), ...volumes]) {
    const image = imageIn(registry, text);
    if (typeof image === 'object') yield { ...image, where };
  }
  for (const status of statuses) {
    const wanted = containers.find((one) => one.name === status.name)?.image;
    for (const text of [status.image, status.imageID]) {
      const image = imageIn(registry, text);
      if (typeof image === 'object') yield { ...image, where };
    }
    // Some runtimes give the digest of the configuration, and no repository: it is that of the container.
    const asked = imageIn(registry, wanted ?? status.image);
    if (typeof asked === 'object' && /^sha256:[0-9a-f]{64}$/.test(status.imageID))
      yield { repository: asked.repository, config: status.imageID, where };
  }
}

interface Metadata {
  readonly namespace?: string;
  readonly name?: string;
}

const about = (kind: string, { namespace = '', name = '' }: Metadata = {}) => ({ kind, namespace, name });

/** A list of the client as one of workloads: of ten thousand pods nothing else is held. */
function listOf<T>(
  list: (wanted: { readonly limit: number; readonly _continue?: string }) => Promise<{
    readonly items: readonly T[];
    readonly metadata?: { readonly _continue?: string };
  }>,
  toWorkload: (item: T) => Workload,
): List {
  return async (limit, next) => {
    const { items, metadata } = await list({ limit, ...(next !== undefined && { _continue: next }) });
    const token = metadata?._continue;
    return { items: items.map(toWorkload), next: token === '' ? undefined : token };
  };
}

async function listsOf(config: KubeConfig): Promise<Readonly<Record<string, List>>> {
  const { AppsV1Api, BatchV1Api, CoreV1Api } = await import('@kubernetes/client-node');
  const core = config.makeApiClient(CoreV1Api);
  const apps = config.makeApiClient(AppsV1Api);
  const batch = config.makeApiClient(BatchV1Api);
  return {
    pods: listOf(
      (wanted) => core.listPodForAllNamespaces(wanted),
      (pod) => ({
        ...about('pod', pod.metadata),
        spec: pod.spec,
        statuses: [
          ...(pod.status?.containerStatuses ?? []),
          ...(pod.status?.initContainerStatuses ?? []),
          ...(pod.status?.ephemeralContainerStatuses ?? []),
        ],
      }),
    ),
    deployments: listOf((wanted) => apps.listDeploymentForAllNamespaces(wanted), (one) => ({ ...about('deployment', one.metadata), spec: one.spec?.template.spec })), // prettier-ignore
    'replica sets': listOf((wanted) => apps.listReplicaSetForAllNamespaces(wanted), (one) => ({ ...about('replica set', one.metadata), spec: one.spec?.template?.spec })), // prettier-ignore
    'daemon sets': listOf((wanted) => apps.listDaemonSetForAllNamespaces(wanted), (one) => ({ ...about('daemon set', one.metadata), spec: one.spec?.template.spec })), // prettier-ignore
    'stateful sets': listOf((wanted) => apps.listStatefulSetForAllNamespaces(wanted), (one) => ({ ...about('stateful set', one.metadata), spec: one.spec?.template.spec })), // prettier-ignore
    jobs: listOf((wanted) => batch.listJobForAllNamespaces(wanted), (one) => ({ ...about('job', one.metadata), spec: one.spec?.template.spec })), // prettier-ignore
    'cron jobs': listOf((wanted) => batch.listCronJobForAllNamespaces(wanted), (one) => ({ ...about('cron job', one.metadata), spec: one.spec.jobTemplate.spec?.template.spec })), // prettier-ignore
  };
}

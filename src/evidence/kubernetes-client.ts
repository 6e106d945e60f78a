import type { ConfigurationOptions, KubeConfig, ObservableMiddleware, V1PodSpec } from '@kubernetes/client-node';
import type * as KubernetesClient from '@kubernetes/client-node';
import { checkedPage, type Kind } from './kubernetes-answer.ts';
import type { Workload } from './kubernetes-images.ts';
import { allOf, type AskForPage, inTime, statusOf, type Waiting } from './kubernetes-lists.ts';

/** Objects of one page: few, since a page is held as text, as JSON and as objects of the client at once. */
const PAGE = 100;

/** Of one page; pods are 5 to 50 kB each. */
const MOST_BYTES = 128 * 1024 * 1024;

/** The lists of a cluster, in the words of its problems. What controls pods comes before them. */
export type Lists = ReadonlyMap<string, List>;

/** @throws {Error} which says why it cannot be read, and nothing of what was answered */
type List = (waiting: Waiting) => AsyncGenerator<Workload>;

type Client = typeof KubernetesClient;

/** The lists of a cluster. What controls pods by way of something else comes first, then the pods. */
export async function listsOf(config: KubeConfig): Promise<Lists> {
  const client = await import('@kubernetes/client-node');
  const core = config.makeApiClient(client.CoreV1Api);
  const apps = config.makeApiClient(client.AppsV1Api);
  const batch = config.makeApiClient(client.BatchV1Api);
  const templates = (apiVersion: Kind['apiVersion'], kind: string, call: Call<Listed & Templated>): List =>
    listOf(client, { apiVersion, kind, holds: 'template' }, call, partsOfTemplate);
  return new Map([
    [
      'replica sets',
      templates('apps/v1', 'ReplicaSet', (page, options) => apps.listReplicaSetForAllNamespaces(page, options)),
    ],
    [
      'replication controllers',
      ifServed(
        templates('v1', 'ReplicationController', (page, options) =>
          core.listReplicationControllerForAllNamespaces(page, options),
        ),
      ),
    ],
    ['jobs', templates('batch/v1', 'Job', (page, options) => batch.listJobForAllNamespaces(page, options))],
    [
      'pods',
      listOf(
        client,
        { apiVersion: 'v1', kind: 'Pod', holds: 'pod' },
        (page, options) => core.listPodForAllNamespaces(page, options),
        ({ spec, status }) => ({
          spec,
          statuses: [status?.containerStatuses, status?.initContainerStatuses, status?.ephemeralContainerStatuses],
        }),
      ),
    ],
    [
      'deployments',
      templates('apps/v1', 'Deployment', (page, options) => apps.listDeploymentForAllNamespaces(page, options)),
    ],
    [
      'daemon sets',
      templates('apps/v1', 'DaemonSet', (page, options) => apps.listDaemonSetForAllNamespaces(page, options)),
    ],
    [
      'stateful sets',
      templates('apps/v1', 'StatefulSet', (page, options) => apps.listStatefulSetForAllNamespaces(page, options)),
    ],
    [
      'cron jobs',
      listOf(
        client,
        { apiVersion: 'batch/v1', kind: 'CronJob', holds: 'jobTemplate' },
        (page, options) => batch.listCronJobForAllNamespaces(page, options),
        ({ spec }) => partsOfTemplate(spec.jobTemplate),
      ),
    ],
  ]);
}

/** A list that is empty where the API has no such kind: it is outdated, and has one version only. */
const ifServed = (list: List): List =>
  async function* (waiting) {
    try {
      yield* list(waiting);
    } catch (error) {
      if (statusOf((error as Error).cause) !== 404) throw error;
    }
  };

/** What makes pods. */
interface Templated {
  readonly spec?: { readonly template?: { readonly spec?: V1PodSpec } };
}

const partsOfTemplate = ({ spec }: Templated) => ({ spec: spec?.template?.spec });

/** What every kind of object has. */
interface Listed {
  readonly metadata?: {
    readonly namespace?: string;
    readonly name?: string;
    readonly ownerReferences?: readonly {
      readonly kind: string;
      readonly name: string;
      readonly controller?: boolean;
    }[];
  };
}

interface ListOf<Item> {
  readonly items: readonly Item[];
  readonly metadata?: { readonly _continue?: string };
}

/** A list of the client. */
type Call<Item> = (
  page: { readonly limit: number; readonly _continue?: string },
  options: ConfigurationOptions,
) => Promise<ListOf<Item>>;

/** @param partsOf what of an object is looked at; of ten thousand nothing else is held */
function listOf<Item extends Listed>(
  client: Client,
  kind: Kind,
  call: Call<Item>,
  partsOf: (item: Item) => Pick<Workload, 'spec' | 'statuses'>,
): List {
  const toWorkload = (item: Item): Workload => {
    const { namespace = '', name = '', ownerReferences = [] } = item.metadata ?? {};
    const owner = ownerReferences.find(({ controller }) => controller);
    return {
      kind: kind.kind,
      namespace,
      name,
      owner: owner && { kind: owner.kind, name: owner.name },
      ...partsOf(item),
    };
  };
  const ask: AskForPage = (next, waiting) =>
    inTime(waiting, async (signal) => {
      const page = { limit: PAGE, ...(next !== undefined && { _continue: next }) };
      const middleware = [within(client, signal, kind)];
      const { items, metadata } = await call(page, { middleware, middlewareMergeStrategy: 'append' });
      const token = metadata?._continue;
      return { items: items.map(toWorkload), next: token === '' ? undefined : token };
    });
  return (waiting) => allOf(ask, waiting);
}

/** Ends a request with the signal, and an answer that is too large. What is not a whole list never reaches the client. */
function within({ Observable, ResponseContext }: Client, signal: AbortSignal, kind: Kind): ObservableMiddleware {
  const of = <T>(value: T) => new Observable(Promise.resolve(value));
  return {
    pre(request) {
      request.setSignal(signal);
      return of(request);
    },
    post({ httpStatusCode, headers, body }) {
      const text = async () => {
        const answered = await textOf(body.stream() as AsyncIterable<Uint8Array> | null);
        // The client takes each of these for a success.
        return httpStatusCode >= 200 && httpStatusCode < 300 ? checkedPage(kind, httpStatusCode, answered) : answered;
      };
      return of(new ResponseContext(httpStatusCode, headers, { ...body, text }));
    },
  };
}

async function textOf(body: AsyncIterable<Uint8Array> | null): Promise<string> {
  const pieces: Uint8Array[] = [];
  let length = 0;
  for await (const piece of body ?? []) {
    length += piece.length;
    if (length > MOST_BYTES) throw new Error('the answer is too large');
    pieces.push(piece);
  }
  return Buffer.concat(pieces).toString('utf8');
}

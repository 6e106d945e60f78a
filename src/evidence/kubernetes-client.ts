import type { ConfigurationOptions, KubeConfig, ObservableMiddleware, V1PodSpec } from '@kubernetes/client-node';
import type * as KubernetesClient from '@kubernetes/client-node';
import type { Workload } from './kubernetes-images.ts';
import { allOf, type AskForPage, inTime, NoList, type Waiting } from './kubernetes-lists.ts';

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
  const templates = (kind: string, call: Call<Listed & Templated>): List => listOf(client, kind, call, partsOfTemplate);
  return new Map([
    ['replica sets', templates('ReplicaSet', (page, options) => apps.listReplicaSetForAllNamespaces(page, options))],
    ['jobs', templates('Job', (page, options) => batch.listJobForAllNamespaces(page, options))],
    [
      'pods',
      listOf(
        client,
        'Pod',
        (page, options) => core.listPodForAllNamespaces(page, options),
        ({ spec, status }) => ({
          spec,
          statuses: [status?.containerStatuses, status?.initContainerStatuses, status?.ephemeralContainerStatuses],
        }),
      ),
    ],
    ['deployments', templates('Deployment', (page, options) => apps.listDeploymentForAllNamespaces(page, options))],
    ['daemon sets', templates('DaemonSet', (page, options) => apps.listDaemonSetForAllNamespaces(page, options))],
    ['stateful sets', templates('StatefulSet', (page, options) => apps.listStatefulSetForAllNamespaces(page, options))],
    [
      'cron jobs',
      listOf(
        client,
        'CronJob',
        (page, options) => batch.listCronJobForAllNamespaces(page, options),
        ({ spec }) => partsOfTemplate(spec.jobTemplate),
      ),
    ],
  ]);
}

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
  readonly kind?: string;
  readonly items: readonly Item[] | null;
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
  kind: string,
  call: Call<Item>,
  partsOf: (item: Item) => Pick<Workload, 'spec' | 'statuses'>,
): List {
  const toWorkload = (item: Item): Workload => {
    const { namespace = '', name = '', ownerReferences = [] } = item.metadata ?? {};
    const owner = ownerReferences.find(({ controller }) => controller);
    return { kind, namespace, name, owner: owner && { kind: owner.kind, name: owner.name }, ...partsOf(item) };
  };
  const ask: AskForPage = (next, waiting) =>
    inTime(waiting, async (signal) => {
      const page = { limit: PAGE, ...(next !== undefined && { _continue: next }) };
      const list = await call(page, { middleware: [within(client, signal)], middlewareMergeStrategy: 'append' });
      // What stands before a cluster may answer with anything.
      if (list.kind !== `${kind}List`) throw new NoList();
      const token = list.metadata?._continue;
      return { items: (list.items ?? []).map(toWorkload), next: token === '' ? undefined : token };
    });
  return (waiting) => allOf(ask, waiting);
}

/** Ends a request with the signal, and an answer that is too large. */
function within({ Observable, ResponseContext }: Client, signal: AbortSignal): ObservableMiddleware {
  const of = <T>(value: T) => new Observable(Promise.resolve(value));
  return {
    pre(request) {
      request.setSignal(signal);
      return of(request);
    },
    post({ httpStatusCode, headers, body }) {
      const text = () => textOf(body.stream() as AsyncIterable<Uint8Array> | null);
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

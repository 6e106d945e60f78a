import { type GraphRow, rowsOf } from './graph.ts';

/** A resource as Azure Resource Manager gives it. */
export interface AzureResource {
  readonly id: string;
  readonly name?: string;
  readonly type?: string;
  readonly kind?: string;
  readonly location?: string;
  readonly properties: Readonly<Record<string, unknown>>;
}

/** What an identity may do at a scope, as Azure lists it. */
interface AzurePermission {
  readonly actions: readonly string[];
  readonly notActions?: readonly string[];
}

/** What goes wrong instead of an answer. */
export interface AzureFault {
  /** Of `GET /path?query`, in the case that it is asked in. */
  readonly at: RegExp;
  /** `hang`: no answer comes. `drop`: the connection is closed. */
  readonly status: number | 'hang' | 'drop';
  readonly code?: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** Instead of an error. */
  readonly body?: unknown;
  /** How often; absent: always. */
  readonly times?: number;
}

/** What an Azure is made of. */
export interface Azure {
  /** The tokens that it takes. */
  readonly tokens: ReadonlySet<string>;
  /** By subscription, what its identity may do there. One that is not named is not known to it. */
  readonly subscriptions: Readonly<Record<string, readonly AzurePermission[]>>;
  readonly resources: readonly AzureResource[];
  /** By the resource id of a cluster: its kubeconfig. */
  readonly kubeconfigs?: Readonly<Record<string, string>>;
  /** Resources that only the index has, by their ids: the lists of the services leave them out, or they are gone. */
  readonly indexed?: readonly string[];
  /** Resources that only the lists of the services have, by their ids: the index lags. */
  readonly notIndexed?: readonly string[];
  /** What Defender for Cloud says: the table `securityresources` of Resource Graph. */
  readonly findings?: readonly GraphRow[];
  /** Entries of one page. */
  readonly page?: number;
}

export interface Asked {
  readonly method: string;
  readonly url: URL;
  readonly token: string | undefined;
  readonly body: string;
}

export interface Answer {
  readonly status: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body: unknown;
}

export const failed = (status: number, code: string, message = 'a message that names the identity'): Answer => ({
  status,
  body: { error: { code, message } },
});

const key = (id: string): string => id.toLowerCase().replace(/\/+$/, '');

/** As Azure Resource Manager answers, for what is read here: lists with pages, resources, and the kubeconfig of a cluster. */
export function answerOf(azure: Azure, { method, url, token, body }: Asked): Answer {
  if (token === undefined || !azure.tokens.has(token)) return failed(401, 'InvalidAuthenticationToken');
  if (!url.searchParams.has('api-version')) return failed(400, 'MissingApiVersionParameter');
  const path = key(decodeURIComponent(url.pathname));
  if (method === 'POST' && path === '/providers/microsoft.resourcegraph/resources') return indexOf(azure, body);
  const subscription = /^\/subscriptions\/([^/]+)/.exec(path)?.[1] ?? '';
  const permissions = azure.subscriptions[subscription];
  if (!permissions) return failed(404, 'SubscriptionNotFound');
  if (path === `/subscriptions/${subscription}/providers/microsoft.authorization/permissions`)
    return pageOf(permissions, azure, url);
  if (method === 'POST') return kubeconfigOf(azure, path);
  if (method !== 'GET') return failed(405, 'MethodNotAllowed');
  const found = azure.resources.find(({ id }) => key(id) === path);
  if (found) return { status: 200, body: resourceOf(found) };
  const [, provider] = /^\/subscriptions\/[^/]+\/providers\/([^/]+\/[^/]+)$/.exec(path) ?? [];
  if (provider !== undefined) return pageOf(ofType(azure, subscription, provider).map(resourceOf), azure, url);
  return childrenOf(azure, path, url);
}

const ofType = ({ resources, indexed = [] }: Azure, subscription: string, type: string): readonly AzureResource[] =>
  resources.filter(({ id }) => isOfType(id, subscription, type) && !indexed.includes(id));

const isOfType = (id: string, subscription: string, type: string): boolean =>
  new RegExp(`^/subscriptions/${subscription}/resourcegroups/[^/]+/providers/${type}/[^/]+$`).test(key(id));

/** `{resource}/revisions`: what is below it, where the resource is there. */
function childrenOf(azure: Azure, path: string, url: URL): Answer {
  const parent = path.slice(0, path.lastIndexOf('/'));
  if (!azure.resources.some(({ id }) => key(id) === parent)) return failed(404, 'ResourceNotFound');
  const children = azure.resources.filter(
    ({ id }) =>
      key(id).startsWith(`${path}/`) &&
      !key(id)
        .slice(path.length + 1)
        .includes('/'),
  );
  return pageOf(children.map(resourceOf), azure, url);
}

/** Azure gives names and types, too: they follow from the id. */
function resourceOf({ id, ...rest }: AzureResource): object {
  const [provider = '', ...parts] = (id.split('/providers/').at(-1) ?? '').split('/');
  const types = parts.filter((_, index) => index % 2 === 0);
  return { id, name: parts.at(-1), type: [provider, ...types].join('/'), location: 'westeurope', ...rest };
}

function pageOf(entries: readonly unknown[], { page = 1_000 }: Azure, url: URL): Answer {
  const from = Number(url.searchParams.get('$skiptoken') ?? 0);
  const next = new URL(url);
  next.searchParams.set('$skiptoken', String(from + page));
  const isMore = from + page < entries.length;
  return { status: 200, body: { value: entries.slice(from, from + page), ...(isMore && { nextLink: next.href }) } };
}

function kubeconfigOf({ kubeconfigs = {} }: Azure, path: string): Answer {
  const cluster = /^(.*)\/listclusterusercredential$/.exec(path)?.[1];
  const found = Object.entries(kubeconfigs).find(([id]) => key(id) === cluster)?.[1];
  if (found === undefined) return failed(404, 'ResourceNotFound');
  const value = Buffer.from(found).toString('base64');
  return { status: 200, body: { kubeconfigs: [{ name: 'clusterUser', value }] } };
}

/** A query, as far as this understands one: the ids of all resources of a type. */
const QUERY = /^resources \| where type =~ '([\w.]+\/\w+)' \| project id \| order by id asc$/;

/** As Azure Resource Graph answers: silent about subscriptions that the identity does not know, and what it may not read. */
function indexOf(azure: Azure, body: string): Answer {
  const { page = 1_000 } = azure;
  const asked = JSON.parse(body) as {
    readonly query: string;
    readonly subscriptions: readonly string[];
    readonly options?: { readonly $top?: number; readonly $skipToken?: string; readonly resultFormat?: string };
  };
  const rows = idsIn(azure, asked) ?? findingsIn(azure, asked);
  if (rows === undefined || asked.options?.resultFormat !== 'objectArray') return failed(400, 'InvalidQuery');
  const from = Number(asked.options.$skipToken ?? 0);
  const to = from + Math.min(page, asked.options.$top ?? 100);
  const data = rows.slice(from, to);
  const isMore = to < rows.length;
  return {
    status: 200,
    body: {
      totalRecords: rows.length,
      count: data.length,
      data,
      facets: [],
      resultTruncated: 'false',
      ...(isMore && { $skipToken: String(to) }),
    },
  };
}

interface Query {
  readonly query: string;
  readonly subscriptions: readonly string[];
}

function idsIn(
  { subscriptions, resources, indexed = [], notIndexed = [] }: Azure,
  asked: Query,
): readonly object[] | undefined {
  const type = QUERY.exec(asked.query)?.[1]?.toLowerCase();
  if (type === undefined) return undefined;
  return [...new Set([...resources.map(({ id }) => id), ...indexed])]
    .filter((id) => !notIndexed.includes(id))
    .filter((id) => asked.subscriptions.some((one) => subscriptions[one] && isOfType(id, one, type)))
    .toSorted()
    .map((id) => ({ id: id.toLowerCase() }));
}

/** What lets an identity read findings. */
const READ_FINDINGS: ReadonlySet<string> = new Set(['*', '*/read', 'microsoft.security/*/read']);

function findingsIn({ subscriptions, findings = [] }: Azure, asked: Query): readonly object[] | undefined {
  const known = asked.subscriptions.filter((one) =>
    subscriptions[one]?.some(({ actions }) => actions.some((action) => READ_FINDINGS.has(action.toLowerCase()))),
  );
  const rows = findings.filter(({ id }) => known.some((one) => id.startsWith(`/subscriptions/${one}/`)));
  return rowsOf(asked.query, 'securityresources', rows);
}

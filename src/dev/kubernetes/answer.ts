import { discovery, groupVersionOf, isResource, RESOURCES } from './resources.ts';
import type { Asked, ClusterState, KubernetesObject, Rule } from './types.ts';

/** An answer of the API: a status, and what is in the body. */
export interface Answer {
  readonly status: number;
  readonly body: unknown;
  readonly headers?: Readonly<Record<string, string>>;
}

/** Where a list goes on: what its `continue` says. */
interface Position {
  /** Which promises still count: see `Cluster.expire`. */
  readonly epoch: number;
  readonly start: number;
  readonly page: number;
}

const REASONS: Readonly<Record<number, string>> = {
  400: 'BadRequest',
  401: 'Unauthorized',
  403: 'Forbidden',
  404: 'NotFound',
  405: 'MethodNotAllowed',
  410: 'Expired',
  429: 'TooManyRequests',
  500: 'InternalError',
  503: 'ServiceUnavailable',
};

/** A failure as the API says it: an object of the kind `Status`. */
export function failure(
  code: number,
  message: string,
  more: { readonly metadata?: object; readonly details?: object } = {},
): Answer {
  const reason = REASONS[code] ?? 'Unknown';
  return {
    status: code,
    body: { kind: 'Status', apiVersion: 'v1', metadata: {}, status: 'Failure', message, reason, code, ...more },
  };
}

interface Request {
  readonly method: string;
  readonly path: string;
  readonly query: URLSearchParams;
}

const PATH = /^\/(?:api|apis\/(?<group>[a-z]+))\/v1(?:\/namespaces\/(?<namespace>[^/]+))?\/(?<resource>[a-z]+)(?:\/(?<name>[^/]+))?$/; // prettier-ignore

/** What a request for objects is about; undefined where it is for something else. */
export function askedBy({ path, query }: Request): (Asked & { readonly name: string | undefined }) | undefined {
  const { group = '', namespace, resource = '', name } = PATH.exec(path)?.groups ?? {};
  if (!isResource(resource) || RESOURCES[resource].group !== group) return undefined;
  const page = positionIn(query.get('continue'))?.page ?? 1;
  return { verb: name === undefined ? 'list' : 'get', group, resource, namespace, page, name };
}

/** Answers what is asked of a cluster. */
export function answer(
  request: Request,
  state: ClusterState,
  epoch: number,
  rules: readonly Rule[] | undefined,
): Answer {
  const { method, path, query } = request;
  if (method !== 'GET') return failure(405, 'the server does not allow this method on the requested resource');
  const found = discovery(path);
  if (found !== undefined) return { status: 200, body: found };
  const asked = askedBy(request);
  if (!asked) return namespaceAt(path, state) ?? failure(404, 'the server could not find the requested resource');
  const { resource, namespace, name } = asked;
  const { kind } = RESOURCES[resource];
  if (rules && !rules.some((rule) => allows(rule, asked))) return forbidden(asked);
  const objects = (state[resource] ?? []).filter(({ metadata }) => namespace === undefined || metadata.namespace === namespace); // prettier-ignore
  const apiVersion = groupVersionOf(RESOURCES[resource]);
  if (name === undefined) return listOf(objects, { kind: `${kind}List`, apiVersion }, query, epoch);
  const object = objects.find(({ metadata }) => metadata.name === name);
  if (!object) return failure(404, `${resource} "${name}" not found`, { details: { name, kind: resource } });
  return { status: 200, body: { kind, apiVersion, ...object } };
}

/** What `kubectl` asks where it did not find an object. */
function namespaceAt(path: string, state: ClusterState): Answer | undefined {
  const name = /^\/api\/v1\/namespaces\/([^/]+)$/.exec(path)?.[1];
  if (name === undefined) return undefined;
  const isThere = Object.values(state).some((objects) => objects.some(({ metadata }) => metadata.namespace === name));
  if (!isThere) return failure(404, `namespaces "${name}" not found`, { details: { name, kind: 'namespaces' } });
  return { status: 200, body: { kind: 'Namespace', apiVersion: 'v1', metadata: { name } } };
}

/** What an identity is told that may not do this. */
export function forbidden({ verb, group, resource }: Asked): Answer {
  const what = `cannot ${verb} resource "${resource}" in API group "${group}" at the cluster scope`;
  return failure(403, `${resource} is forbidden: User "test" ${what}`);
}

const names = (list: readonly string[], one: string): boolean => list.includes('*') || list.includes(one);

const allows = ({ apiGroups, resources, verbs }: Rule, { group, resource, verb }: Asked): boolean =>
  names(apiGroups, group) && names(resources, resource) && names(verbs, verb);

function listOf(
  objects: readonly KubernetesObject[],
  about: { readonly kind: string; readonly apiVersion: string },
  query: URLSearchParams,
  epoch: number,
): Answer {
  const limit = Number(query.get('limit') ?? '0');
  if (!Number.isInteger(limit) || limit < 0) return failure(400, 'limit must be a positive number');
  const from = query.get('continue');
  const position = positionIn(from);
  if (from !== null && from !== '' && !position) return failure(400, 'continue key is not valid');
  const { start = 0, page = 1 } = position ?? {};
  if (position && position.epoch !== epoch) {
    const message = 'The provided continue parameter is too old to display a consistent list result. You can start a new list without the continue parameter.'; // prettier-ignore
    return failure(410, message, { metadata: { continue: tokenOf({ epoch, start, page }) } });
  }
  const end = limit === 0 ? objects.length : start + limit;
  const left = objects.length - end;
  const more = left > 0 && { continue: tokenOf({ epoch, start: end, page: page + 1 }), remainingItemCount: left };
  const metadata = { resourceVersion: String(1000 + epoch), ...more };
  return { status: 200, body: { ...about, metadata, items: objects.slice(start, end) } };
}

const tokenOf = (position: Position): string => Buffer.from(JSON.stringify(position)).toString('base64url');

function positionIn(token: string | null): Position | undefined {
  if (token === null || token === '') return undefined;
  try {
    const { epoch, start, page } = JSON.parse(Buffer.from(token, 'base64url').toString()) as Partial<Position>;
    return epoch === undefined || start === undefined || page === undefined ? undefined : { epoch, start, page };
  } catch {
    return undefined;
  }
}

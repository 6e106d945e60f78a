import { failure, notFound, type Answer } from './answers.ts';
import { accessToken, exchange, type Auth } from './auth.ts';
import { deleteManifest, listReferrers, putManifest, readManifest } from './distribution.ts';
import * as deleted from './deleted.ts';
import * as metadata from './metadata.ts';
import type { PageLimits } from './pages.ts';
import type { Repository } from './repository.ts';
import type { Route } from './routes.ts';
import type { Contents } from './contents.ts';
import { ageOfNow, microsOfNow } from './time.ts';

/** A request that is allowed. */
export interface Request {
  readonly route: Route;
  readonly query: URLSearchParams;
  readonly body: string;
  readonly authorization: string | undefined;
  /** The `Host` header: the client's name for this registry. */
  readonly host: string;
}

/** What answers depend on. */
export interface Backend {
  readonly contents: Contents;
  readonly auth: Auth;
  readonly limits: PageLimits;
  /** See `EmulatorOptions`. */
  readonly patchMovesTime: boolean;
}

/** Answers one request: without sockets, faults and authorization. Changes nothing but the contents. */
export function handle(backend: Backend, request: Request): Answer {
  const { contents, auth, limits } = backend;
  const { route, query, body, host } = request;
  switch (route.kind) {
    case 'exchange':
      return exchange(auth, new URLSearchParams(body), host);
    case 'token':
      return accessToken(auth, route.method === 'GET' ? query : new URLSearchParams(body), request.authorization, host);
    case 'catalog':
      return metadata.listRepositories(contents, route, query, limits);
    default:
  }
  if (route.kind === 'list-deleted-repositories') {
    return deleted.listDeletedRepositories(contents, route, query, limits);
  }
  const { repository: name, reference = '' } = route;
  if (name === undefined) return otherwise(route);
  const isChange = route.method !== 'GET' && route.method !== 'HEAD';
  const repository = isChange ? contents.getForChange(name) : contents.get(name);
  switch (route.kind) {
    case 'put-manifest':
      return putManifest(contents, name, reference, body, ageOfNow(contents.times));
    case 'list-deleted-tags':
      return deleted.listDeletedTags(contents, route, name, query, limits, host);
    case 'list-deleted-manifests':
      return deleted.listDeletedManifests(contents, route, name, query, limits, host);
    case 'restore-deleted':
      return deleted.restoreDeleted(contents, name, reference, query, body);
    case 'referrers':
      return listReferrers(repository, reference, query);
    default:
      return repository === undefined ? notFound.repository(name) : handleIn(repository, backend, request, reference);
  }
}

function handleIn(repository: Repository, backend: Backend, request: Request, reference: string): Answer {
  const { contents, limits, patchMovesTime } = backend;
  const { route, query, body, host } = request;
  switch (route.kind) {
    case 'list-tags':
      return metadata.listTags(repository, route, query, limits, host);
    case 'list-manifests':
      return metadata.listManifests(repository, route, query, limits, host);
    case 'read-manifest':
      return readManifest(repository, reference);
    case 'delete-manifest':
      return deleteManifest(contents, repository, reference);
    case 'delete-repository':
      return metadata.deleteRepository(contents, repository);
    case 'repository-properties':
      return metadata.repositoryProperties(repository, host);
    case 'tag-properties':
    case 'update-tag':
    case 'delete-tag': {
      const tag = metadata.tagOf(repository, reference);
      if ('status' in tag) return tag;
      if (route.kind === 'delete-tag') return metadata.deleteTag(contents, repository, tag);
      if (route.kind === 'tag-properties') return metadata.tagProperties(repository, tag, host);
      metadata.changeAttributes(tag, body);
      const changed = patchMovesTime ? repository.touchTag(tag, microsOfNow(contents.times)) : tag;
      return metadata.tagProperties(repository, changed, host);
    }
    case 'manifest-properties':
    case 'update-manifest': {
      const manifest = metadata.manifestOf(repository, reference);
      if ('status' in manifest) return manifest;
      if (route.kind === 'manifest-properties') return metadata.manifestProperties(repository, manifest, host);
      metadata.changeAttributes(manifest, body);
      const changed = patchMovesTime ? repository.touchManifest(manifest, microsOfNow(contents.times)) : manifest;
      return metadata.manifestProperties(repository, changed, host);
    }
    default:
      if (route.method !== 'PATCH') return otherwise(route);
      metadata.changeAttributes(repository, body);
      return metadata.repositoryProperties(repository, host);
  }
}

function otherwise({ method, path }: Route): Answer {
  if (method === 'GET' && (path === '/v2/' || path === '/v2')) return { status: 200, body: '{}' };
  return failure(
    path.startsWith('/acr/v1/') || path.startsWith('/v2/') ? 405 : 404,
    'UNSUPPORTED',
    `${method} ${path}`,
  );
}

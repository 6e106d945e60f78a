import { failure, notFound, type Answer } from './answers.ts';
import { accessToken, exchange, type Auth } from './auth.ts';
import { deleteManifest, listReferrers, putManifest, readManifest } from './distribution.ts';
import type { Segment } from './blob-content.ts';
import { beginUpload, continueUpload, lockedUpload, readBlob, readStorage, type BlobRequest } from './blob-answers.ts';
import * as deleted from './deleted.ts';
import * as metadata from './metadata.ts';
import type { PageLimits } from './pages.ts';
import type { Repository } from './repository.ts';
import type { Route } from './routes.ts';
import type { Contents } from './contents.ts';
import { microsOfNow } from './time.ts';

/** A request that is allowed. */
export interface Request {
  readonly route: Route;
  readonly query: URLSearchParams;
  readonly body: string;
  readonly authorization: string | undefined;
  /** The others, by lower-case name. */
  readonly headers: Readonly<Record<string, string | undefined>>;
  /** The body of an upload of a blob, instead of `body`. */
  readonly segment: Segment | undefined;
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
  readonly requireBlobs: boolean;
  /** Where a GET of a blob is redirected to; undefined: it is not. */
  readonly storageHost: (() => string) | undefined;
}

/** Answers one request: without sockets, faults and authorization. Changes nothing but the contents. */
export function handle(backend: Backend, request: Request): Answer | Promise<Answer> {
  const { contents, auth, limits, requireBlobs } = backend;
  const { route, query, body, host } = request;
  switch (route.kind) {
    case 'exchange':
      return exchange(auth, new URLSearchParams(body), host);
    case 'token':
      return accessToken(auth, route.method === 'GET' ? query : new URLSearchParams(body), request.authorization, host);
    case 'catalog':
      return metadata.listRepositories(contents, route, query, limits);
    case 'list-deleted-repositories':
      return deleted.listDeletedRepositories(contents, route, query, limits);
    case 'read-storage': {
      const { reference = '' } = route;
      return readStorage(contents.blobs, auth.tokens, { ...request, reference }, request.authorization);
    }
    default:
  }
  const { repository: name, reference = '' } = route;
  if (name === undefined) return otherwise(route);
  if (route.kind.endsWith('-blob')) {
    return handleBlob(backend, { ...request, repository: name, reference, segment: request.segment ?? nothing }, route);
  }
  const isChange = route.method !== 'GET' && route.method !== 'HEAD';
  const repository = isChange ? contents.getForChange(name) : contents.get(name);
  switch (route.kind) {
    case 'put-manifest':
      return putManifest(contents, name, reference, {
        body,
        contentType: request.headers['content-type'],
        requireBlobs,
      });
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

const nothing: Segment = { size: 0 };

function handleBlob(backend: Backend, request: BlobRequest, { kind, method }: Route): Answer | Promise<Answer> {
  const { contents, auth, storageHost } = backend;
  const { blobs } = contents;
  if (kind !== 'upload-blob') {
    const storage = storageHost === undefined ? undefined : { tokens: auth.tokens, host: storageHost() };
    return readBlob(blobs, method, request, storage);
  }
  if (contents.get(request.repository)?.attributes.writeEnabled === false) return lockedUpload(blobs, request);
  return method === 'POST' ? beginUpload(blobs, request) : continueUpload(blobs, method, request);
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

import type { RequestKind } from './types.ts';

/** What a request is for. */
export interface Route {
  readonly kind: RequestKind;
  readonly method: string;
  /** Decoded path, without the query. */
  readonly path: string;
  readonly repository?: string;
  /** Tag or digest. */
  readonly reference?: string;
  /** What a token must allow, as a challenge names it. Absent: any token is enough. */
  readonly scope?: { readonly type: string; readonly name: string; readonly action: string };
}

type Method = 'GET' | 'HEAD' | 'PATCH' | 'POST' | 'PUT' | 'DELETE';
type Methods = Readonly<Partial<Record<Method, readonly [RequestKind, action: string]>>>;

// Names of repositories contain slashes. The end of a name is told by segments that no name has: in /acr/v1 those that start
// with an underscore, in /v2 the last ones.
const patterns: readonly (readonly [RegExp, Methods])[] = [
  [/^\/acr\/v1\/_deleted\/(.+)\/_tags$/, { GET: ['list-deleted-tags', 'deleted_read'] }],
  [/^\/acr\/v1\/_deleted\/(.+)\/_manifests$/, { GET: ['list-deleted-manifests', 'deleted_read'] }],
  [/^\/acr\/v1\/_deleted\/(.+)\/_manifests\/([^/]+)$/, { POST: ['restore-deleted', 'deleted_restore'] }],
  [/^\/acr\/v1\/(.+)\/_tags$/, { GET: ['list-tags', 'metadata_read'] }],
  [
    /^\/acr\/v1\/(.+)\/_tags\/([^/]+)$/,
    {
      GET: ['tag-properties', 'metadata_read'],
      PATCH: ['update-tag', 'metadata_write'],
      DELETE: ['delete-tag', 'delete'],
    },
  ],
  [/^\/acr\/v1\/(.+)\/_manifests$/, { GET: ['list-manifests', 'metadata_read'] }],
  [
    /^\/acr\/v1\/(.+)\/_manifests\/([^/]+)$/,
    { GET: ['manifest-properties', 'metadata_read'], PATCH: ['update-manifest', 'metadata_write'] },
  ],
  [
    /^\/acr\/v1\/((?!_|.*\/_).+)$/,
    {
      GET: ['repository-properties', 'metadata_read'],
      PATCH: ['other', 'metadata_write'],
      DELETE: ['delete-repository', 'delete'],
    },
  ],
  [/^\/v2\/(.+)\/tags\/list$/, { GET: ['list-tags', 'pull'] }],
  [
    /^\/v2\/(.+)\/manifests\/([^/]+)$/,
    {
      GET: ['read-manifest', 'pull'],
      HEAD: ['read-manifest', 'pull'],
      PUT: ['put-manifest', 'pull,push'],
      DELETE: ['delete-manifest', 'delete'],
    },
  ],
  [/^\/v2\/(.+)\/referrers\/([^/]+)$/, { GET: ['referrers', 'pull'] }],
  [/^\/v2\/(.+)\/blobs\/uploads\/?$/, { POST: ['upload-blob', 'pull,push'] }],
  [
    /^\/v2\/(.+)\/blobs\/uploads\/([^/]+)$/,
    {
      GET: ['upload-blob', 'pull,push'],
      PATCH: ['upload-blob', 'pull,push'],
      PUT: ['upload-blob', 'pull,push'],
      DELETE: ['upload-blob', 'pull,push'],
    },
  ],
  [
    /^\/v2\/(.+)\/blobs\/([^/]+)$/,
    { GET: ['read-blob', 'pull'], HEAD: ['read-blob', 'pull'], DELETE: ['delete-blob', 'delete'] },
  ],
];

/** The route of a request; undefined where its path cannot be decoded. `path` is encoded, without the query. */
export function routeOf(method: string, path: string): Route | undefined {
  const decoded = decode(path);
  if (decoded === undefined) return undefined;
  const route = { method, path: decoded };
  if (decoded === '/oauth2/exchange') return { ...route, kind: 'exchange' };
  if (decoded === '/oauth2/token') return { ...route, kind: 'token' };
  if (method === 'GET' && (decoded === '/acr/v1/_catalog' || decoded === '/v2/_catalog')) {
    return { ...route, kind: 'catalog', scope: { type: 'registry', name: 'catalog', action: '*' } };
  }
  if (method === 'GET' && decoded === '/acr/v1/_deleted/_catalog') {
    return {
      ...route,
      kind: 'list-deleted-repositories',
      scope: { type: 'registry', name: 'deleted_catalog', action: '*' },
    };
  }
  const stored = /^\/storage\/([^/]+)$/.exec(decoded);
  if (stored?.[1] !== undefined && (method === 'GET' || method === 'HEAD')) {
    return { ...route, kind: 'read-storage', reference: stored[1] };
  }
  for (const [pattern, methods] of patterns) {
    const [, repository, reference] = pattern.exec(decoded) ?? [];
    const found = methods[method as Method];
    if (repository === undefined || found === undefined) continue;
    return {
      ...route,
      kind: found[0],
      repository,
      ...(reference === undefined ? {} : { reference }),
      scope: { type: 'repository', name: repository, action: found[1] },
    };
  }
  return { ...route, kind: 'other' };
}

function decode(path: string): string | undefined {
  try {
    return decodeURIComponent(path);
  } catch {
    return undefined;
  }
}

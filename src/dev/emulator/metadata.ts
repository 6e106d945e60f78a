import { disallowed, json, notFound, type Answer } from './answers.ts';
import { parseObject } from './facts.ts';
import { pageOf, pageRequest, type Page, type PageLimits, type PageRequest } from './pages.ts';
import { manifestEntry, manifestWithReferences, repositoryEntry, tagEntry } from './rendering.ts';
import { isDeleteLocked, type Manifest, type Repository, type Tag } from './repository.ts';
import type { Route } from './routes.ts';
import { Shelf, type Placed } from './shelf.ts';
import type { Store } from './store.ts';
import type { Attributes } from './types.ts';

/** The names of the repositories; `null` where there are none, as the published definition has it. */
export function listRepositories(store: Store, route: Route, query: URLSearchParams, limits: PageLimits): Answer {
  return paged(query, limits, (request) => {
    const { entries, headers } = pageOf(store.repositories, { ...request, order: '' }, route.path);
    return json({ repositories: entries.length === 0 ? null : entries.map(({ key }) => key) }, headers);
  });
}

/** `GET /acr/v1/{repo}/_tags`, all or those on one digest; and the names alone in `/v2/{repo}/tags/list`. */
export function listTags(
  repository: Repository,
  route: Route,
  query: URLSearchParams,
  limits: PageLimits,
  host: string,
): Answer {
  return paged(query, limits, (request) => {
    const shelf = request.digest === undefined ? repository.tags : tagsOn(repository, request.digest);
    const { entries, headers } = pageOf(shelf, request, linkPath(route, repository));
    if (route.path.startsWith('/v2/')) {
      return json({ name: repository.key, tags: entries.map(({ key }) => key) }, headers);
    }
    return listing(repository, host, 'tags', { entries: entries.map(tagEntry), headers });
  });
}

/** `GET /acr/v1/{repo}/_manifests` */
export function listManifests(
  repository: Repository,
  route: Route,
  query: URLSearchParams,
  limits: PageLimits,
  host: string,
): Answer {
  return paged(query, limits, (request) => {
    const { entries, headers } = pageOf(repository.manifests, request, linkPath(route, repository));
    const manifests = entries.map((manifest) => manifestEntry(repository, manifest));
    return listing(repository, host, 'manifests', { entries: manifests, headers });
  });
}

export function tagProperties(repository: Repository, tag: Tag, host: string): Answer {
  return json({ registry: host, imageName: repository.key, tag: tagEntry(tag) });
}

export function manifestProperties(repository: Repository, manifest: Manifest, host: string): Answer {
  return json({
    registry: host,
    imageName: repository.key,
    manifest: manifestWithReferences(repository, manifest),
  });
}

export function repositoryProperties(repository: Repository, host: string): Answer {
  return json({ registry: host, imageName: repository.key, ...repositoryEntry(repository) });
}

/** PATCH: takes what is said and leaves the rest. Locked things may be changed so: there is no other way to unlock. */
export function changeAttributes(target: { attributes: Attributes }, body: string): void {
  const names = ['deleteEnabled', 'writeEnabled', 'readEnabled', 'listEnabled'] as const;
  const said = parseObject(body);
  const changes = names.filter((name) => typeof said[name] === 'boolean').map((name) => [name, said[name]]);
  target.attributes = { ...target.attributes, ...(Object.fromEntries(changes) as Attributes) };
}

/** 202 and no body, as recorded; the manifest stays. */
export function deleteTag(repository: Repository, tag: Tag): Answer {
  if (isDeleteLocked(repository.attributes) || isDeleteLocked(tag.attributes)) return disallowed();
  repository.deleteTag(tag.key);
  return { status: 202, headers: { 'X-Ms-Int-Docker-Content-Digest': tag.state.digest } };
}

/** Refused where the repository or anything in it is locked, as Microsoft's troubleshooting guide says. */
export function deleteRepository(store: Store, repository: Repository): Answer {
  const all = [repository, ...repository.tags.values(), ...repository.manifests.values()];
  if (all.some(({ attributes }) => isDeleteLocked(attributes))) return disallowed();
  store.repositories.delete(repository.key);
  const keys = (entries: Iterable<Placed>): string[] => [...entries].map(({ key }) => key);
  const gone = { manifestsDeleted: keys(repository.manifests.values()), tagsDeleted: keys(repository.tags.values()) };
  return json(gone, {}, 202);
}

/** What a reference names, or the 404 that says it names nothing. */
export function tagOf(repository: Repository, name: string): Tag | Answer {
  return repository.tags.get(name) ?? notFound.tag(name);
}

export function manifestOf(repository: Repository, digest: string): Manifest | Answer {
  return repository.manifests.get(digest) ?? notFound.manifest(digest);
}

function paged(query: URLSearchParams, limits: PageLimits, list: (request: PageRequest) => Answer): Answer {
  const request = pageRequest(query, limits);
  return 'status' in request ? request : list(request);
}

/** `tags` and `manifests` are absent where there is nothing to list, as recorded. */
function listing(repository: Repository, host: string, name: string, { entries, headers }: Page<object>): Answer {
  const found = entries.length === 0 ? {} : { [name]: entries };
  return json({ registry: host, imageName: repository.key, ...found }, headers);
}

function linkPath(route: Route, repository: Repository): string {
  return route.path.replace(`/${repository.key}/`, `/${encodeURIComponent(repository.key)}/`);
}

function tagsOn(repository: Repository, digest: string): Shelf<Tag> {
  const shelf = new Shelf<Tag>();
  for (const name of repository.manifests.get(digest)?.tags ?? []) {
    const tag = repository.tags.get(name);
    if (tag !== undefined) shelf.set(tag);
  }
  return shelf;
}

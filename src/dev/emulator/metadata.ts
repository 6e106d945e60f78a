import { disallowed, json, notFound, type Answer } from './answers.ts';
import { factsOf, parseObject } from './facts.ts';
import { pageOf, pageRequest, type Page, type PageLimits, type PageRequest } from './pages.ts';
import { isDeleteLocked, type Manifest, type Platform, type Repository, type Tag, unchanged } from './repository.ts';
import type { Route } from './routes.ts';
import { SortedMap, type Keyed } from './sorted-map.ts';
import type { Contents } from './contents.ts';
import { timestamp } from './time.ts';
import type { Attributes } from './types.ts';

/** The names of the repositories; `null` where there are none, as in the published API definition. */
export function listRepositories(contents: Contents, route: Route, query: URLSearchParams, limits: PageLimits): Answer {
  return paged(query, limits, (request) => {
    const { entries, headers } = pageOf(contents.repositories, { ...request, order: '' }, route.path);
    return json({ repositories: entries.length === 0 ? null : entries.map(({ key }) => key) }, headers);
  });
}

/** `GET /acr/v1/{repo}/_tags`: all tags, or those of one digest. `/v2/{repo}/tags/list`: their names. */
export function listTags(
  repository: Repository,
  route: Route,
  query: URLSearchParams,
  limits: PageLimits,
  host: string,
): Answer {
  return paged(query, limits, (request) => {
    const listed = request.digest === undefined ? repository.tags : tagsOn(repository, request.digest);
    const { entries, headers } = pageOf(listed, request, linkPath(route, repository.key));
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
    const { entries, headers } = pageOf(repository.manifests, request, linkPath(route, repository.key));
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

/** PATCH: changes the attributes that are given. Works on what is locked: there is no other way to unlock it. */
export function changeAttributes(target: { attributes: Attributes }, body: string): void {
  const names = ['deleteEnabled', 'writeEnabled', 'readEnabled', 'listEnabled'] as const;
  const said = parseObject(body);
  const changes = names.filter((name) => typeof said[name] === 'boolean').map((name) => [name, said[name]]);
  target.attributes = { ...target.attributes, ...(Object.fromEntries(changes) as Attributes) };
}

/** 202 without a body, as recorded. The manifest is kept. */
export function deleteTag(contents: Contents, repository: Repository, tag: Tag): Answer {
  if (isDeleteLocked(repository.attributes) || isDeleteLocked(tag.attributes)) return disallowed();
  contents.deleteTag(repository, tag.key);
  return { status: 202, headers: { 'X-Ms-Int-Docker-Content-Digest': tag.state.digest } };
}

/** Deletes a repository. Refused where it or anything in it is locked, as Microsoft's troubleshooting guide says. */
export function deleteRepository(contents: Contents, repository: Repository): Answer {
  const all = [repository, ...repository.tags.values(), ...repository.manifests.values()];
  if (all.some(({ attributes }) => isDeleteLocked(attributes))) return disallowed();
  const keys = (entries: Iterable<Keyed>): string[] => [...entries].map(({ key }) => key);
  const gone = { manifestsDeleted: keys(repository.manifests.values()), tagsDeleted: keys(repository.tags.values()) };
  contents.deleteRepository(repository);
  return json(gone, {}, 202);
}

/** The tag of this name, or the 404. */
export function tagOf(repository: Repository, name: string): Tag | Answer {
  return repository.tags.get(name) ?? notFound.tag(name);
}

export function manifestOf(repository: Repository, digest: string): Manifest | Answer {
  return repository.manifests.get(digest) ?? notFound.manifest(digest);
}

/** The page that is asked for, or the 400. */
export function paged(query: URLSearchParams, limits: PageLimits, list: (request: PageRequest) => Answer): Answer {
  const request = pageRequest(query, limits);
  return 'status' in request ? request : list(request);
}

/** `tags` and `manifests` are absent where there is nothing to list, as recorded. */
function listing(repository: Repository, host: string, name: string, { entries, headers }: Page<object>): Answer {
  const found = entries.length === 0 ? {} : { [name]: entries };
  return json({ registry: host, imageName: repository.key, ...found }, headers);
}

/** The path of a listing in its link: the name of the repository is one segment there. */
export function linkPath(route: Route, name: string): string {
  return route.path.replace(`/${name}/`, `/${encodeURIComponent(name)}/`);
}

function tagsOn(repository: Repository, digest: string): SortedMap<Tag> {
  const listed = new SortedMap<Tag>();
  for (const name of repository.manifests.get(digest)?.tags ?? []) {
    const tag = repository.tags.get(name);
    if (tag !== undefined) listed.set(tag);
  }
  return listed;
}

// A page has a thousand entries. JSON leaves out what is `undefined`, and objects of one form are made and written several
// times faster than objects that are put together from parts.

/** A tag as listings and its own address show it. */
function tagEntry(tag: Tag): object {
  const createdTime = timestamp(tag.created);
  return {
    name: tag.key,
    digest: tag.state.digest,
    createdTime,
    lastUpdateTime: lastUpdateTime(tag, createdTime),
    signed: false,
    changeableAttributes: changeableAttributes(tag.attributes),
  };
}

/** A manifest as listings show it. `tags` is absent where it has none, as recorded. */
function manifestEntry(repository: Repository, manifest: Manifest): object {
  const createdTime = timestamp(manifest.created);
  const { architecture, os } = platformOf(repository, manifest);
  return {
    digest: manifest.key,
    imageSize: manifest.size,
    createdTime,
    lastUpdateTime: lastUpdateTime(manifest, createdTime),
    architecture,
    os,
    mediaType: (manifest.state.mediaType === undefined ? manifest.mediaType : manifest.state.mediaType) ?? undefined,
    configMediaType: manifest.configMediaType,
    tags: manifest.tags === undefined || manifest.tags.size === 0 ? undefined : [...manifest.tags].sort(),
    changeableAttributes: changeableAttributes(manifest.attributes),
  };
}

/** A manifest at its own address: with the children of an index. */
function manifestWithReferences(repository: Repository, manifest: Manifest): object {
  const { references } = factsOf(manifest.state.body);
  return { ...manifestEntry(repository, manifest), ...(references === undefined ? {} : { references }) };
}

/** The attributes of a repository, without its name. */
function repositoryEntry(repository: Repository): object {
  const updates = [...repository.manifests.values()].map(({ updated }) => updated);
  return {
    createdTime: timestamp(updates.reduce((a, b) => Math.min(a, b), repository.updated)),
    lastUpdateTime: timestamp(repository.updated),
    manifestCount: repository.manifests.size,
    tagCount: repository.tags.size,
    changeableAttributes: changeableAttributes(repository.attributes),
  };
}

function changeableAttributes(attributes: Attributes): Required<Attributes> {
  return attributes === unchanged ? allAllowed : { ...allAllowed, ...attributes };
}

const allAllowed = { deleteEnabled: true, writeEnabled: true, readEnabled: true, listEnabled: true };

function lastUpdateTime({ state, updated, created }: Manifest | Tag, createdTime: string): string | undefined {
  if (state.lastUpdateTime === null) return undefined;
  return state.lastUpdateTime ?? (updated === created ? createdTime : timestamp(updated));
}

/** The platform of an image; none of indexes and other artifacts, as recorded. */
function platformOf(repository: Repository, { key, configMediaType }: Manifest): Platform {
  const known = repository.platforms.get(key);
  if (known !== undefined) return known;
  const isImage = configMediaType?.includes('image') ?? false;
  return isImage ? usual : unknown;
}

const usual: Platform = { architecture: 'amd64', os: 'linux' };
const unknown: Platform = {};

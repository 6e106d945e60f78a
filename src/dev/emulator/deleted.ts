import { failure, json, notFound, type Answer } from './answers.ts';
import type { Contents } from './contents.ts';
import { parseObject } from './facts.ts';
import { linkPath, paged } from './metadata.ts';
import { pageOf, type PageLimits } from './pages.ts';
import type { Route } from './routes.ts';
import type { DeletedRepository } from './soft-deleted.ts';
import { SortedMap } from './sorted-map.ts';
import { timestamp } from './time.ts';

/*
 * Soft delete, as the Azure CLI uses it (`az acr manifest list-deleted`, `list-deleted-tags`, `restore`,
 * `az acr repository list-deleted`). What no public source shows is a choice of the emulator, and said where it is made.
 */

/** `GET /acr/v1/_deleted/_catalog`: the repositories that are gone, and of which something can be restored. */
export function listDeletedRepositories(
  contents: Contents,
  route: Route,
  query: URLSearchParams,
  limits: PageLimits,
): Answer {
  return paged(query, limits, (request) => {
    const gone = new SortedMap<DeletedRepository>();
    for (const one of contents.softDeleted.all()) if (contents.get(one.key) === undefined) gone.set(one);
    const { entries, headers } = pageOf(gone, request, route.path);
    const repositories = entries.map(({ key, updated, manifests }) => ({
      createdAt: timestamp(
        [...manifests.values()].reduce((first, one) => Math.min(first, one.manifest.created), updated),
      ),
      deletedAt: timestamp(updated),
      repository: key,
    }));
    return json({ repositories: repositories.length === 0 ? null : repositories }, headers);
  });
}

/** `GET /acr/v1/_deleted/{repo}/_manifests` */
export function listDeletedManifests(
  contents: Contents,
  route: Route,
  name: string,
  query: URLSearchParams,
  limits: PageLimits,
  host: string,
): Answer {
  return paged(query, limits, (request) => {
    const deleted = contents.softDeleted.get(name);
    if (deleted === undefined) return nothingDeleted(contents, name, host);
    const { entries, headers } = pageOf(deleted.manifests, request, linkPath(route, name));
    const manifests = entries.map(({ key, updated, manifest }) => ({
      createdAt: timestamp(manifest.created),
      deletedAt: timestamp(updated),
      digest: key,
    }));
    return json({ registry: host, imageName: name, ...(manifests.length > 0 && { manifests }) }, headers);
  });
}

/** `GET /acr/v1/_deleted/{repo}/_tags`: by name, and of one name the newest deletion last: the CLI restores that one. */
export function listDeletedTags(
  contents: Contents,
  route: Route,
  name: string,
  query: URLSearchParams,
  limits: PageLimits,
  host: string,
): Answer {
  return paged(query, limits, (request) => {
    const deleted = contents.softDeleted.get(name);
    if (deleted === undefined) return nothingDeleted(contents, name, host);
    const { entries, headers } = pageOf(deleted.tags, request, linkPath(route, name));
    const tags = entries.map(({ updated, tag }) => ({
      createdAt: timestamp(tag.created),
      deletedAt: timestamp(updated),
      digest: tag.state.digest,
      tag: tag.key,
    }));
    return json({ registry: host, imageName: name, ...(tags.length > 0 && { tags }) }, headers);
  });
}

/**
 * `POST /acr/v1/_deleted/{repo}/_manifests/{digest}?force=…` with `{"tag":"…"}`: restores the manifest where it is deleted,
 * and that one tag of it. With `{"tag":null}`, which the CLI sends for an image without one, the manifest alone.
 */
export function restoreDeleted(
  contents: Contents,
  name: string,
  digest: string,
  query: URLSearchParams,
  body: string,
): Answer {
  const live = contents.getForChange(name);
  const deleted = contents.softDeleted.get(name);
  if (live === undefined && deleted === undefined) return notFound.repository(name);
  const said = parseObject(body)['tag'];
  const tag = typeof said === 'string' && said !== '' ? said : undefined;
  const manifest = deleted?.manifests.get(digest)?.manifest;
  if (manifest === undefined && (tag === undefined || live?.manifests.get(digest) === undefined)) {
    return notFound.manifest(digest);
  }
  // The CLI is in Python, and sends `True` and `False`.
  const force = query.get('force')?.toLowerCase() === 'true';
  if (tag !== undefined && !force && live?.tags.get(tag) !== undefined) {
    return failure(409, 'CONFLICT', `the tag ${tag} exists: restore with force to overwrite it`, { tag });
  }
  if (tag !== undefined && deleted?.hasTag(tag, digest) !== true) {
    return notFound.tag(tag);
  }
  const subject = manifest?.subject;
  if (subject !== undefined && live?.manifests.get(subject) === undefined) {
    // That it is refused is documented; how is not.
    return failure(409, 'CONFLICT', `${digest} refers to ${subject}: restore that one first`, { subject });
  }
  contents.restore(name, digest, tag);
  return json({ digest, tag: tag ?? null });
}

/** The refusal of a push. That it is refused is documented; the status and the code are not. */
export function refusedPush(digest: string): Answer {
  return failure(409, 'CONFLICT', `the manifest ${digest} is soft-deleted: restore it instead`, { digest });
}

function nothingDeleted(contents: Contents, name: string, host: string): Answer {
  if (contents.get(name) === undefined) return notFound.repository(name);
  return json({ registry: host, imageName: name });
}

import { factsOf } from './facts.ts';
import { unchanged, type Manifest, type Platform, type Repository, type Tag } from './repository.ts';
import { timestamp } from './time.ts';
import type { Attributes } from './types.ts';

// A page has a thousand of these. What is `undefined` is left out of JSON, and objects that are all of one form are
// made and written several times faster than objects put together from parts.

/** A tag as listings and its own address show it. */
export function tagEntry(tag: Tag): object {
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
export function manifestEntry(repository: Repository, manifest: Manifest): object {
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
export function manifestWithReferences(repository: Repository, manifest: Manifest): object {
  const { references } = factsOf(manifest.state.body);
  return { ...manifestEntry(repository, manifest), ...(references === undefined ? {} : { references }) };
}

/** The attributes of a repository, without its name. */
export function repositoryEntry(repository: Repository): object {
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

/** Images have one, indexes and other artifacts do not, as recorded. */
function platformOf(repository: Repository, { key, configMediaType }: Manifest): Platform {
  const known = repository.platforms.get(key);
  if (known !== undefined) return known;
  const isImage = configMediaType?.includes('image') ?? false;
  return isImage ? usual : unknown;
}

const usual: Platform = { architecture: 'amd64', os: 'linux' };
const unknown: Platform = {};

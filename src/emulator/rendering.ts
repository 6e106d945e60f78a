import { factsOf } from './facts.ts';
import type { Manifest, Repository, Tag } from './repository.ts';
import { timestamp } from './time.ts';
import type { Attributes } from './types.ts';

/** A tag as listings and its own address show it. */
export function tagEntry(tag: Tag): object {
  return {
    name: tag.key,
    digest: tag.state.digest,
    createdTime: timestamp(tag.created),
    ...lastUpdateTime(tag),
    signed: false,
    changeableAttributes: changeableAttributes(tag.attributes),
  };
}

/** A manifest as listings show it. `tags` is absent where it has none, as recorded. */
export function manifestEntry(repository: Repository, manifest: Manifest): object {
  const mediaType = manifest.state.mediaType === undefined ? manifest.mediaType : manifest.state.mediaType;
  return {
    digest: manifest.key,
    imageSize: manifest.size,
    createdTime: timestamp(manifest.created),
    ...lastUpdateTime(manifest),
    ...platformOf(repository, manifest),
    ...(mediaType === null || mediaType === undefined ? {} : { mediaType }),
    ...(manifest.configMediaType === undefined ? {} : { configMediaType: manifest.configMediaType }),
    ...(manifest.tags === undefined || manifest.tags.size === 0 ? {} : { tags: [...manifest.tags].sort() }),
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
  return { deleteEnabled: true, writeEnabled: true, readEnabled: true, listEnabled: true, ...attributes };
}

function lastUpdateTime({ state, updated }: Manifest | Tag): object {
  if (state.lastUpdateTime === null) return {};
  return { lastUpdateTime: state.lastUpdateTime ?? timestamp(updated) };
}

/** Images have one, indexes and other artifacts do not, as recorded. */
function platformOf(repository: Repository, { key, configMediaType }: Manifest): object {
  const known = repository.platforms.get(key);
  if (known !== undefined) return known;
  const isImage = configMediaType?.includes('image') ?? false;
  return isImage ? { architecture: 'amd64', os: 'linux' } : {};
}

import type { Look, ManifestRecord, Registry, RegistryReader, TagRecord } from './types.ts';

/** How each tag and each manifest is shown, instead of as the registry gives it. */
export interface RecordChange {
  readonly tag: (record: TagRecord) => TagRecord;
  readonly manifest: (record: ManifestRecord) => ManifestRecord;
}

/** The change of what an artifact has in common with others, by its key: `:tag` or `@digest`. */
export function byKey(change: <T extends TagRecord | ManifestRecord>(key: string, record: T) => T): RecordChange {
  return {
    tag: (record) => change(`:${record.name}`, record),
    manifest: (record) => change(`@${record.digest}`, record),
  };
}

/** A registry that shows its tags and manifests changed. */
export function readerAsChanged(registry: RegistryReader, { tag, manifest }: RecordChange): RegistryReader {
  return {
    ...registry,
    tags: async (repository, signal) => (await registry.tags(repository, signal))?.map(tag),
    async manifests(repository, signal) {
      const listing = await registry.manifests(repository, signal);
      return listing && { ...listing, byDigest: each(listing.byDigest, manifest) };
    },
    async manifestAttributes(repository, digest, signal) {
      const record = await registry.manifestAttributes(repository, digest, signal);
      return record && manifest(record);
    },
  };
}

/** The same, as it is looked at right before something is deleted. */
export function asChanged(registry: Registry, reader: RegistryReader, { tag, manifest }: RecordChange): Registry {
  return {
    ...registry,
    ...reader,
    content: registry.content,
    async look(repository, request, signal): Promise<Look> {
      const look = await registry.look(repository, request, signal);
      return {
        ...look,
        present: each(look.present, manifest),
        added: look.added.map(manifest),
        tags: each(look.tags, tag),
      };
    },
    lookAtTags: async (repository, names, total, signal) =>
      each(await registry.lookAtTags(repository, names, total, signal), tag),
  };
}

function each<T>(records: ReadonlyMap<string, T>, change: (record: T) => T): ReadonlyMap<string, T> {
  return new Map([...records].map(([key, record]) => [key, change(record)]));
}

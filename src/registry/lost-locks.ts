import type { Lock, Look, ManifestRecord, Registry, RegistryReader, TagRecord } from './types.ts';

/** Locks that runs took off, and could not put back, by the key of the artifact: `:tag` or `@digest`. */
export type LostLocks = ReadonlyMap<string, Lock>;

/** One repository in which what is without its lock counts as locked, as it was. */
export function readerWithLocks(registry: RegistryReader, locks: LostLocks): RegistryReader {
  if (locks.size === 0) return registry;
  const { tag, manifest } = recordsOf(locks);
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
export function withLocks(registry: Registry, locks: LostLocks): Registry {
  if (locks.size === 0) return registry;
  const { tag, manifest } = recordsOf(locks);
  return {
    ...registry,
    ...readerWithLocks(registry, locks),
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

function recordsOf(locks: LostLocks) {
  const locked = <T extends TagRecord | ManifestRecord>(key: string, record: T): T => {
    const lost = locks.get(key);
    // How it is locked is not known: then the run does not take the lock off.
    if (!lost || (record.locked && !record.lock)) return record;
    const { deleteEnabled = true, writeEnabled = true } = record.lock ?? {};
    const lock = {
      deleteEnabled: deleteEnabled && lost.deleteEnabled,
      writeEnabled: writeEnabled && lost.writeEnabled,
    };
    const isBack = lock.deleteEnabled === deleteEnabled && lock.writeEnabled === writeEnabled;
    return isBack ? record : { ...record, locked: true, lock, withoutLock: true };
  };
  return {
    tag: (record: TagRecord): TagRecord => locked(`:${record.name}`, record),
    manifest: (record: ManifestRecord): ManifestRecord => locked(`@${record.digest}`, record),
  };
}

function each<T>(records: ReadonlyMap<string, T>, change: (record: T) => T): ReadonlyMap<string, T> {
  return new Map([...records].map(([key, record]) => [key, change(record)]));
}

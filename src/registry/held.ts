import type { Instant } from './time.ts';
import type { Look, ManifestContent, ManifestRecord, Registry, RegistryReader, TagRecord } from './types.ts';

/** What is known of a tag or a manifest from before it was made unreadable. */
interface Remembered {
  readonly lastUpdated: Instant | undefined;
  /** As the registry gives it since then: whether the change moves it is not documented. */
  readonly seen: Instant | undefined;
  /** Of a manifest. */
  readonly facts?: ManifestContent | undefined;
}

/** By the key of the artifact: `:tag` or `@digest`. */
export type RememberedAll = ReadonlyMap<string, Remembered>;

/**
 * One repository as it was before some of it was made unreadable: what these manifests hold, and when all of it was pushed.
 * What was pushed since has its new time.
 */
export function readerAsBefore(registry: RegistryReader, remembered: RememberedAll): RegistryReader {
  if (remembered.size === 0) return registry;
  const { tag, manifest } = recordsOf(remembered);
  return {
    ...registry,
    async tags(repository, signal) {
      const listed = await registry.tags(repository, signal);
      const before = listed?.map(tag);
      // Where the time of one was moved, so was its place.
      return before?.some((record, place) => record !== listed?.[place]) ? before.toSorted(byTime) : before;
    },
    async manifests(repository, signal) {
      const listing = await registry.manifests(repository, signal);
      return listing && { ...listing, byDigest: each(listing.byDigest, manifest) };
    },
    async manifestAttributes(repository, digest, signal) {
      const record = await registry.manifestAttributes(repository, digest, signal);
      return record && manifest(record);
    },
    async manifest(repository, digest, signal) {
      const facts = await registry.manifest(repository, digest, signal);
      const known = remembered.get(`@${digest}`)?.facts;
      return facts.state === 'unreadable' && known ? { state: 'read', ...known } : facts;
    },
  };
}

/** The same, as it is looked at right before something is deleted. */
export function asBefore(registry: Registry, remembered: RememberedAll): Registry {
  if (remembered.size === 0) return registry;
  const { tag, manifest } = recordsOf(remembered);
  return {
    ...registry,
    ...readerAsBefore(registry, remembered),
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

/** Gives a record the time that it had before. */
function recordsOf(remembered: RememberedAll) {
  const timed = <T extends TagRecord | ManifestRecord>(key: string, record: T): T => {
    const known = remembered.get(key);
    const isOwn = known !== undefined && isSame(record.lastUpdated, known.seen);
    const isMoved = isOwn && record.lastUpdated !== known.lastUpdated;
    return isMoved && known.lastUpdated !== undefined ? { ...record, lastUpdated: known.lastUpdated } : record;
  };
  return {
    tag: (record: TagRecord): TagRecord => timed(`:${record.name}`, record),
    manifest: (record: ManifestRecord): ManifestRecord => timed(`@${record.digest}`, record),
  };
}

function each<T>(records: ReadonlyMap<string, T>, change: (record: T) => T): ReadonlyMap<string, T> {
  return new Map([...records].map(([key, record]) => [key, change(record)]));
}

/** The newest first. */
function byTime(one: TagRecord, other: TagRecord): number {
  const [a = '', b = ''] = [one.lastUpdated, other.lastUpdated];
  if (a !== b) return a < b ? 1 : -1;
  return one.name < other.name ? -1 : Number(one.name > other.name);
}

/** Two times of a registry may differ in their last digits. */
export function isSame(one: string | undefined, other: string | undefined): boolean {
  return one !== undefined && other !== undefined && Math.abs(Date.parse(one) - Date.parse(other)) < 1000;
}

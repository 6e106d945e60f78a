import type { Instant } from './time.ts';
import type { ManifestContent, Registry, RegistryReader, TagRecord } from './types.ts';
import { asChanged, byKey, readerAsChanged, type RecordChange } from './as-changed.ts';

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
  const change = changeOf(remembered);
  return {
    ...readerAsChanged(registry, change),
    async tags(repository, signal) {
      const listed = await registry.tags(repository, signal);
      const before = listed?.map(change.tag);
      // Where the time of one was moved, so was its place.
      return before?.some((record, place) => record !== listed?.[place]) ? before.toSorted(byTime) : before;
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
  return asChanged(registry, readerAsBefore(registry, remembered), changeOf(remembered));
}

/** Gives a record the time that it had before. */
function changeOf(remembered: RememberedAll): RecordChange {
  return byKey((key, record) => {
    const known = remembered.get(key);
    const isOwn = known !== undefined && isSame(record.lastUpdated, known.seen);
    const isMoved = isOwn && record.lastUpdated !== known.lastUpdated;
    return isMoved && known.lastUpdated !== undefined ? { ...record, lastUpdated: known.lastUpdated } : record;
  });
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

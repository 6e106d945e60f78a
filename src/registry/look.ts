import { AsyncLocalStorage } from 'node:async_hooks';
import type { HttpClient } from '@azure/core-rest-pipeline';
import type { Clock } from './clock.ts';
import type { Instant } from './time.ts';
import type { Look, LookRequest, ManifestListing, ManifestRecord, Registry, TagRecord } from './types.ts';

/**
 * How long a look counts, in milliseconds: a change is not written to the socket later than that after the first request of
 * its look was sent. A registry has no conditional delete, so what happens to the artifact within this time is not noticed.
 */
export const LOOK_VALID_MILLISECONDS = 5_000;

/** The calls that a look makes. */
export interface Views {
  /** Entries that a page holds, as far as is known: what is asked for, or what the registry cuts that to. */
  readonly pageSize: (of: 'tags' | 'manifests') => number;
  readonly tags: (repository: string, signal?: AbortSignal) => Promise<readonly TagRecord[] | undefined>;
  readonly manifests: (repository: string, signal?: AbortSignal) => Promise<ManifestListing | undefined>;
  readonly newestFirst: (repository: string, signal?: AbortSignal) => AsyncIterable<readonly ManifestRecord[]>;
  readonly tagNow: (repository: string, name: string, signal?: AbortSignal) => Promise<TagRecord | undefined>;
  readonly manifestNow: (
    repository: string,
    digest: string,
    signal?: AbortSignal,
  ) => Promise<ManifestRecord | undefined>;
  readonly isLocked: (repository: string, signal?: AbortSignal) => Promise<boolean>;
}

/** Pages come one after another, single tags and manifests side by side: a page takes as long as so many of these. */
const WORTH_A_PAGE = 8;

/**
 * Looks at what is about to be deleted. Lists a repository of one page; of a larger one it asks for each tag and manifest.
 * What a listing does not show is asked for by name: it may be hidden.
 */
export function looking(views: Views, clock: Clock): Pick<Registry, 'look' | 'lookAtTags'> {
  async function lookAtTags(
    repository: string,
    names: readonly string[],
    total: number,
    signal?: AbortSignal,
  ): Promise<ReadonlyMap<string, TagRecord>> {
    const found = new Map<string, TagRecord>();
    if (names.length === 0) return found;
    const pages = Math.ceil(total / views.pageSize('tags'));
    const isListed = pages <= 1 || names.length > pages * WORTH_A_PAGE;
    if (isListed) for (const record of (await views.tags(repository, signal)) ?? []) found.set(record.name, record);
    const others = names.filter((name) => !found.has(name));
    for (const record of await Promise.all(others.map((name) => views.tagNow(repository, name, signal))))
      if (record) found.set(record.name, isListed ? { ...record, hidden: true } : record);
    return found;
  }

  type Manifests = LookRequest['manifests'] & object;

  async function lookAtManifests(
    repository: string,
    { digests, inventory, isNeeded, wasGone }: Manifests,
    signal: AbortSignal | undefined,
  ): Promise<Pick<Look, 'present' | 'added' | 'unclear'>> {
    const unclear = new Set<string>();
    const present = new Map<string, ManifestRecord>();
    const isNew = ({ digest }: ManifestRecord): boolean => !inventory.byDigest.has(digest);
    const askFor = async (some: readonly string[]): Promise<readonly ManifestRecord[]> => {
      const records = await Promise.all(some.map((digest) => views.manifestNow(repository, digest, signal)));
      return records.filter((record) => record !== undefined);
    };
    if (inventory.byDigest.size <= views.pageSize('manifests')) {
      const listed = [...((await views.manifests(repository, signal))?.byDigest.values() ?? [])];
      for (const record of listed) present.set(record.digest, record);
      for (const record of await askFor(digests.filter((digest) => !present.has(digest))))
        present.set(record.digest, { ...record, hidden: true });
      // A listing may still show a deleted manifest for a while.
      const again = await askFor(listed.map(({ digest }) => digest).filter(wasGone));
      return { present, unclear, added: [...listed.filter(isNew), ...again] };
    }
    const [newest, records] = await Promise.all([
      newestSince(repository, inventory.newest, (record) => isNew(record) || wasGone(record.digest), signal),
      askFor(digests),
    ]);
    for (const record of records) present.set(record.digest, record);
    const again = await askFor(newest.map(({ digest }) => digest).filter(wasGone));
    // The answer may come from a replica that lags. Rare, so a listing is affordable.
    const missing = digests.filter((digest) => !present.has(digest) && isNeeded(digest));
    if (missing.length > 0) {
      const listed = await views.manifests(repository, signal);
      for (const digest of missing) if (listed?.byDigest.has(digest)) unclear.add(digest);
    }
    return { present, unclear, added: [...newest.filter(isNew), ...again] };
  }

  /** Manifests that were pushed since a listing: reads from the newest down to what the listing held. */
  async function newestSince(
    repository: string,
    newest: Instant | undefined,
    isWanted: (record: ManifestRecord) => boolean,
    signal: AbortSignal | undefined,
  ): Promise<readonly ManifestRecord[]> {
    const found: ManifestRecord[] = [];
    for await (const page of views.newestFirst(repository, signal)) {
      for (const record of page) if (isWanted(record)) found.push(record);
      const oldest = page.at(-1)?.lastUpdated;
      if (newest !== undefined && oldest !== undefined && oldest < newest) break;
    }
    return found;
  }

  const NOTHING = { present: new Map<string, ManifestRecord>(), unclear: new Set<string>(), added: [] };

  /** The last look took so long that the next one must read everything side by side. */
  let isSlow = false;

  return {
    lookAtTags,
    async look(repository: string, { manifests, tags, tagCount }: LookRequest, signal?: AbortSignal): Promise<Look> {
      const begun = clock.ticks();
      const { seen, since } = await dated(async () => {
        const lock = views.isLocked(repository, signal);
        // Where the rest fails first, nothing waits for this one, and its error is not unhandled.
        lock.catch(() => undefined);
        const looked = manifests ? lookAtManifests(repository, manifests, signal) : NOTHING;
        // Of a large repository the tags come last, so that a lock which was set during the look is seen. Not where that
        // makes the look too old.
        const isLarge =
          manifests &&
          (manifests.inventory.byDigest.size > views.pageSize('manifests') || tagCount > views.pageSize('tags'));
        if (isLarge && !isSlow) await looked;
        const [found, tagged, locked] = await Promise.all([
          looked,
          lookAtTags(repository, tags, tagCount, signal),
          lock,
        ]);
        return { ...found, tags: tagged, locked };
      });
      isSlow = clock.ticks() - begun > LOOK_VALID_MILLISECONDS / 2;
      return { ...seen, since };
    },
  };
}

const looks = new AsyncLocalStorage<{ since: number }>();

/** Makes some reads, and tells when the first of them was sent: what they saw is as old as that. */
async function dated<T>(read: () => Promise<T>): Promise<{ readonly seen: T; readonly since: number }> {
  const look = { since: Number.POSITIVE_INFINITY };
  const seen = await looks.run(look, read);
  return { seen, since: Number.isFinite(look.since) ? look.since : Number.NEGATIVE_INFINITY };
}

/** Whether the current read is part of a look. */
export function isLooking(): boolean {
  return looks.getStore() !== undefined;
}

/** Notes when the reads of a look are sent. A failed one does not count: it is repeated. */
export function datesLooks(client: HttpClient, clock: Clock): HttpClient {
  return {
    async sendRequest(request) {
      const look = request.method === 'GET' ? looks.getStore() : undefined;
      if (!look) return client.sendRequest(request);
      const sent = clock.ticks();
      const response = await client.sendRequest(request);
      if (response.status < 400 || response.status === 404) look.since = Math.min(look.since, sent);
      return response;
    },
  };
}

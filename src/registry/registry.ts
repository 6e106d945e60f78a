import { connect, type ConnectionOptions, type Listing, type Observed } from './client.ts';
import { RegistryError } from './error.ts';
import { absent, failureOf, recordsOf } from './outcomes.ts';
import { readManifest, readReferrers } from './read.ts';
import { isLocked, parseFields, toManifest, toTag } from './records.ts';
import { mayHaveArrived } from './retry.ts';
import type { Instant } from './time.ts';
import type { DeletionResult, Look, ManifestListing, ManifestRecord, Registry, TagRecord } from './types.ts';

/** Larger pages are fewer calls. How large they may be is not documented: where one is refused, the default is taken. */
const LARGEST_PAGE = 1000;
const DEFAULT_PAGE = 100;

const NEWEST_FIRST = 'LastUpdatedOnDescending';

/** The registry at `options.endpoint`, over the Azure SDK. Nothing is sent before the first call. */
export function openRegistry(options: ConnectionOptions): Registry {
  const connection = connect(options);
  const { sdk } = connection;
  let pageSize = LARGEST_PAGE;

  /** A listing from its start; again with the default page size where the registry refuses the large one. */
  async function* pages(listing: Omit<Listing, 'pageSize'>): AsyncGenerator<readonly unknown[], void> {
    const size = pageSize;
    let begun = false;
    try {
      for await (const page of connection.list({ ...listing, pageSize: size })) {
        begun = true;
        yield page;
      }
    } catch (error) {
      const sizeRefused = error instanceof RegistryError && error.status === 400 && !begun && size > DEFAULT_PAGE;
      if (!sizeRefused) throw error;
      pageSize = DEFAULT_PAGE;
      yield* connection.list({ ...listing, pageSize: DEFAULT_PAGE });
    }
  }

  /** The same, as records. */
  async function* list<T>(
    toRecord: (entry: unknown) => T,
    listing: Omit<Listing, 'pageSize'>,
  ): AsyncGenerator<readonly T[], void> {
    for await (const page of pages(listing)) yield recordsOf(listing.asked, page, toRecord);
  }

  const listCatalog = (size: number, signal: AbortSignal | undefined, ahead = true) =>
    connection.list({
      asked: 'list the repositories',
      key: 'repositories',
      pageSize: size,
      ahead,
      signal,
      start: (observed) => sdk.listRepositoryNames({ ...observed }),
    });
  const listTags = (repository: string, signal: AbortSignal | undefined) =>
    list(toTag, {
      signal,
      asked: `list the tags of ${repository}`,
      key: 'tags',
      ahead: true,
      // The SDK lists tags from an artifact, and asks for all of the repository whichever it is.
      start: (observed) =>
        sdk.getArtifact(repository, 'latest').listTagProperties({ order: NEWEST_FIRST, ...observed }),
    });
  const listManifests = (repository: string, signal: AbortSignal | undefined, order?: typeof NEWEST_FIRST) =>
    list(toManifest, {
      signal,
      asked: `list the manifests of ${repository}`,
      key: 'manifests',
      // In order of time only the newest are wanted.
      ahead: order === undefined,
      start: (observed) =>
        sdk.getRepository(repository).listManifestProperties({ ...(order && { order }), ...observed }),
    });

  const tags = (repository: string, signal?: AbortSignal): Promise<readonly TagRecord[] | undefined> =>
    absent(async () => {
      // By name: a tag that moves while it is paged over may be listed twice.
      const found = new Map<string, TagRecord>();
      for await (const page of listTags(repository, signal)) {
        for (const tag of page) if (!found.has(tag.name)) found.set(tag.name, tag);
      }
      return [...found.values()];
    });

  const manifests = (repository: string, signal?: AbortSignal): Promise<ManifestListing | undefined> =>
    absent(async () => {
      const byDigest = new Map<string, ManifestRecord>();
      let newest: Instant | undefined;
      for await (const page of listManifests(repository, signal)) {
        for (const manifest of page) {
          byDigest.set(manifest.digest, manifest);
          if (manifest.lastUpdated && (newest === undefined || manifest.lastUpdated > newest))
            newest = manifest.lastUpdated;
        }
      }
      return { byDigest, newest };
    });

  /** What was pushed since a listing: read from the newest down to what the listing held. */
  async function addedSince(
    repository: string,
    { byDigest, newest }: ManifestListing,
    signal: AbortSignal | undefined,
  ): Promise<readonly ManifestRecord[]> {
    const added: ManifestRecord[] = [];
    for await (const page of listManifests(repository, signal, NEWEST_FIRST)) {
      for (const record of page) if (!byDigest.has(record.digest)) added.push(record);
      const oldest = page.at(-1)?.lastUpdated;
      if (newest !== undefined && oldest !== undefined && oldest < newest) break;
    }
    return added;
  }

  const repositoryNow = (repository: string, signal: AbortSignal | undefined) =>
    absent(() =>
      connection.ask(
        `look at the repository ${repository}`,
        (observed) => sdk.getRepository(repository).getProperties({ ...observed }),
        signal,
      ),
    );

  async function manifestNow(
    repository: string,
    digest: string,
    signal?: AbortSignal,
  ): Promise<ManifestRecord | undefined> {
    const asked = `look at ${repository}@${digest}`;
    return absent(async () => {
      const response = await connection.ask(
        asked,
        (observed) => sdk.getArtifact(repository, digest).getManifestProperties({ ...observed }),
        signal,
      );
      const wrong = () =>
        new RegistryError(asked, { status: response.status, message: 'the answer names no manifest' });
      const [record] = recordsOf(asked, [parseFields(response.bodyAsText, wrong)['manifest']], toManifest);
      if (record?.digest !== digest) throw wrong();
      return record;
    });
  }

  async function tagNow(repository: string, name: string, signal?: AbortSignal): Promise<TagRecord | undefined> {
    const asked = `look at ${repository}:${name}`;
    return absent(async () => {
      const response = await connection.ask(
        asked,
        (observed) => sdk.getArtifact(repository, name).getTagProperties(name, { ...observed }),
        signal,
      );
      const wrong = () => new RegistryError(asked, { status: response.status, message: 'the answer names no tag' });
      const [record] = recordsOf(asked, [parseFields(response.bodyAsText, wrong)['tag']], toTag);
      if (record?.name !== name) throw wrong();
      return record;
    });
  }

  /** These tags as they are now: one listing where one page holds them all, else one by one. */
  async function lookAtTags(
    repository: string,
    names: readonly string[],
    total: number,
    signal?: AbortSignal,
  ): Promise<ReadonlyMap<string, TagRecord>> {
    if (names.length === 0) return new Map();
    const records =
      total <= pageSize
        ? ((await tags(repository, signal)) ?? [])
        : await Promise.all(names.map((name) => tagNow(repository, name, signal)));
    return new Map(records.filter((record) => record !== undefined).map((record) => [record.name, record]));
  }

  /** These manifests as they are now, and what is new: one listing where one page holds them all, else one by one. */
  async function lookAtManifests(
    repository: string,
    digests: readonly string[],
    inventory: ManifestListing,
    signal: AbortSignal | undefined,
  ): Promise<Pick<Look, 'present' | 'added'>> {
    if (inventory.byDigest.size <= pageSize) {
      const present = (await manifests(repository, signal))?.byDigest ?? new Map<string, ManifestRecord>();
      return { present, added: [...present.values()].filter((record) => !inventory.byDigest.has(record.digest)) };
    }
    const [added, ...records] = await Promise.all([
      addedSince(repository, inventory, signal),
      ...digests.map((digest) => manifestNow(repository, digest, signal)),
    ]);
    const present = records.filter((record) => record !== undefined);
    return { present: new Map(present.map((record) => [record.digest, record])), added };
  }

  async function remove(
    asked: string,
    call: (observed: Observed) => Promise<unknown>,
    isThere: () => Promise<boolean>,
    signal: AbortSignal | undefined,
  ): Promise<DeletionResult> {
    try {
      // The SDK takes "not found" for a success; who deleted it is worth knowing: perhaps an attempt of this very call
      // whose answer was lost.
      const { status, request } = await connection.ask(asked, call, signal);
      return { state: status === 404 && !mayHaveArrived(request) ? 'already-gone' : 'deleted' };
    } catch (error) {
      const failure = failureOf(error as RegistryError);
      if (failure.state !== 'failed') return failure;
      // It may have gone all the same: the registry knows.
      return (await isThere().catch(() => true)) ? failure : { state: 'deleted' };
    }
  }

  return {
    loginServer: options.endpoint.host,
    async check(repository, signal) {
      if (repository === undefined) {
        await listCatalog(1, signal, false).next();
      } else {
        await repositoryNow(repository, signal);
      }
    },
    async manifestCount(repository, signal) {
      const response = await repositoryNow(repository, signal);
      const asked = `count the manifests of ${repository}`;
      const wrong = () => new RegistryError(asked, { message: 'the answer does not say how many there are' });
      const count = response === undefined ? 0 : parseFields(response.bodyAsText, wrong)['manifestCount'];
      if (typeof count !== 'number') throw wrong();
      return count;
    },
    async attributes(repository, signal) {
      const response = await repositoryNow(repository, signal);
      if (!response) return undefined;
      const asked = `look at the repository ${repository}`;
      const wrong = () => new RegistryError(asked, { message: 'the answer is not a JSON object' });
      const { tagCount, manifestCount, changeableAttributes } = parseFields(response.bodyAsText, wrong);
      return {
        locked: isLocked(changeableAttributes),
        tags: typeof tagCount === 'number' ? tagCount : undefined,
        manifests: typeof manifestCount === 'number' ? manifestCount : undefined,
      };
    },
    manifestAttributes: manifestNow,
    async repositories(size, signal) {
      const names = new Set<string>();
      for await (const page of listCatalog(size, signal))
        for (const name of page) if (typeof name === 'string') names.add(name);
      return [...names];
    },
    tags,
    manifests,
    manifest: (repository, digest, signal) => readManifest(connection, repository, digest, signal),
    referrers: (repository, digest, signal) => readReferrers(connection, repository, digest, signal),
    async look(repository, { digests, inventory, tags: names, tagCount }, signal) {
      const looking = lookAtManifests(repository, digests, inventory, signal);
      // Two listings are taken side by side. Of many, the tags come last: a lock is seen that was set while looking.
      if (inventory.byDigest.size > pageSize || tagCount > pageSize) await looking;
      const [seen, tagged] = await Promise.all([looking, lookAtTags(repository, names, tagCount, signal)]);
      return { ...seen, tags: tagged };
    },
    lookAtTags,
    deleteTag: (repository, tag, signal) =>
      remove(
        `delete ${repository}:${tag}`,
        (observed) => sdk.getArtifact(repository, tag).deleteTag(tag, { ...observed }),
        async () => (await tagNow(repository, tag)) !== undefined,
        signal,
      ),
    deleteManifest: (repository, digest, signal) =>
      remove(
        `delete ${repository}@${digest}`,
        (observed) => sdk.getArtifact(repository, digest).delete({ ...observed }),
        async () => (await readManifest(connection, repository, digest)).state !== 'missing',
        signal,
      ),
    async unlock(repository, tagOrDigest, signal) {
      const artifact = sdk.getArtifact(repository, tagOrDigest);
      const byDigest = tagOrDigest.includes(':');
      const asked = `unlock ${repository}${byDigest ? '@' : ':'}${tagOrDigest}`;
      const call = (observed: Observed) => {
        const unlocked = { canDelete: true, canWrite: true, ...observed };
        return byDigest
          ? artifact.updateManifestProperties(unlocked)
          : artifact.updateTagProperties(tagOrDigest, unlocked);
      };
      try {
        await connection.ask(asked, call, signal);
        return { state: 'unlocked' };
      } catch (error) {
        return failureOf(error as RegistryError);
      }
    },
  };
}

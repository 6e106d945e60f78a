import { type ConnectionOptions, connect, type Observed, type Pages } from './client.ts';
import { RegistryError } from './error.ts';
import { readManifest, readReferrers } from './read.ts';
import { parseFields, toManifest, toTag } from './records.ts';
import type { Instant } from './time.ts';
import type { DeletionResult, ManifestListing, ManifestRecord, Registry, TagRecord } from './types.ts';

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
  async function* list(
    asked: string,
    key: string,
    start: (observed: Observed) => Pages,
  ): AsyncGenerator<readonly unknown[], void> {
    const size = pageSize;
    let begun = false;
    try {
      for await (const page of connection.list(asked, key, size, start)) {
        begun = true;
        yield page;
      }
    } catch (error) {
      const sizeRefused = error instanceof RegistryError && error.status === 400 && !begun && size > DEFAULT_PAGE;
      if (!sizeRefused) throw error;
      pageSize = DEFAULT_PAGE;
      yield* connection.list(asked, key, DEFAULT_PAGE, start);
    }
  }

  const listTags = (repository: string) =>
    list(`list the tags of ${repository}`, 'tags', (observed) =>
      // The SDK lists tags from an artifact, and asks for all of the repository whichever it is.
      sdk.getArtifact(repository, 'latest').listTagProperties({ order: NEWEST_FIRST, ...observed }),
    );
  const listManifests = (repository: string, order?: typeof NEWEST_FIRST) =>
    list(`list the manifests of ${repository}`, 'manifests', (observed) =>
      sdk.getRepository(repository).listManifestProperties({ ...(order && { order }), ...observed }),
    );

  const tags = (repository: string): Promise<readonly TagRecord[] | undefined> =>
    absent(async () => {
      // By name: a tag that moves while it is paged over may be listed twice.
      const found = new Map<string, TagRecord>();
      for await (const page of listTags(repository)) {
        for (const tag of page.map(toTag)) if (tag && !found.has(tag.name)) found.set(tag.name, tag);
      }
      return [...found.values()];
    });

  const manifests = (repository: string): Promise<ManifestListing | undefined> =>
    absent(async () => {
      const byDigest = new Map<string, ManifestRecord>();
      let newest: Instant | undefined;
      for await (const page of listManifests(repository)) {
        for (const manifest of page.map(toManifest)) {
          if (!manifest) continue;
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
  ): Promise<readonly ManifestRecord[]> {
    const added: ManifestRecord[] = [];
    for await (const page of listManifests(repository, NEWEST_FIRST)) {
      const records = page.map(toManifest).filter((record) => record !== undefined);
      added.push(...records.filter((record) => !byDigest.has(record.digest)));
      const oldest = records.at(-1)?.lastUpdated;
      if (newest !== undefined && oldest !== undefined && oldest < newest) break;
    }
    return added;
  }

  async function manifestNow(repository: string, digest: string): Promise<ManifestRecord | undefined> {
    const asked = `look at ${repository}@${digest}`;
    return absent(async () => {
      const response = await connection.ask(asked, 'read', (observed) =>
        sdk.getArtifact(repository, digest).getManifestProperties({ ...observed }),
      );
      const wrong = () =>
        new RegistryError(asked, { status: response.status, message: 'the answer names no manifest' });
      const record = toManifest(parseFields(response.bodyAsText, wrong)['manifest']);
      if (record?.digest !== digest) throw wrong();
      return record;
    });
  }

  async function tagNow(repository: string, name: string): Promise<TagRecord | undefined> {
    const asked = `look at ${repository}:${name}`;
    return absent(async () => {
      const response = await connection.ask(asked, 'read', (observed) =>
        sdk.getArtifact(repository, name).getTagProperties(name, { ...observed }),
      );
      const wrong = () => new RegistryError(asked, { status: response.status, message: 'the answer names no tag' });
      const record = toTag(parseFields(response.bodyAsText, wrong)['tag']);
      if (record?.name !== name) throw wrong();
      return record;
    });
  }

  async function remove(asked: string, call: (observed: Observed) => Promise<unknown>): Promise<DeletionResult> {
    try {
      // The SDK takes "not found" for a success; who deleted it is worth knowing.
      const { status } = await connection.ask(asked, 'change', call);
      return { state: status === 404 ? 'already-gone' : 'deleted' };
    } catch (error) {
      const { status } = error as RegistryError;
      if (status === 404) return { state: 'already-gone' };
      const refused = status !== undefined && status < 500 && status !== 429;
      return { state: refused ? 'refused' : 'failed', error: error as Error };
    }
  }

  return {
    loginServer: options.endpoint.host,
    async repositories(size) {
      const names: string[] = [];
      const catalog = connection.list('list the repositories', 'repositories', size, (observed) =>
        sdk.listRepositoryNames({ ...observed }),
      );
      for await (const page of catalog) names.push(...page.filter((name) => typeof name === 'string'));
      return [...new Set(names)];
    },
    tags,
    manifests,
    manifest: (repository, digest) => readManifest(connection, repository, digest),
    referrers: (repository, digest) => readReferrers(connection, repository, digest),
    async look(repository, { digests, inventory, tagCount }) {
      if (inventory.byDigest.size <= pageSize) {
        // One page shows all there is.
        const [listing, tagged] = await Promise.all([
          manifests(repository),
          tagCount > 0 && tagCount <= pageSize ? tags(repository) : undefined,
        ]);
        const present = listing?.byDigest ?? new Map<string, ManifestRecord>();
        const added = Array.from(present.values()).filter((record) => !inventory.byDigest.has(record.digest));
        return { present, added, tags: tagged && byName(tagged) };
      }
      const [added, ...records] = await Promise.all([
        addedSince(repository, inventory),
        ...digests.map((digest) => manifestNow(repository, digest)),
      ]);
      const present = records
        .filter((record) => record !== undefined)
        .map((record) => [record.digest, record] as const);
      return { present: new Map(present), added, tags: undefined };
    },
    async lookAtTags(repository, names, total) {
      const records =
        total <= pageSize
          ? ((await tags(repository)) ?? [])
          : await Promise.all(names.map((name) => tagNow(repository, name)));
      return byName(records.filter((record) => record !== undefined));
    },
    deleteTag: (repository, tag) =>
      remove(`delete ${repository}:${tag}`, (observed) =>
        sdk.getArtifact(repository, tag).deleteTag(tag, { ...observed }),
      ),
    deleteManifest: (repository, digest) =>
      remove(`delete ${repository}@${digest}`, (observed) =>
        sdk.getArtifact(repository, digest).delete({ ...observed }),
      ),
    async unlock(repository, tagOrDigest) {
      const artifact = sdk.getArtifact(repository, tagOrDigest);
      const byDigest = tagOrDigest.includes(':');
      await connection.ask(`unlock ${repository}${byDigest ? '@' : ':'}${tagOrDigest}`, 'change', (observed) => {
        const unlocked = { canDelete: true, canWrite: true, ...observed };
        return byDigest
          ? artifact.updateManifestProperties(unlocked)
          : artifact.updateTagProperties(tagOrDigest, unlocked);
      });
    },
  };
}

function byName(tags: readonly TagRecord[]): ReadonlyMap<string, TagRecord> {
  return new Map(tags.map((tag) => [tag.name, tag]));
}

/** `undefined` where the registry says that there is no such thing. */
async function absent<T>(call: () => Promise<T>): Promise<T | undefined> {
  try {
    return await call();
  } catch (error) {
    if (error instanceof RegistryError && error.status === 404) return undefined;
    throw error;
  }
}

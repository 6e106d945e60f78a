import { OneEntry, parseAnswer, recordsOf, RepositoryAnswer, toManifest, toTag } from './answers.ts';
import { changesOf } from './changes.ts';
import { contentOf } from './content.ts';
import { connect, type ConnectionOptions, type Listing, type Observed } from './client.ts';
import { absent, RegistryError } from './errors.ts';
import { looking, type Views } from './look.ts';
import { readManifest, readReferrers } from './manifest.ts';
import type { Instant } from './time.ts';
import type { ManifestListing, ManifestRecord, Registry, RepositoryAttributes, TagRecord } from './types.ts';

/** Larger pages are fewer calls. The limit is not documented: where this size is refused, the default is used. */
const LARGEST_PAGE = 1000;
const DEFAULT_PAGE = 100;

/** Where roles are assigned by repository, listing the repositories is a permission of its own. */
const NO_CATALOG =
  'the identity lacks the role AcrPull (where the registry assigns roles by repository, with ABAC: Container Registry Repository Catalog Lister)';

const NEWEST_FIRST = 'LastUpdatedOnDescending';

/** The registry at `options.endpoint`, over the Azure SDK. Nothing is sent before the first call. */
export function openRegistry(options: ConnectionOptions): Registry {
  const connection = connect(options);
  const { sdk } = connection;
  let pageSize = LARGEST_PAGE;
  /** Entries of the fullest page that another one followed, by what is listed: a registry may cut pages without a word. */
  const fullest = new Map<string, number>();
  const pageSizeOf = (key: string): number => Math.min(pageSize, fullest.get(key) ?? Infinity);

  /** Follows a listing. Starts again with the default page size where the registry refuses the large one. */
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

  /** Follows a listing, and reads its entries as records. */
  async function* list<T>(
    toRecord: (entry: unknown) => T,
    listing: Omit<Listing, 'pageSize'>,
  ): AsyncGenerator<readonly T[], void> {
    const { asked, key } = listing;
    let before = 0;
    for await (const page of pages(listing)) {
      if (before > 0) fullest.set(key, Math.max(before, fullest.get(key) ?? 0));
      before = page.length;
      yield recordsOf(asked, page, toRecord);
    }
  }

  const listCatalog = (size: number, signal: AbortSignal | undefined) =>
    connection.list({
      asked: 'list the repositories',
      key: 'repositories',
      forbidden: NO_CATALOG,
      pageSize: size,
      ahead: true,
      signal,
      start: (observed) => sdk.listRepositoryNames({ ...observed }),
    });
  const listTags = (repository: string, signal: AbortSignal | undefined) =>
    list(toTag, {
      signal,
      asked: `list the tags of ${repository}`,
      key: 'tags',
      ahead: true,
      // The SDK lists tags from an artifact; whichever it is, it asks for all tags of the repository.
      start: (observed) =>
        sdk.getArtifact(repository, 'latest').listTagProperties({ order: NEWEST_FIRST, ...observed }),
    });
  const listManifests = (repository: string, signal: AbortSignal | undefined, order?: typeof NEWEST_FIRST) =>
    list(toManifest, {
      signal,
      asked: `list the manifests of ${repository}`,
      key: 'manifests',
      // Of a listing by time only the newest are wanted.
      ahead: order === undefined,
      start: (observed) =>
        sdk.getRepository(repository).listManifestProperties({ ...(order && { order }), ...observed }),
    });

  const tags = (repository: string, signal?: AbortSignal): Promise<readonly TagRecord[] | undefined> =>
    absent(async () => {
      // By name: a tag that moves during the listing may be listed twice.
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

  const repositoryNow = (repository: string, signal: AbortSignal | undefined) =>
    absent(() =>
      connection.ask(
        `look at the repository ${repository}`,
        (observed) => sdk.getRepository(repository).getProperties({ ...observed }),
        signal,
      ),
    );

  /** Asks for one tag or manifest; `undefined` where the registry answers that it does not exist. */
  const entryNow = <T>(
    asked: string,
    kind: 'tag' | 'manifest',
    toRecord: (entry: unknown) => T,
    isAsked: (record: T) => boolean,
    signal: AbortSignal | undefined,
    call: (observed: Observed) => Promise<unknown>,
  ): Promise<T | undefined> =>
    absent(async () => {
      const { status, bodyAsText } = await connection.ask(asked, call, signal);
      const wrong = () => new RegistryError(asked, { status, message: `the answer names no ${kind}` });
      const [record] = recordsOf(asked, [parseAnswer(OneEntry, bodyAsText, wrong)[kind]], toRecord);
      if (record === undefined || !isAsked(record)) throw wrong();
      return record;
    });

  const manifestNow = (repository: string, digest: string, signal?: AbortSignal): Promise<ManifestRecord | undefined> =>
    entryNow(
      `look at ${repository}@${digest}`,
      'manifest',
      toManifest,
      (record) => record.digest === digest,
      signal,
      (observed) => sdk.getArtifact(repository, digest).getManifestProperties({ ...observed }),
    );

  const tagNow = (repository: string, name: string, signal?: AbortSignal): Promise<TagRecord | undefined> =>
    entryNow(
      `look at ${repository}:${name}`,
      'tag',
      toTag,
      (record) => record.name === name,
      signal,
      (observed) => sdk.getArtifact(repository, name).getTagProperties(name, { ...observed }),
    );

  async function attributes(repository: string, signal?: AbortSignal): Promise<RepositoryAttributes | undefined> {
    const response = await repositoryNow(repository, signal);
    const wrong = (message: string) => new RegistryError(`look at the repository ${repository}`, { message });
    return response && parseAnswer(RepositoryAnswer, response.bodyAsText, wrong);
  }

  const views: Views = {
    pageSize: pageSizeOf,
    tags,
    manifests,
    newestFirst: (repository, signal) => listManifests(repository, signal, NEWEST_FIRST),
    tagNow,
    manifestNow,
    isLocked: async (repository, signal) => (await attributes(repository, signal))?.locked ?? false,
  };
  const { look, lookAtTags } = looking(views, connection.clock);

  return {
    loginServer: options.endpoint.host,
    async manifestCount(repository, signal) {
      const found = await attributes(repository, signal);
      if (!found) return 0;
      if (found.manifests !== undefined) return found.manifests;
      const message = 'the answer does not say how many there are';
      throw new RegistryError(`count the manifests of ${repository}`, { message });
    },
    attributes,
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
    look,
    lookAtTags,
    ...changesOf(connection),
    content: contentOf(connection),
  };
}

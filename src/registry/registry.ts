import { changesOf } from './changes.ts';
import { connect, type ConnectionOptions, type Listing } from './client.ts';
import { RegistryError } from './errors.ts';
import { looking } from './looking.ts';
import { absent, recordsOf } from './outcomes.ts';
import { readManifest, readReferrers } from './read.ts';
import { isLocked, parseFields, toManifest, toTag } from './records.ts';
import type { Instant } from './time.ts';
import type { ManifestListing, ManifestRecord, Registry, RepositoryAttributes, TagRecord } from './types.ts';

/** Larger pages are fewer calls. How large they may be is not documented: where one is refused, the default is taken. */
const LARGEST_PAGE = 1000;
const DEFAULT_PAGE = 100;

/** To list the repositories is a permission of its own where roles are assigned by repository. */
const NO_CATALOG =
  'the identity lacks the role AcrPull (where the registry assigns roles by repository, with ABAC: Container Registry Repository Catalog Lister)';

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
      forbidden: NO_CATALOG,
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

  async function attributes(repository: string, signal?: AbortSignal): Promise<RepositoryAttributes | undefined> {
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
  }

  const { look, lookAtTags } = looking({
    pageSize: () => pageSize,
    tags,
    manifests,
    newestFirst: (repository, signal) => listManifests(repository, signal, NEWEST_FIRST),
    tagNow,
    manifestNow,
    isLocked: async (repository, signal) => (await attributes(repository, signal))?.locked ?? false,
  });

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
  };
}

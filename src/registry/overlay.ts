import type { ManifestListing, RegistryReader } from './types.ts';

/** What is taken to be gone from a repository. */
export interface Gone {
  readonly tags: ReadonlySet<string>;
  readonly digests: ReadonlySet<string>;
}

/** A reader of one repository that asks for nothing twice. */
export function remembering(reader: RegistryReader): RegistryReader {
  const answers = new Map<string, Promise<unknown>>();
  const once = <T>(question: string, ask: () => Promise<T>): Promise<T> => {
    const known = answers.get(question) as Promise<T> | undefined;
    if (known) return known;
    const asked = ask();
    answers.set(question, asked);
    return asked;
  };
  return {
    ...reader,
    tags: (repository) => once('tags', () => reader.tags(repository)),
    manifests: (repository) => once('manifests', () => reader.manifests(repository)),
    manifest: (repository, digest) => once(`manifest ${digest}`, () => reader.manifest(repository, digest)),
    attributes: (repository) => once('attributes', () => reader.attributes(repository)),
    manifestAttributes: (repository, digest) =>
      once(`manifest attributes ${digest}`, () => reader.manifestAttributes(repository, digest)),
    referrers: (repository, digest) => once(`referrers ${digest}`, () => reader.referrers(repository, digest)),
  };
}

/**
 * A repository as it will be once some of it is gone: what a command finds that runs after the one that deletes it. So a
 * dry run of several commands says what each would do after the others.
 */
export function afterwards(reader: RegistryReader, { tags, digests }: Gone): RegistryReader {
  const left = ({ byDigest, newest }: ManifestListing): ManifestListing => ({
    newest,
    byDigest: new Map(
      [...byDigest]
        .filter(([digest]) => !digests.has(digest))
        .map(([digest, record]) => [digest, { ...record, tags: record.tags.filter((tag) => !tags.has(tag)) }]),
    ),
  });
  return {
    ...reader,
    tags: async (repository) =>
      (await reader.tags(repository))?.filter(({ name, digest }) => !tags.has(name) && !digests.has(digest ?? '')),
    manifests: async (repository) => {
      const listing = await reader.manifests(repository);
      return listing && left(listing);
    },
    manifest: async (repository, digest) =>
      digests.has(digest) ? { state: 'missing' } : reader.manifest(repository, digest),
    manifestAttributes: async (repository, digest) =>
      digests.has(digest) ? undefined : reader.manifestAttributes(repository, digest),
    referrers: async (repository, digest) =>
      (await reader.referrers(repository, digest))?.filter((referrer) => !digests.has(referrer)),
  };
}

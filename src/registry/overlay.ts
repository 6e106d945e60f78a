import type { ManifestFacts, ManifestListing, RegistryReader } from './types.ts';

/** Tags and digests that count as deleted. */
export interface Gone {
  readonly tags: ReadonlySet<string>;
  readonly digests: ReadonlySet<string>;
}

/** A reader of one repository that makes no call twice. */
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
    manifest: (repository, digest) =>
      once(`manifest ${digest}`, async () => withoutStored(await reader.manifest(repository, digest))),
    attributes: (repository) => once('attributes', () => reader.attributes(repository)),
    manifestAttributes: (repository, digest) =>
      once(`manifest attributes ${digest}`, () => reader.manifestAttributes(repository, digest)),
    referrers: (repository, digest) => once(`referrers ${digest}`, () => reader.referrers(repository, digest)),
  };
}

/** What it takes up is of no use here, and of a hundred thousand images it would fill the memory. */
function withoutStored(fact: ManifestFacts): ManifestFacts {
  if (fact.state !== 'read' || !fact.stored) return fact;
  const { stored: _, ...others } = fact;
  return others;
}

/**
 * A repository as it will be after some deletions. A dry run of several commands uses it to show what each command would
 * do after the ones before it.
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

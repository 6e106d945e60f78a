import type { ImageFindings } from '../evidence/findings.ts';
import type { KnownFindings } from '../planner/findings.ts';
import type { FactsFile } from '../registry/hashed-lines.ts';
import { type ReadFacts, remembered } from '../registry/manifest-cache.ts';
import type { ManifestListing, RegistryReader } from '../registry/types.ts';
import { eachOf } from './each.ts';

/** Says what is known of the vulnerabilities of the manifests that are listed, by digest. */
export type FindingsOf = (
  repository: string,
  listing: ManifestListing,
  signal?: AbortSignal,
) => Promise<ReadonlyMap<string, ImageFindings>>;

interface Asking {
  readonly repository: string;
  /** As it is listed for the plan. Absent: the plan does not need that, and it is listed here. */
  readonly manifests: ManifestListing | undefined;
  readonly reader: RegistryReader;
  readonly file: FactsFile;
  readonly concurrency: number;
}

export interface FoundFindings {
  readonly known: KnownFindings;
  readonly listing: ManifestListing;
  /** Indexes that were read for it. */
  readonly facts: ReadonlyMap<string, ReadFacts>;
}

/**
 * What is known of the vulnerabilities in a repository. Each index that is listed is read, once: an image is scanned by its
 * platforms.
 */
export async function findKnown(findings: FindingsOf, asking: Asking): Promise<FoundFindings> {
  const { repository, reader, file, concurrency } = asking;
  const none: ManifestListing = { byDigest: new Map(), newest: undefined };
  const listing = asking.manifests ?? (await reader.manifests(repository)) ?? none;
  const images = await findings(repository, listing);
  const indexes = [...listing.byDigest.values()].filter(({ kind }) => kind === 'index').map(({ digest }) => digest);
  if (indexes.length === 0) return { known: { images, parts: new Map() }, listing, facts: new Map() };
  const wanted = new Set(indexes);
  const before = await remembered(file, repository, (digest) => (wanted.has(digest) ? digest : undefined));
  const facts = new Map<string, ReadFacts>();
  const unread = indexes.filter((digest) => !before.facts.has(digest));
  await eachOf(unread, concurrency, async (digest) => {
    const fact = await reader.manifest(repository, digest);
    // What cannot be read is asked for again by the plan, where it matters.
    if (fact.state === 'read') facts.set(digest, fact);
  });
  const parts = new Map<string, readonly string[]>();
  for (const [digest, { children }] of [...before.facts, ...facts])
    parts.set(
      digest,
      children.map((child) => child.digest),
    );
  return { known: { images, parts }, listing, facts };
}

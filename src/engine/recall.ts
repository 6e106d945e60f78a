import type { Configuration, Inventory } from '../planner/types.ts';
import type { FactsFile } from '../registry/hashed-lines.ts';
import { NOTHING, type ReadFacts, remember, remembered } from '../registry/manifest-cache.ts';
import type { ManifestContent, ManifestFacts, ManifestListing } from '../registry/types.ts';

/*
 * What runs remember of the manifests of a repository. A run that is repeated decides the same: so a run forgets nothing
 * that it has just decided by.
 */

/** What is known besides the listings. It grows while a repository is planned. */
export interface Known {
  readonly facts: Map<string, ManifestFacts>;
  readonly referrers: Map<string, readonly string[] | 'unknown'>;
  readonly configs: Map<string, Configuration>;
  /** What earlier runs read of what is not listed now. */
  readonly remembered: Map<string, ReadFacts>;
  /** How much of it is to be remembered, or forgotten. */
  news: number;
}

export function nothingKnown(): Known {
  return { facts: new Map(), referrers: new Map(), configs: new Map(), remembered: new Map(), news: 0 };
}

/** So much is remembered of manifests that are not listed any more. Most are gone, not hidden. */
const MAX_UNLISTED = 1000;

/** Adds what earlier runs have read. */
export async function recall(
  file: FactsFile,
  { repository, tags, manifests }: Pick<Inventory, 'repository' | 'tags' | 'manifests'>,
  known: Known,
): Promise<void> {
  // A tag may name what is not listed, and that may be an index.
  const named = new Map(tags?.map(({ digest }) => [digest, digest]));
  const wanted = (digest: string) => manifests?.byDigest.get(digest)?.digest ?? named.get(digest);
  const { facts, unlisted, others } = await remembered(file, repository, wanted);
  for (const [digest, fact] of facts) known.facts.set(digest, sharing(fact, manifests));
  const forgotten = Math.max(0, unlisted.size - MAX_UNLISTED);
  const kept = forgotten === 0 ? unlisted : leastUsefulFirst(unlisted, manifests).slice(forgotten);
  for (const [digest, fact] of kept) known.remembered.set(digest, fact);
  known.news += others + forgotten;
}

/** What holds nothing that is listed no plan rests on. Among the rest, and among those, the oldest comes first. */
function leastUsefulFirst(
  unlisted: ReadonlyMap<string, ReadFacts>,
  manifests: ManifestListing | undefined,
): readonly (readonly [string, ReadFacts])[] {
  const isListed = (digest: string): boolean => manifests?.byDigest.has(digest) === true;
  const isUseful = ({ children, subject }: ManifestContent): boolean =>
    (subject !== undefined && isListed(subject)) || children.some(({ digest }) => isListed(digest));
  const all = [...unlisted].map((entry) => ({ entry, isUseful: isUseful(entry[1]) }));
  return all.toSorted((one, other) => Number(one.isUseful) - Number(other.isUseful)).map(({ entry }) => entry);
}

/**
 * Remembers what is known, and what was read besides. A manifest that was read before and is not found now, or could not be
 * read now, may be there again in the next run, and hidden: what it holds is still known. It is also still known what were
 * its parts: those are no builds (see `newestBuilds`), in this run or in the next.
 */
export async function rememberKnown(
  file: FactsFile,
  repository: string,
  known: Pick<Known, 'facts' | 'remembered'>,
  more: ReadonlyMap<string, ManifestFacts> | undefined,
): Promise<void> {
  const all = new Map<string, ManifestFacts>(known.remembered);
  for (const facts of [known.facts, more ?? []])
    for (const [digest, fact] of facts) {
      if (fact.state !== 'read') continue;
      // What was read last comes last, and is forgotten last.
      all.delete(digest);
      all.set(digest, fact);
    }
  await remember(file, repository, all);
}

/** The same digest, as the listing has it: of a hundred thousand one copy each is enough. */
export function asListed(manifests: ManifestListing | undefined, digest: string): string {
  return manifests?.byDigest.get(digest)?.digest ?? digest;
}

export function sharing<T extends ManifestFacts>(fact: T, manifests: ManifestListing | undefined): T | ReadFacts {
  if (fact.state !== 'read') return fact;
  if (fact.children.length === 0 && fact.subject === undefined) return NOTHING;
  const children = fact.children.map((child) => ({ ...child, digest: asListed(manifests, child.digest) }));
  return { state: 'read', children, subject: fact.subject };
}

import type { ManifestFacts, ManifestRecord, Registry } from '../registry/types.ts';

/** What manifests that were pushed since the plan was made mean for those that are to be deleted. */
export interface Added {
  /** Manifests that a new index needs, with that index. */
  readonly neededBy: ReadonlyMap<string, string>;
  /** Manifests that a new referrer refers to, with that referrer: it would go along, and nobody decided that. */
  readonly referredBy: ReadonlyMap<string, string>;
  /** A new manifest that cannot be read: it might need any. */
  readonly unreadable: string | undefined;
}

/** Reads manifests that were pushed since the plan was made, each once: what a digest holds never changes. */
export function addedReader({ registry, repository }: { readonly registry: Registry; readonly repository: string }) {
  const known = new Map<string, ManifestFacts>();
  const factsOf = async ({ digest }: ManifestRecord): Promise<ManifestFacts> => {
    const facts = known.get(digest) ?? (await registry.manifest(repository, digest));
    if (facts.state === 'read') known.set(digest, facts);
    return facts;
  };
  return async (added: readonly ManifestRecord[]): Promise<Added> => {
    const neededBy = new Map<string, string>();
    const referredBy = new Map<string, string>();
    let unreadable: string | undefined;
    const read = added.filter((record) => record.kind !== 'plain');
    const facts = await Promise.all(read.map(factsOf));
    for (const [index, fact] of facts.entries()) {
      const { digest } = read[index] ?? {};
      if (digest === undefined) continue;
      // One that is listed and not found may be on another replica.
      if (fact.state !== 'read') {
        unreadable = digest;
        continue;
      }
      for (const child of fact.children) neededBy.set(child.digest, digest);
      if (fact.subject !== undefined) referredBy.set(fact.subject, digest);
    }
    return { neededBy, referredBy, unreadable };
  };
}

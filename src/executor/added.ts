import type { ManifestRecord, Registry } from '../registry/types.ts';

/** What manifests that were pushed since the plan was made mean for those that are to go. */
export interface Added {
  /** Manifests that a new index needs, with that index. */
  readonly neededBy: ReadonlyMap<string, string>;
  /** Manifests that a new referrer refers to, with that referrer: it would go along, and nobody decided that. */
  readonly referredBy: ReadonlyMap<string, string>;
  /** A new manifest that cannot be read: it might need any. */
  readonly unreadable: string | undefined;
}

export async function readAdded(
  { registry, repository }: { readonly registry: Registry; readonly repository: string },
  added: readonly ManifestRecord[],
): Promise<Added> {
  const neededBy = new Map<string, string>();
  const referredBy = new Map<string, string>();
  let unreadable: string | undefined;
  const read = added.filter((record) => record.kind !== 'plain');
  const facts = await Promise.all(read.map((record) => registry.manifest(repository, record.digest)));
  for (const [index, fact] of facts.entries()) {
    const record = read[index];
    if (!record || fact.state === 'missing') continue;
    if (fact.state === 'unreadable') {
      unreadable = record.digest;
      continue;
    }
    for (const child of fact.children) neededBy.set(child.digest, record.digest);
    if (fact.subject !== undefined) referredBy.set(fact.subject, record.digest);
  }
  return { neededBy, referredBy, unreadable };
}

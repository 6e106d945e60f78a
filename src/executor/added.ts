import type { ManifestRecord, Registry } from '../registry/types.ts';

/** What manifests that were pushed since the plan was made mean for those that are to go. */
export interface Added {
  /** Manifests that a new index needs, with that index. */
  readonly neededBy: ReadonlyMap<string, string>;
  /** Manifests that a new referrer refers to which stays on its own account, with that referrer. */
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
  const referrers: { readonly record: ManifestRecord; readonly subject: string }[] = [];
  for (const [index, fact] of facts.entries()) {
    const record = read[index];
    if (!record || fact.state === 'missing') continue;
    if (fact.state === 'unreadable') {
      unreadable = record.digest;
      continue;
    }
    for (const child of fact.children) neededBy.set(child.digest, record.digest);
    if (fact.subject !== undefined) referrers.push({ record, subject: fact.subject });
  }
  // One referrer may refer to another: again until nothing more follows.
  let known: number;
  do {
    known = referredBy.size;
    for (const { record, subject } of referrers) {
      const { digest, tags, locked } = record;
      if (tags.length > 0 || locked || neededBy.has(digest) || referredBy.has(digest)) referredBy.set(subject, digest);
    }
  } while (referredBy.size > known);
  return { neededBy, referredBy, unreadable };
}

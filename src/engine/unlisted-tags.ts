import type { Evidence } from '../planner/types.ts';
import type { ManifestListing, RegistryReader, TagRecord } from '../registry/types.ts';

/**
 * What is known of the use of a repository, with the digests of what runs by a tag that no listing shows: such a tag is
 * gone, or hidden (`listEnabled: false`), and a hidden one is pulled all the same. Each is asked for by its name. Of what was
 * only pulled most is gone, so that it is left out.
 *
 * @throws {RegistryError} where it cannot be asked for: what runs is not known then
 */
export async function withUnlistedTags(
  reader: Pick<RegistryReader, 'lookAtTags'>,
  repository: string,
  evidence: Evidence,
  {
    tags,
    manifests,
  }: { readonly tags: readonly TagRecord[] | undefined; readonly manifests: ManifestListing | undefined },
): Promise<Evidence> {
  if (evidence.everything) return evidence;
  // A few run, and hundreds of thousands may be listed.
  const unlisted = new Set(
    [...evidence.tags].flatMap(([tag, { reason }]) => (reason === 'pulled-recently' ? [] : tag)),
  );
  if (unlisted.size === 0) return evidence;
  for (const { name } of tags ?? []) unlisted.delete(name);
  for (const record of manifests?.byDigest.values() ?? []) for (const tag of record.tags) unlisted.delete(tag);
  if (unlisted.size === 0) return evidence;
  const there = await reader.lookAtTags(repository, [...unlisted], Infinity);
  const digests = new Map(evidence.digests);
  for (const [tag, { digest }] of there) {
    const why = evidence.tags.get(tag);
    if (why && digest !== undefined && !digests.has(digest)) digests.set(digest, why);
  }
  return { ...evidence, digests };
}

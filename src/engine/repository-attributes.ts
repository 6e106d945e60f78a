import { attributesCommand } from '../executor/locks.ts';
import { eachOf } from './each.ts';
import { lockedAsAWhole, untaggedBy, withUntagged } from '../planner/explain.ts';
import type { Inventory, Plan, Protection, Rule } from '../planner/types.ts';
import { StoppedError } from '../registry/errors.ts';
import type { ManifestRecord, RegistryReader, RepositoryAttributes } from '../registry/types.ts';
import type { RepositorySummary } from '../ledger/summary.ts';

/** A plan with what the registry says of its repository as a whole. */
export interface WholePlan {
  readonly plan: Plan;
  /** How much there is in the repository, as far as the registry was asked. */
  readonly listed: RepositorySummary['listed'];
  /** For the summary. */
  readonly warnings: readonly string[];
}

/** Entries of a page of a listing. */
const PAGE = 1000;

/**
 * Asks what no listing tells: whether the repository is locked as a whole, and how many manifests there are where they
 * were not listed. One call for a repository in which something would be deleted, or whose manifests were not listed.
 */
export async function wholePlan(
  reader: RegistryReader,
  plan: Plan,
  inventory: Inventory,
  { rule, concurrency }: { readonly rule: Rule; readonly concurrency: number },
): Promise<WholePlan> {
  const { repository } = plan;
  const isDeleting = plan.tags.length + plan.manifests.length > 0;
  const warnings: string[] = [];
  let attributes: RepositoryAttributes | undefined;
  if (isDeleting || !inventory.manifests) {
    try {
      attributes = await reader.attributes(repository);
    } catch (error) {
      if (error instanceof StoppedError) throw error;
      // A doubt that costs nothing: where the repository is locked, the registry refuses the deletions itself.
      if (isDeleting)
        warnings.push(
          `${repository}: whether the repository is locked as a whole is not known: ${(error as Error).message}`,
        );
    }
  }
  const listed = countOf(inventory, attributes);
  if (isDeleting && attributes?.locked) {
    const unlock = attributesCommand(reader.loginServer, { repository }, { deleteEnabled: true, writeEnabled: true });
    const how = rule.includeLocked ? `. --include-locked does not lift that; to unlock it: ${unlock}` : '';
    if (rule.includeLocked)
      warnings.push(
        `${repository} is locked as a whole, and --include-locked does not lift the lock of a repository: nothing in it is deleted. To unlock it: ${unlock}`,
      );
    return { plan: lockedAsAWhole(plan, how), listed, warnings };
  }
  if (rule.untagged || plan.tags.length === 0) return { plan, listed, warnings };
  const untagged = untaggedBy(plan, inventory.tags ?? []);
  const records = await recordsOf(reader, inventory, [...untagged.keys()], { attributes, concurrency });
  return { plan: withUntagged(plan, untagged, records, rule), listed, warnings };
}

function countOf(inventory: Inventory, attributes: RepositoryAttributes | undefined): WholePlan['listed'] {
  const { tags, manifests } = inventory;
  const records = manifests?.byDigest;
  let tagged = 0;
  let bytes = 0;
  let last = '';
  for (const { tags: own, size = 0, created = '' } of records?.values() ?? []) {
    tagged += own.length;
    bytes += size;
    if (created > last) last = created;
  }
  // A tag may be put on an image that was there before.
  for (const { lastUpdated = '' } of tags ?? []) if (lastUpdated > last) last = lastUpdated;
  const tagCount = tags?.length ?? (records && tagged);
  const manifestCount = records?.size ?? attributes?.manifests;
  const inUse = inUseOf(inventory);
  return {
    ...(tagCount !== undefined && { tags: tagCount }),
    ...(manifestCount !== undefined && { manifests: manifestCount }),
    ...(records && { bytes }),
    ...(last !== '' && { lastPush: `${last.slice(0, 'yyyy-mm-ddThh:mm:ss'.length)}Z` }),
    ...(inUse !== undefined && { inUse }),
  };
}

/**
 * How many images of those that are listed are known to be in use; `undefined` where that is not known. Where something is
 * in use the planner lists the manifests.
 */
function inUseOf({ tags = [], manifests, evidence }: Inventory): number | undefined {
  if (!evidence || evidence.everything) return undefined;
  const used = new Set<string>();
  const isUse = (protection: Protection | undefined): boolean => protection?.reason === 'in-use';
  for (const [digest, protection] of evidence.digests)
    if (isUse(protection) && manifests?.byDigest.has(digest)) used.add(digest);
  for (const { name, digest = name } of tags) if (isUse(evidence.tags.get(name))) used.add(digest);
  return used.size;
}

/** These manifests, for the words of a summary: listed, or asked for one by one where that is fewer calls. */
async function recordsOf(
  reader: RegistryReader,
  { repository, manifests }: Inventory,
  digests: readonly string[],
  about: { readonly attributes: RepositoryAttributes | undefined; readonly concurrency: number },
): Promise<ReadonlyMap<string, ManifestRecord>> {
  if (manifests) return manifests.byDigest;
  const found = new Map<string, ManifestRecord>();
  try {
    const pages = Math.ceil((about.attributes?.manifests ?? Infinity) / PAGE);
    if (pages <= digests.length) return (await reader.manifests(repository))?.byDigest ?? found;
    await eachOf(digests, about.concurrency, async (digest) => {
      const record = await reader.manifestAttributes(repository, digest);
      if (record) found.set(digest, record);
    });
  } catch (error) {
    if (error instanceof StoppedError) throw error;
    // Nothing is decided by it: the summary says less.
  }
  return found;
}

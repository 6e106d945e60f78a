import { whyAnother } from '../executor/recheck.ts';
import { fromError, isForbidden } from '../executor/results.ts';
import type { OpenRepository } from '../ledger/journal.ts';
import { type Decision, type Deleted, keyOf, type Outcome } from '../planner/decision.ts';
import type { Clock } from '../registry/clock.ts';
import type { ManifestListing, ManifestRecord, Registry, TagRecord } from '../registry/types.ts';

/*
 * What the deletions came to that were under way when a process ended: the registry is asked.
 */

/** @param from in milliseconds since 1970: from then on the registry has carried out whatever it was asked for */
export async function settle(
  registry: Registry,
  clock: Clock,
  { repository, open }: OpenRepository,
  decisions: readonly Decision[],
  from: number,
): Promise<readonly Decision[]> {
  // Where the repository was closed, and its journal is left, it is known. What has lost its lock is recorded as failed
  // until it is gone, also while it is tried again.
  const asked = decisions.filter(
    (decision) =>
      open.has(keyOf(decision)) &&
      decision.action === 'delete' &&
      (decision.outcome === 'not-attempted' || decision.lostLock !== undefined),
  );
  if (asked.length === 0) return decisions;
  await clock.sleep(Math.max(0, from - clock.now()));
  // One by one: a listing does not show what is hidden.
  const names = asked.flatMap(({ kind, tag }) => (kind === 'tag' && tag !== undefined ? [tag] : []));
  let listed: ManifestListing | undefined;
  let tags: ReadonlyMap<string, TagRecord>;
  try {
    listed = await registry.manifests(repository);
    tags = await registry.lookAtTags(repository, names, Infinity);
  } catch (error) {
    // An identity that may not look any more will not be allowed to the next time either.
    if (!isForbidden(fromError(error))) throw error;
    const { message } = error as Error;
    return decisions.map((decision) =>
      open.has(keyOf(decision)) && decision.action === 'delete'
        ? settled(decision, 'failed', decision.quarantine ? pullDoubt(message) : doubt(message))
        : decision,
    );
  }
  const find = async ({ kind, tag = '', digest = '' }: Deleted): Promise<Found> =>
    kind === 'tag' ? tags.get(tag) : (listed?.byDigest.get(digest) ?? (await unlisted(registry, repository, digest)));
  const results = new Map<string, Decision>();
  for (const decision of asked)
    if (decision.action === 'delete') results.set(keyOf(decision), became(decision, await find(decision)));
  return decisions.map((decision) => {
    const result = results.get(keyOf(decision));
    return result ? withItsManifest(result, decisions, results) : decision;
  });
}

/** A tag in quarantine whose manifest comes there as well is not made unreadable itself: it has the outcome of that. */
function withItsManifest(
  decision: Decision,
  decisions: readonly Decision[],
  results: ReadonlyMap<string, Decision>,
): Decision {
  if (decision.action !== 'delete' || !decision.quarantine || decision.kind !== 'tag') return decision;
  // What is unreadable itself was put there by itself: its manifest had to be kept since.
  if (decision.outcome === 'quarantined') return decision;
  const key = `@${decision.digest ?? ''}`;
  const manifest = results.get(key) ?? decisions.find((one) => keyOf(one) === key);
  if (manifest?.action !== 'delete' || !manifest.quarantine || decision.outcome === 'already-gone') return decision;
  return { ...decision, outcome: manifest.outcome };
}

/** An artifact as it is now: gone, there, or not to be looked at. */
type Found = TagRecord | ManifestRecord | { readonly inDoubt: string } | undefined;

/** A manifest that is not listed is gone, or hidden. */
async function unlisted(registry: Registry, repository: string, digest: string): Promise<Found> {
  try {
    return await registry.manifestAttributes(repository, digest);
  } catch (error) {
    return { inDoubt: (error as Error).message };
  }
}

function became(decision: Deleted, now: Found): Deleted {
  const { lostLock, ...about } = decision;
  if (decision.quarantine) return quarantined(decision, now);
  if (!now) return settled(about, 'deleted');
  const { digest, lastUpdateTime: lastUpdated } = decision;
  const why = 'inDoubt' in now ? now.inDoubt : whyAnother(now, { digest, lastUpdated });
  if (lostLock)
    return why === undefined
      ? decision
      : settled(decision, 'failed', `${decision.error?.message ?? ENDED}; ${doubt(why)}`);
  return why === undefined ? settled(decision, 'not-attempted', ENDED) : settled(decision, 'failed', doubt(why));
}

/** What it came to that something was to be made unreadable. */
function quarantined(decision: Deleted, now: Found): Deleted {
  if (!now) return settled(decision, 'already-gone');
  if ('inDoubt' in now) return settled(decision, 'failed', pullDoubt(now.inDoubt));
  if (now.unreadable) return settled(decision, 'quarantined');
  const { digest, lastUpdateTime: lastUpdated } = decision;
  const why = whyAnother(now, { digest, lastUpdated });
  return why === undefined ? settled(decision, 'not-attempted', ENDED) : settled(decision, 'failed', pullDoubt(why));
}

/** The outcome of a deletion, in the place of what was recorded before. */
function settled(decision: Deleted, outcome: Outcome, message?: string): Deleted {
  const { error: believed, ...about } = decision;
  if (message !== undefined) return { ...about, outcome, error: { message } };
  return believed ? { ...about, outcome } : { ...decision, outcome };
}

export const ENDED = 'the process ended before it was done';

function pullDoubt(why: string): string {
  return `${ENDED}, and it is not known whether it can be pulled: ${why}`;
}

function doubt(why: string): string {
  return `${ENDED}, and it is not known whether it was deleted: ${why}`;
}

import type { ManifestDeletion } from '../planner/types.ts';
import type { Look, ManifestListing } from '../registry/types.ts';
import { type Context, namesOf } from './context.ts';
import { deleteUnchanged, type Recheck, type Target } from './delete.ts';
import { hide } from './hide.ts';
import { isUnreadable, type Locked, UNREADABLE_LOCK } from './locks.ts';
import { addedReader, manifestChange, UNCLEAR, whyAnother } from './recheck.ts';
import { changed, fromError, inDoubt, isDone, isGone, notAttempted, notTakenAlong, type Result } from './results.ts';

export interface ManifestContext extends Context {
  readonly inventory: ManifestListing;
}

/**
 * Deletes manifests in rounds: in each, those of which everything that must be gone first is gone. What waits for
 * something that is kept is kept: a child of an index that could not be deleted is still needed.
 */
export async function deleteManifests(context: ManifestContext, deletions: readonly ManifestDeletion[]): Promise<void> {
  const { results } = context;
  const waitFor = new Map<string, ManifestDeletion[]>();
  /** For how many manifests each still waits. */
  const waiting = new Map<ManifestDeletion, number>();
  for (const deletion of deletions) {
    if (deletion.after.length > 0) waiting.set(deletion, deletion.after.length);
    for (const first of deletion.after) {
      const others = waitFor.get(first);
      if (others) others.push(deletion);
      else waitFor.set(first, [deletion]);
    }
  }
  const target = manifestTarget(context, (digest) => waitFor.has(digest));
  let round = deletions.filter((deletion) => !waiting.has(deletion));
  while (round.length > 0) {
    await deleteUnchanged(context, round, target);
    const ready: ManifestDeletion[] = [];
    // Grows: what waits in vain is settled, and so is what waits for that.
    const settled = [...round];
    for (const { digest } of settled) {
      const result = results.manifests.get(digest);
      for (const deletion of waitFor.get(digest) ?? []) {
        const left = waiting.get(deletion);
        if (left === undefined) continue;
        waiting.set(deletion, left - 1);
        if (isDone(result) && left > 1) continue;
        waiting.delete(deletion);
        if (isDone(result)) {
          ready.push(deletion);
        } else {
          target.settle(deletion, waitedInVain(result, digest));
          settled.push(deletion);
        }
      }
    }
    round = ready;
  }
  for (const deletion of waiting.keys())
    target.settle(deletion, notAttempted('it and another one wait for each other'));
}

/** What a deletion comes to because another one that had to come first did not take place. */
function waitedInVain(result: Result | undefined, digest: string): Result {
  if (result?.state === 'changed') return changed(`${digest} is kept, which needs it or had to be deleted first`);
  return notAttempted('what needs it, or had to be deleted first, is kept');
}

function manifestTarget(context: ManifestContext, isNeeded: (digest: string) => boolean): Target<ManifestDeletion> {
  const { registry, repository, results, listedTags, inventory, tell, hiding } = context;
  const readAdded = addedReader(context);
  /** Manifests that were deleted, or seen to be gone. */
  const gone = new Set<string>();

  const recheck = async (
    deletions: readonly ManifestDeletion[],
    signal?: AbortSignal,
  ): Promise<Recheck<ManifestDeletion>> => {
    const { tags, digests } = namesOf(withReferrers(deletions));
    const manifests = { digests, inventory, isNeeded, wasGone: (digest: string) => gone.has(digest) };
    const look = await registry.look(repository, { tags, tagCount: listedTags.size, manifests }, signal);
    const since = { ...context, added: await readAdded(look.added) };
    return {
      look,
      became({ digest }) {
        if (look.unclear.has(digest)) return undefined;
        const now = look.present.get(digest);
        if (!now) return { state: hiding ? 'already-gone' : 'deleted' };
        return hiding && now.unreadable ? { state: 'quarantined' } : undefined;
      },
      whyAnother({ digest }) {
        if (look.unclear.has(digest)) return UNCLEAR;
        const now = look.present.get(digest);
        return now && whyAnother(now, { digest, lastUpdated: inventory.byDigest.get(digest)?.lastUpdated });
      },
      whyNot(deletion) {
        const change = manifestChange(deletion, look, since);
        if (change !== undefined) return changed(change);
        const record = look.present.get(deletion.digest);
        if (!record) return { state: 'already-gone' };
        if (hiding)
          return hiding.unfit.get(deletion.digest) ?? (record.unreadable ? { state: 'quarantined' } : undefined);
        const isLost = isUnreadable(record) || deletion.tags.some((tag) => isUnreadable(look.tags.get(tag)));
        return isLost ? UNREADABLE_LOCK : undefined;
      },
      // The attributes of what is locked can be changed all the same.
      locksOf: (deletion) => (hiding ? [] : locksOf(deletion, look)),
    };
  };

  /** Records what a manifest came to, and with it its tags and the referrers that are deleted along. */
  const record = (deletion: ManifestDeletion, result: Result, look?: Look): void => {
    for (const { digest, tags } of withReferrers([deletion])) {
      results.manifests.set(digest, result);
      const onIt = new Set(look?.present.get(digest)?.tags);
      for (const tag of tags) {
        if (!isDone(result) || onIt.has(tag)) results.tags.set(tag, result);
        else results.tags.set(tag, notTakenAlong(result, { tag, digest, isGone: look?.tags.has(tag) === false }));
      }
    }
  };

  return {
    recheck,
    send: ({ digest }, sending) =>
      hiding ? hide(context, hiding, digest, sending) : registry.deleteManifest(repository, digest, sending),
    namesOf: (deletions) => namesOf(withReferrers(deletions)),
    isNeeded: ({ digest }) => isNeeded(digest),
    settle(deletion, result, { look, before } = { look: undefined, before: undefined }) {
      if (isGone(result)) gone.add(deletion.digest);
      // Where an earlier attempt deleted it, its tags are those that it had then.
      record(deletion, result, look?.present.has(deletion.digest) ? look : (before ?? look));
      // Referrers are looked at before they are told to be gone.
      return namesOf(isGone(result) ? [deletion] : withReferrers([deletion]));
    },
    /**
     * Whether referrers of every media type are deleted along with their subject is not documented: those that are still
     * there are deleted by name, like any other.
     */
    async left(deletions) {
      const referrers = deletions
        .filter(({ digest }) => isGone(results.manifests.get(digest)))
        .flatMap(({ referrers, lockedTags }) =>
          referrers.map((removal): ManifestDeletion => ({ ...removal, lockedTags, referrers: [], after: [] })),
        );
      if (referrers.length === 0) return [];
      let left: readonly ManifestDeletion[] = [];
      try {
        const { look } = await recheck(referrers);
        left = referrers.filter(({ digest }) => look.present.has(digest));
        for (const { digest } of referrers) if (!look.present.has(digest)) gone.add(digest);
      } catch (error) {
        const failed = inDoubt(fromError(error), 'the registry deletes what refers to a manifest along with it');
        for (const referrer of referrers) record(referrer, failed);
      }
      const isLeft = new Set(left);
      await tell(namesOf(referrers.filter((referrer) => !isLeft.has(referrer))));
      return left;
    },
  };
}

function withReferrers(deletions: readonly ManifestDeletion[]) {
  return deletions.flatMap((deletion) => [deletion, ...deletion.referrers]);
}

/** The locks that are in the way of a deletion: those of the tags on the manifest, and its own. */
function locksOf({ digest, tags }: ManifestDeletion, { present, tags: tagged }: Look): readonly Locked[] {
  const record = present.get(digest);
  const names = new Set(tags);
  const own = (record?.tags ?? [])
    .filter((tag) => names.has(tag))
    .map((tag) => ({ name: tag, lock: tagged.get(tag)?.lock }));
  return [...own, { name: digest, lock: record?.lock }].flatMap(({ name, lock }) => (lock ? [{ name, lock }] : []));
}

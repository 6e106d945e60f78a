import type { ManifestDeletion } from '../planner/types.ts';
import type { Look, ManifestListing, Registry } from '../registry/types.ts';
import { type Added, readAdded } from './added.ts';
import { BATCH, batches } from './batches.ts';
import { changeSince } from './changes.ts';
import {
  fromDeletion,
  fromError,
  type Intend,
  isForbidden,
  isGone,
  notAttempted,
  type Result,
  type Results,
  type Tell,
} from './results.ts';

export interface ManifestContext {
  readonly registry: Registry;
  readonly repository: string;
  readonly inventory: ManifestListing;
  readonly tagCount: number;
  readonly includeLocked: boolean;
  readonly signal?: AbortSignal;
  readonly tell: Tell;
  readonly intend: Intend;
}

/**
 * Deletes manifests in rounds: in each, those of which everything that had to go first is gone. What waits for
 * something that stays, stays: a child of an index that could not be deleted is still needed.
 */
export async function deleteManifests(
  context: ManifestContext,
  deletions: readonly ManifestDeletion[],
  results: Results,
): Promise<void> {
  const gone = (digest: string): boolean => isGone(results.manifests.get(digest));
  const stays = (digest: string): boolean => results.manifests.has(digest) && !gone(digest);
  let halted: Result | undefined;
  let waiting = deletions;
  while (waiting.length > 0) {
    const ready: ManifestDeletion[] = [];
    const later: ManifestDeletion[] = [];
    const before = results.manifests.size;
    for (const deletion of waiting) {
      if (deletion.after.every(gone)) ready.push(deletion);
      else if (deletion.after.some(stays))
        settle(results, deletion, notAttempted('what needs it, or had to go first, stays'));
      else later.push(deletion);
    }
    for (const batch of batches(ready, BATCH)) {
      const stopped = halted ?? (context.signal?.aborted ? notAttempted('the run was stopped') : undefined);
      if (stopped) for (const deletion of batch) settle(results, deletion, stopped);
      else await deleteBatch(context, batch, results);
      if (batch.some(({ digest }) => isForbidden(results.manifests.get(digest)))) {
        // Not allowed to delete one is not allowed to delete any.
        halted ??= notAttempted('an earlier deletion in this repository was not allowed');
      }
    }
    waiting = later;
    if (results.manifests.size === before) break;
  }
  for (const deletion of waiting) settle(results, deletion, notAttempted('it and another one wait for each other'));
}

/** Looks once, then deletes what has not changed, all at once. */
async function deleteBatch(
  context: ManifestContext,
  batch: readonly ManifestDeletion[],
  results: Results,
): Promise<void> {
  const seen = await lookAgain(context, batch, results);
  if (!seen) return;
  const forbidden = await announce(context, batch, seen);
  if (forbidden) {
    for (const deletion of batch) settle(results, deletion, forbidden);
    return;
  }
  await Promise.all(batch.map((deletion) => deleteUnchanged(context, deletion, seen, results)));
  await deleteReferrersLeft(context, batch, results);
  const along = batch.flatMap((deletion) => deletion.along);
  await context.tell(
    along.flatMap(({ tags }) => tags),
    along.map(({ digest }) => digest),
  );
}

/** Says what goes if the registry does as it is asked: what has not changed, with its tags and referrers. */
function announce(
  { intend, includeLocked }: ManifestContext,
  batch: readonly ManifestDeletion[],
  { look, added }: Seen,
): Promise<Result | undefined> {
  const going = batch
    .filter((deletion) => look.present.has(deletion.digest) && !changeSince(deletion, look, added, includeLocked))
    .flatMap((deletion) => [deletion, ...deletion.along]);
  return intend(
    going.flatMap(({ tags }) => tags),
    going.map(({ digest }) => digest),
  );
}

interface Seen {
  readonly look: Look;
  readonly added: Added;
}

/** What these look like now. Where that cannot be seen, the failure is what became of them. */
async function lookAgain(
  context: ManifestContext,
  batch: readonly ManifestDeletion[],
  results: Results,
): Promise<Seen | undefined> {
  const removals = batch.flatMap((deletion) => [deletion, ...deletion.along]);
  try {
    const look = await context.registry.look(context.repository, {
      digests: removals.map(({ digest }) => digest),
      inventory: context.inventory,
      tags: removals.flatMap(({ tags }) => tags),
      tagCount: context.tagCount,
    });
    return { look, added: await readAdded(context, look.added) };
  } catch (error) {
    for (const deletion of batch) settle(results, deletion, fromError(error));
    return undefined;
  }
}

async function deleteUnchanged(
  context: ManifestContext,
  deletion: ManifestDeletion,
  { look, added }: Seen,
  results: Results,
): Promise<void> {
  const change = changeSince(deletion, look, added, context.includeLocked);
  settle(results, deletion, change ?? (await deleteOne(context, deletion, look)), look);
  // Not with the whole batch: another of it may be waiting for the registry, and the process may not last that long.
  await context.tell(deletion.tags, [deletion.digest]);
}

async function deleteOne(
  { registry, repository, signal }: ManifestContext,
  deletion: ManifestDeletion,
  look: Look,
): Promise<Result> {
  const record = look.present.get(deletion.digest);
  if (!record) return { state: 'already-gone' };
  const onIt = new Set(record.tags);
  const locked = deletion.lockedTags.filter((tag) => onIt.has(tag));
  // What was unlocked goes, also when the run is stopped meanwhile: it would be left without its lock.
  let stopping = signal;
  for (const tagOrDigest of record.locked ? [...locked, deletion.digest] : locked) {
    const unlocked = await registry.unlock(repository, tagOrDigest, stopping);
    if ('error' in unlocked) return fromDeletion(unlocked);
    stopping = undefined;
  }
  return fromDeletion(await registry.deleteManifest(repository, deletion.digest, stopping));
}

/** Records what became of a manifest, and with it of its tags and of the referrers that go along. */
function settle(results: Results, deletion: ManifestDeletion, result: Result, look?: Look): void {
  for (const { digest, tags } of [deletion, ...deletion.along]) {
    results.manifests.set(digest, result);
    const onIt = new Set(look?.present.get(digest)?.tags);
    for (const tag of tags) {
      if (!isGone(result) || onIt.has(tag)) results.tags.set(tag, result);
      else if (look && !look.tags.has(tag)) results.tags.set(tag, { state: 'already-gone' });
      else results.tags.set(tag, { state: 'changed', detail: `it does not name ${digest} any more` });
    }
  }
}

/**
 * Whether referrers of every media type go along with their subject is not documented: those that are still there are
 * deleted by name, like any other. One after the other, because each may take along the next.
 */
async function deleteReferrersLeft(
  context: ManifestContext,
  batch: readonly ManifestDeletion[],
  results: Results,
): Promise<void> {
  const referrers = batch
    .filter(({ digest }) => isGone(results.manifests.get(digest)))
    .flatMap(({ along, lockedTags }) =>
      along.map((removal): ManifestDeletion => ({ ...removal, lockedTags, along: [], after: [] })),
    );
  if (referrers.length === 0) return;
  const seen = await lookAgain(context, referrers, results);
  // Where the subject had gone by itself, they were not announced with it.
  if (!seen) return;
  const forbidden = await announce(context, referrers, seen);
  for (const referrer of referrers.filter(({ digest }) => seen.look.present.has(digest))) {
    if (forbidden) {
      settle(results, referrer, forbidden, seen.look);
      continue;
    }
    await deleteUnchanged(context, referrer, seen, results);
  }
}

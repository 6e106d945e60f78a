import type { ManifestDeletion } from '../planner/types.ts';
import type { Look, ManifestListing, Reservation } from '../registry/types.ts';
import { type Added, addedReader } from './added.ts';
import { changeSince } from './changes.ts';
import { type Context, lockOf, relocked, send } from './context.ts';
import type { Locked } from './locks.ts';
import { changed, fromError, isGone, notAttempted, type Result } from './results.ts';
import { type Attempt, inTurns, leftAs } from './turns.ts';

export interface ManifestContext extends Context {
  readonly inventory: ManifestListing;
}

/** Of all rounds of a repository. */
interface Rounds extends ManifestContext {
  readonly readAdded: ReturnType<typeof addedReader>;
  /** Manifests on which others wait. */
  readonly isNeeded: (digest: string) => boolean;
  /** Manifests that were deleted, or seen to be gone. */
  readonly gone: Set<string>;
}

/**
 * Deletes manifests in rounds: in each, those of which everything that had to go first is gone. What waits for
 * something that stays, stays: a child of an index that could not be deleted is still needed.
 */
export async function deleteManifests(context: ManifestContext, deletions: readonly ManifestDeletion[]): Promise<void> {
  const { results, signal, rights } = context;
  const needed = new Set(deletions.flatMap(({ after }) => after));
  const rounds: Rounds = {
    ...context,
    readAdded: addedReader(context),
    isNeeded: (digest) => needed.has(digest),
    gone: new Set(),
  };
  const gone = (digest: string): boolean => isGone(results.manifests.get(digest));
  const stays = (digest: string): boolean => results.manifests.has(digest) && !gone(digest);
  let waiting = deletions;
  while (waiting.length > 0) {
    const ready: ManifestDeletion[] = [];
    const later: ManifestDeletion[] = [];
    const before = results.manifests.size;
    for (const deletion of waiting) {
      const blocker = deletion.after.find(stays);
      if (blocker !== undefined) settle(context, deletion, waitedInVain(results.manifests.get(blocker), blocker));
      else if (deletion.after.every(gone)) ready.push(deletion);
      else later.push(deletion);
    }
    await inTurns(ready, {
      registry: context.registry,
      signal,
      halted: () => rights.lacking(),
      noteSlow: rights.noteSlow,
      tryOnce: (batch, reservation) => tryOnce(rounds, batch, reservation),
      leave: (attempt, why) => leave(rounds, attempt, why),
    });
    waiting = later;
    if (results.manifests.size === before) break;
  }
  for (const deletion of waiting) settle(context, deletion, notAttempted('it and another one wait for each other'));
}

/** What becomes of a deletion because another one that had to come first did not take place. */
function waitedInVain(result: Result | undefined, digest: string): Result {
  if (result?.state === 'changed') return changed(`${digest} is kept, which needs it or had to be deleted first`);
  return notAttempted('what needs it, or had to be deleted first, is kept');
}

interface Seen {
  readonly look: Look;
  readonly added: Added;
}

/** Looks once, then deletes what has not changed. */
async function tryOnce(
  rounds: Rounds,
  batch: readonly Attempt<ManifestDeletion>[],
  reservation: Reservation,
): Promise<readonly Attempt<ManifestDeletion>[]> {
  let seen: Seen;
  try {
    seen = await lookAt(
      rounds,
      batch.map(({ item }) => item),
    );
  } catch (error) {
    const failed = fromError(error);
    rounds.rights.note(failed, 'read');
    for (const attempt of batch) await finish(rounds, attempt, failed);
    return [];
  }
  const forbidden = await announce(rounds, batch, seen);
  const again: Attempt<ManifestDeletion>[] = [];
  const one = async (attempt: Attempt<ManifestDeletion>): Promise<void> => {
    const became = forbidden ?? (await deleteUnchanged(rounds, attempt, seen, reservation));
    if ('item' in became) again.push({ ...became, look: seen.look });
    // Not with the whole batch: another of it may be waiting for the registry, and the process may not last that long.
    else await finish(rounds, attempt, became, seen.look);
  };
  const isLocked = ({ item }: Attempt<ManifestDeletion>): boolean => locksOf(item, seen.look).length > 0;
  await oneByOneUntil(
    rounds,
    batch.filter((attempt) => !isLocked(attempt)),
    one,
  );
  for (const attempt of batch.filter(isLocked)) await one(attempt);
  for (const one of await referrersLeft(rounds, batch)) again.push(one);
  return again;
}

/** Until it is known that something may be deleted one after the other: what is not allowed is tried a few times only. */
export async function oneByOneUntil<T>(
  { rights }: Pick<Context, 'rights'>,
  items: readonly T[],
  work: (item: T) => Promise<void>,
): Promise<void> {
  let next = 0;
  for (let item = items[next]; item !== undefined && !rights.mayDelete(); item = items[next]) {
    next += 1;
    await work(item);
  }
  // Where one cannot be recorded, the others are waited for: nothing is closed while a deletion is under way.
  const rest = await Promise.allSettled(items.slice(next).map(work));
  for (const one of rest) if (one.status === 'rejected') throw one.reason;
}

/** What these look like now. */
async function lookAt(rounds: Rounds, deletions: readonly ManifestDeletion[]): Promise<Seen> {
  const { registry, repository, inventory, listedTags, isNeeded, gone, readAdded } = rounds;
  const removals = deletions.flatMap((deletion) => [deletion, ...deletion.referrers]);
  const look = await registry.look(repository, {
    tags: removals.flatMap(({ tags }) => tags),
    tagCount: listedTags.size,
    manifests: {
      digests: removals.map(({ digest }) => digest),
      inventory,
      isNeeded,
      wasGone: (digest) => gone.has(digest),
    },
  });
  return { look, added: await readAdded(look.added) };
}

/** Says what goes if the registry does as it is asked: what has not changed, with its tags and referrers. */
function announce(
  rounds: Rounds,
  batch: readonly Attempt<ManifestDeletion>[],
  { look, added }: Seen,
): Promise<Result | undefined> {
  const going = batch
    .map(({ item }) => item)
    .filter((deletion) => look.present.has(deletion.digest) && !changeSince(deletion, look, { ...rounds, added }));
  const removals = going.flatMap((deletion) => [deletion, ...deletion.referrers]);
  return rounds.intend(
    removals.flatMap(({ tags }) => tags),
    removals.map(({ digest }) => digest),
    going.flatMap((deletion) => locksOf(deletion, look)),
  );
}

/** What stands in the way of a deletion: the locks of the tags on it, and its own. */
function locksOf({ digest, tags }: ManifestDeletion, { present, tags: tagged }: Look): readonly Locked[] {
  const record = present.get(digest);
  const names = new Set(tags);
  const own = (record?.tags ?? [])
    .filter((tag) => names.has(tag))
    .map((tag) => ({ name: tag, lock: tagged.get(tag)?.lock }));
  return [...own, { name: digest, lock: record?.lock }].flatMap(({ name, lock }) => (lock ? [{ name, lock }] : []));
}

async function deleteUnchanged(
  rounds: Rounds,
  attempt: Attempt<ManifestDeletion>,
  { look, added }: Seen,
  reservation: Reservation,
): Promise<Result | Attempt<ManifestDeletion>> {
  const { registry, repository, rights, isNeeded } = rounds;
  const { item: deletion, tried, wasMissing } = attempt;
  const record = look.present.get(deletion.digest);
  if (!record && tried?.inDoubt && !look.unclear.has(deletion.digest)) return { state: 'deleted' };
  const change = changeSince(deletion, look, { ...rounds, added });
  if (change) return change;
  if (!record) return { state: 'already-gone' };
  if (wasMissing) return changed('it is there, and its deletion was answered with "not found": a replica may lag');
  const isUnreadable =
    lockOf(record) === 'unreadable' || deletion.tags.some((tag) => lockOf(look.tags.get(tag)) === 'unreadable');
  if (isUnreadable)
    return { state: 'refused', error: { message: 'its lock cannot be read, so that it could not be put back' } };
  const locks = locksOf(deletion, look);
  const lacking = rights.lacking(locks.length > 0);
  if (lacking) return lacking;
  const made = await send(rounds, attempt, locks, { since: look.since, reservation }, (sending) =>
    registry.deleteManifest(repository, deletion.digest, sending),
  );
  if ('item' in made) return made;
  // A replica that lags may not have it, and another one may.
  if (made.state === 'already-gone' && isNeeded(deletion.digest)) return { ...attempt, wasMissing: true };
  return made;
}

/** Ends what is not tried, or not tried again. */
async function leave(rounds: Rounds, attempt: Attempt<ManifestDeletion>, why: Result): Promise<void> {
  if (attempt.tried) await finish(rounds, attempt, leftAs(attempt, why));
  else settle(rounds, attempt.item, why);
}

/** Records the outcome of a manifest, once its locks are put back, if need be. */
async function finish(rounds: Rounds, attempt: Attempt<ManifestDeletion>, result: Result, look?: Look): Promise<void> {
  const { item: deletion, tried } = attempt;
  let became = result;
  if (!isGone(result) && result.state !== 'changed' && (tried?.inDoubt || result.inDoubt)) {
    // It may have gone all the same: the registry knows.
    const seen = await lookAt(rounds, [deletion]).catch(() => undefined);
    const { digest } = deletion;
    if (seen && !seen.look.present.has(digest) && !seen.look.unclear.has(digest)) became = { state: 'deleted' };
  }
  became = await relocked(rounds, attempt, became);
  if (isGone(became)) rounds.gone.add(deletion.digest);
  // Where an earlier attempt deleted it, its tags are those that it had then.
  settle(rounds, deletion, became, look?.present.has(deletion.digest) ? look : (attempt.look ?? look));
  // What goes along is looked at before it is told.
  const told = isGone(became) ? [deletion] : [deletion, ...deletion.referrers];
  await rounds.tell(
    told.flatMap(({ tags }) => tags),
    told.map(({ digest }) => digest),
  );
}

/** Records what became of a manifest, and with it of its tags and of the referrers that go along. */
function settle({ results }: Pick<Context, 'results'>, deletion: ManifestDeletion, result: Result, look?: Look): void {
  for (const { digest, tags } of [deletion, ...deletion.referrers]) {
    results.manifests.set(digest, result);
    const onIt = new Set(look?.present.get(digest)?.tags);
    for (const tag of tags) {
      if (!isGone(result) || onIt.has(tag)) results.tags.set(tag, result);
      else if (look && !look.tags.has(tag)) results.tags.set(tag, { state: 'already-gone' });
      else results.tags.set(tag, changed(`it does not name ${digest} any more`));
    }
  }
}

/**
 * Whether referrers of every media type go along with their subject is not documented: those that are still there are
 * deleted by name, like any other.
 */
async function referrersLeft(
  rounds: Rounds,
  batch: readonly Attempt<ManifestDeletion>[],
): Promise<readonly Attempt<ManifestDeletion>[]> {
  const { results, gone, tell } = rounds;
  const referrers = batch
    .filter(({ item }) => item.referrers.length > 0 && isGone(results.manifests.get(item.digest)))
    .flatMap(({ item: { referrers: along, lockedTags } }) =>
      along.map((removal): ManifestDeletion => ({ ...removal, lockedTags, referrers: [], after: [] })),
    );
  const left: ManifestDeletion[] = [];
  if (referrers.length > 0) {
    try {
      const { look } = await lookAt(rounds, referrers);
      for (const referrer of referrers) {
        if (look.present.has(referrer.digest)) left.push(referrer);
        else gone.add(referrer.digest);
      }
    } catch (error) {
      for (const referrer of referrers) settle(rounds, referrer, fromError(error));
    }
  }
  const isLeft = new Set(left);
  const others = referrers.filter((referrer) => !isLeft.has(referrer));
  await tell(
    others.flatMap(({ tags }) => tags),
    others.map(({ digest }) => digest),
  );
  return left.map((item) => ({ item }));
}

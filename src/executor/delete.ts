import type { Look, Reservation, Sending } from '../registry/types.ts';
import { type Attempt, inBatches } from './batches.ts';
import type { Context, Names } from './context.ts';
import type { Sent } from './hide.ts';
import { imageIn, type Locked, relock, withoutLocks } from './locks.ts';
import {
  changed,
  describe,
  type Done,
  fromDeletion,
  fromError,
  inDoubt,
  isDone,
  isGone,
  notAttempted,
  type Result,
  withLostLocks,
} from './results.ts';

/** How one kind of artifact is deleted: a tag alone, or a manifest with its tags and referrers. */
export interface Target<T> {
  /** @param signal gives the look up; absent where a deletion is in doubt, which is cleared up also after a stop */
  readonly recheck: (items: readonly T[], signal?: AbortSignal) => Promise<Recheck<T>>;
  readonly send: (item: T, sending: Sending) => Promise<Sent>;
  /** All that is deleted with these. */
  readonly namesOf: (items: readonly T[]) => Names;
  /** Whether the deletion of others waits for this one. */
  readonly isNeeded: (item: T) => boolean;
  /** Records what an item came to. The answer is what is certain by now. */
  readonly settle: (item: T, result: Result, seen?: Seen) => Names;
  /** What is left of these, and has to be deleted by itself. */
  readonly left?: (items: readonly T[]) => Promise<readonly T[]>;
}

/** What was seen of an item last, and when an earlier attempt at it was sent. */
interface Seen {
  readonly look: Look | undefined;
  readonly before: Look | undefined;
}

/** Some items as they are now. */
export interface Recheck<T> {
  readonly look: Look;
  /** What it has come to by now, if an earlier attempt at it, or another client, did it. */
  readonly became: (item: T) => Result | undefined;
  /** Why what is there may be another one than what was to be deleted, which then may be gone: see `whyAnother`. */
  readonly whyAnother: (item: T) => string | undefined;
  /** Why one is not deleted now, or need not be. */
  readonly whyNot: (item: T) => Result | undefined;
  /** The locks that are in the way. */
  readonly locksOf: (item: T) => readonly Locked[];
}

/**
 * Deletes what has not changed since the plan was made: looks at a batch, announces what is deleted, sends each deletion
 * while the look counts, and records what it came to. A retry is a new look. A deletion whose look is more than 5 seconds
 * old once it would be written to the socket is not sent (`Sending.since`), and comes back to be tried again.
 */
export function deleteUnchanged<T>(context: Context, items: readonly T[], target: Target<T>): Promise<void> {
  return inBatches(context, items, {
    tryOnce: (batch, reservation) => tryOnce(context, target, batch, reservation),
    async leave(attempt, why) {
      const { item, tried, error } = attempt;
      // The last failure is reported: "not attempted" would say less.
      if (tried) await finish(context, target, attempt, error && tried.failures > 0 ? fromError(error) : why);
      else target.settle(item, why);
    },
  });
}

async function tryOnce<T>(
  context: Context,
  target: Target<T>,
  batch: readonly Attempt<T>[],
  reservation: Reservation,
): Promise<readonly Attempt<T>[]> {
  const items = batch.map(({ item }) => item);
  // Whether these were deleted must be found out before the run ends.
  const isInDoubt = batch.some(({ tried }) => tried?.inDoubt);
  // Before the look: it may take a while, and a look counts for seconds.
  const noMore = await whyKept(context);
  let recheck: Recheck<T>;
  try {
    recheck = await target.recheck(items, isInDoubt ? undefined : context.signal);
  } catch (error) {
    // The look was given up because the run was stopped, so its error says nothing about the artifacts.
    const isStopped = !isInDoubt && (context.signal?.aborted ?? false);
    const failed = isStopped ? notAttempted('the run was stopped') : fromError(error);
    if (!isStopped) context.rights.note(failed, 'read');
    for (const attempt of batch) await finish(context, target, attempt, failed);
    return [];
  }
  const { look } = recheck;
  const verdicts = new Map(batch.map((attempt) => [attempt, whyNot(attempt, recheck) ?? noMore]));
  const unchanged = batch.filter((attempt) => !verdicts.get(attempt)).map(({ item }) => item);
  const forbidden = await context.announce(target.namesOf(unchanged), unchanged.flatMap(recheck.locksOf));
  const again: Attempt<T>[] = [];
  const one = async (attempt: Attempt<T>): Promise<void> => {
    const came = forbidden ?? verdicts.get(attempt) ?? (await send(context, target, attempt, { recheck, reservation }));
    if ('item' in came) again.push({ ...came, look });
    // Each outcome is recorded at once: another deletion of the batch may wait, and the process may be killed.
    else await finish(context, target, attempt, came, look);
  };
  const isLocked = ({ item }: Attempt<T>): boolean => recheck.locksOf(item).length > 0;
  await sideBySide(
    context,
    batch.filter((attempt) => !isLocked(attempt)),
    one,
  );
  for (const attempt of batch.filter(isLocked)) await one(attempt);
  for (const item of (await target.left?.(items)) ?? []) again.push({ item });
  return again;
}

/** Why nothing more is deleted. Where that could not be found out, it is a failure, and no change since the plan. */
function whyKept({ whyNoMore, signal }: Context): Promise<Result | undefined> {
  return whyNoMore().then(
    (why) => (why === undefined ? undefined : changed(why)),
    (error: unknown) => (signal?.aborted ? notAttempted('the run was stopped') : fromError(error)),
  );
}

function whyNot<T>({ item, tried, error, wasMissing }: Attempt<T>, recheck: Recheck<T>): Result | undefined {
  const became = tried?.inDoubt ? recheck.became(item) : undefined;
  if (became) return became;
  // Kept now; but what was to be deleted may be gone. `finish` says so.
  if (tried?.inDoubt && recheck.whyAnother(item) !== undefined)
    return { state: 'failed', ...(error && { error: describe(error) }) };
  const why = recheck.whyNot(item);
  if (why || !wasMissing) return why;
  return { state: 'changed', detail: 'it is there, and its deletion was answered with "not found": a replica may lag' };
}

/**
 * One after the other until it is known that something may be deleted: what is not allowed is tried a few times only.
 * Then all at once.
 */
async function sideBySide<T>(
  { rights }: Context,
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

/**
 * Sends one deletion, without the locks that are in its way.
 * @returns its outcome, or the next attempt
 */
async function send<T>(
  { registry, repository, clock, signal, rights, hiding }: Context,
  target: Target<T>,
  attempt: Attempt<T>,
  { recheck, reservation }: { readonly recheck: Recheck<T>; readonly reservation: Reservation },
): Promise<Result | Attempt<T>> {
  const { item, tried, unlocked = [] } = attempt;
  const locks = recheck.locksOf(item);
  const lacking = rights.lacking(locks.length > 0);
  if (lacking) return lacking;
  const sending = { since: recheck.look.since, reservation, signal, tried };
  const isManifest = target.namesOf([item]).digests.length > 0;
  const made = await withoutLocks(registry, repository, { locks, lost: unlocked, isManifest }, sending, () =>
    target.send(item, sending),
  );
  const { result, isUnlocking, lost } = made;
  if (result.state === 'again') {
    const notBefore = clock.ticks() + result.after;
    return { ...attempt, unlocked: lost, tried: result.tried, error: result.error, notBefore };
  }
  const right = isUnlocking ? 'unlock' : hiding ? 'quarantine' : 'delete';
  const came = fromDeletion(result, right);
  rights.note(came, right);
  // A replica that lags may not have it, and another one may.
  if (came.state === 'already-gone' && target.isNeeded(item)) return { ...attempt, wasMissing: true };
  return withLostLocks(came, lost, imageIn(registry, repository));
}

/** What a deletion in doubt came to, by a look at it. */
function lookedAtAgain<T>(
  came: Exclude<Result, { state: 'changed' }>,
  item: T,
  recheck: Recheck<T>,
  done: Done,
): Result {
  const became = recheck.became(item);
  if (became) return became;
  const why = recheck.whyAnother(item);
  return why === undefined ? came : inDoubt(came, why, done);
}

/** Records the outcome of one, once its locks are put back, if need be. */
async function finish<T>(
  context: Context,
  target: Target<T>,
  attempt: Attempt<T>,
  result: Result,
  look?: Look,
): Promise<void> {
  const { registry, repository, tell, hiding } = context;
  const { item, tried, unlocked = [] } = attempt;
  const done = hiding ? 'quarantined' : 'deleted';
  let came = result;
  if (!isDone(came) && came.state !== 'changed' && (tried?.inDoubt || came.inDoubt)) {
    // It may have been deleted all the same: the registry knows.
    const recheck = await target.recheck([item]).catch((error: unknown) => error as Error);
    came = recheck instanceof Error ? inDoubt(came, recheck.message, done) : lookedAtAgain(came, item, recheck, done);
  }
  if (unlocked.length > 0 && !isGone(came) && !('lost' in came))
    came = withLostLocks(came, await relock(registry, repository, unlocked), imageIn(registry, repository));
  await tell(target.settle(item, came, { look, before: attempt.look }));
}

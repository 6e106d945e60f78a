import type { TagDeletion } from '../planner/types.ts';
import type { Look, Reservation } from '../registry/types.ts';
import { type Context, isPushedAgain, lockOf, relocked, send } from './context.ts';
import { oneByOneUntil } from './manifests.ts';
import { changed, fromError, isGone, notAttempted, type Result } from './results.ts';
import { type Attempt, inTurns, leftAs } from './turns.ts';

/** Deletes tags whose manifest stays, each only while it still names the manifest that it named in the plan. */
export async function deleteTags(context: Context, deletions: readonly TagDeletion[]): Promise<void> {
  const { results, registry, signal, rights } = context;
  const ready: TagDeletion[] = [];
  for (const deletion of deletions) {
    const isFree = deletion.after.every((image) => isGone(results.manifests.get(image)));
    if (isFree) ready.push(deletion);
    else results.tags.set(deletion.tag, notAttempted('the image that it belongs to is kept'));
  }
  await inTurns(ready, {
    registry,
    signal,
    halted: () => rights.lacking(),
    noteSlow: rights.noteSlow,
    tryOnce: (batch, reservation) => tryOnce(context, batch, reservation),
    async leave(attempt, why) {
      if (attempt.tried) await finish(context, attempt, leftAs(attempt, why));
      else results.tags.set(attempt.item.tag, why);
    },
  });
}

async function tryOnce(
  context: Context,
  batch: readonly Attempt<TagDeletion>[],
  reservation: Reservation,
): Promise<readonly Attempt<TagDeletion>[]> {
  let look: Look;
  try {
    look = await lookAt(
      context,
      batch.map(({ item }) => item.tag),
    );
  } catch (error) {
    const failed = fromError(error);
    context.rights.note(failed, 'read');
    for (const attempt of batch) await finish(context, attempt, failed);
    return [];
  }
  const going = batch.filter((attempt) => !whyNot(context, attempt, look)).map(({ item }) => item.tag);
  const locks = going.flatMap((name) => {
    const lock = look.tags.get(name)?.lock;
    return lock ? [{ name, lock }] : [];
  });
  const forbidden = await context.intend(going, [], locks);
  const again: Attempt<TagDeletion>[] = [];
  const one = async (attempt: Attempt<TagDeletion>): Promise<void> => {
    const became =
      forbidden ?? whyNot(context, attempt, look) ?? (await deleteTag(context, attempt, look, reservation));
    if ('item' in became) again.push(became);
    else await finish(context, attempt, became);
  };
  const isLocked = ({ item }: Attempt<TagDeletion>): boolean => look.tags.get(item.tag)?.locked === true;
  await oneByOneUntil(
    context,
    batch.filter((attempt) => !isLocked(attempt)),
    one,
  );
  for (const attempt of batch.filter(isLocked)) await one(attempt);
  return again;
}

function lookAt({ registry, repository, listedTags }: Context, tags: readonly string[]): Promise<Look> {
  return registry.look(repository, { tags, tagCount: listedTags.size });
}

/** Why a tag is not deleted now, or need not be; nothing where it is to be deleted. */
function whyNot(
  { includeLocked, listedTags }: Context,
  { item: { tag, digest }, tried }: Attempt<TagDeletion>,
  look: Look,
): Result | undefined {
  const now = look.tags.get(tag);
  if (!now) return { state: tried?.inDoubt ? 'deleted' : 'already-gone' };
  if (now.digest !== digest) return changed(`it names ${now.digest ?? 'another manifest'} now`);
  if (isPushedAgain(now.lastUpdated, listedTags.get(tag))) return changed('it was pushed again');
  if (now.hidden) return changed('it was hidden, and is there');
  if (look.locked) return changed('the repository was locked as a whole');
  const lock = lockOf(now);
  if (lock !== undefined && !includeLocked) return changed('it was locked');
  if (lock === 'unreadable')
    return { state: 'refused', error: { message: 'its lock cannot be read, so that it could not be put back' } };
  return undefined;
}

function deleteTag(
  context: Context,
  attempt: Attempt<TagDeletion>,
  look: Look,
  reservation: Reservation,
): Promise<Result | Attempt<TagDeletion>> | Result {
  const { registry, repository, rights } = context;
  const { tag } = attempt.item;
  const lock = look.tags.get(tag)?.lock;
  const lacking = rights.lacking(lock !== undefined);
  if (lacking) return lacking;
  return send(context, attempt, lock ? [{ name: tag, lock }] : [], { since: look.since, reservation }, (sending) =>
    registry.deleteTag(repository, tag, sending),
  );
}

/** Records the outcome of a tag, once its lock is put back, if need be. */
async function finish(context: Context, attempt: Attempt<TagDeletion>, result: Result): Promise<void> {
  const { tag } = attempt.item;
  let became = result;
  if (!isGone(result) && result.state !== 'changed' && (attempt.tried?.inDoubt || result.inDoubt)) {
    // It may have gone all the same: the registry knows.
    const look = await lookAt(context, [tag]).catch(() => undefined);
    if (look && !look.tags.has(tag)) became = { state: 'deleted' };
  }
  context.results.tags.set(tag, await relocked(context, attempt, became));
  await context.tell([tag], []);
}

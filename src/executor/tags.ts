import type { TagDeletion } from '../planner/types.ts';
import type { Registry, TagRecord } from '../registry/types.ts';
import { BATCH, batches } from './batches.ts';
import {
  fromDeletion,
  fromError,
  type Intend,
  isForbidden,
  isGone,
  notAttempted,
  type Tell,
  type Result,
  type Results,
} from './results.ts';

interface Context {
  readonly registry: Registry;
  readonly repository: string;
  readonly tagCount: number;
  readonly includeLocked: boolean;
  readonly signal?: AbortSignal;
  readonly tell: Tell;
  readonly intend: Intend;
}

/** Deletes tags whose manifest stays, each only while it still names the manifest that it named in the plan. */
export async function deleteTags(context: Context, deletions: readonly TagDeletion[], results: Results): Promise<void> {
  let halted: Result | undefined;
  for (const batch of batches(deletions, BATCH)) {
    const ready = batch.filter(({ tag, after }) => {
      const blocked =
        halted ??
        (context.signal?.aborted ? notAttempted('the run was stopped') : undefined) ??
        (after.every((image) => isGone(results.manifests.get(image)))
          ? undefined
          : notAttempted('the image it belongs to stays'));
      if (blocked) results.tags.set(tag, blocked);
      return !blocked;
    });
    if (ready.length === 0) continue;
    try {
      const now = await context.registry.lookAtTags(
        context.repository,
        ready.map(({ tag }) => tag),
        context.tagCount,
      );
      const going = ready.filter(({ tag, digest }) => now.get(tag)?.digest === digest).map(({ tag }) => tag);
      const forbidden = await context.intend(going, []);
      await Promise.all(
        ready.map(async (deletion) => {
          const result = forbidden ?? (await deleteTag(context, deletion, now.get(deletion.tag)));
          results.tags.set(deletion.tag, result);
          await context.tell([deletion.tag], []);
          // Not allowed to delete one is not allowed to delete any.
          if (isForbidden(result)) halted ??= notAttempted('an earlier deletion in this repository was not allowed');
        }),
      );
    } catch (error) {
      for (const { tag } of ready) {
        if (!results.tags.has(tag)) results.tags.set(tag, fromError(error));
      }
    }
  }
}

async function deleteTag(context: Context, deletion: TagDeletion, now: TagRecord | undefined): Promise<Result> {
  if (!now) return { state: 'already-gone' };
  if (now.digest !== deletion.digest)
    return { state: 'changed', detail: `it names ${now.digest ?? 'another manifest'} now` };
  if (now.locked && !context.includeLocked) return { state: 'changed', detail: 'it was locked' };
  const { registry, repository, signal } = context;
  if (now.locked) {
    const unlocked = await registry.unlock(repository, deletion.tag, signal);
    // What was unlocked goes, also when the run is stopped meanwhile: it would be left without its lock.
    return fromDeletion('error' in unlocked ? unlocked : await registry.deleteTag(repository, deletion.tag));
  }
  return fromDeletion(await registry.deleteTag(repository, deletion.tag, signal));
}

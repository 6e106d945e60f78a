import type { TagDeletion } from '../planner/types.ts';
import type { Context } from './context.ts';
import { deleteUnchanged, type Recheck, type Target } from './delete.ts';
import { hide } from './hide.ts';
import { isUnreadable, UNREADABLE_LOCK } from './locks.ts';
import { tagChange, whyAnother } from './recheck.ts';
import { changed, isDone, notAttempted } from './results.ts';

/** Deletes tags whose manifest is kept, each only while it still names the manifest that it named in the plan. */
export async function deleteTags(context: Context, deletions: readonly TagDeletion[]): Promise<void> {
  const { results } = context;
  const ready: TagDeletion[] = [];
  for (const deletion of deletions) {
    if (deletion.after.every((image) => isDone(results.manifests.get(image)))) ready.push(deletion);
    else results.tags.set(deletion.tag, notAttempted('the image that it belongs to is kept'));
  }
  await deleteUnchanged(context, ready, tagTarget(context));
}

function tagTarget(context: Context): Target<TagDeletion> {
  const { registry, repository, results, listedTags, hiding } = context;
  return {
    async recheck(deletions, signal): Promise<Recheck<TagDeletion>> {
      const tags = deletions.map(({ tag }) => tag);
      const look = await registry.look(repository, { tags, tagCount: listedTags.size }, signal);
      return {
        look,
        became({ tag }) {
          const now = look.tags.get(tag);
          if (!now) return { state: hiding ? 'already-gone' : 'deleted' };
          return hiding && now.unreadable ? { state: 'quarantined' } : undefined;
        },
        whyAnother({ tag, digest }) {
          const now = look.tags.get(tag);
          return now && whyAnother(now, { digest, lastUpdated: listedTags.get(tag) });
        },
        whyNot(deletion) {
          const now = look.tags.get(deletion.tag);
          if (!now) return { state: 'already-gone' };
          const change = tagChange(deletion, now, look, context);
          if (change !== undefined) return changed(change);
          if (hiding) return now.unreadable ? { state: 'quarantined' } : undefined;
          return isUnreadable(now) ? UNREADABLE_LOCK : undefined;
        },
        locksOf({ tag }) {
          if (hiding) return [];
          const lock = look.tags.get(tag)?.lock;
          return lock ? [{ name: tag, lock }] : [];
        },
      };
    },
    send: ({ tag }, sending) =>
      hiding ? hide(context, hiding, tag, sending) : registry.deleteTag(repository, tag, sending),
    namesOf: (deletions) => ({ tags: deletions.map(({ tag }) => tag), digests: [] }),
    isNeeded: () => false,
    settle({ tag }, result) {
      results.tags.set(tag, result);
      return { tags: [tag], digests: [] };
    },
  };
}

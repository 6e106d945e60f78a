import type { ManifestDeletion, Removal } from '../planner/types.ts';
import type { Instant } from '../registry/time.ts';
import type { Look, ManifestListing } from '../registry/types.ts';
import type { Added } from './added.ts';
import { isPushedAgain } from './context.ts';
import { changed, type Result } from './results.ts';

/** What is known besides a look. */
export interface Since {
  readonly inventory: ManifestListing;
  readonly listedTags: ReadonlyMap<string, Instant | undefined>;
  readonly added: Added;
  readonly includeLocked: boolean;
}

/** What changed since the plan was made so that the deletion must not be carried out; `undefined` where nothing did. */
export function changeSince(deletion: ManifestDeletion, look: Look, since: Since): Result | undefined {
  const { unreadable } = since.added;
  if (unreadable !== undefined) return changed(`${unreadable} was pushed since, and cannot be read`);
  if (look.locked) return changed('the repository was locked as a whole');
  const again = look.added.find(({ digest }) => deletion.after.includes(digest));
  if (again) return changed(`${again.digest}, which had to be deleted before it, was pushed again`);
  for (const removal of [deletion, ...deletion.referrers]) {
    const detail = changeOf(removal, look, since);
    if (detail !== undefined) {
      return changed(
        removal === deletion ? detail : `${removal.digest}, which would be deleted along with it: ${detail}`,
      );
    }
  }
  return undefined;
}

function changeOf({ digest, tags }: Removal, look: Look, since: Since): string | undefined {
  const { added, includeLocked, inventory, listedTags } = since;
  if (look.unclear.has(digest)) return 'it is listed, and not found when it is asked for by itself: a replica may lag';
  const record = look.present.get(digest);
  if (!record) return undefined;
  // A manifest may have thousands of tags.
  const planned = new Set(tags);
  const gained = record.tags.find((tag) => !planned.has(tag));
  if (gained !== undefined) return `it is tagged ${gained} now`;
  // A listing would not have shown it, and the plan would not have named it.
  if (record.hidden) return 'it was hidden, and is there';
  const hidden = record.tags.find((tag) => look.tags.get(tag)?.hidden);
  if (hidden !== undefined) return `its tag ${hidden} was hidden, and is there`;
  if (isPushedAgain(record.lastUpdated, inventory.byDigest.get(digest)?.lastUpdated)) return 'it was pushed again';
  const renewed = record.tags.find((tag) => isPushedAgain(look.tags.get(tag)?.lastUpdated, listedTags.get(tag)));
  if (renewed !== undefined) return `its tag ${renewed} was pushed again`;
  if (!includeLocked) {
    if (record.locked) return 'it was locked';
    const locked = record.tags.find((tag) => look.tags.get(tag)?.locked);
    if (locked !== undefined) return `its tag ${locked} was locked`;
    // Removed this moment: it is not known whether it was locked.
    const unseen = record.tags.find((tag) => !look.tags.has(tag));
    if (unseen !== undefined) return `its tag ${unseen} cannot be found`;
  }
  const index = added.neededBy.get(digest);
  if (index !== undefined) return `the index ${index}, pushed since, needs it`;
  const referrer = added.referredBy.get(digest);
  return referrer === undefined ? undefined : `${referrer}, pushed since, refers to it`;
}

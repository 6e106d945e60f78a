import type { ManifestDeletion, Removal } from '../planner/types.ts';
import type { Look } from '../registry/types.ts';
import type { Added } from './added.ts';
import type { Result } from './results.ts';

/** What changed since the plan was made so that the deletion must not be carried out; `undefined` where nothing did. */
export function changeSince(
  deletion: ManifestDeletion,
  look: Look,
  added: Added,
  includeLocked: boolean,
): Result | undefined {
  if (added.unreadable !== undefined) return changed(`${added.unreadable} was pushed since, and cannot be read`);
  for (const removal of [deletion, ...deletion.along]) {
    const detail = changeOf(removal, look, added, includeLocked);
    if (detail !== undefined) {
      return changed(removal === deletion ? detail : `${removal.digest}, which would go along with it: ${detail}`);
    }
  }
  return undefined;
}

function changeOf({ digest, tags }: Removal, look: Look, added: Added, includeLocked: boolean): string | undefined {
  const record = look.present.get(digest);
  if (!record) return undefined;
  // A manifest may have thousands of tags.
  const planned = new Set(tags);
  const gained = record.tags.find((tag) => !planned.has(tag));
  if (gained !== undefined) return `it is tagged ${gained} now`;
  if (!includeLocked) {
    if (record.locked) return 'it was locked';
    const locked = record.tags.find((tag) => look.tags.get(tag)?.locked);
    if (locked !== undefined) return `its tag ${locked} was locked`;
    // Hidden, or removed this moment: nobody can say whether it is locked.
    const unseen = record.tags.find((tag) => !look.tags.has(tag));
    if (unseen !== undefined) return `its tag ${unseen} cannot be found`;
  }
  const index = added.neededBy.get(digest);
  if (index !== undefined) return `the index ${index}, pushed since, needs it`;
  const referrer = added.referredBy.get(digest);
  return referrer === undefined ? undefined : `${referrer}, pushed since, refers to it`;
}

function changed(detail: string): Result {
  return { state: 'changed', detail };
}

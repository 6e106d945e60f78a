import type { Restored } from '../../planner/decision.ts';
import type { Held } from '../../planner/restore.ts';
import { addTo } from '../../planner/slices.ts';
import { kindOf } from '../../registry/media-types.ts';
import type { BroughtBack } from './restore-unit.ts';

/* Whether indexes that are back have all that they name. */

/** Of an index that is back, it has to be known what it needs. */
export function unlessUnread(
  one: Restored,
  { children }: BroughtBack,
  held: (digest: string) => Held | undefined,
): Restored {
  const { kind, outcome, mediaType, digest = '' } = one;
  if (children || kind !== 'manifest' || outcome !== 'restored' || held(digest)) return one;
  if (['image', 'plain'].includes(kindOf(mediaType))) return one;
  return {
    ...one,
    outcome: 'failed',
    error: { message: 'it is back, and cannot be read: whether it is whole is not known' },
  };
}

/** What each index names that is not there, that no run has deleted, and of which there is no copy. */
export type Missing = Map<string, string[]>;

/** What no listing shows, and no copy has. */
export function missingIn(
  indexes: Iterable<string>,
  held: (digest: string) => Held | undefined,
  isAccounted: (digest: string) => boolean,
): Missing {
  const missing: Missing = new Map();
  for (const index of indexes)
    for (const { digest } of held(index)?.children ?? []) if (!isAccounted(digest)) addTo(missing, index, digest);
  return missing;
}

/** It may have been like that before it was deleted, so it is no failure. */
export function warningsOf(repository: string, missing: Missing): readonly string[] {
  return Array.from(missing, ([index, [first = '', ...more]]) => {
    const others = more.length === 0 ? '' : `, and ${more.length} more`;
    return `${repository}@${index} is not whole: it names ${first}${others}, of which there is neither the manifest nor a copy, nor a run that deleted it`;
  });
}

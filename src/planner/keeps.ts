import type { TagRecord } from '../registry/types.ts';
import { nth } from './retention.ts';
import { filtered, slicer, sorted, type Steps } from './slices.ts';
import { compare, imageOfSignatureTag } from './tags.ts';
import type { Protection, Rule } from './types.ts';

/*
 * What `--protect` and `--keep-at-least` keep. `acr purge` has neither: what it would delete is kept all the same.
 */

/** Tags that stay whatever their age, and why. Of several reasons it is the first. */
export function* keptBesides(tags: readonly TagRecord[], { keeps }: Rule): Steps<ReadonlyMap<string, Protection>> {
  const kept = new Map<string, Protection>();
  if (!keeps) return kept;
  const due = slicer();
  for (const { name } of tags) {
    if (due()) yield;
    const detail = keeps.protected.get(name) ?? keeps.whole;
    if (detail !== undefined) kept.set(name, { reason: 'protected', detail });
  }
  const { atLeast, groups } = keeps;
  // As a policy file counts: signature tags follow their image, and what stays anyway takes no place.
  const isCounted = ({ name, lastUpdated }: TagRecord): boolean =>
    lastUpdated !== undefined && imageOfSignatureTag(name) === undefined && !keeps.protected.has(name);
  for (const { selects, tags: names } of atLeast === 0 ? [] : groups) {
    const own = yield* filtered(tags, (tag) => names.has(tag.name) && isCounted(tag));
    const byTime = yield* sorted(own, (a, b) => compare(b.lastUpdated, a.lastUpdated) || compare(a.name, b.name));
    for (const [place, { name }] of byTime.slice(0, atLeast).entries()) {
      const detail = `it is the ${nth(place + 1)} of the ${atLeast} newest that ${selects} (--keep-at-least ${atLeast})`;
      if (!kept.has(name)) kept.set(name, { reason: 'kept-newest', detail });
    }
  }
  return kept;
}

import type { TagRecord } from '../registry/types.ts';
import {
  type Age,
  countIn,
  type Counted,
  isOpen,
  longest,
  NO_DIGEST,
  NO_TIME,
  ownedByRules,
  type Retention,
} from './retention.ts';
import { atOnce } from './slices.ts';
import { imageOfSignatureTag } from './tags.ts';
import type { Rule } from './types.ts';
import { askedInWords } from './vulnerable.ts';

/*
 * When a policy file will let a tag go, if nothing changes but the time: no push, no deletion, no pull.
 */

export interface Forecast {
  /** The rule that owns the tag. */
  readonly rule?: string;
  /** Why it is never deleted on its own account, or not known to be. Then nothing of the rest holds. */
  readonly never?: string;
  /** Why it is not known when. Then nothing of the rest holds, either. */
  readonly unknown?: string;
  /** What keeps it whatever its age: it goes only when each has enough that is newer. */
  readonly counts: readonly Counting[];
  /** The first moment at which it is old enough. Absent: at any age. */
  readonly from?: Date;
  /** The rule deletes only where there are more of its tags than that, and there are not. */
  readonly onlyIfMore?: { readonly than: number; readonly now: number };
  /** It must not have been pulled for so long. */
  readonly notPulledWithin?: string;
  /** A scan must name such a finding, and a source say that nothing uses it. */
  readonly findings?: string;
  /** Its end of life must be past, and a source say that nothing uses it. */
  readonly endOfLife?: 'past';
}

/** A count that keeps a tag. `isOpen`: its day, week, month or year is not over, and may get a newer one. */
type Counting = Counted & { readonly isOpen: boolean };

const NEVER: Pick<Forecast, 'counts'> = { counts: [] };

/**
 * @param name one of the tags
 * @param retention what the policy says of the repository at `now`
 */
export function forecast(
  name: string,
  tags: readonly TagRecord[],
  retention: Retention,
  { now, includeLocked }: Pick<Rule, 'now' | 'includeLocked'>,
): Forecast {
  const tag = tags.find((one) => one.name === name);
  const owned = retention.owned.get(name);
  const tagRule = owned && retention.rules[owned.rule];
  const named = tagRule ? { rule: tagRule.name } : {};
  const protection = retention.protected.get(name) ?? retention.whole;
  if (protection !== undefined) return { ...NEVER, ...named, never: protection };
  const image = imageOfSignatureTag(name);
  if (image !== undefined) return { ...NEVER, never: `it belongs to ${image}, and goes with that` };
  if (!owned || !tagRule) return { ...NEVER, never: 'no rule owns it' };
  if (tag?.digest === undefined) return { ...NEVER, ...named, never: NO_DIGEST };
  if (tag.lastUpdated === undefined) return { ...NEVER, ...named, never: NO_TIME };
  if (tag.locked && !includeLocked) return { ...NEVER, ...named, never: 'it is locked' };
  const { olderThan, onlyIfMoreThan, notPulledWithin, findings, endOfLife, keep } = tagRule;
  if (keep.ofOld) return { ...NEVER, ...named, unknown: 'its rule keeps the newest of what is old by then' };
  const pulled = longest([notPulledWithin, retention.pulledTags.get(name), retention.pulledAny]);
  const age = longest([olderThan, keep.within]);
  const { groups, counts } = atOnce(ownedByRules(tags, retention));
  const keeping: Counting[] = [];
  const add = (other: TagRecord, counted: Counted): void => {
    if (other.name === name) keeping.push({ ...counted, isOpen: isOpen(counted, now) });
  };
  atOnce(countIn(owned.group, groups[owned.rule]?.get(owned.group) ?? [], tagRule, retention, add));
  const count = counts[owned.rule] ?? 0;
  return {
    ...named,
    counts: keeping,
    // Strictly older, and times have more digits than a Date.
    ...(age && { from: new Date(Date.parse(tag.lastUpdated) + lengthOf(age, now) + 1) }),
    ...(onlyIfMoreThan !== undefined &&
      count <= onlyIfMoreThan && { onlyIfMore: { than: onlyIfMoreThan, now: count } }),
    ...(pulled && { notPulledWithin: pulled.text }),
    ...(findings && { findings: askedInWords(findings) }),
    ...(endOfLife && { endOfLife }),
  };
}

function lengthOf({ cutOff }: Age, now: Date): number {
  return now.getTime() - Date.parse(cutOff);
}

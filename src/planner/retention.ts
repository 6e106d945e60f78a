import type { TagRecord } from '../registry/types.ts';
import type { Instant } from '../registry/time.ts';
import type { KeepReason } from './decision.ts';
import { addTo, converted, filtered, setOf, slicer, sorted, type Steps } from './slices.ts';
import { compare, imageOfSignatureTag, lockedInWords, type TagChoice } from './tags.ts';
import type { Protection, Rule } from './types.ts';
import type { AskedFindings } from './vulnerable.ts';

/*
 * Which tags a policy file keeps, and which it lets go. Of each rule the tags that it owns are counted, in groups; what a
 * count keeps stays whatever its age, and of the rest goes what is old enough.
 */

/** What a policy file says of one repository. */
export interface Retention {
  readonly rules: readonly TagRule[];
  /** Of each tag, by its name. A tag that is not in it is owned by no rule. */
  readonly owned: ReadonlyMap<string, Owned>;
  /** Why a tag is protected, by its name. */
  readonly protected: ReadonlyMap<string, string>;
  /** Why all of the repository is. */
  readonly whole?: string;
  /** Of tags that are protected where they were pulled since: the longest time, by name. */
  readonly pulledTags: ReadonlyMap<string, Age>;
  /** The same of all in the repository, also of what has no tag. */
  readonly pulledAny?: Age;
  /** Absent: what has no tag stays. */
  readonly untagged?: UntaggedRetention;
}

export interface TagRule {
  readonly name: string;
  readonly keep: Counts;
  readonly olderThan?: Age;
  readonly onlyIfMoreThan?: number;
  readonly notPulledWithin?: Age;
  readonly findings?: AskedFindings;
  readonly endOfLife?: 'past';
}

/** `30d`, and what was last updated before this is older. */
export interface Age {
  readonly text: string;
  readonly cutOff: Instant;
}

export interface Counts {
  readonly newest?: number;
  /** The newest of what is old enough to go, and not locked: so `--keep` of `acr purge` counts. */
  readonly ofOld?: boolean;
  readonly daily?: number;
  readonly weekly?: number;
  readonly monthly?: number;
  readonly yearly?: number;
  readonly within?: Age;
}

/** What of a tag its rule goes by. */
export interface Owned {
  /** The place of the rule. */
  readonly rule: number;
  /** What is counted together: `minor 1.4`, say; empty where that is the repository. */
  readonly group: string;
  /** Where the rule counts by version: its place among these, the highest version has the highest. */
  readonly version?: number;
}

interface UntaggedRetention {
  readonly olderThan?: Age;
  /** So many builds stay. */
  readonly newest: number;
  readonly ofOld?: boolean;
  readonly keepsReferenced: boolean;
  readonly deletesOrphans: boolean;
}

/** A choice for every tag. Whatever the order of the listing, it is the same. */
export function* chooseByRules(
  tags: readonly TagRecord[],
  retention: Retention,
  rule: Rule,
): Steps<readonly TagChoice[]> {
  const due = slicer();
  const { groups, counts } = yield* ownedByRules(tags, retention);
  const gone = yield* deletedByPlan(tags, retention, rule);
  const kept = new Map<string, Protection>();
  // What is kept by several is explained by the first.
  const add = ({ name }: TagRecord, counted: Counted): void => {
    if (!kept.has(name)) kept.set(name, { reason: counted.reason, detail: countedInWords(counted) });
  };
  for (const [place, tagRule] of retention.rules.entries())
    for (const [group, own] of groups[place] ?? []) yield* countIn(group, own, tagRule, retention, add);
  const choices: TagChoice[] = [];
  for (const tag of tags) {
    if (due()) yield;
    const isSignature = imageOfSignatureTag(tag.name) !== undefined;
    const own = retention.owned.get(tag.name);
    const tagRule = own && retention.rules[own.rule];
    const named = !isSignature && tagRule ? { rule: tagRule.name } : {};
    const why =
      whyNot(
        tag,
        { retention, tagRule, isSignature, kept, count: own ? (counts[own.rule] ?? 0) + (gone[own.rule] ?? 0) : 0 },
        rule,
      ) ?? ALL;
    choices.push({ tag, ...named, ...why });
  }
  return choices;
}

interface OwnedTags {
  /** Of each rule: its tags that are counted together, by what these have in common. */
  readonly groups: readonly ReadonlyMap<string, readonly TagRecord[]>[];
  /** Of each rule: how many tags it owns, counted or not. */
  readonly counts: readonly number[];
}

/** What each rule owns. Signature tags are counted nowhere, and what is protected takes no place. */
export function* ownedByRules(tags: readonly TagRecord[], retention: Retention): Steps<OwnedTags> {
  const due = slicer();
  const groups = retention.rules.map(() => new Map<string, TagRecord[]>());
  const counts = retention.rules.map(() => 0);
  for (const tag of tags) {
    if (due()) yield;
    const own = retention.owned.get(tag.name);
    if (!own || imageOfSignatureTag(tag.name) !== undefined) continue;
    counts[own.rule] = (counts[own.rule] ?? 0) + 1;
    const isCounted = tag.lastUpdated !== undefined && !retention.protected.has(tag.name);
    const group = groups[own.rule];
    if (group && isCounted) addTo(group, own.group, tag);
  }
  return { groups, counts };
}

/** Of each rule, by its place: tags that the plan deletes which is applied, and that are gone. They counted when it was made. */
function* deletedByPlan(tags: readonly TagRecord[], { rules }: Retention, { only }: Rule): Steps<readonly number[]> {
  if (!only?.rules?.size) return [];
  const listed = yield* setOf(yield* converted(tags, ({ name }) => name));
  const counts = new Map<string, number>();
  for (const [, rule] of yield* filtered(only.rules, ([tag]) => !listed.has(tag)))
    counts.set(rule, (counts.get(rule) ?? 0) + 1);
  return rules.map(({ name }) => counts.get(name) ?? 0);
}

const ALL = { reason: 'matched-and-expired', detail: '' } as const;

interface OfTag {
  readonly retention: Retention;
  readonly tagRule: TagRule | undefined;
  readonly isSignature: boolean;
  readonly kept: ReadonlyMap<string, Protection>;
  /** Tags that the rule owns in the repository. */
  readonly count: number;
}

function whyNot(tag: TagRecord, about: OfTag, { includeLocked }: Rule): Protection | undefined {
  const { retention, tagRule, isSignature, kept, count } = about;
  const protection = retention.protected.get(tag.name) ?? retention.whole;
  if (protection !== undefined) return { reason: 'protected', detail: protection };
  if (tag.digest === undefined) return { reason: 'unreadable', detail: NO_DIGEST };
  const locked: Protection | undefined =
    tag.locked && !includeLocked ? { reason: 'locked', detail: lockedInWords(tag) } : undefined;
  // By its name it belongs to the image that it is on. It has nothing to follow, and would go with itself.
  if (imageOfSignatureTag(tag.name) === tag.digest) return { reason: 'no-rule', detail: 'no rule owns it' };
  // It follows its image, which `protect` looks after.
  if (isSignature) return locked;
  if (!tagRule) return { reason: 'no-rule', detail: 'no rule owns it' };
  const { olderThan, onlyIfMoreThan, keep } = tagRule;
  if (tag.lastUpdated === undefined) return { reason: 'unknown-time', detail: NO_TIME };
  const counted = kept.get(tag.name);
  if (counted) return counted;
  if (keep.within && !(tag.lastUpdated < keep.within.cutOff))
    return { reason: 'kept-within', detail: `pushed on ${dayOf(tag.lastUpdated)}, within ${keep.within.text}` };
  if (olderThan && !(tag.lastUpdated < olderThan.cutOff))
    return { reason: 'too-young', detail: `pushed on ${dayOf(tag.lastUpdated)}, not older than ${olderThan.text}` };
  if (onlyIfMoreThan !== undefined && count <= onlyIfMoreThan)
    return {
      reason: 'below-count',
      detail: `the rule deletes only where there are more than ${onlyIfMoreThan} of its tags, and there are ${count}`,
    };
  return locked;
}

export const NO_DIGEST = 'the registry does not say which manifest it names';
export const NO_TIME = 'the registry gives no time for it that can be read';

/** A count that keeps a tag: the tag is the `place`th of `most`. */
export interface Counted {
  readonly reason: KeepReason;
  readonly place: number;
  readonly most: number;
  /** What is counted: the newest tags, or days, weeks, months or years that have one. */
  readonly unit: 'newest' | Calendar['unit'];
  /** What is counted together; empty where that is the repository. */
  readonly group: string;
  /** Of a calendar: the day, week, month or year that it is the newest of. */
  readonly period?: string;
}

/** Tells what the counts of a rule keep in one group, once for each count. */
export function* countIn(
  group: string,
  tags: readonly TagRecord[],
  { keep, olderThan }: TagRule,
  { owned }: Retention,
  add: (tag: TagRecord, counted: Counted) => void,
): Steps<void> {
  const byTime = yield* sorted(tags, (a, b) => compare(b.lastUpdated, a.lastUpdated) || compare(a.name, b.name));
  if (keep.newest !== undefined) {
    const versionOf = ({ name }: TagRecord): number => owned.get(name)?.version ?? 0;
    const isOld = ({ lastUpdated, locked }: TagRecord): boolean =>
      !locked && lastUpdated !== undefined && (olderThan === undefined || lastUpdated < olderThan.cutOff);
    const counted = keep.ofOld ? yield* filtered(byTime, isOld) : byTime;
    // Stable: of one version the newest comes first.
    const newest = (yield* sorted(counted, (a, b) => versionOf(b) - versionOf(a))).slice(0, keep.newest);
    for (const [place, tag] of newest.entries())
      add(tag, { reason: 'kept-newest', place: place + 1, most: keep.newest, unit: 'newest', group });
  }
  for (const { field, reason, unit, periodOf } of CALENDARS) {
    const most = keep[field];
    if (most === undefined) continue;
    const due = slicer();
    let last: string | undefined;
    let found = 0;
    for (const tag of byTime) {
      if (due()) yield;
      const period = periodOf(tag.lastUpdated ?? '');
      if (period === last) continue;
      if (found === most) break;
      last = period;
      found += 1;
      add(tag, { reason, place: found, most, unit, group, period });
    }
  }
}

/** Whether what a tag is the newest of is not over at that time. */
export function isOpen({ unit, period }: Counted, now: Date): boolean {
  return CALENDARS.some((one) => one.unit === unit && one.periodOf(now.toISOString()) === period);
}

function countedInWords({ place, most, unit, group, period }: Counted): string {
  const ofGroup = group === '' ? '' : ` of ${group}`;
  const newestOf = period === undefined ? '' : `newest of ${period}, `;
  return `${newestOf}${nth(place)} of ${most} ${unit}${ofGroup}`;
}

interface Calendar {
  readonly field: 'daily' | 'weekly' | 'monthly' | 'yearly';
  readonly reason: KeepReason;
  readonly unit: 'days' | 'weeks' | 'months' | 'years';
  readonly periodOf: (time: string) => string;
}

/** As restic counts (`--keep-daily` and so on): the newest of each of the last periods that have one; in UTC. */
const CALENDARS: readonly Calendar[] = [
  { field: 'daily', reason: 'kept-daily', unit: 'days', periodOf: dayOf },
  { field: 'weekly', reason: 'kept-weekly', unit: 'weeks', periodOf: isoWeekOf },
  { field: 'monthly', reason: 'kept-monthly', unit: 'months', periodOf: (time) => time.slice(0, 7) },
  { field: 'yearly', reason: 'kept-yearly', unit: 'years', periodOf: (time) => time.slice(0, 4) },
];

/** @param time ISO 8601, UTC */
function dayOf(time: string): string {
  return time.slice(0, 10);
}

const DAY_MS = 86_400_000;

/** `2026-W53`: the week belongs to the year that its Thursday is in (ISO 8601). */
export function isoWeekOf(time: string): string {
  const day = new Date(`${dayOf(time)}T00:00:00Z`);
  const thursday = new Date(day.getTime() + (3 - ((day.getUTCDay() + 6) % 7)) * DAY_MS);
  const year = thursday.getUTCFullYear();
  const week = 1 + Math.floor((thursday.getTime() - Date.UTC(year, 0, 1)) / (7 * DAY_MS));
  return `${year}-W${String(week).padStart(2, '0')}`;
}

/** `2nd` */
export function nth(place: number): string {
  const ending = { one: 'st', two: 'nd', few: 'rd', other: 'th', zero: 'th', many: 'th' }[ORDINALS.select(place)];
  return `${place}${ending}`;
}

const ORDINALS = new Intl.PluralRules('en', { type: 'ordinal' });

/** The age that reaches back furthest, of those that there are. */
export function longest(ages: readonly (Age | undefined)[]): Age | undefined {
  return ages.reduce((most, age) => (age && !(most && most.cutOff <= age.cutOff) ? age : most), undefined);
}

import type { TagRecord } from '../registry/types.ts';
import type { DeleteReason, KeepReason } from './decision.ts';
import { keptBesides } from './keeps.ts';
import { chooseByRules } from './retention.ts';
import { converted, filtered, setOf, sorted, type Steps } from './slices.ts';
import type { Protection, Rule } from './types.ts';

/** A tag that a filter matches, or any tag of a policy file, and why it is deleted or kept on its own account. */
export interface TagChoice {
  readonly tag: TagRecord;
  /** `matched-and-expired` also for what a rule lets go. */
  readonly reason: (DeleteReason & 'matched-and-expired') | KeepReason;
  /** `acr purge` deletes it, but it is among the newest `--keep` where signature tags are not counted. */
  readonly newest?: true;
  /** `acr purge` deletes it, but `--protect` or `--keep-at-least` keeps it. */
  readonly saved?: Protection;
  /** The rule of a policy file that owns it. */
  readonly rule?: string;
  /** Of a policy file: why it is kept. */
  readonly detail?: string;
}

/**
 * Chooses tags exactly as `acr purge` does (cmd/acr/purge.go, getTagsToDelete): of the tags that match, those last
 * updated before the cut-off and not locked may be deleted, and the newest `--keep` of these are kept.
 * What it would stumble over (no time, no digest) is kept.
 *
 * `--keep` is meant to count images: `newest` marks those that it would delete because it counts signature tags as well.
 */
export function* chooseTags(tags: readonly TagRecord[], rule: Rule): Steps<readonly TagChoice[]> {
  const { matches, retention } = rule;
  if (retention) return yield* approvedOnly(yield* chooseByRules(tags, retention, rule), rule);
  if (!matches) return [];
  const matched = yield* filtered(tags, (_, index) => matches[index] === true);
  const eligible = yield* filtered(matched, (tag) => standing(tag, rule) === 'matched-and-expired');
  // Stable: among tags of one time the registry's order decides, as it does for acr purge.
  const newestFirst = yield* sorted(eligible, (a, b) => compare(b.lastUpdated, a.lastUpdated));
  const kept = yield* setOf(newestFirst.slice(0, rule.keep));
  const images =
    rule.keep === 0 ? [] : yield* filtered(newestFirst, (tag) => imageOfSignatureTag(tag.name) === undefined);
  const newest = yield* setOf(images.slice(0, rule.keep));
  const besides = yield* keptBesides(matched, rule);
  return yield* converted(matched, (tag): TagChoice => {
    if (kept.has(tag)) return { tag, reason: 'newest-kept' };
    const own = standing(tag, rule);
    const saved = own === 'matched-and-expired' ? besides.get(tag.name) : undefined;
    const reason = approved(own, tag, rule);
    return { tag, reason, ...(newest.has(tag) && { newest: true }), ...(saved && { saved }) };
  });
}

function standing(tag: TagRecord, rule: Rule): TagChoice['reason'] {
  if (tag.digest === undefined) return 'unreadable';
  if (tag.lastUpdated === undefined) return 'unknown-time';
  if (!(tag.lastUpdated < rule.cutOff)) return 'too-young';
  return tag.locked && !rule.includeLocked ? 'locked' : 'matched-and-expired';
}

function* approvedOnly(choices: readonly TagChoice[], rule: Rule): Steps<readonly TagChoice[]> {
  if (!rule.only) return choices;
  return yield* converted(choices, (choice) => ({ ...choice, reason: approved(choice.reason, choice.tag, rule) }));
}

function approved(
  reason: TagChoice['reason'],
  { name, digest, locked }: TagRecord,
  { only }: Rule,
): TagChoice['reason'] {
  if (reason !== 'matched-and-expired' || !only) return reason;
  const wanted = only.tags.get(name);
  if (wanted?.digest !== digest) return 'not-in-plan';
  return locked && !wanted?.locked ? 'locked' : reason;
}

/** Why a tag, or a manifest, counts as locked: a part of a sentence. */
export function lockedInWords(record: Pick<TagRecord, 'withoutLock'> | undefined): string {
  return record?.withoutLock
    ? 'a run took its lock off and could not put it back, so that it counts as locked'
    : 'its deleteEnabled or writeEnabled is false';
}

/** Why a tag is kept that `acr purge` deletes: for other flags, or because it counts signature tags. */
export function savedBesides({ saved, newest }: TagChoice, { keep }: Rule): Protection | undefined {
  if (saved || !newest) return saved;
  return {
    reason: 'newest-kept',
    detail: `it is among the newest ${keep} of those (--keep ${keep}), where signature tags are not counted`,
  };
}

/** For sorting; what is absent comes first. */
export function compare<T extends string>(a: T | undefined, b: T | undefined): number {
  if (a === b) return 0;
  if (a === undefined) return -1;
  return b === undefined || a > b ? 1 : -1;
}

/**
 * The image that a tag belongs to by its name: cosign keeps signatures, attestations and SBOMs of `sha256:<hex>` under
 * `sha256-<hex>.sig|.att|.sbom`, and clients of registries without referrers keep their list under `sha256-<hex>`
 * (OCI distribution specification 1.1, "Referrers Tag Schema").
 */
export function imageOfSignatureTag(name: string): string | undefined {
  const hex = /^sha256-([0-9a-f]{64})(?:\.(?:sig|att|sbom))?$/.exec(name)?.[1];
  return hex === undefined ? undefined : `sha256:${hex}`;
}

import type { RiskImage, SeenTag } from '../../ledger/risk-images.ts';
import { MOST_TAGS } from '../../ledger/risk-images.ts';
import type { LedgerReader } from '../../ledger/reader.ts';
import type { Decision, Reason } from '../../planner/decision.ts';
import { parseDuration } from '../../policy/duration.ts';
import { InvalidPolicy } from '../../policy/errors.ts';
import { parsePolicyFile } from '../../policy/file/parse.ts';
import {
  isNameOfRepository,
  isNameOfTag,
  type ProposedRule,
  type ProposedTags,
  proposePolicy,
  shapeOf,
} from '../../policy/file/propose.ts';
import type { NoRule, ProposedRules } from '../../report/risk.ts';

/*
 * Rules for images with critical findings that nothing uses, by what a run recorded. Whatever the run kept on purpose, or
 * did not look at, is not proposed: a doubt means keep.
 */

/** How old what a proposed rule deletes is. */
const OLDER_THAN = '30d';

/** What keeps an artifact for its age alone, or for nothing at all. */
const FREE: ReadonlySet<Reason> = new Set<Reason>(['no-rule', 'too-young', 'not-selected', 'has-tags']);

/**
 * Why no rule is proposed for an image that nothing uses; `undefined`: one is.
 * @param hasProtectFlags the run had `--protect`, which is looked at only for what would be deleted
 */
export function whyNoRule(image: RiskImage, hasProtectFlags: boolean): NoRule | undefined {
  const { tags, tagCount, manifest, undecided } = image;
  const all = [...tags, ...(manifest ? [manifest] : [])];
  if (image.isQuarantined) return 'quarantined';
  if (manifest?.isPlanned) return 'planned';
  if (all.some(({ isLocked }) => isLocked)) return 'locked';
  if (all.some(({ reason, isPlanned }) => !isPlanned && !FREE.has(reason))) return 'kept';
  // Of an image with a tag that is kept, or by a run without --untagged, only tags are deleted.
  if (tags.some(({ isPlanned }) => isPlanned)) return 'tags-planned';
  // Its age is what that rule asks for, and the first rule that matches a tag owns it.
  if (tags.some(({ rule }) => rule !== undefined)) return 'owned';
  if (tagCount === 0) return 'untagged';
  if (tagCount >= MOST_TAGS) return 'unnameable';
  // Without a decision on the manifest its lock is not known, and not each tag on it.
  if (undecided !== 0) return 'undecided';
  if (hasProtectFlags) return 'protect-flags';
  const isNamed = isNameOfRepository(image.repository) && tags.every(({ name }) => isNameOfTag(name));
  return isNamed ? undefined : 'unnameable';
}

/** The images of a repository for which a rule is proposed. */
export interface Candidates {
  readonly repository: string;
  readonly runId: string;
  readonly images: readonly RiskImage[];
  /** The run decided on every tag that was listed in the repository. */
  readonly decidedOnAll: boolean;
}

/** Repositories that a proposal is about. */
const MOST_REPOSITORIES = 20;
/** Tags that a rule names one by one. */
const MOST_NAMES = 50;
/** So many tags that are named alike have a pattern. */
const LEAST_ALIKE = 3;
const MOST_SHAPES = 10;
/** Tags that are looked at for one pattern. */
const MOST_MATCHED = 20_000;

/**
 * Proposes rules. Each is given to the parser before it is shown.
 * @param all the worst first
 */
export async function proposeRules(
  reader: Pick<LedgerReader, 'decisions'>,
  all: readonly Candidates[],
  now: Date,
  signal?: AbortSignal,
): Promise<ProposedRules | undefined> {
  const rules: ProposedRule[] = [];
  const { milliseconds } = parseDuration(OLDER_THAN);
  const before = new Date(now.getTime() - milliseconds).toISOString();
  let [images, old, more] = [0, 0, 0];
  for (const [place, candidates] of all.entries()) {
    if (place >= MOST_REPOSITORIES) {
      more += candidates.images.length;
      continue;
    }
    const { owned, rules: found } = await rulesFor(reader, candidates, signal);
    // What the parser refuses is not proposed: the name of a repository that looks like a registry, say.
    if (!found.every(isValid)) {
      more += candidates.images.length;
      continue;
    }
    for (const rule of found) rules.push(rule);
    const named = candidates.images.filter(({ tags }) => tags.every(({ name }) => owned.has(name)));
    images += named.length;
    more += candidates.images.length - named.length;
    old += named.filter(({ tags }) => tags.every(({ updated = '' }) => updated !== '' && updated < before)).length;
  }
  if (rules.length === 0) return undefined;
  return { policy: proposePolicy(rules), rules: rules.length, images, old, olderThan: OLDER_THAN, more };
}

function isValid(rule: ProposedRule): boolean {
  try {
    parsePolicyFile(proposePolicy([rule]));
    return true;
  } catch (error) {
    if (error instanceof InvalidPolicy) return false;
    throw error;
  }
}

async function rulesFor(
  reader: Pick<LedgerReader, 'decisions'>,
  { repository, runId, images, decidedOnAll }: Candidates,
  signal: AbortSignal | undefined,
): Promise<{ readonly rules: readonly ProposedRule[]; readonly owned: ReadonlySet<string> }> {
  const tags = images.flatMap((image) => image.tags);
  const alike = decidedOnAll
    ? await alikeIn(reader, { repository, runId, tags }, signal)
    : new Map<string, Set<string>>();
  const inShapes = new Set([...alike.values()].flatMap((own) => [...own]));
  const names: string[] = [];
  // An image is named with all its tags, or not at all.
  for (const image of images) {
    const own = image.tags.map(({ name }) => name).filter((name) => !inShapes.has(name));
    if (names.length + own.length <= MOST_NAMES) for (const name of own) names.push(name);
  }
  const about = { repository, severity: 'critical', olderThan: OLDER_THAN } as const;
  const all: readonly ProposedTags[] = [
    ...[...alike.keys()].map((regex) => ({ regex })),
    ...(names.length === 0 ? [] : [{ names }]),
  ];
  return { rules: all.map((one) => ({ ...about, tags: one })), owned: new Set([...inShapes, ...names]) };
}

/**
 * Patterns for tags that are named alike. Every tag of the repository that one matches was decided on, belongs to an image
 * that nothing uses, is free, and is owned by no rule: of a tag that another rule owns, that one would delete nothing more.
 */
async function alikeIn(
  reader: Pick<LedgerReader, 'decisions'>,
  {
    repository,
    runId,
    tags,
  }: { readonly repository: string; readonly runId: string; readonly tags: readonly SeenTag[] },
  signal: AbortSignal | undefined,
): Promise<ReadonlyMap<string, ReadonlySet<string>>> {
  const named = new Map<string, Set<string>>();
  for (const { name } of tags) {
    const shape = shapeOf(name);
    if (shape === undefined) continue;
    const own = named.get(shape);
    if (own) own.add(name);
    else if (named.size < MOST_SHAPES) named.set(shape, new Set([name]));
  }
  for (const [shape, own] of named) if (own.size < LEAST_ALIKE) named.delete(shape);
  if (named.size === 0) return named;
  const patterns = new Map([...named.keys()].map((shape) => [shape, new RegExp(shape)]));
  const matched = new Map<string, Map<string, true>>([...named.keys()].map((shape) => [shape, new Map()]));
  for await (const decision of reader.decisions(runId, { repository })) {
    signal?.throwIfAborted();
    for (const [shape, pattern] of patterns) {
      const digests = matched.get(shape);
      const isMatched =
        decision.kind === 'tag' ? pattern.test(decision.tag ?? '') : digests?.has(decision.digest ?? '') === true;
      if (!isMatched) continue;
      if (decision.kind === 'tag') digests?.set(decision.digest ?? '', true);
      if (!isFree(decision) || (digests?.size ?? 0) > MOST_MATCHED) {
        patterns.delete(shape);
        named.delete(shape);
      }
    }
  }
  return named;
}

/** What the run deleted is not there any more. */
function isFree(decision: Decision): boolean {
  const { findings, locked, rule, quarantine, reason } = decision;
  if (decision.action === 'delete') return decision.outcome === 'deleted' || decision.outcome === 'already-gone';
  if (decision.action === 'restore' || !findings) return false;
  return !findings.inUse && !locked && !quarantine && rule === undefined && FREE.has(reason);
}

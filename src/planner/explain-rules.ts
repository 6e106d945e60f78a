import type { ManifestRecord, TagRecord } from '../registry/types.ts';
import type { Instant } from '../registry/time.ts';
import type { Decision, Deleted } from './decision.ts';
import type { Graph } from './graph.ts';
import { imageOfSignatureTag, type TagChoice } from './tags.ts';
import type { Inventory, Protection, Rule } from './types.ts';
import { foundInWords } from './vulnerable.ts';

/*
 * The words of decisions that a policy file makes.
 */

/** What a decision says of a tag, whatever is decided. */
export type TagAbout = Pick<Decision, 'repository' | 'tag' | 'digest' | 'locked' | 'withoutLock' | 'lastUpdateTime'> & {
  readonly kind: 'tag';
};

interface OfChoice {
  readonly saved: Protection | undefined;
  readonly graph: Graph | undefined;
  readonly inventory: Inventory;
}

/**
 * Of a tag. What its rules let go and is kept is kept for something else: an index, a lock, a workload.
 *
 * @param saved why it is kept although a rule lets it go
 */
export function explainTagByRules(
  about: TagAbout,
  choice: TagChoice,
  { saved, graph, inventory }: OfChoice,
  rule: Rule,
): Decision {
  const { tag, reason, detail = '' } = choice;
  const signed = imageOfSignatureTag(tag.name);
  const owner = choice.rule ?? (signed !== undefined && graph ? ruleOf(graph, signed) : undefined);
  const named = owner === undefined ? about : { ...about, rule: owner };
  if (saved) return { ...named, action: 'keep', ...saved, beyondAcrPurge: false };
  if (reason === 'matched-and-expired') {
    const why =
      signed === undefined
        ? `kept by no count, and ${ageByRules(tag, choice, rule)}${foundByRules(choice, inventory, rule)}`
        : `belongs to ${signed}`;
    return {
      ...named,
      ...(tag.lock && { lock: tag.lock }),
      action: 'delete',
      reason: 'rule-matched',
      detail: why,
      beyondAcrPurge: false,
      outcome: 'planned',
    };
  }
  const isNotInPlan = reason === 'not-in-plan';
  return {
    ...named,
    action: 'keep',
    reason,
    detail: isNotInPlan ? 'the rule deletes it, but it is not in the plan that is applied' : detail,
    beyondAcrPurge: false,
  };
}

/** `36 days old (2026-10-19), older than 30d` */
function ageByRules({ lastUpdated }: TagRecord, { rule: name }: TagChoice, { now, retention }: Rule): string {
  const olderThan = retention?.rules.find((one) => one.name === name)?.olderThan;
  return `${daysOld(lastUpdated, now)}${olderThan ? `, older than ${olderThan.text}` : ''}`;
}

/** `; its scan (grype, 2026-11-20) names 2 critical`; nothing where the rule does not ask. */
function foundByRules({ tag, rule: name }: TagChoice, inventory: Inventory, { retention }: Rule): string {
  const own = retention?.rules.find((one) => one.name === name);
  return (own?.findings ?? own?.endOfLife) ? foundInWords(tag.digest ?? '', inventory, own) : '';
}

/** Why a manifest goes by a policy file, and the rule that says so: for its tags, for its index, or for itself. */
export function whyByRules(
  graph: Graph,
  { digest, lastUpdated }: ManifestRecord,
  { now, retention }: Rule,
): Pick<Deleted, 'reason' | 'rule' | 'detail'> {
  const owner = ruleOf(graph, digest);
  const named = owner === undefined ? {} : { rule: owner };
  if (graph.chosenTags(digest).length > 0) return { reason: 'rule-matched', ...named, detail: '' };
  if (graph.isPart(digest))
    return { reason: 'rule-matched', ...named, detail: 'has no tag, and every index that it is a part of is deleted' };
  const { olderThan } = retention?.untagged ?? {};
  const age = `${daysOld(lastUpdated, now)}${olderThan ? `, older than ${olderThan.text}` : ''}`;
  return { reason: 'untagged-and-expired', rule: 'untagged', detail: `has no tag, and is ${age}` };
}

/** The rule that lets a manifest go: that of its tags, or of what it belongs to; `untagged` where none of these has one. */
export function ruleOf(graph: Graph, digest: string, seen: ReadonlySet<string> = new Set()): string | undefined {
  const tags = graph.chosenTags(digest);
  const owned = tags.find(({ rule }) => rule !== undefined)?.rule;
  if (owned !== undefined) return owned;
  const [signature] = tags;
  const next = (signature && imageOfSignatureTag(signature.tag.name)) ?? graph.subject(digest) ?? graph.partOf(digest);
  // Names can belong to each other.
  if (next === undefined || seen.has(digest)) return signature ? undefined : 'untagged';
  return ruleOf(graph, next, new Set([...seen, digest]));
}

/** `36 days old (2026-10-19)` */
export function daysOld(lastUpdated: Instant | undefined, now: Date): string {
  if (lastUpdated === undefined) return 'of no known age';
  const hours = Math.floor((now.getTime() - Date.parse(lastUpdated)) / 3_600_000);
  const [count, unit] = hours < 48 ? [hours, 'hour'] : [Math.floor(hours / 24), 'day'];
  return `${count} ${unit}${count === 1 ? '' : 's'} old (${lastUpdated.slice(0, 10)})`;
}

import type { ManifestRecord, TagRecord } from '../registry/types.ts';
import type { Instant } from '../registry/time.ts';
import type { Decision, Deleted } from './decision.ts';
import type { Graph } from './graph.ts';
import { imageOfSignatureTag, type TagChoice } from './tags.ts';
import type { Protection, Rule } from './types.ts';

/*
 * The words of decisions that a policy file makes.
 */

/** What a decision says of a tag, whatever is decided. */
export type TagAbout = Pick<Decision, 'repository' | 'tag' | 'digest' | 'locked' | 'lastUpdateTime'> & {
  readonly kind: 'tag';
};

/**
 * Of a tag. What its rules let go and is kept is kept for something else: an index, a lock, a workload.
 *
 * @param saved why it is kept although a rule lets it go
 */
export function explainTagByRules(
  about: TagAbout,
  choice: TagChoice,
  saved: Protection | undefined,
  rule: Rule,
): Decision {
  const { tag, reason, detail = '' } = choice;
  const named = choice.rule === undefined ? about : { ...about, rule: choice.rule };
  if (saved) return { ...named, action: 'keep', ...saved, beyondAcrPurge: false };
  if (reason === 'matched-and-expired') {
    const image = imageOfSignatureTag(tag.name);
    const why = image === undefined ? `kept by no count, and ${ageByRules(tag, choice, rule)}` : `belongs to ${image}`;
    return {
      ...named,
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
    detail: isNotInPlan ? 'the rule lets it go, but it is not in the plan that is applied' : detail,
    beyondAcrPurge: false,
  };
}

/** `36 days old (2026-10-19), older than 30d` */
function ageByRules({ lastUpdated }: TagRecord, { rule: name }: TagChoice, { now, retention }: Rule): string {
  const olderThan = retention?.rules.find((one) => one.name === name)?.olderThan;
  return `${daysOld(lastUpdated, now)}${olderThan ? `, older than ${olderThan.text}` : ''}`;
}

/** Why a manifest goes by a policy file, and the rule that says so: for its tags, for its index, or for itself. */
export function whyByRules(
  graph: Graph,
  { digest, lastUpdated }: ManifestRecord,
  { now, retention }: Rule,
): Pick<Deleted, 'reason' | 'rule' | 'detail'> {
  const [choice] = graph.chosenTags(digest);
  if (choice) return { reason: 'rule-matched', ...(choice.rule !== undefined && { rule: choice.rule }), detail: '' };
  if (graph.isPart(digest))
    return { reason: 'rule-matched', detail: 'has no tag, and every index that it is a part of is deleted' };
  const { olderThan } = retention?.untagged ?? {};
  const age = `${daysOld(lastUpdated, now)}${olderThan ? `, older than ${olderThan.text}` : ''}`;
  return { reason: 'untagged-and-expired', rule: 'untagged', detail: `has no tag, and is ${age}` };
}

/** `36 days old (2026-10-19)` */
export function daysOld(lastUpdated: Instant | undefined, now: Date): string {
  if (lastUpdated === undefined) return 'of no known age';
  const hours = Math.floor((now.getTime() - Date.parse(lastUpdated)) / 3_600_000);
  const [count, unit] = hours < 48 ? [hours, 'hour'] : [Math.floor(hours / 24), 'day'];
  return `${count} ${unit}${count === 1 ? '' : 's'} old (${lastUpdated.slice(0, 10)})`;
}

import type { ManifestRecord, TagRecord } from '../registry/types.ts';
import type { Instant } from '../registry/time.ts';
import type { AcrChoice } from './acr-purge.ts';
import { type Decision, type Decisions, decisionsOf, type Deleted, type KeepReason, mapped } from './decision.ts';
import { daysOld, explainTagByRules, ruleOf, type TagAbout, whyByRules } from './explain-rules.ts';
import { type Graph, name, type Standing } from './graph.ts';
import type { Selection } from './protect.ts';
import { lockedInWords, type TagChoice } from './tags.ts';
import type { Inventory, Plan, Protection, Rule } from './types.ts';

export interface Explained {
  readonly inventory: Inventory;
  readonly rule: Rule;
  readonly choices: readonly TagChoice[];
  readonly selection: Selection;
  /** Tags that are not in the plan that is applied, and would be kept if they were. */
  readonly notInPlan: ReadonlyMap<TagChoice, Protection>;
  /** Where manifests were looked at. */
  readonly graph?: Graph;
  readonly acrPurge?: AcrChoice;
  /** Images that were assumed to refer to nothing. */
  readonly assumed?: ReadonlySet<string>;
  /** Signature tags that are kept, counted by the image that they belong to by their name. */
  readonly signaturesKept?: ReadonlyMap<string, number>;
}

/**
 * A decision for every tag that a filter matches, every manifest that was looked at, and every other tag that
 * `acr purge` would have deleted by way of its manifest.
 */
export function explain(explained: Explained): Decisions {
  const { choices, graph } = explained;
  return decisionsOf(choices.length + (graph?.records.size ?? 0), function* () {
    for (const choice of choices) yield explainTag(explained, choice);
    if (!graph) return;
    yield* tagsSavedWithTheirManifest(explained, graph);
    for (const record of graph.records.values()) yield explainManifest(explained, graph, record);
  });
}

/** One decision to delete, without making all: `Plan.deletionOf`. */
export function deletionsOf(explained: Explained): Plan['deletionOf'] {
  const { choices, graph } = explained;
  const byName = graph ? undefined : new Map(choices.map((choice) => [choice.tag.name, choice]));
  return (kind, name) => {
    const choice = kind === 'tag' ? (graph?.chosen(name) ?? byName?.get(name)) : undefined;
    const record = kind === 'manifest' ? graph?.records.get(name) : undefined;
    const decision = choice
      ? explainTag(explained, choice)
      : graph && record && explainManifest(explained, graph, record);
    return decision?.action === 'delete' ? decision : undefined;
  };
}

function explainTag(
  { inventory, rule, selection, notInPlan, acrPurge, graph }: Explained,
  choice: TagChoice,
): Decision {
  const { tag, reason } = choice;
  const about: TagAbout = {
    repository: inventory.repository,
    kind: 'tag' as const,
    tag: tag.name,
    ...(tag.digest !== undefined && { digest: tag.digest }),
    ...(tag.locked && { locked: true as const }),
    ...(tag.withoutLock && { withoutLock: true as const }),
    ...(tag.lastUpdated !== undefined && { lastUpdateTime: tag.lastUpdated }),
  };
  const saved = selection.protectedTags.get(choice) ?? notInPlan.get(choice);
  if (rule.retention) return explainTagByRules(about, choice, { saved, graph, inventory }, rule);
  const filter = rule.filterOf(tag.name);
  const matches = `matches "${filter}"`;
  const age = ageInWords(tag.lastUpdated, rule);
  if (saved) {
    const detail = choice.newest || choice.saved ? `${matches} and is old enough, but ${saved.detail}` : saved.detail;
    return { ...about, action: 'keep', ...saved, detail, beyondAcrPurge: true };
  }
  if (reason === 'matched-and-expired') {
    const detail = `${matches}, and is ${age}`;
    const lock = tag.lock && { lock: tag.lock };
    return { ...about, ...lock, action: 'delete', reason, detail, filter, beyondAcrPurge: false, outcome: 'planned' };
  }
  const details: Partial<Record<KeepReason, string>> = {
    'too-young': `${matches}, but is ${age}`,
    locked: `${matches} and is old enough, but ${lockedInWords(tag)}`,
    'newest-kept': `${matches} and is old enough, but is among the newest ${rule.keep} of those (--keep ${rule.keep})`,
    'unknown-time': `${matches}; the registry gives no time for it that can be read`,
    unreadable: `${matches}; the registry does not say which manifest it names`,
    'not-in-plan': `${matches} and is old enough, but is not in the plan that is applied`,
  };
  const beyondAcrPurge =
    reason === 'not-in-plan' || (tag.digest !== undefined && deletedByAcrPurge(acrPurge, tag.digest));
  return { ...about, action: 'keep', reason, detail: details[reason] ?? matches, beyondAcrPurge };
}

function* tagsSavedWithTheirManifest(
  { inventory, choices, acrPurge, rule }: Explained,
  graph: Graph,
): Generator<Decision> {
  const explained = new Set(choices.map(({ tag }) => tag.name));
  for (const digest of acrPurge?.cascaded ?? []) {
    for (const tag of graph.keptTags(digest)) {
      if (explained.has(tag)) continue;
      if (rule.retention) continue;
      const detail = `${rule.matches ? 'no filter matches it' : 'tags are not touched'}; acr purge deletes it along with the subject of its manifest`;
      yield {
        repository: inventory.repository,
        kind: 'tag',
        tag,
        digest,
        action: 'keep',
        reason: 'not-selected',
        detail,
        beyondAcrPurge: true,
      };
    }
  }
}

function explainManifest(
  { inventory, rule, selection, acrPurge, assumed, signaturesKept }: Explained,
  graph: Graph,
  record: ManifestRecord,
): Decision {
  const { digest } = record;
  const about = {
    repository: inventory.repository,
    kind: 'manifest' as const,
    digest,
    ...(record.tags.length > 0 && { tags: record.tags }),
    ...(record.mediaType !== undefined && { mediaType: record.mediaType }),
    ...(record.size !== undefined && { size: record.size }),
    ...(record.locked && { locked: true as const }),
    ...(record.withoutLock && { withoutLock: true as const }),
    ...(record.created !== undefined && { createdTime: record.created }),
    ...(record.lastUpdated !== undefined && { lastUpdateTime: record.lastUpdated }),
  };
  const leavesSignatures = signaturesKept?.get(digest);
  const deleted = {
    action: 'delete' as const,
    beyondAcrPurge: false,
    outcome: 'planned' as const,
    ...(record.lock && { lock: record.lock }),
    ...(leavesSignatures !== undefined && { leavesSignatures }),
  };
  const subject = graph.subject(digest);
  const isCascaded = subject !== undefined && (selection.deleted.has(subject) || selection.cascaded.has(subject));
  if (selection.cascaded.has(digest) || (selection.deleted.has(digest) && isCascaded)) {
    const detail = `refers to ${subject ?? ''}, which is deleted; the registry deletes it along with that`;
    const owner = rule.retention && ruleOf(graph, digest);
    return { ...about, ...deleted, ...(owner !== undefined && { rule: owner }), reason: 'referrer-of-deleted', detail };
  }
  if (selection.deleted.has(digest)) {
    const tags = graph.chosenTags(digest);
    const untagged =
      tags.length === 0
        ? 'has no tag'
        : `has no tag left when ${listed(tags)} ${tags.length === 1 ? 'is' : 'are'} deleted`;
    const ruled = rule.retention && whyByRules(graph, record, rule);
    const needed = assumed?.size
      ? `nothing that is kept is known to need it (whether one of ${assumed.size} images refers to it is checked before it is deleted)`
      : 'nothing that is kept needs it';
    if (ruled)
      return { ...about, ...deleted, ...ruled, detail: `${tags.length > 0 ? untagged : ruled.detail}; ${needed}` };
    const detail = `${untagged}, and is ${ageInWords(record.lastUpdated, rule)}; ${needed}`;
    return { ...about, ...deleted, reason: 'untagged-and-expired', detail };
  }
  const standing = graph.standing(record);
  const kept =
    (standing === 'candidate' ? undefined : standingInWords(standing, record, rule, graph)) ??
    selection.protections.get(digest) ??
    (acrPurge?.newestKept.has(digest)
      ? {
          reason: 'newest-kept' as const,
          detail: `has no tag and is old enough, but is among the newest ${rule.keep} of those (--keep ${rule.keep})`,
        }
      : {
          reason: 'child-of-referrer' as const,
          detail: 'an index needs it that is deleted along with its subject; the next run may delete it',
        });
  const beyondAcrPurge = !rule.retention && deletedByAcrPurge(acrPurge, digest);
  return { ...about, action: 'keep', ...kept, beyondAcrPurge };
}

function standingInWords(
  standing: Exclude<Standing, 'candidate'>,
  record: ManifestRecord,
  rule: Rule,
  graph: Graph,
): Protection {
  const details = {
    locked: lockedInWords(record),
    'has-tags': name(graph, record.digest).replace(/^\S+ \((.*)\)$/, '$1'),
    protected: rule.retention?.whole ?? '',
    'no-rule': 'has no tag, and the policy says nothing of what has none',
    'too-young': rule.retention
      ? `${daysOld(record.lastUpdated, rule.now)}, not older than ${rule.retention.untagged?.olderThan?.text ?? ''}`
      : ageInWords(record.lastUpdated, rule),
    'unknown-time': 'the registry gives no time for it that can be read',
    'unknown-media-type': `it is not known what its media type means: ${record.mediaType ?? 'none given'}`,
  } as const;
  return { reason: standing, detail: details[standing] };
}

function deletedByAcrPurge(acrPurge: AcrChoice | undefined, digest: string): boolean {
  return acrPurge !== undefined && (acrPurge.deleted.has(digest) || acrPurge.cascaded.has(digest));
}

/** A sentence names so many tags, and counts the others: a manifest may have thousands. */
const NAMED_TAGS = 10;

function listed(tags: readonly TagChoice[]): string {
  const names = tags.slice(0, NAMED_TAGS).map(({ tag }) => tag.name);
  return `${names.join(', ')}${tags.length > NAMED_TAGS ? ` and ${tags.length - NAMED_TAGS} more` : ''}`;
}

/** `36 days old (2026-10-19), past --ago 30d` */
function ageInWords(lastUpdated: Instant | undefined, rule: Rule): string {
  const old = daysOld(lastUpdated, rule.now);
  if (lastUpdated === undefined) return old;
  return `${old}, ${lastUpdated < rule.cutOff ? 'past' : 'not past'} ${rule.ago}`;
}

/**
 * The plan of a repository that is locked as a whole: the registry refuses each deletion in it, so all that would be
 * deleted is kept. `acr purge` could not delete it either.
 */
export function lockedAsAWhole(plan: Plan, howToUnlock: string): Plan {
  const detail = `the repository ${plan.repository} is locked as a whole: its own deleteEnabled or writeEnabled is false${howToUnlock}`;
  const decisions = mapped(plan.decisions, (decision): Decision => {
    if (decision.action !== 'delete') return decision;
    const { outcome, error, filter, leavesUntagged, leavesSignatures, ...about } = decision;
    return { ...about, action: 'keep', reason: 'locked', detail };
  });
  return { ...plan, decisions, deletionOf: () => undefined, tags: [], manifests: [] };
}

/** Manifests that a plan keeps and of which it deletes every tag, with how many tags each has. */
export function untaggedBy(plan: Plan, tags: readonly TagRecord[]): ReadonlyMap<string, number> {
  const deleted = new Map<string, number>();
  for (const { digest } of plan.tags) deleted.set(digest, (deleted.get(digest) ?? 0) + 1);
  const all = new Map<string, number>();
  for (const { digest = '' } of tags) if (deleted.has(digest)) all.set(digest, (all.get(digest) ?? 0) + 1);
  return new Map([...deleted].filter(([digest, count]) => digest !== '' && all.get(digest) === count));
}

/**
 * The same plan, with decisions that say which manifests are left without a tag and would be deleted by `--untagged`:
 * neither locked nor too young.
 */
export function withUntagged(
  plan: Plan,
  untagged: ReadonlyMap<string, number>,
  records: ReadonlyMap<string, ManifestRecord>,
  { cutOff, includeLocked }: Rule,
): Plan {
  const leaves = new Map<string, Deleted['leavesUntagged']>();
  for (const [digest, tags] of untagged) {
    const record = records.get(digest);
    if (record?.lastUpdated === undefined || !(record.lastUpdated < cutOff)) continue;
    if (record.locked && !includeLocked) continue;
    leaves.set(digest, { tags, bytes: record.size ?? 0 });
  }
  if (leaves.size === 0) return plan;
  const marked = <D extends Decision>(decision: D): D => {
    const leavesUntagged = decision.kind === 'tag' && leaves.get(decision.digest ?? '');
    return decision.action === 'delete' && leavesUntagged ? { ...decision, leavesUntagged } : decision;
  };
  return {
    ...plan,
    decisions: mapped(plan.decisions, marked),
    deletionOf: (kind, name) => {
      const decision = plan.deletionOf(kind, name);
      return decision && marked(decision);
    },
  };
}

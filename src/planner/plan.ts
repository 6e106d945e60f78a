import type { TagRecord } from '../registry/types.ts';
import { chooseAsAcrPurge, neededByKeptIndexes } from './acr-purge.ts';
import { deletionsOf, explain, type Explained } from './explain.ts';
import { buildGraph, type Graph, name, NONE } from './graph.ts';
import {
  NO_NEEDS,
  unknownReferrers,
  unlistedChildren,
  unlistedInDoubt,
  unlistedSubjects,
  unreadCandidates,
  unreadKeptIndexes,
} from './needs.ts';
import { newestBuilds, newestInDoubt } from './newest.ts';
import { manifestDeletions, tagDeletions, waitingForEachOther } from './order.ts';
import { protect, type Selection, signatureInDoubt, signatureOf } from './protect.ts';
import { keptForPulls } from './pulled.ts';
import { atOnce, chained, converted, setOf, slicer, type Steps } from './slices.ts';
import { chooseTags, imageOfSignatureTag, lockedInWords, savedBesides, type TagChoice } from './tags.ts';
import type { Inventory, ManifestDeletion, Needs, Planned, Protection, Rule, TagDeletion } from './types.ts';
import { keepsOrphans, newestUntagged, orphanedSignatures, referredTo, youngOrphans } from './untagged.ts';
import { unknownConfigs, unreadOfTags, usedOf } from './use.ts';
import { keptForFindings } from './vulnerable.ts';

/**
 * Plans one repository: what is deleted, what is kept, and why. Pure: the same inventory and rule give the same plan.
 *
 * Chooses first as `acr purge` chooses, `--keep` included, and then takes away what must be protected. It asks for what
 * it does not know yet: call it again with that in the inventory. It asks a few times at most.
 */
export function plan(inventory: Inventory, rule: Rule): Planned {
  return atOnce(planInSteps(inventory, rule));
}

/** The same, in slices. The inventory must not change before the plan is made. */
export function* planInSteps(inventory: Inventory, rule: Rule): Steps<Planned> {
  const choices = yield* chooseTags(inventory.tags ?? [], rule);
  return yield* rule.untagged ? planManifests(inventory, rule, choices) : planTagsOnly(inventory, rule, choices);
}

/** Without `--untagged` every manifest is kept, and so is each cosign tag of an image that is there. */
function* planTagsOnly(inventory: Inventory, rule: Rule, choices: readonly TagChoice[]): Steps<Planned> {
  const due = slicer();
  const images = yield* setOf(yield* converted(inventory.tags ?? NONE, (tag: TagRecord) => tag.digest));
  const protectedTags = new Map<TagChoice, Protection>();
  const unlisted = new Set<string>();
  for (const choice of choices) {
    if (due()) yield;
    if (choice.reason !== 'matched-and-expired') continue;
    const besides = savedBesides(choice, rule);
    if (besides) protectedTags.set(choice, besides);
    const image = imageOfSignatureTag(choice.tag.name);
    if (image === undefined) continue;
    if (!images.has(image) && !inventory.manifests) return needs({ listing: true });
    const isListed = images.has(image) || inventory.manifests?.byDigest.has(image);
    const fact = isListed ? undefined : inventory.facts.get(image);
    if (!isListed && !fact) unlisted.add(image);
    if (fact?.state === 'missing') continue;
    if (fact?.state === 'unreadable') protectedTags.set(choice, signatureInDoubt(image, fact.why));
    else protectedTags.set(choice, signatureOf(isListed ? image : `${image} (hidden)`));
  }
  // What is not listed may be hidden: each is asked for by itself.
  if (unlisted.size > 0) return needs({ manifests: [...unlisted] });
  if (inventory.evidence) {
    const graph = yield* buildGraph(inventory, choices, rule);
    const unread = yield* unreadOfTags(graph, inventory, choices);
    if (unread.listing || unread.manifests.length > 0) return needs(unread);
    const configs = yield* unknownConfigs(graph, inventory, namedBy(choices));
    if (configs.length > 0) return needs({ configs });
    const used = yield* usedOf(graph, inventory, choices, { deleted: new Set(), cascaded: new Set() });
    for (const [choice, protection] of used.tags) protectedTags.set(choice, protection);
  }
  const selection: Selection = { deleted: new Set(), cascaded: new Set(), protections: new Map(), protectedTags };
  const tags = yield* tagDeletions(choices, selection, NONE);
  const notInPlan = yield* keptInAnyCase(choices, rule, (image) => (images.has(image) ? image : undefined));
  return planned({ inventory, rule, choices, selection, notInPlan }, tags, []);
}

function* planManifests(inventory: Inventory, rule: Rule, choices: readonly TagChoice[]): Steps<Planned> {
  if (!inventory.manifests) return needs({ listing: true });
  const graph = yield* buildGraph(inventory, choices, rule);
  const indexes = yield* unreadKeptIndexes(graph);
  if (indexes.manifests.length > 0) return needs(indexes);
  const candidates = yield* unreadCandidates(graph, rule);
  if (candidates.manifests.length > 0) return needs(candidates);
  const subjects = yield* unlistedSubjects(graph, rule);
  if (subjects.manifests.length > 0) return needs(subjects);
  const choice = yield* chooseAsAcrPurge(graph, rule, yield* neededByKeptIndexes(graph, rule));
  if (choice.deleted.size > 0 && !inventory.tags) return needs({ tags: true });
  if (choice.deleted.size > 0 && !inventory.remembered) return needs({ memory: true });
  const unlisted = yield* unlistedInDoubt(graph, inventory, choice.deleted);
  if (unlisted.manifests.length > 0) return needs(unlisted);
  const unknown = yield* unknownReferrers(graph, inventory, choice.deleted, rule);
  if (unknown.manifests.length + unknown.referrers.length > 0) return needs(unknown);
  const { assumed } = unknown;
  const configs = yield* unknownConfigs(graph, inventory, chained(choice.deleted, choice.cascaded, namedBy(choices)));
  if (configs.length > 0) return needs({ configs });

  const used = yield* usedOf(graph, inventory, choices, choice);
  const pulled = yield* keptForPulls(graph, inventory, choices, choice, rule);
  const unfound = yield* keptForFindings(graph, inventory, choices, rule);
  const besides = new Map([
    ...pulled.manifests,
    ...used.manifests,
    ...newestInDoubt(graph, inventory, choice, rule),
    ...(rule.retention ? NONE : newestBuilds(graph, inventory, choice, rule)),
    ...referredTo(graph, choice, rule),
    ...youngOrphans(graph, choice, rule),
    ...protectedAsAWhole(choice.deleted, rule),
  ]);
  const usedTags = new Map([...unfound, ...pulled.tags, ...used.tags, ...orphanedSignatures(graph, rule)]);
  const options = {
    besides,
    assumed,
    usedTags,
    saved: (one: TagChoice) => savedBesides(one, rule),
    keepsOrphans: keepsOrphans(rule),
  };
  let selection = yield* protect(graph, inventory, choice, options);
  const newest = yield* newestUntagged(graph, inventory, selection, rule);
  if (newest.unread.length > 0) return needs({ manifests: newest.unread });
  if (newest.kept.size > 0) {
    for (const [digest, why] of newest.kept) besides.set(digest, why);
    selection = yield* protect(graph, inventory, choice, options);
  }
  let manifests = yield* manifestDeletions(graph, selection);
  for (;;) {
    const before = besides.size;
    for (const [digest, protection] of yield* manifestsNotInPlan(graph, selection, rule))
      besides.set(digest, protection);
    for (const digest of yield* waitingForEachOther(manifests)) besides.set(digest, STUCK);
    if (besides.size === before) break;
    selection = yield* protect(graph, inventory, choice, options);
    manifests = yield* manifestDeletions(graph, selection);
  }
  const children = yield* unlistedChildren(graph, inventory, selection, rule);
  if (children.manifests.length + children.referrers.length > 0) return needs(children);
  const signaturesKept = yield* countSignaturesKept(graph, selection);
  const { deleted, cascaded } = selection;
  const isKept = (image: string): boolean => graph.records.has(image) && !deleted.has(image) && !cascaded.has(image);
  const notInPlan = yield* keptInAnyCase(choices, rule, (image) => (isKept(image) ? name(graph, image) : undefined));
  const explained = {
    inventory,
    rule,
    choices,
    selection,
    notInPlan,
    graph,
    acrPurge: choice,
    assumed: new Set([...assumed, ...children.assumed]),
    signaturesKept,
  };
  return planned(explained, yield* tagDeletions(choices, selection, manifests), manifests);
}

function planned(explained: Explained, tags: readonly TagDeletion[], manifests: readonly ManifestDeletion[]): Planned {
  const { repository } = explained.inventory;
  const plan = { repository, decisions: explain(explained), deletionOf: deletionsOf(explained), tags, manifests };
  return { state: 'planned', plan };
}

/** Manifests that would lose a tag. */
function* namedBy(choices: readonly TagChoice[]): Generator<string> {
  for (const { reason, tag } of choices)
    if (reason === 'matched-and-expired' && tag.digest !== undefined) yield tag.digest;
}

function needs(wanted: Partial<Needs>): Planned {
  return { state: 'needs', ...NO_NEEDS, ...wanted };
}

/**
 * Tags that are not in the plan that is applied, and would be kept if they were: they get the reason that they would have
 * then.
 *
 * @param nameOfKept names an image that is kept; `undefined` where it is deleted, or not there
 */
function* keptInAnyCase(
  choices: readonly TagChoice[],
  rule: Rule,
  nameOfKept: (image: string) => string | undefined,
): Steps<ReadonlyMap<TagChoice, Protection>> {
  const due = slicer();
  const kept = new Map<TagChoice, Protection>();
  if (!rule.only) return kept;
  for (const choice of choices) {
    if (due()) yield;
    if (choice.reason !== 'not-in-plan') continue;
    const image = imageOfSignatureTag(choice.tag.name);
    const name = image === undefined ? undefined : nameOfKept(image);
    if (name !== undefined) kept.set(choice, signatureOf(name));
    else {
      const besides = savedBesides(choice, rule);
      if (besides) kept.set(choice, besides);
    }
  }
  return kept;
}

/** What has no tag, in a repository that `--protect` names as a whole. */
function* protectedAsAWhole(deleted: Iterable<string>, { keeps }: Rule): Generator<readonly [string, Protection]> {
  if (keeps?.whole === undefined) return;
  for (const digest of deleted) yield [digest, { reason: 'protected', detail: keeps.whole }];
}

/** What would be deleted now, and is not in the plan that is applied; or was locked since that was made. */
function* manifestsNotInPlan(
  graph: Graph,
  { deleted, cascaded }: Selection,
  { only }: Rule,
): Steps<ReadonlyMap<string, Protection>> {
  const due = slicer();
  const found = new Map<string, Protection>();
  if (!only) return found;
  for (const digest of chained(deleted, cascaded)) {
    if (due()) yield;
    const wanted = only.manifests.get(digest);
    if (!wanted) found.set(digest, NOT_IN_PLAN);
    else if (graph.records.get(digest)?.locked && !wanted.locked)
      found.set(digest, { reason: 'locked', detail: lockedInWords(graph.records.get(digest)) });
  }
  return found;
}

const NOT_IN_PLAN: Protection = {
  reason: 'not-in-plan',
  detail: 'would be deleted now, but is not in the plan that is applied',
};

/**
 * Only names can bring this about: an index tagged as the signature of its own child must be deleted before it, as its
 * index, and after it, as its signature.
 */
const STUCK: Protection = {
  reason: 'signature-of-kept',
  detail: 'by the tags around it, it would have to be deleted both before and after another manifest',
};

/** Signature tags that are kept, by the image that they belong to by their name. */
function* countSignaturesKept(graph: Graph, { protectedTags }: Selection): Steps<ReadonlyMap<string, number>> {
  const due = slicer();
  const kept = new Map<string, number>();
  for (const { tags } of graph.records.values()) {
    if (due(1 + tags.length)) yield;
    for (const tag of tags) {
      const image = imageOfSignatureTag(tag);
      const choice = image !== undefined && graph.chosen(tag);
      if (image !== undefined && (!choice || protectedTags.has(choice))) kept.set(image, (kept.get(image) ?? 0) + 1);
    }
  }
  return kept;
}

import { chooseAsAcrPurge, neededByStandingIndexes, withReferrers } from './acr-purge.ts';
import { deletionsOf, explain, type Explained } from './explain.ts';
import { buildGraph, type Graph, name, NONE } from './graph.ts';
import { keptBesides, newestBuilds, newestImage } from './keep.ts';
import { unknownReferrers, unlistedInDoubt, unreadCandidates, unreadStayingIndexes } from './needs.ts';
import { type Outcome, protect, type Protection, signatureInDoubt, signatureOf } from './protect.ts';
import { atOnce, converted, filtered, newPace, setOf, type Steps } from './slices.ts';
import { chooseTags, imageOfSignatureTag, type TagChoice } from './tags.ts';
import type { TagRecord } from '../registry/types.ts';
import type { Inventory, ManifestDeletion, Planned, Removal, Rule, TagDeletion } from './types.ts';

/**
 * Plans one repository: what goes, what stays, and why. Pure: the same inventory and rule give the same plan.
 *
 * Chooses first as `acr purge` chooses, `--keep` included, and takes away afterwards what must be protected. What it
 * does not know yet it asks for; called again with that, it goes on. It asks a few times at most.
 */
export function plan(inventory: Inventory, rule: Rule): Planned {
  return atOnce(planInSteps(inventory, rule));
}

/** The same, a little at a time. The inventory must stay as it is until it is planned. */
export function* planInSteps(inventory: Inventory, rule: Rule): Steps<Planned> {
  const choices = yield* chooseTags(inventory.tags ?? [], rule);
  return yield* rule.untagged ? planManifests(inventory, rule, choices) : planTagsOnly(inventory, rule, choices);
}

/** Without `--untagged` every manifest stays, and so does each cosign tag of an image that is there. */
function* planTagsOnly(inventory: Inventory, rule: Rule, choices: readonly TagChoice[]): Steps<Planned> {
  const due = newPace();
  const images = yield* setOf(yield* converted(inventory.tags ?? NONE, (tag: TagRecord) => tag.digest));
  const keptTags = new Map<TagChoice, Protection>();
  const unlisted = new Set<string>();
  for (const choice of choices) {
    if (due()) yield;
    if (choice.reason !== 'matched-and-expired') continue;
    if (choice.newest) keptTags.set(choice, newestImage(rule));
    const image = imageOfSignatureTag(choice.tag.name);
    if (image === undefined) continue;
    if (!images.has(image) && !inventory.manifests) return needs({ listing: true });
    const isListed = images.has(image) || inventory.manifests?.byDigest.has(image);
    const fact = isListed ? undefined : inventory.facts.get(image);
    if (!isListed && !fact) unlisted.add(image);
    if (fact?.state === 'missing') continue;
    if (fact?.state === 'unreadable') keptTags.set(choice, signatureInDoubt(image, fact.why));
    else keptTags.set(choice, signatureOf(isListed ? image : `${image} (hidden)`));
  }
  // What is not listed may be hidden: each is asked for by itself.
  if (unlisted.size > 0) return needs({ manifests: [...unlisted] });
  const outcome: Outcome = { deleted: new Set(), along: new Set(), protections: new Map(), keptTags };
  const going = yield* filtered(choices, (choice) => choice.reason === 'matched-and-expired' && !keptTags.has(choice));
  const tags = yield* converted(going, ({ tag }) => {
    return { tag: tag.name, digest: tag.digest ?? '', locked: tag.locked, after: NONE };
  });
  const notInPlan = yield* keptBesides(choices, rule, (image) => (images.has(image) ? image : undefined));
  return planned({ inventory, rule, choices, outcome, notInPlan }, tags, []);
}

function* planManifests(inventory: Inventory, rule: Rule, choices: readonly TagChoice[]): Steps<Planned> {
  if (!inventory.manifests) return needs({ listing: true });
  const graph = yield* buildGraph(inventory, choices, rule);
  const indexes = yield* unreadStayingIndexes(graph);
  if (indexes.manifests.length > 0) return needs(indexes);
  const candidates = yield* unreadCandidates(graph);
  if (candidates.length > 0) return needs({ manifests: candidates });
  const choice = yield* chooseAsAcrPurge(graph, rule, yield* neededByStandingIndexes(graph));
  if (choice.deleted.size > 0 && !inventory.tags) return needs({ tags: true });
  if (choice.deleted.size > 0 && !inventory.remembered) return needs({ memory: true });
  const unlisted = yield* unlistedInDoubt(graph, inventory, choice.deleted);
  if (unlisted.manifests.length > 0) return needs(unlisted);
  const unknown = yield* unknownReferrers(graph, inventory, choice.deleted, rule);
  if (unknown.manifests.length + unknown.referrers.length > 0) return needs(unknown);
  const { assumed } = unknown;

  const besides = new Map(newestBuilds(graph, inventory, choice, rule));
  const options = { besides, assumed, newest: newestImage(rule) };
  let outcome = yield* protect(graph, inventory, choice, options);
  let manifests = yield* manifestDeletions(graph, outcome);
  for (;;) {
    const before = besides.size;
    for (const [digest, protection] of yield* manifestsNotInPlan(graph, outcome, rule)) besides.set(digest, protection);
    for (const digest of yield* waitingForEachOther(manifests)) besides.set(digest, STUCK);
    if (besides.size === before) break;
    outcome = yield* protect(graph, inventory, choice, options);
    manifests = yield* manifestDeletions(graph, outcome);
  }
  const signaturesKept = yield* countSignaturesKept(graph, outcome);
  const { deleted, along } = outcome;
  const isKept = (image: string): boolean => graph.records.has(image) && !deleted.has(image) && !along.has(image);
  const notInPlan = yield* keptBesides(choices, rule, (image) => (isKept(image) ? name(graph, image) : undefined));
  const explained = { inventory, rule, choices, outcome, notInPlan, graph, acrPurge: choice, assumed, signaturesKept };
  return planned(explained, yield* tagDeletions(choices, outcome, manifests), manifests);
}

function planned(explained: Explained, tags: readonly TagDeletion[], manifests: readonly ManifestDeletion[]): Planned {
  const { repository } = explained.inventory;
  const plan = { repository, decisions: explain(explained), deletionOf: deletionsOf(explained), tags, manifests };
  return { state: 'planned', plan };
}

function needs(wanted: Partial<Omit<Extract<Planned, { state: 'needs' }>, 'state'>>): Planned {
  const nothing = { listing: false, tags: false, memory: false, manifests: NONE, referrers: NONE, next: () => NONE };
  return { state: 'needs', ...nothing, ...wanted };
}

/** What would go now, and is not in the plan that is carried out; or was locked since that was made. */
function* manifestsNotInPlan(
  graph: Graph,
  { deleted, along }: Outcome,
  { only }: Rule,
): Steps<ReadonlyMap<string, Protection>> {
  const due = newPace();
  const found = new Map<string, Protection>();
  if (!only) return found;
  for (const digest of chained(deleted, along)) {
    if (due()) yield;
    const wanted = only.manifests.get(digest);
    if (!wanted) found.set(digest, NOT_IN_PLAN);
    else if (graph.records.get(digest)?.locked && !wanted.locked) found.set(digest, LOCKED);
  }
  return found;
}

const NOT_IN_PLAN: Protection = {
  reason: 'not-in-plan',
  detail: 'would be deleted now, but is not in the plan that is applied',
};

const LOCKED: Protection = { reason: 'locked', detail: 'its deleteEnabled or writeEnabled is false' };

function* chained<T>(...all: readonly Iterable<T>[]): Generator<T> {
  for (const some of all) yield* some;
}

/** Most lists of a deletion are empty, and there may be a hundred thousand: one for all of them. */
function listOf<T>(items: readonly T[]): readonly T[] {
  return items.length === 0 ? NONE : items;
}

/** One deletion for each manifest that does not go along with another one. */
function* manifestDeletions(graph: Graph, { deleted, along, keptTags }: Outcome): Steps<readonly ManifestDeletion[]> {
  const due = newPace();
  const goes = (digest: string): boolean => deleted.has(digest) || along.has(digest);
  const rootOf = rootFinder(graph, goes);
  const tagsOf = (digest: string): readonly TagChoice[] => graph.tagsGoing(digest).filter((tag) => !keptTags.has(tag));
  const removal = (digest: string): Removal => ({ digest, tags: listOf(tagsOf(digest).map(({ tag }) => tag.name)) });

  const neededBy = new Map<string, string[]>();
  for (const index of chained(deleted, along)) {
    const children = graph.children(index);
    if (due(1 + children.length)) yield;
    if (children.length === 0) continue;
    const root = rootOf(index);
    for (const child of children) {
      if (!goes(child.digest)) continue;
      const known = neededBy.get(child.digest);
      if (!known) neededBy.set(child.digest, [root]);
      // An index may name a child as often as it likes.
      else if (known.at(-1) !== root) known.push(root);
    }
  }
  const isRoot = (digest: string): boolean => deleted.has(digest) && rootOf(digest) === digest;
  return yield* converted(yield* filtered(graph.records.keys(), isRoot), (digest): ManifestDeletion => {
    const referrers = graph.referrers(digest).length === 0 ? NONE : [...withReferrers(graph, [digest])].filter(goes);
    const group = [digest, ...referrers];
    const tags = group.flatMap(tagsOf);
    const signed = tags
      .map(({ tag }) => imageOfSignatureTag(tag.name))
      .filter((image) => image !== undefined && goes(image));
    const after = new Set([
      ...group.flatMap((member) => neededBy.get(member) ?? []),
      ...signed.map((image) => rootOf(image ?? '')),
    ]);
    after.delete(digest);
    return {
      ...removal(digest),
      lockedTags: listOf(tags.filter(({ tag }) => tag.locked).map(({ tag }) => tag.name)),
      along: listOf(referrers.map(removal)),
      after: listOf([...after]),
    };
  });
}

/** Tells with which manifest one goes: with what it refers to, or what that refers to. However long the way, it is gone once. */
function rootFinder(graph: Graph, goes: (digest: string) => boolean): (digest: string) => string {
  const roots = new Map<string, string>();
  return (digest) => {
    const way: string[] = [];
    let root = digest;
    for (let next = graph.subject(root); next !== undefined && goes(next); next = graph.subject(root)) {
      const known = roots.get(root);
      if (known !== undefined) {
        root = known;
        break;
      }
      way.push(root);
      root = next;
    }
    for (const one of way) roots.set(one, root);
    return root;
  };
}

/**
 * Only names can bring this about: an index tagged as the signature of its own child must go before it, as its index,
 * and after it, as its signature.
 */
const STUCK: Protection = {
  reason: 'signature-of-kept',
  detail: 'by the tags around it, it would have to be deleted both before and after another manifest',
};

/** Deletions that can never begin, because each has to wait for another of them. */
function* waitingForEachOther(manifests: readonly ManifestDeletion[]): Steps<readonly string[]> {
  const due = newPace();
  /** How many must be gone before each. */
  const waiting = new Map<string, number>();
  const waitFor = new Map<string, string[]>();
  for (const { digest, after } of manifests) {
    if (due(1 + after.length)) yield;
    if (after.length > 0) waiting.set(digest, after.length);
    for (const first of after) {
      const known = waitFor.get(first);
      if (known) known.push(digest);
      else waitFor.set(first, [digest]);
    }
  }
  const gone = [...waitFor.keys()].filter((digest) => !waiting.has(digest));
  for (let first = gone.pop(); first !== undefined; first = gone.pop()) {
    if (due(1 + (waitFor.get(first)?.length ?? 0))) yield;
    for (const digest of waitFor.get(first) ?? NONE) {
      const left = (waiting.get(digest) ?? 0) - 1;
      waiting.set(digest, left);
      if (left > 0) continue;
      waiting.delete(digest);
      gone.push(digest);
    }
  }
  return [...waiting.keys()];
}

/** Signature tags that are kept, by the image that they belong to by their name. */
function* countSignaturesKept(graph: Graph, { keptTags }: Outcome): Steps<ReadonlyMap<string, number>> {
  const due = newPace();
  const kept = new Map<string, number>();
  for (const { tags } of graph.records.values()) {
    if (due(1 + tags.length)) yield;
    for (const tag of tags) {
      const image = imageOfSignatureTag(tag);
      const choice = image !== undefined && graph.going(tag);
      if (image !== undefined && (!choice || keptTags.has(choice))) kept.set(image, (kept.get(image) ?? 0) + 1);
    }
  }
  return kept;
}

/** Tags that go while their manifest stays. */
function* tagDeletions(
  choices: readonly TagChoice[],
  { deleted, along, keptTags }: Outcome,
  manifests: readonly ManifestDeletion[],
): Steps<readonly TagDeletion[]> {
  const due = newPace();
  const isKept = ({ tag: { digest } }: TagChoice): boolean =>
    digest === undefined || (!deleted.has(digest) && !along.has(digest));
  const going = yield* filtered(
    choices,
    (choice) => choice.reason === 'matched-and-expired' && !keptTags.has(choice) && isKept(choice),
  );
  if (going.length === 0) return [];
  const rootOf = new Map<string, string>();
  for (const { digest, along: referrers } of manifests) {
    if (due(1 + referrers.length)) yield;
    rootOf.set(digest, digest);
    for (const referrer of referrers) rootOf.set(referrer.digest, digest);
  }
  return yield* converted(going, ({ tag }) => {
    const image = rootOf.get(imageOfSignatureTag(tag.name) ?? '');
    return {
      tag: tag.name,
      digest: tag.digest ?? '',
      locked: tag.locked,
      after: listOf(image === undefined ? [] : [image]),
    };
  });
}

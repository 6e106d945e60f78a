import type { ChildDescriptor, ManifestFacts, ManifestRecord, TagRecord } from '../registry/types.ts';
import type { KeepReason } from './decision.ts';
import { imageOfSignatureTag, type TagChoice } from './tags.ts';
import { addTo, converted, filtered, groupBy, setOf, slicer, type Steps } from './slices.ts';
import type { Inventory, Rule } from './types.ts';

/** Whether a manifest may be deleted on its own account, before anything is looked at that needs it. */
export type Standing =
  | 'candidate'
  | (KeepReason &
      ('locked' | 'has-tags' | 'protected' | 'no-rule' | 'too-young' | 'unknown-time' | 'unknown-media-type'));

/** The manifests of a repository, what they need, and what refers to what. */
export interface Graph {
  readonly records: ReadonlyMap<string, ManifestRecord>;
  readonly standing: (record: ManifestRecord) => Standing;
  /**
   * The same for `acr purge`, which knows of no plan that is applied: it deletes tags also where they are not in the plan.
   * Where nothing has changed, it comes to what it came to when the plan was made.
   */
  readonly standingForAcrPurge: (record: ManifestRecord) => Standing;
  /** Manifests that a kept tag names and the listing does not hold. */
  readonly unlisted: ReadonlySet<string>;
  /** Manifests that a chosen tag names and the listing does not hold. */
  readonly unlistedChosen: ReadonlySet<string>;
  /** Manifests that the listing does not hold and that are there: hidden (`listEnabled: false`). Nothing deletes them. */
  readonly hidden: ReadonlySet<string>;
  /** Tags of a manifest that are not chosen for deletion. */
  readonly keptTags: (digest: string) => readonly string[];
  /** Tags of a manifest that are chosen for deletion. */
  readonly chosenTags: (digest: string) => readonly TagChoice[];
  /** A tag that is chosen for deletion, by its name. */
  readonly chosen: (tag: string) => TagChoice | undefined;
  /** Chosen tags that `--keep` keeps, because signature tags are not counted, or `--protect` or `--keep-at-least`. */
  readonly savedTags: readonly TagChoice[];
  /** Chosen tags that belong to an image by their name, by that image. */
  readonly signatures: ReadonlyMap<string, readonly TagChoice[]>;
  /** By a policy file: whether an index holds it, or did so when the plan was made that is applied. */
  readonly isPart: (digest: string) => boolean;
  /** By a policy file: an index that holds it. */
  readonly partOf: (digest: string) => string | undefined;
  readonly facts: (digest: string) => ManifestFacts | undefined;
  readonly children: (digest: string) => readonly ChildDescriptor[];
  readonly subject: (digest: string) => string | undefined;
  /** Manifests that refer to this one, as far as is known. */
  readonly referrers: (digest: string) => readonly string[];
}

/** One empty list for all: there may be a hundred thousand of them. */
export const NONE: readonly never[] = [];

export function* buildGraph(inventory: Inventory, choices: readonly TagChoice[], rule: Rule): Steps<Graph> {
  const records = inventory.manifests?.byDigest ?? new Map<string, ManifestRecord>();
  const due = slicer();
  const chosen = yield* filtered(choices, (choice) => choice.reason === 'matched-and-expired');
  const byName = new Map<string, TagChoice>();
  for (const choice of chosen) {
    if (due()) yield;
    byName.set(choice.tag.name, choice);
  }
  // Two listings, taken one after the other: a tag that either of them shows is a tag. Mostly both do.
  const shows = tagFinder();
  const unseen = (tag: TagRecord): boolean => {
    const record = records.get(tag.digest ?? '');
    return record === undefined || !shows(record, tag.name);
  };
  const chosenUnseen = yield* groupBy(yield* filtered(chosen, ({ tag }) => unseen(tag)), ({ tag }) => tag.digest);
  const keptUnseen = yield* groupBy(
    yield* filtered(inventory.tags ?? NONE, (tag) => !byName.has(tag.name) && unseen(tag)),
    (tag) => tag.digest,
  );
  const notInPlan = yield* setOf(
    yield* converted(yield* filtered(choices, ({ reason }) => reason === 'not-in-plan'), ({ tag }) => tag.name),
  );
  const hasKeptTag = ({ digest, tags }: ManifestRecord, isDeleted = (tag: string) => byName.has(tag)): boolean =>
    keptUnseen.has(digest) || tags.some((tag) => !isDeleted(tag));
  const isDeletedByAcrPurge = (tag: string): boolean => byName.has(tag) || notInPlan.has(tag);
  const keptTags = (digest: string): readonly string[] => {
    const own: readonly string[] = records.get(digest)?.tags.filter((name) => !byName.has(name)) ?? NONE;
    const others = keptUnseen.get(digest);
    return others ? [...own, ...others.map(({ name }) => name)] : own;
  };
  const chosenTags = (digest: string): readonly TagChoice[] => {
    const own = (records.get(digest)?.tags ?? NONE).flatMap((name) => byName.get(name) ?? NONE);
    return [...own.filter(({ tag }) => tag.digest === digest), ...(chosenUnseen.get(digest) ?? NONE)];
  };
  /** A tag that the listing of the tags shows on another manifest by now says nothing of this one. */
  const hasChosenTag = ({ digest, tags }: ManifestRecord): boolean =>
    chosenUnseen.has(digest) || tags.some((name) => byName.get(name)?.tag.digest === digest || notInPlan.has(name));
  const facts = (digest: string): ManifestFacts | undefined => inventory.facts.get(digest);
  const read = (digest: string) => {
    const fact = facts(digest);
    return fact?.state === 'read' ? fact : undefined;
  };
  const { referring, referred } = yield* references(inventory);

  const parts = rule.retention ? yield* partsOf(inventory) : NO_PARTS;
  const isPart = (digest: string): boolean => parts.has(digest) || rule.only?.manifests.get(digest)?.isPart === true;
  const standing = (record: ManifestRecord, isDeleted?: (tag: string) => boolean): Standing =>
    rule.retention
      ? standingByRules(
          record,
          {
            hasKeptTag: hasKeptTag(record, isDeleted),
            hasChosenTag: hasChosenTag(record),
            isPart: isPart(record.digest),
          },
          rule,
        )
      : standingOf(record, hasKeptTag(record, isDeleted), rule);

  return {
    records,
    standing: (record) => standing(record),
    standingForAcrPurge: (record) => standing(record, isDeletedByAcrPurge),
    unlisted: yield* setOf(yield* filtered(keptUnseen.keys(), (digest) => !records.has(digest))),
    unlistedChosen: yield* setOf(yield* filtered(chosenUnseen.keys(), (digest) => !records.has(digest))),
    hidden: yield* setOf(
      yield* filtered(inventory.facts.keys(), (digest) => !records.has(digest) && read(digest) !== undefined),
    ),
    keptTags,
    chosenTags,
    chosen: (tag) => byName.get(tag),
    savedTags: yield* filtered(chosen, ({ newest, saved }) => newest === true || saved !== undefined),
    signatures: yield* groupBy(chosen, ({ tag }) => imageOfSignatureTag(tag.name)),
    isPart,
    partOf: (digest) => parts.get(digest),
    facts,
    children: (digest) => read(digest)?.children ?? NONE,
    subject: (digest) => referred.get(digest),
    referrers: (digest) => referring.get(digest) ?? NONE,
  };
}

const NO_PARTS: ReadonlyMap<string, string> = new Map();

/** A manifest for a person: by its digest, its tags where it has some, and whether it is hidden. */
export function name(graph: Graph, digest: string): string {
  const tags = graph.keptTags(digest);
  const about = [
    ...(graph.hidden.has(digest) ? ['hidden'] : []),
    ...(tags.length > 0
      ? [`tagged ${tags.slice(0, 3).join(', ')}${tags.length > 3 ? ` and ${tags.length - 3} more` : ''}`]
      : []),
  ];
  return about.length === 0 ? digest : `${digest} (${about.join(', ')})`;
}

/** Manifests that an index holds, as far as that is read. What is read grows while a repository is planned. */
function* partsOf(inventory: Inventory): Steps<ReadonlyMap<string, string>> {
  const due = slicer();
  const parts = new Map<string, string>();
  for (const [index, fact] of factsInOrder(inventory)) {
    if (due()) yield;
    if (fact.state === 'read') for (const { digest } of fact.children) parts.set(digest, index);
  }
  return parts;
}

/**
 * By a policy file. What loses its last tag goes with that, and a part of an index with that index, at any age: what still
 * needs them keeps them.
 */
function standingByRules(
  record: ManifestRecord,
  {
    hasKeptTag,
    hasChosenTag,
    isPart,
  }: { readonly hasKeptTag: boolean; readonly hasChosenTag: boolean; readonly isPart: boolean },
  { includeLocked, retention }: Rule,
): Standing {
  if (record.locked && !includeLocked) return 'locked';
  if (hasKeptTag) return 'has-tags';
  if (!hasChosenTag && !isPart) {
    if (retention?.whole !== undefined) return 'protected';
    if (!retention?.untagged) return 'no-rule';
    if (record.lastUpdated === undefined) return 'unknown-time';
    const { olderThan } = retention.untagged;
    if (olderThan && !(record.lastUpdated < olderThan.cutOff)) return 'too-young';
  }
  return record.kind === 'unknown' ? 'unknown-media-type' : 'candidate';
}

/** In the order in which `acr purge` looks (cmd/repository/image_functions.go, GetUntaggedManifests). */
function standingOf(record: ManifestRecord, hasKeptTag: boolean, rule: Rule): Standing {
  if (record.locked && !rule.includeLocked) return 'locked';
  if (hasKeptTag) return 'has-tags';
  if (record.lastUpdated === undefined) return 'unknown-time';
  if (!(record.lastUpdated < rule.cutOff)) return 'too-young';
  return record.kind === 'unknown' ? 'unknown-media-type' : 'candidate';
}

/** Up to so many tags of a manifest are searched one by one. */
const FEW_TAGS = 16;

/** Tells whether the listing shows a tag on a manifest. Many tags of one manifest are made a set, once. */
function tagFinder(): (record: ManifestRecord, tag: string) => boolean {
  const sets = new Map<string, ReadonlySet<string>>();
  return ({ digest, tags }, tag) => {
    if (tags.length <= FEW_TAGS) return tags.includes(tag);
    let set = sets.get(digest);
    if (!set) sets.set(digest, (set = new Set(tags)));
    return set.has(tag);
  };
}

/**
 * What was read, in the order of the listing and not of reading. Of several reasons a decision gives the first, which has
 * to be the same each time.
 */
export function* factsInOrder({ facts, manifests }: Inventory): Generator<readonly [string, ManifestFacts]> {
  const listed = manifests?.byDigest;
  const others = [...facts.keys()].filter((digest) => !listed?.has(digest)).sort();
  for (const digests of [listed?.keys() ?? NONE, others])
    for (const digest of digests) {
      const fact = facts.get(digest);
      if (fact) yield [digest, fact];
    }
}

/** What refers to what: from the manifests that were read, and from what the registry says of those that were not. */
function* references(inventory: Inventory): Steps<{
  readonly referring: ReadonlyMap<string, readonly string[]>;
  readonly referred: ReadonlyMap<string, string>;
}> {
  const due = slicer();
  const referring = new Map<string, string[]>();
  const referred = new Map<string, string>();
  const add = (subject: string, referrer: string): void => {
    if (referred.has(referrer)) return;
    referred.set(referrer, subject);
    addTo(referring, subject, referrer);
  };
  for (const [digest, fact] of factsInOrder(inventory)) {
    if (due()) yield;
    if (fact.state === 'read' && fact.subject !== undefined) add(fact.subject, digest);
  }
  for (const [subject, referrers] of inventory.referrers) {
    if (due()) yield;
    if (referrers !== 'unknown') for (const referrer of referrers) add(subject, referrer);
  }
  return { referring, referred };
}

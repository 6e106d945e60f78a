import type { AcrChoice } from './acr-purge.ts';
import { type Graph, name, NONE } from './graph.ts';
import { addTo, chained, converted, filtered, setOf, slicer, type Steps } from './slices.ts';
import type { TagChoice } from './tags.ts';
import type { Evidence, Inventory, Protection } from './types.ts';

/*
 * What is kept because it is used, or was lately. A workload names an image by a tag, by the digest of its index or of
 * one of its platforms, or by that of a configuration; and the next machine pulls it by its tag. So with a manifest that
 * is used each index over it is kept, and the tags of both.
 */

/** What is kept for its use. */
export interface Used {
  readonly manifests: ReadonlyMap<string, Protection>;
  readonly tags: ReadonlyMap<TagChoice, Protection>;
}

const NOTHING: Used = { manifests: new Map(), tags: new Map() };

/** Of tags and manifests. Every index has been read, or keeps everything. */
export function* usedOf(
  graph: Graph,
  { evidence, configs, tags = NONE }: Inventory,
  choices: readonly TagChoice[],
  { deleted, cascaded }: Pick<AcrChoice, 'deleted' | 'cascaded'>,
): Steps<Used> {
  if (!evidence) return NOTHING;
  const { everything } = evidence;
  const protectedTags = new Map<TagChoice, Protection>();
  const manifests = new Map<string, Protection>();
  const due = slicer();
  if (everything) {
    for (const choice of choices) if (choice.reason === 'matched-and-expired') protectedTags.set(choice, everything);
    for (const digest of deleted) manifests.set(digest, everything);
    return { manifests, tags: protectedTags };
  }
  // What is not listed may be hidden, and an index that is listed may need it.
  for (const digest of chained(graph.records.keys(), graph.hidden, evidence.digests.keys())) {
    if (due()) yield;
    const why = ofManifest(evidence, digest, configs);
    if (why) manifests.set(digest, why);
  }
  for (const { name: tag, digest } of tags) {
    if (due()) yield;
    const why = evidence.tags.get(tag);
    if (why && digest !== undefined && !manifests.has(digest)) manifests.set(digest, why);
  }
  for (const digest of evidence.pullsKnown ? chained(deleted, cascaded) : NONE) {
    if (due()) yield;
    const why = ofPush(graph, evidence, digest);
    if (why && !manifests.has(digest)) manifests.set(digest, why);
  }
  const pulled = yield* filtered(manifests, ([, { reason }]) => reason === 'pulled-recently');
  yield* addIndexes(graph, manifests);
  yield* addParts(graph, manifests, pulled);
  for (const choice of choices) {
    if (due()) yield;
    if (choice.reason !== 'matched-and-expired') continue;
    const { name: tag, digest = '' } = choice.tag;
    const why =
      evidence.tags.get(tag) ??
      manifests.get(digest) ??
      inDoubt(graph, evidence, digest) ??
      ofPush(graph, evidence, digest);
    if (why) protectedTags.set(choice, why);
  }
  return { manifests, tags: protectedTags };
}

/** Whether it matters what an index holds: what is used may be a part of it, also what a tag names that is used. */
const isByPart = ({ tags, digests, configs, everything }: Evidence): boolean =>
  !everything && tags.size + digests.size + configs.size > 0;

/** A tag of an index that cannot be read: what runs may be a part of that. */
function inDoubt(graph: Graph, evidence: Evidence, digest: string): Protection | undefined {
  if (!isByPart(evidence)) return undefined;
  for (const index of indexesFrom(graph, [digest])) {
    const fact = graph.facts(index);
    if (fact?.state === 'unreadable')
      return {
        reason: 'in-use-unknown',
        detail: `${name(graph, index)} cannot be read, and what is used may be a part of it: ${fact.why}`,
      };
  }
  return undefined;
}

/** Those of these manifests that are indexes, or may be, and the indexes among their children. */
function* indexesFrom(graph: Graph, digests: Iterable<string>): Generator<string> {
  const seen = new Set<string>();
  const queue = [...digests];
  for (let digest = queue.pop(); digest !== undefined; digest = queue.pop()) {
    if (seen.has(digest)) continue;
    seen.add(digest);
    const kind = graph.records.get(digest)?.kind;
    if (kind === 'image' || kind === 'plain') continue;
    yield digest;
    for (const child of graph.children(digest))
      if (child.index || !graph.records.has(child.digest)) queue.push(child.digest);
  }
}

/** What must be read where tags alone are deleted. */
export interface TagsNeed {
  readonly listing: boolean;
  readonly manifests: readonly string[];
}

/** Where something is used, and only tags are deleted: what the indexes hold that would lose one. */
export function* unreadOfTags(
  graph: Graph,
  { evidence, manifests, tags = NONE }: Inventory,
  choices: readonly TagChoice[],
): Steps<TagsNeed> {
  if (!evidence || evidence.everything) return { listing: false, manifests: NONE };
  // A listing says when what a tag names was pushed.
  if (!manifests && (isByPart(evidence) || evidence.pullsKnown)) return { listing: true, manifests: NONE };
  if (!isByPart(evidence)) return { listing: false, manifests: NONE };
  const chosen = yield* filtered(choices, ({ reason }) => reason === 'matched-and-expired');
  const digests = yield* setOf(yield* converted(chosen, ({ tag }) => tag.digest ?? ''));
  // What an index holds that is pulled is pulled along with it.
  for (const [digest, { reason }] of evidence.digests)
    if (reason === 'pulled-recently' && graph.records.has(digest)) digests.add(digest);
  for (const { name: tag, digest } of tags)
    if (digest !== undefined && evidence.tags.get(tag)?.reason === 'pulled-recently') digests.add(digest);
  return { listing: false, manifests: [...indexesFrom(graph, digests)].filter((digest) => !graph.facts(digest)) };
}

/** Adds the indexes over what is used, and those over them. */
function* addIndexes(graph: Graph, used: Map<string, Protection>): Steps<void> {
  if (used.size === 0) return;
  const due = slicer();
  const over = new Map<string, string[]>();
  for (const index of chained(graph.records.keys(), graph.hidden)) {
    const children = graph.children(index);
    if (due(1 + children.length)) yield;
    for (const { digest } of children) addTo(over, digest, index);
  }
  const queue = [...used.keys()];
  for (let digest = queue.pop(); digest !== undefined; digest = queue.pop()) {
    const why = used.get(digest);
    const indexes = over.get(digest) ?? NONE;
    if (due(1 + indexes.length)) yield;
    for (const index of indexes) {
      if (!why || used.has(index)) continue;
      used.set(index, { ...why, detail: `its part ${digest}: ${why.detail}` });
      queue.push(index);
    }
  }
}

/** Adds what is pulled along with an index: its platforms, and what they name is pulled by their tags as well. */
function* addParts(
  graph: Graph,
  used: Map<string, Protection>,
  pulled: readonly (readonly [string, Protection])[],
): Steps<void> {
  const due = slicer();
  const queue = [...pulled];
  // A part that is kept for something else is pulled along all the same, and so are its own parts.
  const seen = new Set(pulled.map(([digest]) => digest));
  for (let one = queue.pop(); one; one = queue.pop()) {
    const [digest, why] = one;
    const children = graph.children(digest);
    if (due(1 + children.length)) yield;
    for (const child of children) {
      if (seen.has(child.digest)) continue;
      seen.add(child.digest);
      const protection = { ...why, detail: `part of ${digest}: ${why.detail}` };
      if (!used.has(child.digest)) used.set(child.digest, protection);
      queue.push([child.digest, protection]);
    }
  }
}

function ofManifest(
  { digests, configs: used }: Evidence,
  digest: string,
  configs: Inventory['configs'],
): Protection | undefined {
  const own = digests.get(digest);
  if (own || used.size === 0) return own;
  const config = configs.get(digest);
  if (config === 'unknown') return { reason: 'in-use-unknown', detail: UNREAD };
  return config?.digest === undefined ? undefined : used.get(config.digest);
}

/** What was pushed before every pull is known. */
function ofPush({ records }: Graph, { pullsKnown }: Evidence, digest: string): Protection | undefined {
  if (!pullsKnown) return undefined;
  const pushed = records.get(digest)?.created;
  return pushed !== undefined && pushed > pullsKnown.since ? undefined : pullsKnown;
}

const UNREAD = 'it cannot be read, and something that runs is known by its configuration alone';

/**
 * Manifests that may be deleted, and of which it must be known whether one of the configurations in use is theirs.
 * @param wanted those that would be deleted, or lose a tag
 */
export function* unknownConfigs(
  graph: Graph,
  { evidence, configs }: Inventory,
  wanted: Iterable<string>,
): Steps<readonly string[]> {
  if (!evidence || evidence.everything || evidence.configs.size === 0) return NONE;
  const due = slicer();
  const all = yield* setOf(wanted);
  const queue = [...all];
  for (let digest = queue.pop(); digest !== undefined; digest = queue.pop()) {
    const children = graph.children(digest);
    if (due(1 + children.length)) yield;
    for (const child of children) {
      if (all.has(child.digest)) continue;
      all.add(child.digest);
      queue.push(child.digest);
    }
  }
  return yield* filtered(all, (digest) => graph.children(digest).length === 0 && !configs.has(digest));
}

import type { ManifestRecord } from '../registry/types.ts';
import type { Graph, Standing } from './graph.ts';
import { atOnce, converted, filtered, slicer, setOf, sorted, type Steps } from './slices.ts';
import { compare } from './tags.ts';
import type { Rule } from './types.ts';

/**
 * What `acr purge` would do with the manifests, as published in Azure/acr-cli (cmd/repository/image_functions.go and
 * cmd/acr/purge.go, March 2026), faults included. The plan starts from its choice and only ever takes away from it;
 * each artifact that it would have deleted and we keep is marked.
 */
export interface AcrChoice {
  /** What it would delete but for `--keep`, the newest first. */
  readonly chosen: readonly string[];
  /** What it deletes. */
  readonly deleted: ReadonlySet<string>;
  /** What it would delete but for `--keep`. */
  readonly newestKept: ReadonlySet<string>;
  /** What the registry deletes along with that: referrers, their referrers, and so on. */
  readonly cascaded: ReadonlySet<string>;
}

/**
 * The manifests it considers: neither locked, nor tagged, nor too young, nor without a media type. A media type that it
 * does not know makes no difference to it.
 */
export function considered(graph: Graph): Steps<readonly ManifestRecord[]> {
  return filtered(graph.records.values(), (record) => {
    const standing = graph.standingForAcrPurge(record);
    return standing === 'candidate' || (standing === 'unknown-media-type' && record.mediaType !== undefined);
  });
}

/**
 * What it protects for an index that is kept for its tags or its age. Locked indexes protect nothing: it skips them
 * before it looks at what they need.
 *
 * By a policy file, an index that refers to another manifest is left out: it goes along with that, whatever its age. Where
 * it is kept, so is what it needs (`protect`); where it is not, a second run would delete what this one kept for it.
 */
export function* neededByKeptIndexes(graph: Graph, { retention }: Rule): Steps<ReadonlySet<string>> {
  const due = slicer();
  const needed = new Set<string>();
  for (const [digest, record] of graph.records) {
    if (due()) yield;
    // It also reads what has no media type, in case it is an index.
    if (record.kind !== 'index' && record.mediaType !== undefined) continue;
    if (retention && graph.subject(digest) !== undefined) continue;
    const standing = graph.standingForAcrPurge(record);
    // By a policy file, an index may also stay because no rule is about it.
    if (KEPT.has(standing)) yield* addNeeds(graph, digest, needed);
  }
  return needed;
}

const KEPT: ReadonlySet<Standing> = new Set(['has-tags', 'too-young', 'unknown-time', 'protected', 'no-rule']);

/** @param ignored what it protects for an index: the result of `neededByKeptIndexes` */
export function* chooseAsAcrPurge(graph: Graph, rule: Rule, ignored: ReadonlySet<string>): Steps<AcrChoice> {
  const due = slicer();
  const skipped = yield* setOf(ignored);
  const all = yield* considered(graph);
  for (const { digest, kind } of all) {
    if (due()) yield;
    // It does not look for a subject in media types that it does not know.
    const subject = graph.subject(digest);
    if (ignored.has(digest) || kind === 'unknown' || subject === undefined) continue;
    if (rule.retention?.untagged?.deletesOrphans && isGone(graph, subject)) continue;
    // It keeps a referrer. But of one that is an index with children it protects the children instead.
    // By a policy file they go once it is gone: a second run would take them.
    const isFollowed = kind === 'index' && graph.children(digest).length > 0 && !rule.retention;
    if (isFollowed) yield* addNeeds(graph, digest, skipped);
    else skipped.add(digest);
  }
  const records = yield* sorted(
    yield* filtered(all, ({ digest }) => !skipped.has(digest)),
    (a, b) => compare(b.lastUpdated, a.lastUpdated) || compare(a.digest, b.digest),
  );
  const chosen = yield* converted(records, ({ digest }) => digest);
  const ranked = yield* rankedForKeep(graph, chosen, rule);
  const deleted = yield* setOf(ranked.slice(rule.keep));
  return {
    chosen,
    deleted,
    newestKept: yield* setOf(ranked.slice(0, rule.keep)),
    cascaded: yield* allReferrers(graph, deleted),
  };
}

/** Whether a manifest is certainly not there: it is not listed, and was asked for by itself. */
export function isGone(graph: Graph, digest: string): boolean {
  return !graph.records.has(digest) && graph.facts(digest)?.state === 'missing';
}

/**
 * In the order in which `--keep` counts. What an approved plan deletes comes after what has no tag and is not in the plan:
 * the plan was made with `--keep`, and a manifest that has lost its last tag since, by the same plan, is younger than it
 * was. What keeps tags that are not in the plan counts by its age.
 */
export function* rankedForKeep(graph: Graph, newestFirst: readonly string[], { only }: Rule): Steps<readonly string[]> {
  if (!only) return newestFirst;
  const isFirst = (digest: string): boolean => !only.manifests.has(digest) && graph.keptTags(digest).length === 0;
  const others = yield* filtered(newestFirst, isFirst);
  return others.concat(yield* filtered(newestFirst, (digest) => !isFirst(digest)));
}

/** Referrers of these manifests, referrers of those, and so on; without the manifests themselves. */
export function withReferrers(graph: Graph, digests: Iterable<string>): ReadonlySet<string> {
  return atOnce(allReferrers(graph, digests));
}

/** The same in slices, of many. */
export function* allReferrers(graph: Graph, digests: Iterable<string>): Steps<ReadonlySet<string>> {
  const due = slicer();
  const seen = yield* setOf(digests);
  const found = new Set<string>();
  const queue = [...seen];
  for (let digest = queue.pop(); digest !== undefined; digest = queue.pop()) {
    if (due(1 + graph.referrers(digest).length)) yield;
    for (const referrer of graph.referrers(digest)) {
      if (seen.has(referrer)) continue;
      seen.add(referrer);
      found.add(referrer);
      queue.push(referrer);
    }
  }
  return found;
}

/** Children of an index, and of those children that it calls indexes. */
function* addNeeds(graph: Graph, index: string, needed: Set<string>): Steps<void> {
  const due = slicer();
  const queue = [index];
  for (let digest = queue.pop(); digest !== undefined; digest = queue.pop()) {
    if (due(1 + graph.children(digest).length)) yield;
    for (const child of graph.children(digest)) {
      if (child.index && !needed.has(child.digest)) queue.push(child.digest);
      needed.add(child.digest);
    }
  }
}

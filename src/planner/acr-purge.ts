import type { ManifestRecord } from '../registry/types.ts';
import type { Graph } from './graph.ts';
import { compare } from './tags.ts';
import type { Rule } from './types.ts';

/**
 * What `acr purge` would do with the manifests, as published in Azure/acr-cli (cmd/repository/image_functions.go and
 * cmd/acr/purge.go, March 2026), faults included: the plan starts from its choice and only ever takes away from it,
 * and each artifact that it would have removed and we keep is marked.
 */
export interface AcrChoice {
  /** What it would delete but for `--keep`, the newest first. */
  readonly chosen: readonly string[];
  /** What it deletes. */
  readonly deleted: ReadonlySet<string>;
  /** What it would delete but for `--keep`. */
  readonly newestKept: ReadonlySet<string>;
  /** What the registry removes along with that: referrers, theirs, and so on. */
  readonly cascaded: ReadonlySet<string>;
}

/**
 * The manifests it considers: neither locked, nor tagged, nor too young, nor without a media type. One of a media type
 * that it does not know is no exception to it.
 */
export function considered(graph: Graph): readonly ManifestRecord[] {
  return [...graph.records.values()].filter((record) => {
    const standing = graph.standing(record);
    return standing === 'candidate' || (standing === 'unknown-media-type' && record.mediaType !== undefined);
  });
}

/**
 * What it protects for an index that stays for its tags or its age. Locked indexes protect nothing: it passes them over
 * before it looks at what they need.
 */
export function neededByStandingIndexes(graph: Graph): ReadonlySet<string> {
  const needed = new Set<string>();
  for (const [digest, record] of graph.records) {
    // It reads what has no media type too, in case it is an index.
    if (record.kind !== 'index' && record.mediaType !== undefined) continue;
    const standing = graph.standing(record);
    if (standing === 'has-tags' || standing === 'too-young' || standing === 'unknown-time') {
      addNeeds(graph, digest, needed);
    }
  }
  return needed;
}

/** @param ignored what is passed over for an index; it is the result of `neededByStandingIndexes` */
export function chooseAsAcrPurge(graph: Graph, rule: Rule, ignored: ReadonlySet<string>): AcrChoice {
  const passedOver = new Set(ignored);
  for (const { digest, kind } of considered(graph)) {
    // It does not look for a subject in media types that it does not know.
    if (ignored.has(digest) || kind === 'unknown' || graph.subject(digest) === undefined) continue;
    // A referrer stays. But of one that is an index with children it protects the children in its place.
    if (kind === 'index' && graph.children(digest).length > 0) addNeeds(graph, digest, passedOver);
    else passedOver.add(digest);
  }
  const chosen = considered(graph)
    .filter(({ digest }) => !passedOver.has(digest))
    .toSorted((a, b) => compare(b.lastUpdated, a.lastUpdated) || compare(a.digest, b.digest));
  const deleted = new Set(chosen.slice(rule.keep).map(({ digest }) => digest));
  return {
    chosen: chosen.map(({ digest }) => digest),
    deleted,
    newestKept: new Set(chosen.slice(0, rule.keep).map(({ digest }) => digest)),
    cascaded: withReferrers(graph, deleted),
  };
}

/** Referrers of these manifests, referrers of those, and so on; without the manifests themselves. */
export function withReferrers(graph: Graph, digests: Iterable<string>): ReadonlySet<string> {
  const seen = new Set(digests);
  const found = new Set<string>();
  const queue = [...seen];
  for (let digest = queue.pop(); digest !== undefined; digest = queue.pop()) {
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
function addNeeds(graph: Graph, index: string, needed: Set<string>): void {
  const queue = [index];
  for (let digest = queue.pop(); digest !== undefined; digest = queue.pop()) {
    for (const child of graph.children(digest)) {
      if (child.index && !needed.has(child.digest)) queue.push(child.digest);
      needed.add(child.digest);
    }
  }
}

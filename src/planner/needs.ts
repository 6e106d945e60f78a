import type { ManifestContent } from '../registry/types.ts';
import { allReferrers, considered, neededByStandingIndexes, withReferrers } from './acr-purge.ts';
import { type Graph, NONE } from './graph.ts';
import { atOnce, converted, filtered, newPace, setOf, type Steps } from './slices.ts';
import type { Inventory, Rule } from './types.ts';

/**
 * What must be read before the manifests can be planned: as little as that allows. What a digest holds never changes,
 * so nothing is asked for twice.
 */
export interface Needs {
  readonly manifests: readonly string[];
  readonly referrers: readonly string[];
  /** What is needed besides once one of these is known. */
  readonly next: (digest: string) => readonly string[];
}

/** Nothing is needed besides. */
const nothingMore = (): readonly string[] => NONE;

/** Indexes that stay whatever happens, and the indexes among their children: what they hold stays with them. */
export function* unreadStayingIndexes(graph: Graph): Steps<Needs> {
  const due = newPace();
  const staying = [...graph.unlisted, ...graph.unlistedGoing, ...graph.hidden];
  for (const [digest, record] of graph.records) {
    if (due()) yield;
    const mayHold = record.kind === 'index' || record.kind === 'unknown';
    if (mayHold && graph.standing(record) !== 'candidate') staying.push(digest);
  }
  const seen = new Set<string>();
  /** What is not read of these and of what they hold, as far as that is known. Nothing is looked at twice. */
  const unreadOf = function* (digests: readonly string[]): Steps<readonly string[]> {
    const unread: string[] = [];
    const queue = digests.filter((digest) => !seen.has(digest));
    for (let digest = queue.pop(); digest !== undefined; digest = queue.pop()) {
      if (seen.has(digest)) continue;
      if (due(1 + graph.children(digest).length)) yield;
      seen.add(digest);
      if (graph.facts(digest)) for (const child of holding(digest)) queue.push(child);
      else unread.push(digest);
    }
    return unread;
  };
  /** Children that may have children. */
  const holding = (digest: string): readonly string[] =>
    graph
      .children(digest)
      .filter((child) => {
        const kind = graph.records.get(child.digest)?.kind;
        // A child that is not listed may be hidden; its descriptor says whether it has children of its own.
        return kind === undefined ? child.index : kind === 'index' || kind === 'unknown';
      })
      .map((child) => child.digest);
  const next = (digest: string): readonly string[] => atOnce(unreadOf(holding(digest)));
  return { manifests: yield* unreadOf(staying), referrers: NONE, next };
}

/**
 * What is not listed and might be there all the same, hidden, and need something that would be deleted: asked for by
 * itself before anything is planned upon its being gone. A listed manifest names it, a signature tag that
 * goes, or what earlier runs read.
 *
 * @param deleted manifests that would be deleted
 */
export function* unlistedInDoubt(
  graph: Graph,
  { facts, remembered = new Map<string, ManifestContent>() }: Inventory,
  deleted: ReadonlySet<string>,
): Steps<Needs> {
  const due = newPace();
  const found = new Set<string>();
  const wanted = (digests: Iterable<string | undefined>): readonly string[] => {
    const more: string[] = [];
    for (const digest of digests) {
      if (digest === undefined || graph.records.has(digest) || facts.has(digest) || found.has(digest)) continue;
      found.add(digest);
      more.push(digest);
    }
    return more;
  };
  const namedBy = (digest: string): readonly (string | undefined)[] => {
    const fact = facts.get(digest);
    if (fact?.state !== 'read') return NONE;
    return [fact.subject, ...fact.children.filter(({ index }) => index).map((child) => child.digest)];
  };
  const next = (digest: string): readonly string[] => wanted(namedBy(digest));
  const images = wanted(graph.signatures.keys());
  if (deleted.size === 0) return { manifests: images, referrers: NONE, next };
  const going = yield* setOf(deleted);
  for (const digest of yield* allReferrers(graph, deleted)) going.add(digest);
  const needs = ({ subject, children }: ManifestContent): boolean =>
    (subject !== undefined && going.has(subject)) ||
    children.some(
      ({ digest, index }) => going.has(digest) || (index && !graph.records.has(digest) && !remembered.has(digest)),
    );
  const named: string[] = [];
  for (const digest of facts.keys()) {
    if (due(1 + graph.children(digest).length)) yield;
    for (const one of wanted(namedBy(digest))) named.push(one);
  }
  const needing = yield* filtered(remembered, ([, content]) => needs(content));
  return { manifests: [...images, ...named, ...wanted(needing.map(([digest]) => digest))], referrers: NONE, next };
}

/** Manifests that may go, which no staying index needs, and of which it is not known whether they refer to another. */
export function* unreadCandidates(graph: Graph): Steps<readonly string[]> {
  const needed = yield* neededByStandingIndexes(graph);
  const unread = yield* filtered(
    yield* considered(graph),
    (record) =>
      record.kind !== 'plain' &&
      !needed.has(record.digest) &&
      !graph.facts(record.digest) &&
      graph.standing(record) === 'candidate',
  );
  return yield* converted(unread, (record) => record.digest);
}

/** What is not known of the manifests that may refer to those which go, and what it takes to know it. */
export interface ReferrerNeeds extends Needs {
  /** Images that are taken to refer to nothing, without knowing it. Only ever in a preview. */
  readonly assumed: ReadonlySet<string>;
}

/** Calls that a preview makes to be certain, and not more: acr purge makes none. */
const AFFORDABLE = 64;

/**
 * What it takes to know everything that refers to these manifests. Either each manifest that may refer to something is
 * read, or the registry is asked for each of these: whichever is fewer calls.
 *
 * No listing tells what refers to what, and hardly a tagged image does. So where both would be many calls, a preview
 * reads what looks like a referrer, and takes the rest for the images that they look like.
 */
export function* unknownReferrers(
  graph: Graph,
  inventory: Inventory,
  digests: ReadonlySet<string>,
  { preview }: Pick<Rule, 'preview'>,
): Steps<ReferrerNeeds> {
  const nothing = { manifests: NONE, referrers: NONE, next: nothingMore, assumed: new Set<string>() };
  let unclear = yield* unclearReferrers(graph);
  if (unclear.length === 0) return nothing;
  const isUnasked = (digest: string): boolean => !inventory.referrers.has(digest);
  const unasked = yield* filtered(digests, isUnasked);
  for (const digest of yield* filtered(yield* allReferrers(graph, digests), isUnasked)) unasked.push(digest);
  if (unasked.length === 0) return nothing;
  let unread = yield* filtered(unclear, (digest) => !graph.facts(digest));
  let assumed = nothing.assumed;
  if (preview && Math.min(unread.length, unasked.length) > AFFORDABLE) {
    assumed = yield* setOf(yield* filtered(unread, (digest) => graph.records.get(digest)?.looksRunnable === true));
    unclear = yield* filtered(unclear, (digest) => !assumed.has(digest));
    unread = yield* filtered(unread, (digest) => !assumed.has(digest));
    if (unclear.length === 0) return { ...nothing, assumed };
  }
  const canAsk = ![...inventory.referrers.values()].includes('unknown');
  // Reading cannot help where some cannot be read: then only the registry knows.
  const readingHelps = unread.length > 0 && unread.length === unclear.length;
  if (!canAsk || (readingHelps && unasked.length >= unread.length)) return { ...nothing, manifests: unread, assumed };
  const wanted = yield* setOf(unasked);
  const next = (digest: string): readonly string[] => {
    const answer = inventory.referrers.get(digest);
    const found = answer === undefined || answer === 'unknown' ? NONE : answer.filter((one) => !wanted.has(one));
    const more = [...found, ...withReferrers(graph, found)].filter((one) => isUnasked(one) && !wanted.has(one));
    for (const one of more) wanted.add(one);
    return more;
  };
  return { ...nothing, referrers: unasked, next, assumed };
}

/** Manifests that may refer to another, of which it is not known whether they do. */
export function* unclearReferrers(graph: Graph): Steps<readonly string[]> {
  const unclear = yield* filtered(
    graph.records.values(),
    ({ digest, mayRefer }) => mayRefer && !['read', 'missing'].includes(graph.facts(digest)?.state ?? ''),
  );
  return yield* converted(unclear, ({ digest }) => digest);
}

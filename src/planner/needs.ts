import type { ManifestContent } from '../registry/types.ts';
import { allReferrers, considered, neededByKeptIndexes, withReferrers } from './acr-purge.ts';
import { type Graph, NONE } from './graph.ts';
import type { Selection } from './protect.ts';
import { atOnce, chained, converted, filtered, slicer, setOf, type Steps } from './slices.ts';
import type { Inventory, Needs, Rule } from './types.ts';

/*
 * What must be read before the manifests can be planned: as little as that allows. What a digest holds never changes,
 * so nothing is asked for twice.
 */

export const NO_NEEDS: Needs = {
  listing: false,
  tags: false,
  memory: false,
  manifests: NONE,
  referrers: NONE,
  configs: NONE,
  next: () => NONE,
};

/** Indexes that are kept in any case, and the indexes among their children: what they hold is kept with them. */
export function* unreadKeptIndexes(graph: Graph): Steps<Needs> {
  const due = slicer();
  const kept = [...graph.unlisted, ...graph.unlistedChosen, ...graph.hidden];
  for (const [digest, record] of graph.records) {
    if (due()) yield;
    const mayHold = record.kind === 'index' || record.kind === 'unknown';
    if (mayHold && graph.standing(record) !== 'candidate') kept.push(digest);
  }
  const seen = new Set<string>();
  /** Of these and of what they hold, as far as that is known: what is not read. Nothing is visited twice. */
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
  return { ...NO_NEEDS, manifests: yield* unreadOf(kept), next };
}

/**
 * Manifests that are not listed, and may be hidden and need something that would be deleted. Each is asked for by itself
 * before the plan takes it for gone. It is known by name from a listed manifest, from a chosen signature tag, from what
 * earlier runs read, or from a workload that runs it.
 *
 * @param deleted manifests that would be deleted
 */
export function* unlistedInDoubt(
  graph: Graph,
  { facts, evidence, remembered = new Map<string, ManifestContent>() }: Inventory,
  deleted: ReadonlySet<string>,
): Steps<Needs> {
  const due = slicer();
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
  if (deleted.size === 0) return { ...NO_NEEDS, manifests: images, next };
  const all = yield* setOf(deleted);
  for (const digest of yield* allReferrers(graph, deleted)) all.add(digest);
  const needs = ({ subject, children }: ManifestContent): boolean =>
    (subject !== undefined && all.has(subject)) ||
    children.some(
      ({ digest, index }) => all.has(digest) || (index && !graph.records.has(digest) && !remembered.has(digest)),
    );
  const named: string[] = [];
  for (const digest of facts.keys()) {
    if (due(1 + graph.children(digest).length)) yield;
    for (const one of wanted(namedBy(digest))) named.push(one);
  }
  const needing = yield* filtered(remembered, ([, content]) => needs(content));
  // What was pulled alone is left out: most of that is gone, and each run would ask for all of it.
  const running = yield* filtered(evidence?.digests ?? NONE, ([, { reason }]) => reason !== 'pulled-recently');
  const others = wanted([...needing, ...running].map(([digest]) => digest));
  return { ...NO_NEEDS, manifests: [...images, ...named, ...others], next };
}

/** Manifests that may be deleted, that no kept index needs, and of which it is not known whether they refer to another. */
export function* unreadCandidates(graph: Graph, rule: Rule): Steps<Needs> {
  const needed = yield* neededByKeptIndexes(graph, rule);
  const unread = yield* filtered(
    yield* considered(graph),
    (record) =>
      record.kind !== 'plain' &&
      !needed.has(record.digest) &&
      !graph.facts(record.digest) &&
      graph.standingForAcrPurge(record) === 'candidate',
  );
  return { ...NO_NEEDS, manifests: yield* converted(unread, (record) => record.digest) };
}

/** Subjects that no listing shows, of what would go if they are gone. */
export function* unlistedSubjects(graph: Graph, { retention }: Rule): Steps<Needs> {
  if (!retention?.untagged?.deletesOrphans) return NO_NEEDS;
  const subjects = yield* converted(
    yield* filtered(graph.records.values(), (record) => graph.standing(record) === 'candidate'),
    ({ digest }) => graph.subject(digest),
  );
  const unknown = yield* filtered(subjects, (one) => one !== undefined && !graph.records.has(one) && !graph.facts(one));
  return { ...NO_NEEDS, manifests: [...new Set(unknown.filter((one) => one !== undefined))] };
}

interface ReferrerNeeds extends Needs {
  /** Manifests that are assumed to refer to nothing. Only ever in a preview. */
  readonly assumed: ReadonlySet<string>;
}

/** Calls that a preview makes at most to be certain; acr purge makes none. */
const AFFORDABLE = 64;

/**
 * What it takes to know everything that refers to these manifests. Either each manifest that may refer to something is
 * read, or the registry is asked for the referrers of each of these: whichever is fewer calls.
 *
 * No listing tells what refers to what, and few tagged images refer to anything. So where both would be many calls, a
 * preview reads what looks like a referrer, and assumes that the rest are the images that they look like.
 */
export function* unknownReferrers(
  graph: Graph,
  inventory: Inventory,
  digests: ReadonlySet<string>,
  { preview }: Rule,
): Steps<ReferrerNeeds> {
  const nothing: ReferrerNeeds = { ...NO_NEEDS, assumed: new Set() };
  let unclear = yield* unclearReferrers(graph);
  if (unclear.length === 0) return nothing;
  // Where the registry could not say, the others are read after all.
  const isUnasked = (digest: string): boolean => (inventory.referrers.get(digest) ?? 'unknown') === 'unknown';
  const canAsk = ![...inventory.referrers.values()].includes('unknown');
  const unasked = yield* filtered(digests, isUnasked);
  for (const digest of yield* filtered(yield* allReferrers(graph, digests), isUnasked)) unasked.push(digest);
  if (unasked.length === 0) return nothing;
  let unread = yield* filtered(unclear, (digest) => !graph.facts(digest));
  let assumed = nothing.assumed;
  if (preview && (canAsk ? Math.min(unread.length, unasked.length) : unread.length) > AFFORDABLE) {
    assumed = yield* setOf(yield* filtered(unread, (digest) => graph.records.get(digest)?.looksRunnable === true));
    unclear = yield* filtered(unclear, (digest) => !assumed.has(digest));
    unread = yield* filtered(unread, (digest) => !assumed.has(digest));
    if (unclear.length === 0) return { ...nothing, assumed };
  }
  // Where some cannot be read, only the registry knows.
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

/**
 * Children of indexes which no listing shows: gone, or hidden. A hidden one may refer to what is deleted, and the registry
 * deletes it along with that. That also breaks an index that was to be deleted, and then could not be. Either each of these
 * is read, or the registry is asked what refers to each manifest that is deleted: whichever is fewer calls. Few repositories
 * have such a child.
 */
export function* unlistedChildren(
  graph: Graph,
  { referrers, remembered }: Inventory,
  { deleted, cascaded }: Pick<Selection, 'deleted' | 'cascaded'>,
  { preview }: Rule,
): Steps<ReferrerNeeds> {
  const due = slicer();
  const nothing: ReferrerNeeds = { ...NO_NEEDS, assumed: new Set() };
  if (deleted.size === 0) return nothing;
  // What a digest holds never changes: one that an earlier run has read, and that refers to nothing, is not read again.
  const mayRefer = (digest: string): boolean => {
    const known = remembered?.get(digest);
    return !graph.records.has(digest) && !graph.facts(digest) && (!known || known.subject !== undefined);
  };
  const unread = new Set<string>();
  for (const index of chained(graph.records.keys(), graph.hidden)) {
    const children = graph.children(index);
    if (due(1 + children.length)) yield;
    for (const { digest } of children) if (mayRefer(digest)) unread.add(digest);
  }
  if (unread.size === 0) return nothing;
  const unasked = yield* filtered(chained(deleted, cascaded), (digest) => !referrers.has(digest));
  const canAsk = ![...referrers.values()].includes('unknown');
  if (canAsk && unasked.length === 0) return nothing;
  if (preview && Math.min(unread.size, unasked.length) > AFFORDABLE) return { ...nothing, assumed: unread };
  return canAsk && unasked.length < unread.size
    ? { ...nothing, referrers: unasked }
    : { ...nothing, manifests: [...unread] };
}

/** Manifests that may refer to another, of which it is not known whether they do. */
export function* unclearReferrers(graph: Graph): Steps<readonly string[]> {
  const unclear = yield* filtered(
    graph.records.values(),
    ({ digest, mayRefer }) => mayRefer && !['read', 'missing'].includes(graph.facts(digest)?.state ?? ''),
  );
  return yield* converted(unclear, ({ digest }) => digest);
}

import { type AcrChoice, rankedForKeep } from './acr-purge.ts';
import type { Graph } from './graph.ts';
import { whyUnread } from './protect.ts';
import { atOnce } from './slices.ts';
import type { Inventory, Protection, Rule } from './types.ts';

/*
 * What `--keep` keeps among the manifests without a tag, besides what it keeps by the count of `acr purge`.
 */

/**
 * The newest `--keep` builds among the manifests without a tag. `acr purge` counts manifests there; a build is one of
 * them, with its platforms, attestations and signatures. Those are kept for the sake of the build.
 */
export function newestBuilds(
  graph: Graph,
  { facts, remembered }: Inventory,
  { chosen }: AcrChoice,
  rule: Rule,
): ReadonlyMap<string, Protection> {
  const { keep } = rule;
  const builds = new Map<string, Protection>();
  if (keep === 0 || chosen.length <= keep) return builds;
  const parts = new Set<string>();
  for (const fact of facts.values())
    if (fact.state === 'read') for (const { digest } of fact.children) parts.add(digest);
  // A part of an index that is gone is still no build: a run that resumes counts as the run before did.
  for (const { children } of remembered?.values() ?? []) for (const { digest } of children) parts.add(digest);
  const detail = `has no tag and is old enough, but is among the newest ${keep} builds of those (--keep ${keep})`;
  for (const digest of atOnce(rankedForKeep(graph, chosen, rule))) {
    if (builds.size === keep) break;
    // What has tags until now is counted among the tags. Only what is kept is counted: a run that resumes finds the same.
    const hasTags = graph.chosenTags(digest).length + graph.keptTags(digest).length > 0;
    const isBuild = !parts.has(digest) && graph.subject(digest) === undefined && !hasTags;
    if (isBuild) builds.set(digest, { reason: 'newest-kept', detail });
  }
  return builds;
}

/**
 * `acr purge` does not count a referrer for `--keep`, nor what it does not find. Of what cannot be read it is not known
 * whether it is a referrer: so the newest `--keep` of the others are kept.
 */
export function newestInDoubt(
  graph: Graph,
  { facts }: Pick<Inventory, 'facts'>,
  { chosen, newestKept }: AcrChoice,
  rule: Rule,
): ReadonlyMap<string, Protection> {
  const { keep } = rule;
  const found = new Map<string, Protection>();
  if (keep === 0 || chosen.length <= keep) return found;
  let unread: string | undefined;
  let count = 0;
  for (const digest of atOnce(rankedForKeep(graph, chosen, rule))) {
    if (count === keep) break;
    const fact = facts.get(digest);
    const { mayRefer = false, kind } = graph.records.get(digest) ?? {};
    if (mayRefer && kind !== 'unknown' && fact && fact.state !== 'read') {
      unread ??= `${digest} cannot be read: ${whyUnread(fact)}`;
      continue;
    }
    count += 1;
    if (unread === undefined || newestKept.has(digest)) continue;
    const detail = `is among the newest ${keep} (--keep ${keep}) if one is not counted that may refer to another manifest: ${unread}`;
    found.set(digest, { reason: 'unreadable', detail });
  }
  return found;
}

import type { AcrChoice } from './acr-purge.ts';
import type { Graph } from './graph.ts';
import { type Protection, signatureOf } from './protect.ts';
import { newPace, type Steps } from './slices.ts';
import { imageOfSignatureTag, type TagChoice } from './tags.ts';
import type { Inventory, Rule } from './types.ts';

/** Why a tag is kept that `acr purge` deletes because it counts signature tags. */
export function newestImage({ keep }: Rule): Protection {
  return {
    reason: 'newest-kept',
    detail: `it is among the newest ${keep} of those (--keep ${keep}), where signature tags are not counted`,
  };
}

/**
 * The newest `--keep` builds among the manifests without a tag. `acr purge` counts manifests there; a build is one of
 * them, with its platforms, attestations and signatures. Those are kept besides for the sake of what is kept.
 */
export function newestBuilds(
  graph: Graph,
  { facts, remembered }: Inventory,
  { chosen }: AcrChoice,
  { keep }: Rule,
): ReadonlyMap<string, Protection> {
  const builds = new Map<string, Protection>();
  if (keep === 0 || chosen.length <= keep) return builds;
  const parts = new Set<string>();
  for (const fact of facts.values())
    if (fact.state === 'read') for (const { digest } of fact.children) parts.add(digest);
  // What belonged to an index that is gone is still no build: a run that resumes counts as the run before did.
  for (const { children } of remembered?.values() ?? []) for (const { digest } of children) parts.add(digest);
  const detail = `has no tag and is old enough, but is among the newest ${keep} builds of those (--keep ${keep})`;
  for (const digest of chosen) {
    if (builds.size === keep) break;
    // What has tags until now is counted among the tags. Only what is kept is counted: a run that resumes finds the same.
    const isBuild = !parts.has(digest) && graph.subject(digest) === undefined && graph.tagsGoing(digest).length === 0;
    if (isBuild) builds.set(digest, { reason: 'newest-kept', detail });
  }
  return builds;
}

/**
 * Why tags are kept that are not in the plan that is carried out, and would be kept if they were: what they would be in
 * that plan, too.
 *
 * @param nameOfKept names an image that is kept; `undefined` where it is deleted, or not there
 */
export function* keptBesides(
  choices: readonly TagChoice[],
  rule: Rule,
  nameOfKept: (image: string) => string | undefined,
): Steps<ReadonlyMap<TagChoice, Protection>> {
  const due = newPace();
  const kept = new Map<TagChoice, Protection>();
  if (!rule.only) return kept;
  for (const choice of choices) {
    if (due()) yield;
    if (choice.reason !== 'not-in-plan') continue;
    const image = imageOfSignatureTag(choice.tag.name);
    const name = image === undefined ? undefined : nameOfKept(image);
    if (name !== undefined) kept.set(choice, signatureOf(name));
    else if (choice.newest) kept.set(choice, newestImage(rule));
  }
  return kept;
}

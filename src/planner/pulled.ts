import type { AcrChoice } from './acr-purge.ts';
import { type Graph, NONE } from './graph.ts';
import { type Age, longest, type Retention } from './retention.ts';
import { addTo, chained, slicer, type Steps } from './slices.ts';
import { imageOfSignatureTag, type TagChoice } from './tags.ts';
import type { Inventory, Protection, Pull, Pulls, Rule } from './types.ts';
import type { Used } from './use.ts';

/*
 * What rules of a policy file keep because it was pulled: `notPulledWithin` of the rule that owns a tag, and `pulledWithin`
 * of protections. A pull counts for the tag, the manifest, the indexes over it, and the parts under it.
 */

/** Of tags that would go, and of manifests without one. What is not known to be not pulled stays. */
export function* keptForPulls(
  graph: Graph,
  { evidence, tags = NONE }: Inventory,
  choices: readonly TagChoice[],
  { deleted, cascaded }: Pick<AcrChoice, 'deleted' | 'cascaded'>,
  { retention, now }: Rule,
): Steps<Used> {
  const keptTags = new Map<TagChoice, Protection>();
  const manifests = new Map<string, Protection>();
  if (!retention || !asksForPulls(retention)) return { manifests, tags: keptTags };
  const due = slicer();
  const { pulls } = evidence ?? {};
  const last = pulls ? yield* lastPulls(graph, pulls, tags) : new Map<string, Pull>();
  // Ages count from when the run began, and the log was asked later, for no longer than the ages that the rules say.
  const late = pulls ? Math.max(0, Date.parse(pulls.at) - now.getTime()) : 0;
  const rules = new Map(retention.rules.map((rule) => [rule.name, rule]));
  for (const choice of choices) {
    if (due()) yield;
    if (choice.reason !== 'matched-and-expired' || imageOfSignatureTag(choice.tag.name) !== undefined) continue;
    const { name, digest = '' } = choice.tag;
    const ages = [rules.get(choice.rule ?? '')?.notPulledWithin, retention.pulledTags.get(name), retention.pulledAny];
    const age = longest(ages);
    const pull = latestOf(pulls?.tags.get(name), last.get(digest));
    const why = age && whyKept(pull, age, { pulls, late }, graph.records.get(digest)?.created);
    if (why) keptTags.set(choice, why);
  }
  const { pulledAny } = retention;
  if (!pulledAny) return { manifests, tags: keptTags };
  for (const digest of chained(deleted, cascaded)) {
    if (due()) yield;
    const record = graph.records.get(digest);
    const why = record?.tags.length === 0 && whyKept(last.get(digest), pulledAny, { pulls, late }, record.created);
    if (why) manifests.set(digest, why);
  }
  return { manifests, tags: keptTags };
}

function asksForPulls({ rules, pulledTags, pulledAny }: Retention): boolean {
  return pulledTags.size > 0 || pulledAny !== undefined || rules.some(({ notPulledWithin }) => notPulledWithin);
}

/**
 * @param late how long after the beginning of the run the log was asked, in milliseconds
 * @param pushed since when it can have been pulled
 */
function whyKept(
  pull: Pull | undefined,
  { text, cutOff }: Age,
  { pulls, late }: { readonly pulls: Pulls | undefined; readonly late: number },
  pushed: string | undefined,
): Protection | undefined {
  if (pull && !(pull.at < cutOff)) return { reason: 'pulled-recently', detail: `${pull.detail}, within ${text}` };
  if (!pulls)
    return {
      reason: 'pull-history-too-short',
      detail: `the policy asks whether it was pulled within ${text}, and nothing says when something was pulled`,
    };
  const known = pulls.since > pulls.from ? pulls.since : pulls.from;
  const isKnown = Date.parse(known) <= Date.parse(cutOff) + late;
  if (isKnown || (pushed !== undefined && pushed > known)) return undefined;
  return {
    reason: 'pull-history-too-short',
    detail: `pulls are known since ${known.slice(0, 16)}Z only, which is less than ${text}: it may have been pulled before that`,
  };
}

function latestOf(one: Pull | undefined, other: Pull | undefined): Pull | undefined {
  return one && other ? (one.at < other.at ? other : one) : (one ?? other);
}

/** When each manifest was pulled last: by itself, with an index over it, or for a part under it. */
function* lastPulls(
  graph: Graph,
  pulls: Pulls,
  tags: readonly { readonly name: string; readonly digest: string | undefined }[],
): Steps<ReadonlyMap<string, Pull>> {
  const due = slicer();
  const own = new Map<string, Pull>(pulls.digests);
  for (const { name, digest } of tags) {
    if (due()) yield;
    const pull = digest === undefined ? undefined : latestOf(pulls.tags.get(name), own.get(digest));
    if (digest !== undefined && pull) own.set(digest, pull);
  }
  if (own.size === 0) return own;
  const over = new Map<string, string[]>();
  for (const index of chained(graph.records.keys(), graph.hidden)) {
    const children = graph.children(index);
    if (due(1 + children.length)) yield;
    for (const { digest } of children) addTo(over, digest, index);
  }
  const last = new Map<string, Pull>();
  // The latest first: what one of them reaches was pulled then, and no later.
  const latest = [...own].sort(([, a], [, b]) => (a.at < b.at ? 1 : a.at > b.at ? -1 : 0));
  for (const next of [
    (digest: string) => over.get(digest) ?? NONE,
    (digest: string) => graph.children(digest).map((child) => child.digest),
  ]) {
    const seen = new Set<string>();
    for (const [first, pull] of latest) {
      const queue = [first];
      for (let digest = queue.pop(); digest !== undefined; digest = queue.pop()) {
        if (due()) yield;
        if (seen.has(digest)) continue;
        seen.add(digest);
        last.set(digest, latestOf(last.get(digest), pull) ?? pull);
        for (const one of next(digest)) queue.push(one);
      }
    }
  }
  return last;
}

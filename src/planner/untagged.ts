import { type AcrChoice, isGone } from './acr-purge.ts';
import type { Graph } from './graph.ts';
import type { ManifestRecord } from '../registry/types.ts';
import type { Selection } from './protect.ts';
import { NO_TIME, nth } from './retention.ts';
import { filtered, slicer, sorted, type Steps } from './slices.ts';
import { compare, type TagChoice } from './tags.ts';
import type { Inventory, Protection, Rule } from './types.ts';

/*
 * What `untagged` of a policy file says of images that others refer to, and of what refers to an image that is gone.
 */

/** Whether the rule leaves what refers to a manifest that is gone. `acr purge` leaves it. */
export function keepsOrphans({ retention }: Rule): boolean {
  return !retention?.untagged?.deletesOrphans;
}

interface NewestUntagged {
  readonly kept: ReadonlyMap<string, Protection>;
  /** What must be read first: it may be no build, but refer to one. */
  readonly unread: readonly string[];
}

/**
 * The newest builds without a tag (`untagged.keep.newest`), whatever their age. A build is an image, with its platforms,
 * attestations and signatures: those are none. What loses its last tag by this plan and stays all the same is one by then.
 * They are counted by the time that they were pushed: the other one changes when a tag goes, and the next run would count
 * otherwise.
 *
 * @param selection what is deleted if none is kept for that
 */
export function* newestUntagged(
  graph: Graph,
  { remembered }: Inventory,
  { deleted, cascaded, protectedTags }: Selection,
  { retention }: Rule,
): Steps<NewestUntagged> {
  const { newest: most = 0, ofOld = false } = retention?.untagged ?? {};
  const kept = new Map<string, Protection>();
  const unread: string[] = [];
  if (most === 0) return { kept, unread };
  const due = slicer();
  // A part of an index that is gone is still no build: the next run counts as this one does.
  const parts = new Set<string>();
  for (const { children } of remembered?.values() ?? []) {
    if (due(1 + children.length)) yield;
    for (const { digest } of children) parts.add(digest);
  }
  const isGoing = (digest: string): boolean => deleted.has(digest) || cascaded.has(digest);
  const isBuild = ({ digest, kind }: ManifestRecord): boolean => {
    if (ofOld && !deleted.has(digest)) return false;
    if (kind === 'unknown' || graph.isPart(digest) || parts.has(digest) || graph.subject(digest) !== undefined)
      return false;
    const tags = graph.chosenTags(digest);
    if (graph.keptTags(digest).length > 0 || tags.some((tag) => protectedTags.has(tag))) return false;
    return tags.length === 0 ? !cascaded.has(digest) : !isGoing(digest);
  };
  const pushed = ({ created, lastUpdated }: ManifestRecord) => created ?? lastUpdated;
  const builds = yield* sorted(
    yield* filtered(graph.records.values(), isBuild),
    (a, b) => compare(pushed(b), pushed(a)) || compare(a.digest, b.digest),
  );
  let count = 0;
  for (const { digest, kind } of builds) {
    if (due()) yield;
    if (count + unread.length === most) break;
    const fact = graph.facts(digest);
    if (kind !== 'plain' && !fact) unread.push(digest);
    // What cannot be read is kept, and may be no build.
    if (kind !== 'plain' && fact?.state !== 'read') continue;
    count += 1;
    const detail = `${nth(count)} of ${most} newest builds without a tag`;
    if (deleted.has(digest)) kept.set(digest, { reason: 'kept-newest', detail });
  }
  return { kept, unread };
}

/** Images without a tag that something refers to, where these stay (`untagged.referenced: keep`). */
export function referredTo(
  graph: Graph,
  { deleted }: Pick<AcrChoice, 'deleted'>,
  { retention }: Rule,
): ReadonlyMap<string, Protection> {
  const kept = new Map<string, Protection>();
  if (!retention?.untagged?.keepsReferenced) return kept;
  for (const digest of deleted) {
    const [referrer] = graph.referrers(digest);
    const isUntagged = graph.records.get(digest)?.tags.length === 0 && graph.chosenTags(digest).length === 0;
    if (referrer === undefined || !isUntagged || graph.subject(digest) !== undefined) continue;
    kept.set(digest, { reason: 'protected', detail: `${referrer} refers to it (untagged.referenced: keep)` });
  }
  return kept;
}

/** What is younger may be known to one replica of the registry and not yet to another, or was pushed before its image. */
export const REPLICATION_MS = 86_400_000;

function isYoung({ lastUpdated }: { readonly lastUpdated?: string | undefined }, { now }: Rule): boolean {
  return lastUpdated === undefined || !(Date.parse(lastUpdated) < now.getTime() - REPLICATION_MS);
}

const MAY_COME = ', and it was pushed within a day: the image may be on its way';

/** What refers to a manifest that is not there, and was pushed so lately that this may be there all the same. */
export function youngOrphans(
  graph: Graph,
  { deleted }: Pick<AcrChoice, 'deleted'>,
  rule: Rule,
): ReadonlyMap<string, Protection> {
  const kept = new Map<string, Protection>();
  if (keepsOrphans(rule)) return kept;
  for (const digest of deleted) {
    const [subject, record] = [graph.subject(digest), graph.records.get(digest)];
    if (subject === undefined || !record || !isGone(graph, subject) || !isYoung(record, rule)) continue;
    kept.set(digest, { reason: 'referrer-of-unlisted', detail: `refers to ${subject}, which is not found${MAY_COME}` });
  }
  return kept;
}

/**
 * Signature tags whose image is gone, and that stay: they follow it only where `untagged.orphanedReferrers` says so, and
 * once they are old enough.
 */
export function orphanedSignatures(graph: Graph, rule: Rule): ReadonlyMap<TagChoice, Protection> {
  const { retention, only } = rule;
  const kept = new Map<TagChoice, Protection>();
  // Of a plan that is applied, the image may have gone by the same plan, right before the run was stopped.
  if (!retention || only) return kept;
  const { deletesOrphans = false, olderThan } = retention.untagged ?? {};
  for (const [image, signatures] of graph.signatures) {
    if (!isGone(graph, image)) continue;
    const detail = `belongs to ${image}, which is gone`;
    for (const choice of signatures) {
      const { lastUpdated } = choice.tag;
      if (!deletesOrphans) kept.set(choice, { reason: 'referrer-of-unlisted', detail });
      else if (lastUpdated === undefined) kept.set(choice, { reason: 'unknown-time', detail: NO_TIME });
      else if (olderThan && !(lastUpdated < olderThan.cutOff))
        kept.set(choice, { reason: 'too-young', detail: `${detail}, and it is not older than ${olderThan.text}` });
      else if (isYoung(choice.tag, rule))
        kept.set(choice, { reason: 'referrer-of-unlisted', detail: detail + MAY_COME });
    }
  }
  return kept;
}

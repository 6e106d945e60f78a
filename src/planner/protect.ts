import type { ManifestFacts } from '../registry/types.ts';
import { type AcrChoice, isGone } from './acr-purge.ts';
import { factsInOrder, type Graph, name, NONE } from './graph.ts';
import { unclearReferrers } from './needs.ts';
import { chained, filtered, slicer, setOf, type Steps } from './slices.ts';
import type { TagChoice } from './tags.ts';
import type { Inventory, Protection } from './types.ts';

/** What is deleted in the end, and why the rest is kept. */
export interface Selection {
  /** Manifests to delete. */
  readonly deleted: ReadonlySet<string>;
  /** Referrers that the registry deletes along with those. */
  readonly cascaded: ReadonlySet<string>;
  /** Why a manifest is kept that could be deleted on its own account. */
  readonly protections: ReadonlyMap<string, Protection>;
  /** Tags that were chosen for deletion and are kept after all. */
  readonly protectedTags: ReadonlyMap<TagChoice, Protection>;
}

interface ProtectOptions {
  /** Manifests that are kept besides. */
  readonly besides: ReadonlyMap<string, Protection>;
  /** Images that are assumed to refer to nothing. */
  readonly assumed: ReadonlySet<string>;
  /** Tags that are kept because what they name is used. */
  readonly usedTags: ReadonlyMap<TagChoice, Protection>;
  /** Why one of `graph.savedTags` is kept. */
  readonly saved: (choice: TagChoice) => Protection | undefined;
  /** Whether what refers to a manifest that is gone stays, also where it was chosen. */
  readonly keepsOrphans: boolean;
}

/**
 * Takes away from what `acr purge` chooses whatever something kept needs:
 * - a child of an index that is kept, however nested;
 * - a referrer of a manifest that is kept;
 * - a manifest whose deletion would also delete a referrer that is kept on its own account: that is tagged, locked,
 *   needed by an index that is kept, or in doubt. (A referrer that is only young is deleted along: it is of no use
 *   without its subject. One of a type that is not known is in doubt at any age.)
 * - a cosign tag, with its manifest, of an image that is kept.
 *
 * One rule can set off another, so each manifest that turns out to be kept is visited once, until none is left. Only ever
 * takes away: what is deleted in the end is part of the choice, or a referrer that the registry deletes along with it.
 */
export function* protect(
  graph: Graph,
  inventory: Inventory,
  choice: AcrChoice,
  { besides, assumed, usedTags, saved, keepsOrphans }: ProtectOptions,
): Steps<Selection> {
  const due = slicer();
  const deleted = yield* setOf(choice.deleted);
  const protections = new Map<string, Protection>();
  const protectedTags = new Map<TagChoice, Protection>();
  /** Kept, each with its subject, the subject of that, and so on. */
  const withSubjects = new Set<string>();
  /** Kept. What it needs is kept when it leaves the queue. */
  const kept = new Set<string>();
  const queue: string[] = [];

  const keep = (digest: string, protection?: Protection): void => {
    deleted.delete(digest);
    if (protection && !protections.has(digest)) protections.set(digest, protection);
    if (!kept.has(digest)) {
      kept.add(digest);
      queue.push(digest);
    }
  };
  /** Keeps a manifest on its own account, and so its subject: deleting that would delete it as well. */
  const keepWithSubjects = (first: string, why?: Protection): void => {
    let digest: string | undefined = first;
    let protection = why;
    while (digest !== undefined && !withSubjects.has(digest)) {
      withSubjects.add(digest);
      keep(digest, protection);
      protection = {
        reason: 'subject-of-kept',
        detail: `deleting it would also delete ${name(graph, digest)}, which refers to it and is kept`,
      };
      const subject = graph.subject(digest);
      digest = subject !== undefined && graph.records.has(subject) ? subject : undefined;
    }
  };

  const keepSignatures = (image: string, protection: Protection): void => {
    for (const signature of graph.signatures.get(image) ?? []) {
      protectedTags.set(signature, protection);
      const signed = signature.tag.digest;
      if (signed === undefined || !graph.records.has(signed)) continue;
      keepWithSubjects(signed, {
        reason: 'has-tags',
        detail: `tagged ${signature.tag.name}, which belongs to an image that is kept`,
      });
    }
  };

  for (const digest of [...graph.unlisted, ...graph.hidden]) keepWithSubjects(digest);
  for (const [digest, record] of graph.records) {
    if (due()) yield;
    const standing = graph.standing(record);
    const doubt = standing === 'unknown-time' || record.kind === 'unknown';
    if (standing === 'locked' || standing === 'has-tags' || doubt) keepWithSubjects(digest);
  }
  for (const choice of graph.savedTags) {
    if (due()) yield;
    const protection = saved(choice);
    if (!protection) continue;
    protectedTags.set(choice, protection);
    const { name: tag, digest } = choice.tag;
    if (digest !== undefined)
      keepWithSubjects(digest, { reason: 'has-tags', detail: `tagged ${tag}: ${protection.detail}` });
  }
  for (const [digest, protection] of besides) {
    if (due()) yield;
    keepWithSubjects(digest, protection);
  }
  for (const [choice, protection] of usedTags) {
    if (due()) yield;
    protectedTags.set(choice, protection);
    const { name: tag, digest } = choice.tag;
    if (digest !== undefined)
      keepWithSubjects(digest, { ...protection, detail: `tagged ${tag}: ${protection.detail}` });
  }
  const unclear = yield* filtered(yield* unclearReferrers(graph), (digest) => !assumed.has(digest));
  for (const doubt of doubts(graph, inventory, choice, unclear[0])) {
    if (due()) yield;
    if (doubt) keepWithSubjects(doubt[0], doubt[1]);
  }
  for (const image of graph.signatures.keys()) {
    if (due()) yield;
    const fact = graph.records.has(image) ? undefined : graph.facts(image);
    if (fact?.state === 'unreadable') keepSignatures(image, signatureInDoubt(image, fact.why));
  }
  for (const digest of graph.records.keys()) {
    if (due()) yield;
    const subject = graph.subject(digest);
    if (subject !== undefined && graph.records.has(subject)) continue;
    if (subject !== undefined && !keepsOrphans && deleted.has(digest) && isGone(graph, subject)) continue;
    if (subject !== undefined) {
      keep(digest, { reason: 'referrer-of-unlisted', detail: unlistedSubject(graph, subject) });
    } else if (!deleted.has(digest)) keep(digest);
  }

  /** Keeps what the kept ones need. One object for all children of each, and one for all its referrers: there may be many. */
  const settle = function* (): Steps<void> {
    for (let digest = queue.pop(); digest !== undefined; digest = queue.pop()) {
      const children = graph.children(digest);
      const referrers = graph.referrers(digest);
      const signatures = graph.signatures.get(digest) ?? NONE;
      if (due(1 + children.length + referrers.length)) yield;
      if (children.length + referrers.length + signatures.length === 0) continue;
      const own = name(graph, digest);
      const needed: Protection = { reason: 'child-of-kept-index', detail: `${own} needs it, and is kept` };
      for (const child of children) if (graph.records.has(child.digest)) keepWithSubjects(child.digest, needed);
      const refers: Protection = { reason: 'referrer-of-kept', detail: `refers to ${own}, which is kept` };
      for (const referrer of referrers) keep(referrer, refers);
      if (signatures.length > 0) keepSignatures(digest, signatureOf(own));
    }
  };

  yield* settle();
  for (const digest of yield* inCircles(graph, (one) => graph.records.has(one) && !kept.has(one)))
    keepWithSubjects(digest, ENDLESS);
  yield* settle();
  const isCascaded = (digest: string): boolean => !kept.has(digest) && !deleted.has(digest);
  const cascaded = yield* setOf(yield* filtered(graph.records.keys(), isCascaded));
  return { deleted, cascaded, protections, protectedTags };
}

/** No manifest can hold its own hash; but a registry that lists referrers can say so. */
const ENDLESS: Protection = {
  reason: 'unreadable',
  detail: 'by what the registry says of referrers, it refers to itself, by way of others or not',
};

/** Of the manifests that are deleted, those that are their own subject by way of others: none could be deleted first. */
function* inCircles(graph: Graph, isDeleted: (digest: string) => boolean): Steps<ReadonlySet<string>> {
  const due = slicer();
  const sound = new Set<string>();
  const endless = new Set<string>();
  for (const first of graph.records.keys()) {
    if (due()) yield;
    if (graph.subject(first) === undefined || !isDeleted(first)) continue;
    const way = new Set<string>();
    let digest: string | undefined = first;
    const isKnown = (one: string): boolean => way.has(one) || sound.has(one) || endless.has(one);
    while (digest !== undefined && isDeleted(digest) && !isKnown(digest)) {
      way.add(digest);
      digest = graph.subject(digest);
    }
    const isEndless = digest !== undefined && (way.has(digest) || endless.has(digest));
    for (const one of way) (isEndless ? endless : sound).add(one);
  }
  return endless;
}

export function signatureOf(image: string): Protection {
  return { reason: 'signature-of-kept', detail: `belongs to ${image}, which is kept` };
}

/** The image of the signature is not listed: gone, or hidden. */
export function signatureInDoubt(image: string, why: string): Protection {
  return { reason: 'unreadable', detail: `belongs to ${image}, which is not listed, and may be hidden: ${why}` };
}

function unlistedSubject(graph: Graph, subject: string): string {
  const what = graph.hidden.has(subject)
    ? ': it is hidden'
    : graph.facts(subject)?.state === 'missing'
      ? ', nor found by its digest'
      : '';
  return `refers to ${subject}, which is not listed here${what}`;
}

/**
 * What cannot be known is kept, and so is all that it might need or delete along. Yields `undefined` where there is no
 * doubt, so that the caller can count.
 *
 * @param unclear a manifest that may refer to any
 */
function* doubts(
  graph: Graph,
  inventory: Inventory,
  choice: AcrChoice,
  unclear: string | undefined,
): Generator<readonly [string, Protection] | undefined> {
  for (const [digest, fact] of factsInOrder(inventory)) {
    yield undefined;
    if (fact.state === 'read') continue;
    const record = graph.records.get(digest);
    // A child of an index that is neither listed nor there is simply gone; one that cannot be read may have children.
    if (!record && fact.state === 'missing') continue;
    const why = whyUnread(fact);
    if (record) yield [digest, { reason: 'unreadable', detail: `cannot be read: ${why}` }];
    if (record?.kind === 'image' || record?.kind === 'plain' || (fact.state === 'missing' && fact.gone)) continue;
    const needed: Protection = {
      reason: 'unreadable',
      detail: `${name(graph, digest)} may need it, and cannot be read: ${why}`,
    };
    for (const candidate of choice.deleted) yield [candidate, needed];
    return;
  }
  const referredTo: Protection | undefined =
    unclear === undefined
      ? undefined
      : { reason: 'unreadable', detail: `${name(graph, unclear)} may refer to it, and cannot be read` };
  for (const digest of chained(choice.deleted, choice.cascaded)) {
    const answer = inventory.referrers.get(digest);
    const referrers = answer === 'unknown' ? undefined : answer;
    if (referrers?.some((referrer) => !graph.records.has(referrer))) {
      yield [
        digest,
        { reason: 'subject-of-kept', detail: 'deleting it would also delete a referrer that is not listed' },
      ];
    } else yield referredTo && !referrers ? [digest, referredTo] : undefined;
  }
}

export function whyUnread(fact: Exclude<ManifestFacts, { readonly state: 'read' }>): string {
  return fact.state === 'missing' ? 'the registry lists it and does not find it' : fact.why;
}

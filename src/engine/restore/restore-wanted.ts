import type { Ledger } from '../../ledger/ledger.ts';
import { type LostArtifact, lostBy, lostIn } from '../../ledger/lost.ts';
import type { RunRecord } from '../../ledger/records.ts';
import type { Held, Lost, Wanted } from '../../planner/restore.ts';
import { imageOfSignatureTag } from '../../planner/tags.ts';
import { remembered } from '../../registry/manifest-cache.ts';

/* What is to come back in one repository, by what runs recorded of it. */

/** What is asked for in one repository. */
export type Asked =
  /** All that a run deleted there. */
  | { readonly run: Pick<RunRecord, 'id' | 'started'> }
  /** An image that a run deleted, or that no run knows. */
  | { readonly digest: string; readonly tag?: string | undefined };

/** What manifests hold, as runs remembered it: also of those that are gone. */
export type HeldBefore = (digest: string) => Held | undefined;

export async function heldBefore(ledger: Ledger, registry: string, repository: string): Promise<HeldBefore> {
  const { unlisted } = await remembered(ledger.manifestCache(registry, repository), repository, () => undefined);
  return (digest) => unlisted.get(digest);
}

/** An artifact as the planner of a restore takes it. */
function lostOf({ decision, run }: LostArtifact): Lost {
  return { decision, how: `deleted by the run ${run.id} of ${run.started.slice(0, 10)}` };
}

interface Known {
  readonly manifests: Map<string, Lost>;
  readonly tags: Map<string, Lost & { readonly digest: string }>;
  /** The tags that each manifest had. */
  readonly named: Map<string, Set<string>>;
}

/** The newest record of each artifact. A tag may have named several manifests over time: each is known by its own key. */
async function known(lost: AsyncIterable<LostArtifact>): Promise<Known> {
  const manifests = new Map<string, Lost>();
  const tags = new Map<string, Lost & { readonly digest: string }>();
  const named = new Map<string, Set<string>>();
  const addTag = (tag: string, digest: string, one: Lost): void => {
    if (!tags.has(tag)) tags.set(tag, { ...one, digest });
    named.set(digest, (named.get(digest) ?? new Set()).add(tag));
  };
  for await (const artifact of lost) {
    const { kind, tag, digest, tags: names = [] } = artifact.decision;
    const one = lostOf(artifact);
    if (digest === undefined) continue;
    if (kind === 'tag' && tag !== undefined) addTag(tag, digest, one);
    if (kind !== 'manifest') continue;
    if (!manifests.has(digest)) manifests.set(digest, one);
    // It took them with it. Of a tag that has a decision of its own, that was first.
    for (const name of names) addTag(name, digest, { ...one, decision: { reason: artifact.decision.reason } });
  }
  return { manifests, tags, named };
}

/** All that a run deleted, and what an index of that needs and another run deleted. */
async function wantedOfRun(
  ledger: Ledger,
  registry: string,
  repository: string,
  run: Pick<RunRecord, 'id' | 'started'>,
  held: HeldBefore,
): Promise<Known> {
  const wanted = await known(lostBy(ledger, run, repository));
  const children = childrenOf(held);
  const isMissing = (digest: string): boolean => children(digest).some((child) => !wanted.manifests.has(child));
  if (![...wanted.manifests.keys()].some(isMissing)) return wanted;
  const all = await known(lostIn(ledger, registry, repository));
  addBelonging(wanted, all, [...wanted.manifests.keys()], children);
  return wanted;
}

/** An image, its children, its signatures, and what refers to it, whichever run deleted them. */
async function wantedOfImage(
  ledger: Ledger,
  registry: string,
  repository: string,
  { digest, tag }: Extract<Asked, { digest: string }>,
  held: HeldBefore,
): Promise<Known> {
  const all = await known(lostIn(ledger, registry, repository));
  const wanted: Known = { manifests: new Map(), tags: new Map(), named: all.named };
  add(wanted, all, digest);
  if (!wanted.manifests.has(digest) && !all.named.has(digest)) wanted.manifests.set(digest, UNRECORDED);
  if (tag !== undefined && wanted.tags.get(tag)?.digest !== digest) {
    const { how } = wanted.manifests.get(digest) ?? UNRECORDED;
    wanted.tags.set(tag, { ...UNRECORDED, how, digest });
  }
  addBelonging(wanted, all, [digest], partsOf(all, held));
  return wanted;
}

export async function wantedIn(
  ledger: Ledger,
  registry: string,
  repository: string,
  asked: Asked,
  held: HeldBefore,
): Promise<Wanted> {
  const { manifests, tags } =
    'run' in asked
      ? await wantedOfRun(ledger, registry, repository, asked.run, held)
      : await wantedOfImage(ledger, registry, repository, asked, held);
  return { repository, manifests, tags };
}

/** Adds a manifest with all the tags that runs deleted from it. */
function add(wanted: Known, all: Known, digest: string): void {
  const lost = all.manifests.get(digest);
  if (lost && !wanted.manifests.has(digest)) wanted.manifests.set(digest, lost);
  for (const tag of all.named.get(digest) ?? []) {
    const newest = all.tags.get(tag);
    // Where a later run deleted it from another manifest, it belongs to that.
    if (newest?.digest === digest && !wanted.tags.has(tag)) wanted.tags.set(tag, newest);
  }
}

function addBelonging(
  wanted: Known,
  all: Known,
  from: readonly string[],
  belonging: (digest: string) => readonly string[],
): void {
  const queue = [...from];
  const seen = new Set(queue);
  for (let next = queue.pop(); next !== undefined; next = queue.pop())
    for (const one of belonging(next)) {
      if (seen.has(one) || !(all.manifests.has(one) || all.named.has(one))) continue;
      seen.add(one);
      add(wanted, all, one);
      queue.push(one);
    }
}

const UNRECORDED: Lost = {
  decision: { reason: 'untagged-and-expired' },
  how: 'no run has recorded that it was deleted',
};

function childrenOf(held: HeldBefore): (digest: string) => readonly string[] {
  return (digest) => held(digest)?.children.map((child) => child.digest) ?? [];
}

/** Children, signatures and referrers. */
function partsOf({ manifests, tags }: Known, held: HeldBefore): (digest: string) => readonly string[] {
  const belonging = new Map<string, string[]>();
  const add = (to: string | undefined, digest: string): void => {
    if (to !== undefined) belonging.set(to, [...(belonging.get(to) ?? []), digest]);
  };
  for (const digest of manifests.keys()) add(held(digest)?.subject, digest);
  for (const [tag, { digest }] of tags) add(imageOfSignatureTag(tag), digest);
  const children = childrenOf(held);
  return (digest) => [...children(digest), ...(belonging.get(digest) ?? [])];
}

/** With the children of indexes that no run has recorded as deleted, and of which there are copies. */
export function withChildren(
  wanted: Wanted,
  {
    held,
    isWanted,
  }: { readonly held: (digest: string) => Held | undefined; readonly isWanted: (digest: string) => boolean },
): Wanted {
  const manifests = new Map(wanted.manifests);
  const queue = [...manifests.keys()];
  for (let next = queue.pop(); next !== undefined; next = queue.pop())
    for (const { digest } of held(next)?.children ?? []) {
      if (manifests.has(digest) || !isWanted(digest)) continue;
      manifests.set(digest, childOf(next));
      queue.push(digest);
    }
  return { ...wanted, manifests };
}

export function childOf(index: string): Lost {
  return {
    decision: { reason: 'untagged-and-expired' },
    how: `needed by ${index}, and no run has recorded that it was deleted`,
  };
}

import type { Deleted, Restored } from './decision.ts';
import { addTo } from './slices.ts';
import { imageOfSignatureTag } from './tags.ts';

/** How an artifact that was deleted comes back, or why it does not. */
export const RESTORE_REASONS = [
  /** It is there. */
  'is-there',
  /** Of a tag: its manifest is there, and is tagged again. */
  'manifest-is-there',
  /** The registry keeps what is deleted for a while (soft delete), and has it. */
  'soft-deleted',
  /** The archive has it. */
  'archived',
  /** Of a tag: it names another manifest, which was pushed since. */
  'pushed-since',
  /** There is no copy of it. */
  'no-copy',
] as const;

export type RestoreReason = (typeof RESTORE_REASONS)[number];

/** What bringing an artifact back came to. */
export type RestoreOutcome =
  /** A dry run: nothing was asked of the registry. */
  | 'planned'
  | 'restored'
  | 'already-there'
  /** There is no copy of it. */
  | 'impossible'
  /** The registry refused. */
  | 'refused'
  | 'failed'
  /** Not tried: it would replace what was pushed since, or the run stopped before. */
  | 'not-attempted';

/*
 * What a run brings back of one repository, in which order, and what not. Pure: what is there and what there are copies of
 * comes from outside.
 */

/** An artifact that a run deleted. */
export interface Lost {
  /** What was decided on it; of a tag that went with its manifest, on that. */
  readonly decision: Pick<
    Deleted,
    'digest' | 'mediaType' | 'size' | 'locked' | 'lock' | 'createdTime' | 'lastUpdateTime' | 'reason'
  >;
  /** Who deleted it and when, a part of a sentence; or how it is known. */
  readonly how: string;
}

/** What of one repository is to come back. */
export interface Wanted {
  readonly repository: string;
  /** By digest. */
  readonly manifests: ReadonlyMap<string, Lost>;
  /** By name. */
  readonly tags: ReadonlyMap<string, Lost & { readonly digest: string }>;
}

/** What a manifest holds, where that is known. */
export interface Held {
  readonly children: readonly { readonly digest: string }[];
  readonly subject: string | undefined;
}

/** What there is. */
export interface Standing {
  readonly isThere: (digest: string) => boolean;
  /** The manifest that a tag names now; `undefined`: there is no such tag. */
  readonly named: (tag: string) => string | undefined;
  /** Which way brings a manifest back; `undefined`: none. */
  readonly wayOf: (digest: string) => 'soft-deleted' | 'archived' | undefined;
  /** Why there is no way, a part of a sentence. */
  readonly whyNone: string;
  readonly held: (digest: string) => Held | undefined;
  readonly isIndex: (mediaType: string | undefined) => boolean;
  /** A tag that names another manifest now is set back all the same. */
  readonly force: boolean;
}

/** What is decided on each, and the manifests in the order in which they come back. */
export interface RestorePlan {
  /** Tags first. */
  readonly decisions: readonly Restored[];
  /** Manifests that do not need each other, and then those that need these. */
  readonly waves: readonly (readonly string[])[];
}

export function planRestore(wanted: Wanted, standing: Standing): RestorePlan {
  const { repository, manifests, tags } = wanted;
  const tagsOf = new Map<string, string[]>();
  for (const [tag, { digest }] of tags) addTo(tagsOf, digest, tag);
  const waves = wavesOf(wanted, standing);
  // Of a manifest that is there, and of which only a tag is gone, nothing has to be decided.
  const decided = waves.flat().filter((digest) => manifests.has(digest) || !standing.isThere(digest));
  return {
    decisions: [
      ...Array.from(tags, ([tag, lost]) => decideOnTag(repository, tag, lost, standing)),
      ...decided.map((digest) => {
        const lost = manifests.get(digest) ?? UNKNOWN;
        return decideOnManifest(repository, digest, lost, tagsOf.get(digest) ?? [], standing);
      }),
    ],
    waves,
  };
}

const UNKNOWN: Lost = {
  decision: { reason: 'untagged-and-expired' },
  how: 'one of its tags is to come back, and no run has recorded that it was deleted',
};

export function decideOnManifest(
  repository: string,
  digest: string,
  { decision, how }: Lost,
  tags: readonly string[],
  { isThere, wayOf, whyNone }: Pick<Standing, 'isThere' | 'wayOf' | 'whyNone'>,
): Restored {
  const about = {
    repository,
    kind: 'manifest' as const,
    digest,
    ...(tags.length > 0 && { tags }),
    ...aboutOf(decision),
    action: 'restore' as const,
    beyondAcrPurge: false,
  };
  if (isThere(digest))
    return { ...about, reason: 'is-there', outcome: 'already-there', detail: `${how}, and is there` };
  const way = wayOf(digest);
  if (way === undefined)
    return { ...about, reason: 'no-copy', outcome: 'impossible', detail: `${how}; ${whyNone}; ${knownOf(decision)}` };
  return { ...about, reason: way, outcome: 'planned', detail: `${how}; ${WAYS[way]}` };
}

const WAYS = {
  'soft-deleted': 'the registry has it still (soft delete)',
  archived: 'the archive has it',
} as const;

function decideOnTag(
  repository: string,
  tag: string,
  { digest, decision, how }: Lost & { readonly digest: string },
  { isThere, named, wayOf, whyNone, force }: Standing,
): Restored {
  const about = {
    repository,
    kind: 'tag' as const,
    tag,
    digest,
    ...aboutOf(decision),
    action: 'restore' as const,
    beyondAcrPurge: false,
  };
  const now = named(tag);
  if (now === digest) return { ...about, reason: 'is-there', outcome: 'already-there', detail: `${how}, and is there` };
  const way = isThere(digest) ? ('manifest-is-there' as const) : wayOf(digest);
  if (way === undefined)
    return { ...about, reason: 'no-copy', outcome: 'impossible', detail: `${how}; ${whyNone} of its manifest` };
  if (now !== undefined && !force) return pushedSince({ ...about, reason: way, outcome: 'planned', detail: how }, now);
  const replaced = now === undefined ? '' : `; it names ${now} now, from which --force takes it`;
  const from = way === 'manifest-is-there' ? 'its manifest is there' : WAYS[way];
  return { ...about, reason: way, outcome: 'planned', detail: `${how}; ${from}${replaced}` };
}

/** A tag that is not set back, because it names another manifest by now. */
export function pushedSince(decision: Restored, now: string): Restored {
  const { error: _, ...about } = decision;
  const message = `names ${now} now, which was pushed since; --force sets it back`;
  return { ...about, reason: 'pushed-since', outcome: 'not-attempted', error: { message } };
}

function aboutOf({ mediaType, size, locked, lock, createdTime, lastUpdateTime }: Lost['decision']) {
  return {
    ...(mediaType !== undefined && { mediaType }),
    ...(size !== undefined && { size }),
    ...(locked && { locked: true as const }),
    ...(lock && { lock }),
    ...(createdTime !== undefined && { createdTime }),
    ...(lastUpdateTime !== undefined && { lastUpdateTime }),
  };
}

/** What is known of an artifact, for the person who builds it anew. */
function knownOf({ mediaType, size, createdTime, lastUpdateTime }: Lost['decision']): string {
  const known = [
    ...(mediaType === undefined ? [] : [mediaType]),
    ...(size === undefined ? [] : [`${size} bytes`]),
    ...(createdTime === undefined ? [] : [`pushed at ${createdTime}`]),
    ...(lastUpdateTime === undefined || lastUpdateTime === createdTime ? [] : [`last updated at ${lastUpdateTime}`]),
  ];
  return known.length === 0 ? 'nothing else is known of it' : `it was ${known.join(', ')}`;
}

/**
 * The children of an index come back before it, and what refers to another manifest, or signs one by its tag, after that.
 * What is not known to hold anything comes by its kind.
 */
function wavesOf(
  { manifests, tags }: Wanted,
  { held, isIndex }: Pick<Standing, 'held' | 'isIndex'>,
): readonly (readonly string[])[] {
  const signed = new Map<string, string[]>();
  for (const [tag, { digest }] of tags) {
    const image = imageOfSignatureTag(tag);
    if (image !== undefined) addTo(signed, digest, image);
  }
  const digests = new Set([...manifests.keys(), ...Array.from(tags.values(), ({ digest }) => digest)]);
  const earliest = (digest: string): number => {
    const { mediaType, reason } = manifests.get(digest)?.decision ?? {};
    if (reason === 'referrer-of-deleted' || held(digest)?.subject !== undefined || signed.has(digest)) return 2;
    return isIndex(mediaType) || (held(digest)?.children.length ?? 0) > 0 ? 1 : 0;
  };
  const needs = (digest: string): readonly string[] => {
    const { children = [], subject } = held(digest) ?? {};
    const needed = [...children.map((child) => child.digest), ...(signed.get(digest) ?? [])];
    return (subject === undefined ? needed : [...needed, subject]).filter((one) => digests.has(one));
  };
  const waves = new Map<string, number>();
  const seen = new Set<string>();
  for (const digest of digests) {
    // By hand: what refers to what refers to another one may be a long chain. Names can belong to each other.
    const waiting = [{ digest, areNeedsDone: false }];
    for (let next = waiting.pop(); next; next = waiting.pop()) {
      if (next.areNeedsDone) {
        const after = needs(next.digest).map((need) => (waves.get(need) ?? -1) + 1);
        waves.set(
          next.digest,
          after.reduce((latest, one) => Math.max(latest, one), earliest(next.digest)),
        );
        continue;
      }
      if (seen.has(next.digest)) continue;
      seen.add(next.digest);
      waiting.push({ digest: next.digest, areNeedsDone: true });
      for (const need of needs(next.digest)) if (!seen.has(need)) waiting.push({ digest: need, areNeedsDone: false });
    }
  }
  const byWave = new Map<number, string[]>();
  for (const digest of digests) addTo(byWave, waves.get(digest) ?? 0, digest);
  return [...byWave].sort(([a], [b]) => a - b).map(([, some]) => some);
}

/** Why an artifact goes. The README lists what each means. */
export const DELETE_REASONS = [
  /** A tag that a filter matches, older than `--ago`, not locked, and not among the newest `--keep`. */
  'matched-and-expired',
  /** A manifest left without a tag, not younger than `--ago`, that nothing kept needs. */
  'untagged-and-expired',
  /** A referrer (signature, SBOM …): the registry removes it along with the manifest that it refers to. */
  'referrer-of-deleted',
] as const;

export type DeleteReason = (typeof DELETE_REASONS)[number];

/** Why an artifact stays. */
export const KEEP_REASONS = [
  /** Not older than `--ago`. */
  'too-young',
  /** Locked, and `--include-locked` was not given. */
  'locked',
  /** Would go, but is among the newest `--keep`. */
  'newest-kept',
  /** A manifest with a tag that stays. */
  'has-tags',
  /** An index that stays needs it. */
  'child-of-kept-index',
  /** An index that goes along with its subject needed it: free to go in the next run. */
  'child-of-referrer',
  /** It refers to a manifest that stays. */
  'referrer-of-kept',
  /** It refers to a manifest that is not listed: nobody can say that it is not needed. */
  'referrer-of-unlisted',
  /** Deleting it would take along a referrer that stays. */
  'subject-of-kept',
  /** A cosign tag (`sha256-….sig`) of an image that stays. */
  'signature-of-kept',
  /** A tag that no filter selects, of a manifest that `acr purge` would have removed. */
  'not-selected',
  /** The registry gives no time for it, or one that cannot be read. */
  'unknown-time',
  /** No media type, or one whose meaning is not known. */
  'unknown-media-type',
  /** It cannot be read, or something that may need it cannot. */
  'unreadable',
  /** It was to go, and changed before it went: the next run decides anew. */
  'changed-since-plan',
  /** It would be deleted now, but is not in the plan that is applied. */
  'not-in-plan',
] as const;

export type KeepReason = (typeof KEEP_REASONS)[number];

export type Reason = DeleteReason | KeepReason;

/** What became of a deletion. */
export type Outcome =
  /** A dry run: nothing was asked of the registry. */
  | 'planned'
  /** A breaker tripped: it waits for approval. */
  | 'held'
  | 'deleted'
  /** Somebody else was faster. */
  | 'already-gone'
  /** The registry refused: it is locked, or not allowed. */
  | 'refused'
  | 'failed'
  /** Not tried, because of what happened to something else, or because the run stopped. */
  | 'not-attempted';

interface Artifact {
  readonly repository: string;
  readonly kind: 'tag' | 'manifest';
  readonly tag?: string;
  readonly digest?: string;
  /** Of a manifest: the tags on it when it was listed. */
  readonly tags?: readonly string[];
  /** A sentence for a person: which filter, age, index or lock. */
  readonly detail: string;
  /** `acr purge` would have removed it. Only ever true of what is kept. */
  readonly beyondAcrPurge: boolean;
  readonly mediaType?: string;
  /** Bytes, as the registry says. */
  readonly size?: number;
  /** It was locked when it was listed. */
  readonly locked?: true;
  readonly createdTime?: string;
  readonly lastUpdateTime?: string;
}

export interface DecisionError {
  readonly message: string;
  readonly status?: number;
  readonly code?: string;
  readonly correlationId?: string;
  /** The right for want of which it was refused, or not attempted. */
  readonly missing?: Right;
}

/** What an identity needs at a registry: reading, deleting, and changing the attributes of what is locked. */
export type Right = 'read' | 'delete' | 'unlock';

/** A lock that was taken off, and could not be put back. */
export interface LostLock {
  /** Its attributes, as they were. */
  readonly deleteEnabled: boolean;
  readonly writeEnabled: boolean;
  /** The command that puts it back. */
  readonly restore: string;
}

export interface Kept extends Artifact {
  readonly action: 'keep';
  readonly reason: KeepReason;
}

export interface Deleted extends Artifact {
  readonly action: 'delete';
  readonly reason: DeleteReason;
  readonly outcome: Outcome;
  /** Of a tag: the filter that matches it, as it was given. Absent in older records. */
  readonly filter?: string;
  readonly error?: DecisionError;
  /** Of a tag: its manifest is kept, without a tag once all of so many are gone, and has so many bytes. */
  readonly leavesUntagged?: { readonly tags: number; readonly bytes: number };
  /** Of a manifest: so many signature tags that belong to it by their name are kept. */
  readonly leavesSignatures?: number;
  /** It was not deleted, and is without its lock, which was taken off for that. */
  readonly lostLock?: LostLock;
}

/** The one record that flows through everything from the planner on. */
export type Decision = Kept | Deleted;

/** Decisions, to be gone through as often as one likes. Those of many artifacts are made each time, and never all kept. */
export type Decisions = Iterable<Decision>;

/** Up to this many are kept: making them again takes longer than it saves. */
const FEW = 10_000;

/** @param count how many there are at most */
export function decisionsOf(count: number, make: () => Iterable<Decision>): Decisions {
  return count <= FEW ? [...make()] : { [Symbol.iterator]: () => make()[Symbol.iterator]() };
}

/** The same decisions, each looked at again. */
export function mapped(decisions: Decisions, change: (decision: Decision) => Decision): Decisions {
  if (Array.isArray(decisions) && decisions.length <= FEW) return (decisions as readonly Decision[]).map(change);
  return {
    *[Symbol.iterator]() {
      for (const decision of decisions) yield change(decision);
    },
  };
}

/** Names an artifact within its repository, as images name it: `:tag`, `@digest`. */
export function keyOf({ kind, tag, digest }: Decision): string {
  return kind === 'tag' ? `:${tag ?? ''}` : `@${digest ?? ''}`;
}

/** The same decisions; what was to go is held back, or not tried. */
export function withOutcome(decisions: Decisions, outcome: 'held' | 'not-attempted'): Decisions {
  return mapped(decisions, (decision) => (decision.action === 'delete' ? { ...decision, outcome } : decision));
}

export type Breaker =
  /** MAX_DELETIONS: artifacts in one run. */
  | 'max-deletions'
  /** MAX_DELETION_PERCENT: of a repository's tags, and of the registry's manifests. */
  | 'max-deletion-percent'
  /** A repository would be left without a tag. */
  | 'no-tag-left'
  /** MAX_MEDIAN_FACTOR: far more deletions than in the last runs. */
  | 'far-above-median';

/** The guard that a breaker belongs to, as its flag and its setting are called. */
export const GUARD_NAMES: Readonly<Record<Breaker, string>> = {
  'max-deletions': 'max-deletions',
  'max-deletion-percent': 'max-deletion-percent',
  'no-tag-left': 'keep-last-tag',
  'far-above-median': 'max-median-factor',
};

/** A breaker that tripped: what it held back waits for approval. */
export interface Hold {
  readonly breaker: Breaker;
  /** Absent: it holds back the whole run. */
  readonly repository?: string;
  /** What was found, and what is allowed: artifacts, or percent. */
  readonly found: number;
  readonly limit: number;
  /** A sentence for a person. */
  readonly detail: string;
}

/** A trip with where it happened. */
export function holdInWords({ repository, detail }: Hold): string {
  return repository === undefined ? detail : `${repository}: ${detail}`;
}

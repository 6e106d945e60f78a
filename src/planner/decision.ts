import type { DecisionFindings } from './findings.ts';
import type { RestoreOutcome, RestoreReason } from './restore.ts';

/** Why an artifact is deleted. The documentation lists what each means. */
export const DELETE_REASONS = [
  /** A tag that a filter matches, older than `--ago`, not locked, and not among the newest `--keep`. */
  'matched-and-expired',
  /** A rule of a policy file owns it, or each tag on it, keeps it by none of its counts, and it is old enough. */
  'rule-matched',
  /** A manifest left without a tag, not younger than `--ago`, that nothing kept needs. */
  'untagged-and-expired',
  /** A referrer (signature, SBOM …): the registry deletes it along with the manifest that it refers to. */
  'referrer-of-deleted',
] as const;

export type DeleteReason = (typeof DELETE_REASONS)[number];

/** Why an artifact is kept. */
export const KEEP_REASONS = [
  /** Not older than `--ago`. */
  'too-young',
  /** Locked, and `--include-locked` was not given. */
  'locked',
  /** Old enough, but among the newest `--keep`. */
  'newest-kept',
  /** A manifest with a tag that is kept. */
  'has-tags',
  /** An index that is kept needs it. */
  'child-of-kept-index',
  /** An index that is deleted along with its subject needed it. The next run may delete it. */
  'child-of-referrer',
  /** It refers to a manifest that is kept. */
  'referrer-of-kept',
  /** It refers to a manifest that is not listed, so it may be needed. */
  'referrer-of-unlisted',
  /** Deleting it would also delete a referrer that is kept. */
  'subject-of-kept',
  /** A cosign tag (`sha256-….sig`) of an image that is kept. */
  'signature-of-kept',
  /** A tag that no filter selects, of a manifest that `acr purge` would have deleted. */
  'not-selected',
  /** The registry gives no time for it, or one that cannot be read. */
  'unknown-time',
  /** No media type, or one whose meaning is not known. */
  'unknown-media-type',
  /** It cannot be read, or something that may need it cannot. */
  'unreadable',
  /** A workload uses it, or did so lately. */
  'in-use',
  /** A source that says what is in use could not be read. */
  'in-use-unknown',
  /** It was pulled within `--keep-pulled-within`. */
  'pulled-recently',
  /** What is known of pulls does not reach back as far as `--keep-pulled-within`. */
  'pull-history-too-short',
  /** An entry of `protect` in a policy file names it, or `--protect`, or `untagged.referenced` keeps it. */
  'protected',
  /** Among the newest that its rule keeps, or `--keep-at-least`. */
  'kept-newest',
  /** The newest of a day, of a week, of a month or of a year, of the last ones that its rule keeps. */
  'kept-daily',
  'kept-weekly',
  'kept-monthly',
  'kept-yearly',
  /** Younger than what its rule keeps in any case. */
  'kept-within',
  /** No rule of the policy file owns it. */
  'no-rule',
  /** There are no more tags of its rule than `onlyIfMoreThan`. */
  'below-count',
  /** Its rule asks for findings, and no scan of it is known. */
  'not-scanned',
  /** Its rule asks for findings, and no scan names such a one. */
  'no-findings',
  /** Its rule asks for the end of life, and nothing says when that is. */
  'end-of-life-unknown',
  /** Its rule asks for the end of life, and that is not past. */
  'supported',
  /** It was to be deleted, and changed before that. The next run decides anew. */
  'changed-since-plan',
  /** It would be deleted now, but is not in the plan that is applied. */
  'not-in-plan',
  /** It waits in quarantine: nothing can pull it, and a run deletes it once its time is over. */
  'quarantined',
  /** It was in quarantine and is not to be deleted any more, or it was restored: it can be pulled again, or would be. */
  'released',
] as const;

export type KeepReason = (typeof KEEP_REASONS)[number];

export type Reason = DeleteReason | KeepReason | RestoreReason;

/** What a deletion came to. */
export type Outcome =
  /** A dry run: nothing was asked of the registry. */
  | 'planned'
  /** A guard holds it back until it is approved. */
  | 'held'
  | 'deleted'
  /** It cannot be pulled any more, and a run deletes it once its quarantine is over. */
  | 'quarantined'
  /** It was gone before: another client was faster. */
  | 'already-gone'
  /** The registry refused: it is locked, or deleting is not allowed. */
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
  /** The rule of the policy file that decided it. */
  readonly rule?: string;
  /** `acr purge` would have deleted it. Only ever true of what is kept, and by flags: a policy file is none of its. */
  readonly beyondAcrPurge: boolean;
  readonly mediaType?: string;
  /** Bytes, as the registry says. */
  readonly size?: number;
  /** It was locked when it was listed, or counts as locked: see `withoutLock`. */
  readonly locked?: true;
  /** It was not locked, and counts as locked: a run took its lock off, and could not put it back. */
  readonly withoutLock?: true;
  /** Of what is deleted although it is locked: how. It is locked again when it is brought back. */
  readonly lock?: { readonly deleteEnabled: boolean; readonly writeEnabled: boolean };
  /**
   * It is in quarantine, or this decision puts it there: it is made unreadable, and not deleted before `until`. `since`: by
   * an earlier run. Both ISO 8601, UTC.
   */
  readonly quarantine?: { readonly since?: string; readonly until: string };
  /** What is known of its vulnerabilities. Absent: no source of findings is configured, or it is no image. */
  readonly findings?: DecisionFindings;
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

/** What an identity needs at a registry: reading, deleting, and changing the attributes of what is locked, or quarantined. */
export type Right = 'read' | 'delete' | 'unlock' | 'quarantine';

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
  /** Of what was in quarantine and is kept: what making it readable came to. */
  readonly release?: Release;
}

export interface Release {
  /** A client asked for it, or a workload came to use it. Absent: it is released for another reason. */
  readonly needed?: true;
  /** `planned`: a dry run, so nothing was asked of the registry. */
  readonly outcome: 'planned' | 'released' | 'refused' | 'failed';
  readonly error?: DecisionError;
}

export interface Deleted extends Artifact {
  readonly action: 'delete';
  readonly reason: DeleteReason;
  readonly outcome: Outcome;
  /** Of a tag: the filter that matches it, as it was given. Absent in older records. */
  readonly filter?: string;
  readonly error?: DecisionError;
  /** Of a tag: its manifest is kept, without a tag once all of so many are deleted, and has so many bytes. */
  readonly leavesUntagged?: { readonly tags: number; readonly bytes: number };
  /** Of a manifest: so many signature tags that belong to it by their name are kept. */
  readonly leavesSignatures?: number;
  /**
   * It was not deleted, and is without its lock, which was taken off for that. Of what was deleted: another client may
   * have moved the tag right before, and that could not be looked at.
   */
  readonly lostLock?: LostLock;
}

/** Of a run that restores. */
export interface Restored extends Artifact {
  readonly action: 'restore';
  readonly reason: RestoreReason;
  readonly outcome: RestoreOutcome;
  readonly error?: DecisionError;
}

/** The one record that flows through everything from the planner on. */
export type Decision = Kept | Deleted | Restored;

/** Why it was not done, where it was not. */
export function errorOf(decision: Decision): DecisionError | undefined {
  return decision.action === 'keep' ? decision.release?.error : decision.error;
}

/** Can be iterated as often as one likes. The decisions on many artifacts are made anew each time and never all held. */
export type Decisions = Iterable<Decision>;

/** Up to this many are held: making them again takes longer than it saves. */
const FEW = 10_000;

/** @param count how many there are at most */
export function decisionsOf(count: number, make: () => Iterable<Decision>): Decisions {
  return count <= FEW ? [...make()] : { [Symbol.iterator]: () => make()[Symbol.iterator]() };
}

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

/** The same decisions; what was to be deleted is held back, or not tried. */
export function withOutcome(decisions: Decisions, outcome: 'held' | 'not-attempted'): Decisions {
  return mapped(decisions, (decision) => (decision.action === 'delete' ? { ...decision, outcome } : decision));
}

/** Why a guard holds a run, or a repository, back. */
export type HoldReason =
  /** MAX_DELETIONS: artifacts in one run. */
  | 'max-deletions'
  /** MAX_DELETION_PERCENT: of a repository's tags, and of the registry's manifests. */
  | 'max-deletion-percent'
  /** KEEP_LAST_TAG: a repository would be left without a tag. */
  | 'no-tag-left'
  /** MAX_MEDIAN_FACTOR: far more deletions than in the last runs. */
  | 'far-above-median';

/** The guard that holds back for a reason, as its flag is called. */
export const GUARD_NAMES: Readonly<Record<HoldReason, string>> = {
  'max-deletions': 'max-deletions',
  'max-deletion-percent': 'max-deletion-percent',
  'no-tag-left': 'keep-last-tag',
  'far-above-median': 'max-median-factor',
};

/** A guard holds back what was planned, until it is approved. */
export interface Hold {
  readonly breaker: HoldReason;
  /** Absent: it holds back the whole run. */
  readonly repository?: string;
  /** What was found, and what is allowed: artifacts, or percent. */
  readonly found: number;
  readonly limit: number;
  /** A sentence for a person. */
  readonly detail: string;
}

export function holdInWords({ repository, detail }: Hold): string {
  return repository === undefined ? detail : `${repository}: ${detail}`;
}

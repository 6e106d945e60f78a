import type { Right } from '../planner/decision.ts';
import type { Removal } from '../planner/types.ts';
import type { Clock } from '../registry/clock.ts';
import type { Registry } from '../registry/types.ts';
import type { Locked } from './locks.ts';
import type { Planned } from './recheck.ts';
import { isDone, isForbidden, notAttempted, type Result, type Results } from './results.ts';

/** What the deletions of one repository have in common. */
export interface Context extends Planned {
  readonly registry: Registry;
  readonly repository: string;
  readonly clock: Clock;
  /** Once aborted, no further deletion is begun. */
  readonly signal?: AbortSignal | undefined;
  /** Why everything that is left is kept, as far as is known by now. */
  readonly whyNoMore: () => Promise<string | undefined>;
  readonly rights: Rights;
  readonly results: Results;
  readonly announce: Announce;
  readonly tell: Tell;
  /** Absent: it is deleted. */
  readonly hiding?: Hiding | undefined;
}

/** Makes artifacts unreadable, and deletes nothing. */
export interface Hiding {
  /** Why some cannot be, by digest: nothing would know any more what they hold. */
  readonly unfit: ReadonlyMap<string, Result>;
  /** Is told of each that is unreadable from now on, and when the registry says it was updated. */
  readonly onHidden: (key: string, lastUpdated: string | undefined) => void;
  /** Is told of each that may become unreadable, even after a look has shown that it is not. */
  readonly onDoubt: (key: string) => void;
  /** Is told of each that a look showed to be readable, and that the registry certainly did not change after it. */
  readonly onUnchanged: (key: string) => void;
}

/** Tags and manifests by name. */
export interface Names {
  readonly tags: readonly string[];
  readonly digests: readonly string[];
}

export function namesOf(removals: readonly Removal[]): Names {
  return { tags: removals.flatMap(({ tags }) => tags), digests: removals.map(({ digest }) => digest) };
}

/**
 * Records that these are about to be deleted, and which locks are taken off for that. The answer, if any, is why they may
 * not be.
 */
export type Announce = (names: Names, locks: readonly Locked[]) => Promise<Result | undefined>;

/** Is told of tags and manifests as soon as their outcome is known. */
export type Tell = (names: Names) => Promise<void>;

/** What the registry turns out to let this identity do in one repository. */
export interface Rights {
  /** Something was deleted, or refused for another reason than a missing right. */
  readonly mayDelete: () => boolean;
  /** Takes what one call came to. */
  readonly note: (result: Result, right: Right) => void;
  /** Takes that looks in a row were too old once a deletion could be sent. */
  readonly noteSlow: () => void;
  /** Why nothing more is attempted; of what is locked, where `isLocked`. */
  readonly lacking: (isLocked?: boolean) => Result | undefined;
}

/** Deletions that are refused for want of permission before the rest of a repository is not attempted. */
const FEW = 3;

/** Trying each artifact would take hours, and delete nothing. The time is that of `LOOK_VALID_MILLISECONDS`. */
const TOO_SLOW =
  'the registry answers too slowly to look and delete within 5 seconds; ' +
  'run again when it answers faster, or from a machine in its Azure region';

export function newRights(): Rights {
  const denied = { read: 0, delete: 0, unlock: 0, quarantine: 0 };
  let mayDelete = false;
  let isThrottled = false;
  let isSlow = false;
  return {
    mayDelete: () => mayDelete,
    note(result, right) {
      if (isForbidden(result)) denied[right] += 1;
      else if (right === 'delete' || right === 'quarantine') mayDelete ||= isDone(result) || result.state === 'refused';
      // A deletion fails with 429 only once everything has been throttled for minutes.
      isThrottled ||= result.state === 'failed' && result.error?.status === 429;
    },
    noteSlow() {
      isSlow = true;
    },
    lacking(isLocked = false) {
      if (isThrottled) return notAttempted('the registry has let nothing through for minutes (429)');
      if (isSlow) return notAttempted(TOO_SLOW);
      if (denied.read > 0) return notAttempted('looking at what is to be deleted was not allowed', 'read');
      if (denied.delete >= FEW) return notAttempted('earlier deletions in this repository were not allowed', 'delete');
      if (denied.quarantine >= FEW)
        return notAttempted('making artifacts of this repository unreadable was not allowed', 'quarantine');
      if (isLocked && denied.unlock >= FEW)
        return notAttempted('taking off locks in this repository was not allowed', 'unlock');
      return undefined;
    },
  };
}

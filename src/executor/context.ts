import type { Right } from '../planner/decision.ts';
import type { Instant } from '../registry/time.ts';
import type { Lock, Registry, Sending, DeletionResult } from '../registry/types.ts';
import { imageIn, type Locked, relock, withoutLocks } from './locks.ts';
import {
  fromDeletion,
  isForbidden,
  isGone,
  notAttempted,
  type Result,
  type Results,
  withLostLocks,
} from './results.ts';
import { type Attempt, following } from './turns.ts';

/** Is told of tags and manifests as soon as their outcome is known. */
export type Tell = (tags: readonly string[], digests: readonly string[]) => Promise<void>;

/**
 * Announces that tags and manifests are about to be deleted, and locks taken off for that. The answer, if any, is why
 * they may not be.
 */
export type Intend = (
  tags: readonly string[],
  digests: readonly string[],
  locks: readonly Locked[],
) => Promise<Result | undefined>;

/** What the deletions of one repository have in common. */
export interface Context {
  readonly registry: Registry;
  readonly repository: string;
  /** The tags that it had, with the time of each. */
  readonly listedTags: ReadonlyMap<string, Instant | undefined>;
  readonly includeLocked: boolean;
  readonly signal?: AbortSignal | undefined;
  readonly tell: Tell;
  readonly intend: Intend;
  readonly rights: Rights;
  readonly results: Results;
}

/** Deletions that are refused for want of permission before the rest of a repository is not attempted. */
const FEW = 3;

/** Trying each artifact would take hours, and delete nothing. The time is that of `LOOK_VALID_MILLISECONDS`. */
const TOO_SLOW =
  'the registry answers too slowly to look and delete within 5 seconds; ' +
  'run again when it answers faster, or from a machine in its Azure region';

/** What the registry turns out to let this identity do in one repository. */
export interface Rights {
  /** Something was allowed, or refused for another reason. */
  readonly mayDelete: () => boolean;
  /** Takes what one call came to. */
  readonly note: (result: Result, right: Right) => void;
  /** Takes that looks in a row were too old once a deletion could be sent. */
  readonly noteSlow: () => void;
  /** Why nothing more is attempted; of what is locked, where `isLocked`. */
  readonly lacking: (isLocked?: boolean) => Result | undefined;
}

export function newRights(): Rights {
  const denied = { read: 0, delete: 0, unlock: 0 };
  let mayDelete = false;
  let isClosed = false;
  let isSlow = false;
  return {
    mayDelete: () => mayDelete,
    note(result, right) {
      if (isForbidden(result)) denied[right] += 1;
      else if (right === 'delete') mayDelete ||= isGone(result) || result.state === 'refused';
      // Given up for being refused for the pace only: nothing at all gets through.
      isClosed ||= result.state === 'failed' && result.error?.status === 429;
    },
    noteSlow() {
      isSlow = true;
    },
    lacking(isLocked = false) {
      if (isClosed) return notAttempted('the registry has let nothing through for minutes (429)');
      if (isSlow) return notAttempted(TOO_SLOW);
      if (denied.read > 0) return notAttempted('looking at what is to be deleted was not allowed', 'read');
      if (denied.delete >= FEW) return notAttempted('earlier deletions in this repository were not allowed', 'delete');
      if (isLocked && denied.unlock >= FEW)
        return notAttempted('taking off locks in this repository was not allowed', 'unlock');
      return undefined;
    },
  };
}

/**
 * Sends one deletion, without the locks that are in its way.
 * @returns its outcome, or the next attempt
 */
export async function send<T>(
  { registry, repository, signal, rights }: Context,
  attempt: Attempt<T>,
  locks: readonly Locked[],
  { since, reservation }: Pick<Sending, 'since' | 'reservation'>,
  call: (sending: Sending) => Promise<DeletionResult>,
): Promise<Result | Attempt<T>> {
  const { tried, unlocked = [] } = attempt;
  const sending = { since, reservation, signal, tried };
  const made = await withoutLocks(registry, repository, { locks, lost: unlocked }, sending, () => call(sending));
  const { result, isUnlocking, lost } = made;
  if (result.state === 'again') return following({ ...attempt, unlocked: lost }, result);
  const right = isUnlocking ? 'unlock' : 'delete';
  const became = fromDeletion(result, right);
  rights.note(became, right);
  return withLostLocks(became, lost, imageIn(registry, repository));
}

/** Puts back the locks of what is not deleted after all. */
export async function relocked(
  { registry, repository }: Context,
  { unlocked = [] }: Attempt<unknown>,
  result: Result,
): Promise<Result> {
  if (unlocked.length === 0 || isGone(result) || 'lost' in result) return result;
  return withLostLocks(result, await relock(registry, repository, unlocked), imageIn(registry, repository));
}

/** Whether it is newer than it was listed: by more than the digits in which two answers may differ. */
export function isPushedAgain(now: Instant | undefined, listed: Instant | undefined): boolean {
  return now !== undefined && listed !== undefined && Date.parse(now) - Date.parse(listed) >= 1000;
}

/** The lock of something that may be unlocked: nothing where it has none, `unreadable` where it could not be put back. */
export function lockOf(
  record: { readonly locked: boolean; readonly lock?: Lock } | undefined,
): Lock | 'unreadable' | undefined {
  return record?.locked ? (record.lock ?? 'unreadable') : undefined;
}

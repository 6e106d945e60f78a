import type { Lock, Registry, Sending, DeletionResult } from '../registry/types.ts';
import { type Locked, relock, withoutLocks } from './locks.ts';
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

/** Is told of tags and manifests as soon as it is known what became of them. */
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
  /** How many tags it had. */
  readonly tagCount: number;
  readonly includeLocked: boolean;
  readonly signal?: AbortSignal | undefined;
  readonly tell: Tell;
  readonly intend: Intend;
  readonly rights: Rights;
  readonly results: Results;
}

/** Deletions that are refused for want of permission before the rest of a repository is not attempted. */
const FEW = 3;

/** What this identity turns out to be allowed in one repository. */
export interface Rights {
  /** Something was allowed, or refused for another reason. */
  readonly mayDelete: () => boolean;
  readonly note: (result: Result, isUnlocking: boolean) => void;
  /** Why nothing more is attempted; of what is locked, where `isLocked`. */
  readonly lacking: (isLocked?: boolean) => Result | undefined;
}

export function newRights(): Rights {
  let [mayDelete, deletions, unlockings] = [false, 0, 0];
  return {
    mayDelete: () => mayDelete,
    note(result, isUnlocking) {
      if (!isForbidden(result)) mayDelete ||= !isUnlocking && (isGone(result) || result.state === 'refused');
      else if (isUnlocking) unlockings += 1;
      else deletions += 1;
    },
    lacking(isLocked = false) {
      if (deletions >= FEW) return notAttempted('earlier deletions in this repository were not allowed', 'delete');
      if (isLocked && unlockings >= FEW)
        return notAttempted('taking off locks in this repository was not allowed', 'unlock');
      return undefined;
    },
  };
}

/**
 * Sends one deletion, without the locks that are in its way.
 * @returns what became of it, or the next attempt
 */
export async function send<T>(
  { registry, repository, signal, rights }: Context,
  attempt: Attempt<T>,
  locks: readonly Locked[],
  { since, room }: Pick<Sending, 'since' | 'room'>,
  call: (sending: Sending) => Promise<DeletionResult>,
): Promise<Result | Attempt<T>> {
  const { tried, unlocked = [] } = attempt;
  const sending = { since, room, signal, tried };
  const made = await withoutLocks(registry, repository, { locks, lost: unlocked }, sending, () => call(sending));
  const { result, isUnlocking, lost } = made;
  if (result.state === 'again') return following({ ...attempt, unlocked: lost }, result);
  const became = fromDeletion(result, isUnlocking ? 'unlock' : 'delete');
  rights.note(became, isUnlocking);
  return withLostLocks(became, lost, imageIn(registry, repository));
}

function imageIn({ loginServer }: Registry, repository: string): (name: string) => string {
  return (name) => `${loginServer}/${repository}${name.includes(':') ? '@' : ':'}${name}`;
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

/** The lock of something that may be unlocked: nothing where it has none, `unreadable` where it could not be put back. */
export function lockOf(
  record: { readonly locked: boolean; readonly lock?: Lock } | undefined,
): Lock | 'unreadable' | undefined {
  return record?.locked ? (record.lock ?? 'unreadable') : undefined;
}

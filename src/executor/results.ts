import type { Decision, DecisionError, Deleted, Kept, LostLock, Outcome, Right } from '../planner/decision.ts';
import type { Lock } from '../registry/types.ts';
import type { Sent } from './hide.ts';
import { attributesCommand, type NotRestored } from './locks.ts';

/** What the deletion of one artifact came to. */
export type Result =
  | {
      readonly state: Exclude<Outcome, 'planned' | 'held'>;
      readonly error?: DecisionError;
      /** It may have been deleted all the same. */
      readonly inDoubt?: boolean;
      /** Locks that were taken off for it, and could not be put back: by tag name or digest. */
      readonly lost?: ReadonlyMap<string, LostLock>;
    }
  /** It changed since the plan was made, and so is kept. */
  | { readonly state: 'changed'; readonly detail: string };

/** What a change comes to that takes place. */
export type Done = 'deleted' | 'quarantined';

/** By tag name and by digest. */
export interface Results {
  readonly tags: Map<string, Result>;
  readonly manifests: Map<string, Result>;
}

/** Whether all is done that was to be done with it: it is gone, or in quarantine. */
export function isDone(result: Result | undefined): boolean {
  return isGone(result) || result?.state === 'quarantined';
}

/** Whether it is certain that the artifact is not there any more. */
export function isGone(result: Result | undefined): boolean {
  return result?.state === 'deleted' || result?.state === 'already-gone';
}

/** Whether the registry said that this is not allowed: then nothing else of the kind is allowed, either. */
export function isForbidden(result: Result | undefined): boolean {
  return result?.state === 'refused' && (result.error?.status === 401 || result.error?.status === 403);
}

/** @param right what was needed for it */
export function fromDeletion(result: Exclude<Sent, { state: 'again' }>, right: Exclude<Right, 'read'>): Result {
  if (!('error' in result)) return result;
  const { state, error, inDoubt = false } = result;
  const became = { state, error: describe(error), inDoubt };
  return isForbidden(became) ? { ...became, error: { ...became.error, missing: right } } : became;
}

/** A read that failed: refused where the registry gave an answer, failed where it could not. */
export function fromError(error: unknown): Exclude<Result, { state: 'changed' }> {
  const described = describe(error as Error);
  const refused = described.status !== undefined && described.status < 500 && described.status !== 429;
  return { state: refused ? 'refused' : 'failed', error: ofReading(described) };
}

/** Why something could not be read, with the right that is missing where that is why. */
export function ofReading(error: DecisionError): DecisionError {
  return error.status === 401 || error.status === 403 ? { ...error, missing: 'read' } : error;
}

/** It was not seen to be done, and it may have been done all the same. */
export function inDoubt(
  { error, lost }: Exclude<Result, { state: 'changed' }>,
  why: string,
  done: Done = 'deleted',
): Result {
  const what = done === 'deleted' ? 'was deleted' : 'can be pulled';
  const sentences = [...(error ? [error.message] : []), `it is not known whether it ${what}: ${why}`];
  return { state: 'failed', error: { ...error, message: sentences.join('; ') }, ...(lost && { lost }) };
}

/** @param missing the right for want of which it is not */
export function notAttempted(message: string, missing?: DecisionError['missing']): Result {
  return { state: 'not-attempted', error: { message, ...(missing && { missing }) } };
}

export function changed(detail: string): Result {
  return { state: 'changed', detail };
}

/**
 * Names the locks that it has lost, and how each is put back. What is there all the same has failed by that, whatever
 * else it came to.
 * @param imageOf names a tag, or a manifest by its digest, with its registry and repository
 */
export function withLostLocks(result: Result, lost: readonly NotRestored[], imageOf: (name: string) => string): Result {
  if (lost.length === 0) return result;
  const { state, ...came } =
    result.state === 'changed'
      ? { state: 'failed' as const, error: { message: `it is not deleted: ${result.detail}` } }
      : result;
  const locks = new Map<string, LostLock>();
  const sentences = came.error ? [came.error.message] : [];
  for (const { name, lock, why } of lost) {
    const image = imageOf(name);
    const restore = restoring(image, lock);
    locks.set(name, { deleteEnabled: lock.deleteEnabled, writeEnabled: lock.writeEnabled, restore });
    sentences.push(
      `the lock of ${image} was taken off, and could not be put back (${why}); to put it back: ${restore}`,
    );
  }
  const error = { ...came.error, message: sentences.filter((sentence) => sentence !== '').join('; ') };
  // Gone with its manifest, unless another client has moved the tag since: that could not be looked at.
  if (isGone(result)) return { state, error, lost: locks };
  return { state: state === 'refused' ? state : 'failed', error, lost: locks };
}

/**
 * What a tag came to that did not go along with its manifest: another client has deleted or moved it. Where its lock was
 * taken off, and could not be put back, it is there, and has failed.
 */
export function notTakenAlong(
  result: Result,
  { tag, digest, isGone: wasGone }: { readonly tag: string; readonly digest: string; readonly isGone: boolean },
): Result {
  const why = `it does not name ${digest} any more`;
  if (result.state === 'changed' || !result.lost?.has(tag)) return wasGone ? { state: 'already-gone' } : changed(why);
  const { error, lost } = result;
  return { state: 'failed', error: { ...error, message: error ? `${why}; ${error.message}` : why }, lost };
}

function restoring(image: string, lock: Lock): string {
  const [host = '', ...rest] = image.split('/');
  return attributesCommand(host, { image: rest.join('/') }, lock);
}

export function describe(error: Error): DecisionError {
  const { status, code, correlationId } = error as { status?: unknown; code?: unknown; correlationId?: unknown };
  return {
    message: error.message,
    ...(typeof status === 'number' && { status }),
    ...(typeof code === 'string' && { code }),
    ...(typeof correlationId === 'string' && { correlationId }),
  };
}

/** The decision with what its deletion came to. */
export function record(decision: Decision, { tags, manifests }: Results): Decision {
  if (decision.action !== 'delete') return decision;
  const name = (decision.kind === 'tag' ? decision.tag : decision.digest) ?? '';
  const result = (decision.kind === 'tag' ? tags : manifests).get(name);
  if (!result) return { ...decision, outcome: 'not-attempted' };
  if (result.state === 'changed') return keptSince(decision, result.detail);
  const { state, error, lost } = result;
  const lostLock = lost?.get(name);
  return { ...decision, outcome: state, ...(error && { error }), ...(lostLock && { lostLock }) };
}

/** What was to be deleted, and is kept because it changed since that was planned. */
export function keptSince(decision: Deleted, since: string): Kept {
  const { outcome, error, filter, leavesUntagged, leavesSignatures, lostLock, quarantine, ...about } = decision;
  const was = error ? `${outcome}: ${error.message}` : outcome;
  const detail = `was to be deleted (${was}): ${about.detail}. But since: ${since}`;
  return { ...about, action: 'keep', reason: 'changed-since-plan', detail };
}

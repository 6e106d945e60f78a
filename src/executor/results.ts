import type { Decision, DecisionError, Outcome } from '../planner/decision.ts';
import type { DeletionResult } from '../registry/types.ts';

/** What became of one artifact that was to go. */
export type Result =
  | { readonly state: Exclude<Outcome, 'planned' | 'held'>; readonly error?: DecisionError }
  /** It changed since the plan was made, and so stays. */
  | { readonly state: 'changed'; readonly detail: string };

/** By tag name and by digest. */
export interface Results {
  readonly tags: Map<string, Result>;
  readonly manifests: Map<string, Result>;
}

/** Is told of tags and manifests as soon as it is known what became of them. */
export type Tell = (tags: readonly string[], digests: readonly string[]) => Promise<void>;

/** Announces that tags and manifests are about to be deleted. The answer, if any, is why they may not be. */
export type Intend = (tags: readonly string[], digests: readonly string[]) => Promise<Result | undefined>;

/** Whether it is certain that the artifact is not there any more. */
export function isGone(result: Result | undefined): boolean {
  return result?.state === 'deleted' || result?.state === 'already-gone';
}

/** Whether the registry said that this is not allowed: then nothing else of the kind is, either. */
export function isForbidden(result: Result | undefined): boolean {
  return result?.state === 'refused' && (result.error?.status === 401 || result.error?.status === 403);
}

export function fromDeletion(result: DeletionResult): Result {
  return 'error' in result ? { state: result.state, error: describe(result.error) } : result;
}

/** What was asked for in vain: refused where the registry gave an answer, failed where it could not. */
export function fromError(error: unknown): Result {
  const described = describe(error as Error);
  const refused = described.status !== undefined && described.status < 500;
  return { state: refused ? 'refused' : 'failed', error: described };
}

export function notAttempted(message: string): Result {
  return { state: 'not-attempted', error: { message } };
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

/** The decision with what became of it. */
export function record(decision: Decision, { tags, manifests }: Results): Decision {
  if (decision.action === 'keep') return decision;
  const result = decision.kind === 'tag' ? tags.get(decision.tag ?? '') : manifests.get(decision.digest ?? '');
  if (!result) return { ...decision, outcome: 'not-attempted' };
  if (result.state === 'changed') {
    const { outcome, ...about } = decision;
    const detail = `was ${outcome} to go: ${decision.detail}. But since: ${result.detail}`;
    return { ...about, action: 'keep', reason: 'changed-since-plan', detail };
  }
  return { ...decision, outcome: result.state, ...(result.error && { error: result.error }) };
}

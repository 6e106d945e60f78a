import type { DecisionError, Restored } from '../../planner/decision.ts';
import type { Lock, Registry } from '../../registry/types.ts';

/** Locks a tag or a manifest as it was before its lock was taken off to delete it. @returns why it is not, where it is not */
export async function withoutLock(
  registry: Registry,
  repository: string,
  tagOrDigest: string,
  lock: Lock,
): Promise<DecisionError | undefined> {
  const relocked = await registry.relock(repository, tagOrDigest, lock);
  if (relocked.state === 'locked') return undefined;
  const why = relocked.state === 'failed' ? relocked.error.message : 'it is gone again';
  return { message: `${tagOrDigest} is back without its lock: ${why}` };
}

/** The same for what came back. What was there all the time is left as it is. */
export async function lockedAgain(registry: Registry, repository: string, decision: Restored): Promise<Restored> {
  const { kind, tag = '', digest = '', lock, outcome } = decision;
  const error =
    lock && outcome === 'restored'
      ? await withoutLock(registry, repository, kind === 'tag' ? tag : digest, lock)
      : undefined;
  return error ? { ...decision, outcome: 'failed', error } : decision;
}

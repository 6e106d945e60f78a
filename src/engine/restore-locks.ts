import type { Restored } from '../planner/decision.ts';
import type { Registry } from '../registry/types.ts';

/** Locks what came back as it was before its lock was taken off to delete it. What was there all the time is left as it is. */
export async function lockedAgain(registry: Registry, repository: string, decision: Restored): Promise<Restored> {
  const { kind, tag = '', digest = '', lock, outcome } = decision;
  if (!lock || outcome !== 'restored') return decision;
  const relocked = await registry.relock(repository, kind === 'tag' ? tag : digest, lock);
  if (relocked.state === 'locked') return decision;
  const why = relocked.state === 'failed' ? relocked.error.message : 'it is gone again';
  return { ...decision, outcome: 'failed', error: { message: `it is back without its lock: ${why}` } };
}

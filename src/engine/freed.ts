import type { Decision, Deleted } from '../planner/decision.ts';

/** A manifest that is gone. */
type Freed = Deleted & { readonly kind: 'manifest'; readonly digest: string };

const isGone: ReadonlySet<string> = new Set(['deleted', 'already-gone']);

/** Whether a decision is about a manifest that is gone; in a dry run, that would be. What is put into quarantine is there. */
export function isFreed(one: Decision): one is Freed {
  if (one.action !== 'delete' || one.kind !== 'manifest' || one.digest === undefined) return false;
  return one.outcome === 'planned' ? !one.quarantine : isGone.has(one.outcome);
}

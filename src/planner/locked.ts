import { type Decision, type Decisions, mapped } from './decision.ts';
import type { Plan } from './types.ts';

/**
 * The plan of a repository that is locked as a whole: the registry refuses each deletion in it, so all that would be
 * deleted is kept. `acr purge` could not delete it either.
 */
export function lockedAsAWhole(plan: Plan, howToUnlock: string): Plan {
  const detail = `the repository ${plan.repository} is locked as a whole: its own deleteEnabled or writeEnabled is false${howToUnlock}`;
  return { ...plan, decisions: kept(plan.decisions, detail), deletionOf: () => undefined, tags: [], manifests: [] };
}

function kept(decisions: Decisions, detail: string): Decisions {
  return mapped(decisions, (decision): Decision => {
    if (decision.action === 'keep') return decision;
    const { outcome, error, filter, leavesUntagged, leavesSignatures, ...about } = decision;
    return { ...about, action: 'keep', reason: 'locked', detail };
  });
}

import { createHash } from 'node:crypto';
import { type Decision, type Decisions, keyOf } from '../planner/decision.ts';
import type { PlanRecord, RepositoryRecord, RunRecord } from './types.ts';

/** Whether a decision is part of the plan of its run: it would go, and nothing was tried yet. */
export function isPlanned(decision: Decision): boolean {
  return decision.action === 'delete' && (decision.outcome === 'planned' || decision.outcome === 'held');
}

/** What would go in one repository: how much, and the hash of which artifacts. The order does not matter. */
export function plannedOf(decisions: Decisions): RepositoryRecord['planned'] {
  const going: string[] = [];
  for (const decision of decisions) {
    if (!isPlanned(decision)) continue;
    const { digest = '', locked } = decision;
    going.push(`${keyOf(decision)} ${digest}${locked ? ' locked' : ''}`);
  }
  const hash = createHash('sha256');
  for (const line of going.sort()) hash.update(`${line}\n`);
  return { deletions: going.length, hash: hash.digest('hex') };
}

/**
 * The hash of a whole plan: whose registry, by which policy, counted from when, and exactly which artifacts. Whoever
 * approves it approves that.
 */
export function planHashOf(
  { registry, policy, agesFrom }: Pick<RunRecord, 'registry' | 'policy' | 'agesFrom'>,
  repositories: readonly RepositoryRecord[],
): string {
  const going = repositories
    .filter(({ planned }) => planned.deletions > 0)
    .map(({ summary, planned }) => [summary.repository, planned.hash])
    .sort(([a = ''], [b = '']) => (a < b ? -1 : 1));
  return createHash('sha256')
    .update(JSON.stringify([registry, policy.hash, agesFrom, going]))
    .digest('hex');
}

/** The plan of a run, where something in it would go. What somebody did with it before stays true of the same plan. */
export function planOf(
  run: Pick<RunRecord, 'registry' | 'policy' | 'agesFrom' | 'dryRun' | 'plan'>,
  repositories: readonly RepositoryRecord[],
): PlanRecord | undefined {
  const deletions = repositories.reduce((all, { planned }) => all + planned.deletions, 0);
  if (deletions === 0) return undefined;
  const hash = planHashOf(run, repositories);
  if (run.plan?.hash === hash) return run.plan;
  return { hash, deletions, state: run.dryRun ? 'open' : 'waiting' };
}

import { createHash } from 'node:crypto';
import { sorted as sortedInSlices } from '../planner/slices.ts';
import { eachInTurns, inTurns } from './turns.ts';
import { type Decision, type Decisions, keyOf } from '../planner/decision.ts';
import type { PlanRecord, RepositoryRecord, RunRecord } from './records.ts';

/** Whether a decision is part of the plan of its run: it would be deleted, and nothing was tried yet. */
export function isPlanned(decision: Decision): boolean {
  return decision.action === 'delete' && (decision.outcome === 'planned' || decision.outcome === 'held');
}

/** How many artifacts of one repository would be deleted, and the hash of which. Their order does not matter. */
export async function plannedOf(decisions: Decisions): Promise<RepositoryRecord['planned']> {
  const going: string[] = [];
  await eachInTurns(decisions, (decision) => {
    if (!isPlanned(decision)) return;
    const { digest = '', locked, quarantine } = decision;
    going.push(`${keyOf(decision)} ${digest}${locked ? ' locked' : ''}${quarantine ? ' quarantine' : ''}`);
  });
  const hash = createHash('sha256');
  await eachInTurns(await inTurns(sortedInSlices(going, (a, b) => (a < b ? -1 : Number(a > b)))), (line) =>
    hash.update(`${line}\n`),
  );
  return { deletions: going.length, hash: hash.digest('hex') };
}

/** Of a repository in which nothing would be deleted. */
export const NOTHING_PLANNED: RepositoryRecord['planned'] = {
  deletions: 0,
  hash: createHash('sha256').digest('hex'),
};

/** What of a run its plan depends on, as it is recorded. */
type Planned = Pick<RunRecord, 'kind' | 'dryRun' | 'registry' | 'policy' | 'agesFrom' | 'guards'>;

/**
 * The hash of a whole plan: the registry, the policy as it was given and as it was understood, the guards, the time that
 * ages are counted from, and exactly which artifacts. An approval names it, so that a record that was changed since is
 * found out.
 */
export function planHashOf(
  { kind, dryRun, registry, policy, agesFrom, guards = {} }: Planned,
  repositories: readonly RepositoryRecord[],
): string {
  const going = repositories
    .filter(({ planned }) => planned.deletions > 0)
    .map(({ summary, planned }) => [summary.repository, planned.hash])
    .sort(([a = ''], [b = '']) => (a < b ? -1 : 1));
  return createHash('sha256')
    .update(JSON.stringify(sorted([kind, dryRun, registry, policy, agesFrom, guards, going])))
    .digest('hex');
}

/** The same value with the names of each object in order: files of two versions may have them in another one. */
function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted);
  if (typeof value !== 'object' || value === null) return value;
  const entries = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1));
  return Object.fromEntries(entries.map(([name, one]) => [name, sorted(one)]));
}

/** The plan of a run in which something would be deleted. The same plan is still the one that was applied, say. */
export function planOf(
  run: Planned & Pick<RunRecord, 'plan'>,
  repositories: readonly RepositoryRecord[],
): PlanRecord | undefined {
  const deletions = repositories.reduce((all, { planned }) => all + planned.deletions, 0);
  if (deletions === 0) return undefined;
  const hash = planHashOf(run, repositories);
  if (run.plan?.hash === hash) return run.plan;
  return { hash, deletions, state: run.dryRun ? 'open' : 'waiting' };
}

import type { Restored } from '../../planner/decision.ts';
import type { RunContext } from '../context.ts';
import { keptFromNow } from '../quarantine/quarantine.ts';
import { forget } from '../quarantine/release.ts';

/**
 * What comes back is as old as it was, and the next run would delete it again: it is kept for as long as what is released
 * from quarantine. Recorded before anything is back, so that no run finds it without that.
 */
export async function keepForAWhile(
  { quarantine, record }: Pick<RunContext, 'quarantine' | 'record'>,
  name: string,
  decisions: readonly Restored[],
): Promise<void> {
  const times = keptFromNow(quarantine);
  const why = `restored by the run ${record.id}`;
  const kept = decisions
    .filter(({ outcome }) => outcome === 'planned' || outcome === 'already-there')
    .map(({ tag, digest = '' }) => ({ digest, ...(tag !== undefined && { tag }), ...times, why }));
  if (kept.length > 0) await forget(quarantine, name, [], kept);
}

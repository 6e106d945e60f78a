import { imageOf, type Told } from './told.ts';

/**
 * Whether a run has failed because a lock is off that it could not put back. By docs/safety.md (Locks) that is the run that
 * tried: the one that took the lock off, or the one that completed the run of a process that was killed. No later run tries
 * again. Each repeats the warning, counts the artifact as locked, and is done where it did all that it decided.
 */
export function hasLostLock(told: Told, runs: readonly Told[]): boolean {
  const { run, decisions } = told;
  if ((run.locksLost ?? 0) > 0 || decisions.some(isLost)) return true;
  const counted = new Set(decisions.filter(({ withoutLock }) => withoutLock).map(imageOf));
  const lostBefore = (image: string): boolean =>
    counted.has(image) || runs.some((one) => one.decisions.some((by) => isLost(by) && imageOf(by) === image));
  return lostBy(run.warnings).some((image) => !lostBefore(image));
}

function isLost(decision: Told['decisions'][number]): boolean {
  return decision.action === 'delete' && decision.lostLock !== undefined;
}

/** The images of a run's warnings about locks. What it says of an earlier run by name is a failure of that one. */
function lostBy(warnings: readonly string[]): readonly string[] {
  return warnings.flatMap((one) =>
    one.includes('could not be put back') && !one.startsWith('the run ') ? [one.split(' ', 1)[0] ?? ''] : [],
  );
}

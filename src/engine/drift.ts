import { keptSince } from '../executor/results.ts';
import { type Decision, type Decisions, type Deleted, keyOf } from '../planner/decision.ts';
import type { Registry } from '../registry/types.ts';
import { eachInTurns } from '../ledger/turns.ts';

/**
 * What a plan named and its carrying out did not delete: it changed since, or is gone.
 * @param made the decisions of the carrying out, on what is there now
 * @param isListedBefore what is counted was listed when all of the plan was there
 */
export async function changesSincePlan(
  registry: Registry,
  repository: string,
  approved: ReadonlyMap<string, Deleted>,
  made: Decisions,
  { isListedBefore }: { readonly isListedBefore: boolean } = { isListedBefore: true },
): Promise<readonly Decision[]> {
  const now = new Map<string, Decision>();
  await eachInTurns(made, (decision) => {
    if (approved.has(keyOf(decision))) now.set(keyOf(decision), decision);
  });
  const changes: Decision[] = [];
  const absent: Deleted[] = [];
  for (const [key, planned] of approved) {
    const decision = now.get(key);
    if (!decision) absent.push(planned);
    else if (decision.action === 'keep' && decision.reason !== 'changed-since-plan') {
      const moved = planned.digest !== decision.digest;
      const why = moved ? `it names ${decision.digest ?? 'another manifest'} now` : decision.detail;
      changes.push(keptSince(asLockedNow(planned, decision), why));
    }
  }
  const names = absent.flatMap(({ kind, tag }) => (kind === 'tag' && tag !== undefined ? [tag] : []));
  // One by one: a listing does not show what was hidden since.
  const tags = await registry.lookAtTags(repository, names, Infinity);
  for (const planned of absent) {
    const there =
      planned.kind === 'tag'
        ? tags.has(planned.tag ?? '')
        : (await registry.manifest(repository, planned.digest ?? '')).state !== 'missing';
    changes.push(
      there ? keptSince(asLockedNow(planned), 'it is not listed any more') : asGone(planned, isListedBefore),
    );
  }
  return changes;
}

/** A lock that could not be put back matters no more. Why an earlier attempt failed does: it may have deleted it. */
function asGone({ lostLock, findings, ...planned }: Deleted, isListedBefore: boolean): Deleted {
  // What was gone before anything was counted is not taken off again.
  return { ...planned, ...(isListedBefore && findings && { findings }), outcome: 'already-gone' };
}

/** Of a lock that could not be put back counts whether it is there now: see `merge`. */
function asLockedNow(planned: Deleted, now?: Decision): Deleted {
  if (!planned.lostLock) return planned;
  const { locked, withoutLock, ...about } = planned;
  return now?.locked && !now.withoutLock ? { ...about, locked: true } : about;
}

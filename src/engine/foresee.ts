import type { LedgerReader } from '../ledger/reader.ts';
import { policiesOf } from '../ledger/policy-record.ts';
import type { Decision } from '../planner/decision.ts';
import { forecast } from '../planner/forecast.ts';
import type { RetentionPolicy } from '../policy/file/types.ts';
import { DEFAULTS, type PurgePolicy } from '../policy/purge-policy.ts';
import { parseInstant } from '../registry/time.ts';
import type { TagRecord } from '../registry/types.ts';
import type { Foreseen } from '../report/forecast.ts';
import { newMatch } from './matching.ts';
import { retentionOf } from './retention.ts';

/**
 * What a policy file will do with a tag.
 *
 * @param policy the file; without it that of the run, where it was by one
 * @returns nothing where no run has seen the tag, where it is deleted, and where there is no policy file
 * @throws {PolicyError} where a pattern takes too long
 */
export async function foresee(
  ledger: Pick<LedgerReader, 'explain' | 'decisions'>,
  { repository, tag }: { readonly repository: string; readonly tag: string },
  { now, policy: given }: { readonly now: Date; readonly policy?: RetentionPolicy },
): Promise<Foreseen | undefined> {
  const seen = await lastSeen(ledger, repository, tag);
  if (!seen || isGone(seen.decision)) return undefined;
  const { run, decision } = seen;
  const recorded = policiesOf(run.policy) ?? [];
  const own = recorded.find((one): one is PurgePolicy & { retention: RetentionPolicy } => one.retention !== undefined);
  const policy = given ?? own?.retention;
  if (!policy) return undefined;
  const tags: TagRecord[] = [];
  for await (const one of ledger.decisions(run.id, { repository })) {
    const record = isGone(one) ? undefined : recordOf(one);
    if (record) tags.push(record);
  }
  const match = newMatch(DEFAULTS.filterTimeoutSeconds, 'a policy file');
  const { retention } = await retentionOf(policy, { repository, tags, now, match });
  const includeLocked = own?.includeLocked ?? false;
  const what = forecast(tag, tags, retention, { now, includeLocked });
  return { ...what, run, decision, isWhole: own !== undefined };
}

async function lastSeen(ledger: Pick<LedgerReader, 'explain'>, repository: string, tag: string) {
  for await (const sighting of ledger.explain({ repository, tag }))
    if (sighting.decision.kind === 'tag' && sighting.decision.tag === tag) return sighting;
  return undefined;
}

function isGone(decision: Decision): boolean {
  return decision.action === 'delete' && (decision.outcome === 'deleted' || decision.outcome === 'already-gone');
}

/** A tag as a run saw it. */
function recordOf({ kind, tag, digest, lastUpdateTime, locked }: Decision): TagRecord | undefined {
  if (kind !== 'tag' || tag === undefined) return undefined;
  return { name: tag, digest, lastUpdated: parseInstant(lastUpdateTime), locked: locked === true };
}

import type { Ledger } from '../ledger/ledger.ts';
import { policiesOf } from '../ledger/policy.ts';
import { ConflictError, type Holder } from '../ledger/store.ts';
import type { RunRecord } from '../ledger/types.ts';
import type { PurgePolicy } from '../policy/policy.ts';
import type { Settings } from '../policy/settings.ts';
import { type Log, type RunLog, runLog } from '../report/log.ts';
import { concurrencyOf, type TargetOptions } from '../target.ts';
import type { Connections } from './connections.ts';
import type { Run } from './messages.ts';

/** What activities work with, in whichever process they are. */
export interface House {
  /** @throws {Misconfigured} */
  readonly settings: () => Settings;
  readonly ledger: Ledger;
  readonly log: Log;
  readonly connections: Connections;
  /** Aborted when this process is told to end. */
  readonly signal: AbortSignal;
}

/** A run as it stands, for one activity. */
export interface AtWork {
  readonly record: RunRecord;
  readonly policies: readonly PurgePolicy[];
  readonly target: TargetOptions;
  readonly log: RunLog;
}

/**
 * Reads a run. Nothing where it is over, for whatever reason: then nothing more may be done for it.
 * @throws where it cannot be gone on with
 */
export async function atWork(house: House, { runId, registry, parallelism }: Run): Promise<AtWork | undefined> {
  const record = await house.ledger.run(runId);
  if (record?.state !== 'running' || record.cancelled) return undefined;
  const policies = policiesOf(record.policy);
  if (!policies) throw new Error('the run was begun by a version that understands its policy otherwise');
  const settings = house.settings();
  if (isTimeUp(settings, record)) return undefined;
  const concurrency = Math.max(1, Math.floor(concurrencyOf(policies) / parallelism));
  return { record, policies, target: targetOf(settings, registry, concurrency), log: logOf(house.log, record) };
}

/** @throws where the app does not serve it */
export function targetOf({ registries, identity }: Settings, registry: string, concurrency: number): TargetOptions {
  const served = registries.find(({ endpoint }) => endpoint.host === registry);
  // The identity of the app is shown to registries that its owner chose, and to no other.
  if (!served) throw new Error(`the app does not serve ${registry} any more`);
  return { endpoint: served.endpoint, concurrency, ...identity };
}

/** The time that the task file allows a run is over. */
function isTimeUp({ timeLimitSeconds }: Settings, { started, resumed }: RunRecord): boolean {
  const since = Date.parse(resumed?.at(-1)?.at ?? started);
  return timeLimitSeconds !== undefined && Date.now() - since > timeLimitSeconds * 1000;
}

/** So often a run says that somebody is at work. */
const TOUCHED_EVERY_MS = 10 * 60_000;

/** Says now and then that somebody is at work, for whoever takes a run for dead that says nothing for too long. */
export async function touch(ledger: Ledger, { id, progress: { at } }: RunRecord): Promise<void> {
  if (at !== undefined && Date.now() - Date.parse(at) < TOUCHED_EVERY_MS) return;
  try {
    await ledger.changePlan(id, (record) => ({
      ...record,
      progress: { ...record.progress, at: new Date().toISOString() },
    }));
  } catch (error) {
    // Somebody else has just said so, or closed it.
    if (!(error instanceof ConflictError)) throw error;
  }
}

export function logOf(log: Log, { id, registry, dryRun, kind }: RunRecord): RunLog {
  return runLog(log, { runId: id, registry, dryRun }, kind);
}

/** Who holds what is held for a run: no process, for any may go on with it. */
export function holderOf(runId: string, startedBy: string): Holder {
  return { runId, startedBy, host: 'Durable Functions', pid: 0, since: new Date().toISOString() };
}

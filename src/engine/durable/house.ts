import { nobody } from '../begin.ts';
import type { Ledger } from '../../ledger/ledger.ts';
import { policiesOf } from '../../ledger/policy-record.ts';
import type { RunRecord } from '../../ledger/records.ts';
import type { PurgePolicy } from '../../policy/purge-policy.ts';
import type { Settings } from '../../policy/settings.ts';
import { type Log, type RunLog, runLog } from '../../report/log.ts';
import { wantedOf } from '../scheduled.ts';
import { StopReason } from '../stop.ts';
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
export async function atWork(house: House, run: Run): Promise<AtWork | undefined> {
  const { registry, parallelism } = run;
  const record = await house.ledger.run(run.runId);
  if (!record || !isOurs(record, run) || record.cancelled) return undefined;
  const policies = policiesOf(record.policy);
  if (!policies)
    throw new Error(
      'the run was begun by a version that understands its policy otherwise, or its policy was changed since',
    );
  const settings = house.settings();
  if (whyCutShort(settings, record) !== undefined) return undefined;
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

/**
 * Does something for a run while no other run may have its registry. Nothing where it is over.
 * @throws {HeldError} where another run has it
 */
export async function holding<T>(house: House, run: Run, work: (at: AtWork) => Promise<T>): Promise<T | undefined> {
  const before = await atWork(house, run);
  if (!before) return undefined;
  if (before.record.dryRun) return work(before);
  const lock = await house.ledger.lockShared(run.registry, nobody(run.runId, 'orchestration'), run.sharedBy);
  try {
    // Only now: whoever had the lock before may have closed it.
    const at = await atWork(house, run);
    return at && (await work(at));
  } finally {
    await lock.release();
  }
}

/** Whether a run goes on still, and it is this orchestration that does it: it may have been taken up by somebody else. */
export function isOurs(record: RunRecord, { by }: Run): boolean {
  return record.state === 'running' && startOf(record) === by;
}

/** Which start began a run, or went on with it last. */
export function startOf({ by, resumed }: RunRecord): string | undefined {
  return resumed?.at(-1)?.by ?? by;
}

/**
 * Why nothing more may be done for a run, as the settings are now: who turns deleting off, or changes the policy, does not
 * mean to have the rest deleted. Such a run is left, as it would be by the next tick.
 */
export function whyCutShort(settings: Settings, record: RunRecord): StopReason | undefined {
  if (millisecondsLeft(settings, record) <= 0)
    return new StopReason('timeout', `the timeouts of the task file (${settings.timeLimitSeconds ?? 0} s) were over`);
  if (record.kind !== 'scheduled') return undefined;
  const changed = (why: string): StopReason => new StopReason('settings', why);
  const served = settings.registries.find(({ endpoint }) => endpoint.host === record.registry);
  if (!served) return changed(`the app does not serve ${record.registry} any more`);
  const { dryRun, policyHash } = wantedOf(settings, served);
  if (dryRun !== record.dryRun)
    return changed(record.dryRun ? 'it was a dry run, and is none any more' : 'only dry runs are wanted now');
  return policyHash === record.policy.hash ? undefined : changed('the policy was changed');
}

/** What is left of the time that the task file allows a scheduled run. */
export function millisecondsLeft({ timeLimitSeconds }: Settings, { kind, started, resumed }: RunRecord): number {
  const since = Date.parse(resumed?.at(-1)?.at ?? started);
  return timeLimitSeconds === undefined || kind !== 'scheduled'
    ? Infinity
    : since + timeLimitSeconds * 1000 - Date.now();
}

export function logOf(log: Log, record: RunRecord): RunLog {
  const { id, registry, dryRun, kind } = record;
  return runLog(underParent(log, record), { runId: id, registry, dryRun }, kind);
}

/** Every line of a run says under which parent it was begun, or goes on. */
export function underParent(log: Log, { parent }: { readonly parent?: string }): Log {
  return parent === undefined ? log : log.child({ parent });
}

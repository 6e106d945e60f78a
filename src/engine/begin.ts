import { hostname } from 'node:os';
import { NOT_LISTED } from './conclude.ts';
import { withoutDryRun } from '../ledger/policy-record.ts';
import type { ResumedRun, Ledger } from '../ledger/ledger.ts';
import { recordPolicy } from '../ledger/policy-record.ts';
import { processIdentity } from '../ledger/store/process.ts';
import type { Holder } from '../ledger/store/store.ts';
import { isOver, isWaiting } from './earlier.ts';
import type { PolicyRecord, RepositoryRecord, RunKind, RunProgress, RunRecord } from '../ledger/records.ts';
import { isGuarded } from './phases.ts';
import type { Guards } from '../policy/guards.ts';
import type { PurgePolicy } from '../policy/purge-policy.ts';
import { version } from './version.ts';

/** A run that was stopped, and goes on as itself. */
export interface Resuming {
  readonly id: string;
  /**
   * Looks at its record once nothing else may change it.
   * @throws {ResumeRefused} where it must not go on
   */
  readonly check: (record: RunRecord) => void;
}

/** This process, as a run's record names it. */
export function thisProcess(): Pick<Holder, 'host' | 'pid' | 'process'> {
  const identity = processIdentity(process.pid);
  return { host: hostname(), pid: process.pid, ...(identity !== undefined && { process: identity }) };
}

/** Who holds what any of several workers may go on with: no process, so that none that ends takes it along. */
export function nobody(runId: string, startedBy: string): Holder {
  return { runId, startedBy, host: 'Durable Functions', pid: 0, since: new Date().toISOString() };
}

/** What a run is about, before it is recorded. */
export interface Fresh {
  readonly id: string;
  readonly kind: RunKind;
  readonly dryRun: boolean;
  readonly startedBy: string;
  readonly by?: string | undefined;
  readonly parent?: string | undefined;
  readonly registry: string;
  readonly policies: readonly PurgePolicy[];
  readonly policyFrom?: PolicyRecord['from'] | undefined;
  /** Ages are counted back from here. */
  readonly now: Date;
  readonly holder: Holder;
  readonly guards?: Guards | undefined;
  /** What it carries out, if it carries out a plan. */
  readonly plan?: { readonly id: string; readonly repositories: readonly string[] } | undefined;
}

/** The record of a run that begins. */
export function freshRecord(about: Fresh): RunRecord {
  const { id, kind, dryRun, startedBy, by, parent, registry, policies, policyFrom, now, holder, plan } = about;
  const guards = withoutInfinity(about.guards);
  const policy = recordPolicy(policies, policyFrom ?? 'command line');
  return {
    format: 1,
    id,
    kind,
    dryRun,
    startedBy,
    ...(by !== undefined && { by }),
    ...(parent !== undefined && { parent }),
    registry,
    policy: dryRun ? policy : withoutDryRun(policy),
    toolVersion: version,
    started: holder.since,
    agesFrom: now.toISOString(),
    holder,
    state: 'running',
    progress: { done: 0, of: plan?.repositories.length ?? 0 },
    warnings: [],
    breakers: [],
    ...(guards && { guards }),
    ...(plan && { applies: plan.id }),
  };
}

/** Begins the record of a run, or goes on with that of the one that was stopped. */
export async function beginRecord(
  ledger: Ledger,
  fresh: RunRecord,
  resuming: Resuming | undefined,
): Promise<ResumedRun> {
  if (!resuming) return { record: fresh, written: await ledger.begin(fresh), repositories: [] };
  return ledger.resume(resuming.id, (record, repositories) => {
    resuming.check(record);
    return nextSlice(record, repositories, fresh);
  });
}

/** The record of a run that goes on: what it is stays, and how it had ended is forgotten. */
function nextSlice(
  record: RunRecord,
  repositories: readonly RepositoryRecord[],
  { holder, startedBy, by, parent, guards }: RunRecord,
): RunRecord {
  const past: readonly string[] = ['parent', 'ended', 'error', 'stopped', 'cancelled'] satisfies (keyof RunRecord)[];
  const kept = Object.fromEntries(Object.entries(record).filter(([field]) => !past.includes(field))) as typeof record;
  const resumption = { at: holder.since, startedBy, ...(by !== undefined && { by }) };
  return {
    ...kept,
    progress: progressBefore(record, repositories),
    holder,
    ...(parent !== undefined && { parent }),
    state: 'running',
    // What there is to say about filters is said anew when it ends, about all of its repositories.
    warnings: record.warnings.filter((warning) => warning !== NOT_LISTED && !warning.startsWith('the filter "')),
    resumed: [...(record.resumed ?? []), resumption],
    ...(guards && { guards }),
  };
}

/** How far a run is that goes on: what the process that ended said of it last may be long ago. */
function progressBefore(
  { progress: { of }, guards, breakersAsked }: RunRecord,
  repositories: readonly RepositoryRecord[],
): RunProgress {
  const planned = isGuarded(guards) ? repositories.filter(isWaiting).length : 0;
  // Once the breakers were asked nothing else is left to do.
  const done = breakersAsked ? of - planned : repositories.filter(isOver).length;
  return { done, of, ...(planned > 0 && { planned }) };
}

/** What holds a purge back, without what is no limit: JSON has no infinity. */
export function withoutInfinity(guards: Guards | undefined): Guards | undefined {
  if (guards?.maxMedianFactor !== Infinity) return guards;
  const { maxMedianFactor, ...others } = guards;
  return maxMedianFactor === Infinity ? others : guards;
}

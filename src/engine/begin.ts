import type { Archive } from '../ledger/archive.ts';
import { withoutDryRun } from '../ledger/policy-record.ts';
import type { ResumedRun, Ledger } from '../ledger/ledger.ts';
import { recordPolicy } from '../ledger/policy-record.ts';
import { sourcesOf } from '../ledger/command.ts';
import type {
  AskedSource,
  PolicyRecord,
  RepositoryRecord,
  Releases,
  Restores,
  RunKind,
  RunProgress,
  RunRecord,
} from '../ledger/records.ts';
import type { Actor } from '../ledger/reviews.ts';
import type { Holder, Lock } from '../ledger/store/store.ts';
import type { Guards } from '../policy/guards.ts';
import type { PurgePolicy } from '../policy/purge-policy.ts';
import { type Clock, timeOf } from '../registry/clock.ts';
import type { Registry } from '../registry/types.ts';
import type { RunLog } from '../report/log.ts';
import { isAccessWarning } from '../report/warnings.ts';
import { NOT_LISTED } from './finish.ts';
import { isGuarded } from './guards.ts';
import { isOver, isPlanned } from './merge.ts';
import { whatWaits } from './quarantine/quarantine.ts';
import { ofRun, recover, type Recovered } from './recover.ts';
import type { ApprovedPlan } from './run.ts';
import type { StorageOptions } from './storage/used.ts';
import { version } from './version.ts';

/** A run cannot resume. Nothing was done. */
export class ResumeRefused extends Error {
  override readonly name = 'ResumeRefused';
}

/** A run that was stopped, and resumes as itself. */
export interface Resuming {
  readonly id: string;
  /** Why its record, once nothing else may change it, says that it must not resume; `undefined` where it may. */
  readonly why: (record: RunRecord) => string | undefined;
  /** Told why it must not resume: then a new run begins. Absent: `ResumeRefused` is thrown. */
  readonly refused?: (why: string) => void;
}

/** A run whose record is begun, or resumed. */
export interface Begun extends ResumedRun, Recovered {
  readonly isResumed: boolean;
}

export interface Beginning {
  readonly ledger: Ledger;
  /** Absent in a dry run, which completes nothing of earlier runs. */
  readonly writer: Registry | undefined;
  readonly policies: readonly PurgePolicy[];
  /** The record of the run, if it is a new one. */
  readonly fresh: RunRecord;
  /** That the caller holds, if the run may delete. */
  readonly locks?: readonly Lock[];
  /** Says which run is resumed, once the earlier ones are completed. Nothing: a new run begins. */
  readonly resuming: () => Promise<Resuming | undefined>;
  readonly log: RunLog | undefined;
}

/**
 * Begins a run: completes what earlier runs left open, and begins its record or resumes that of a run that was stopped.
 * The caller holds the registry's lock, if the run may delete.
 *
 * @throws {ResumeRefused} where `resuming` chose a run that must not resume
 * @throws {LedgerError | RegistryError} where earlier runs cannot be completed; then nothing new is begun
 */
export async function begin({ ledger, writer, fresh, policies, locks = [], resuming, log }: Beginning): Promise<Begun> {
  const completed = writer ? await recover(ledger, writer, locks, log) : { warnings: [], locksLost: 0 };
  const waits = await whatWaits(ledger, fresh.registry, policies);
  const recovered = { ...completed, warnings: [...completed.warnings, ...waits] };
  const chosen = await resuming();
  const resumed = chosen && (await resume(ledger, chosen, fresh));
  if (resumed) {
    // What its record says of access it says again once it ends.
    const warnings = recovered.warnings.filter((warning) => !warning.startsWith(ofRun(resumed.record.id)));
    return { ...resumed, ...recovered, warnings, isResumed: true };
  }
  const written = await ledger.begin(fresh);
  return { record: fresh, written, repositories: [], ...recovered, isResumed: false };
}

async function resume(ledger: Ledger, chosen: Resuming, fresh: RunRecord): Promise<ResumedRun | undefined> {
  try {
    return await ledger.resume(chosen.id, (record, repositories) => {
      const why = chosen.why(record);
      if (why !== undefined) throw new ResumeRefused(why);
      return resumedRecord(record, repositories, fresh);
    });
  } catch (error) {
    if (!(error instanceof ResumeRefused) || !chosen.refused) throw error;
    chosen.refused(error.message);
    return undefined;
  }
}

/** The holder of a run that several workers do: no process, so that a worker that ends does not end the run. */
export function noProcess(runId: string, startedBy: string, clock: Clock): Holder {
  return { runId, startedBy, host: 'Durable Functions', pid: 0, since: timeOf(clock) };
}

/** What a run is about, before it is recorded. */
export interface Fresh {
  readonly id: string;
  readonly kind: RunKind;
  readonly dryRun: boolean;
  readonly startedBy: string;
  readonly by?: string | undefined;
  readonly actor?: Actor | undefined;
  readonly parent?: string | undefined;
  readonly registry: string;
  readonly policies: readonly PurgePolicy[];
  readonly policyFrom?: PolicyRecord['from'] | undefined;
  /** Ages are counted back from here. */
  readonly now: Date;
  readonly holder: Holder;
  readonly guards?: Guards | undefined;
  /** What is asked before something is deleted. */
  readonly sources?: readonly AskedSource[] | undefined;
  /** Where what is deleted is archived first. */
  readonly archive?: Archive | undefined;
  /** What is asked about storage. */
  readonly storage?: StorageOptions | undefined;
  /** The plan that it carries out. */
  readonly plan?: Pick<ApprovedPlan, 'id' | 'repositories' | 'isPart'> | undefined;
  /** What it brings back. */
  readonly restores?: Restores | undefined;
  /** What it makes readable. */
  readonly releases?: Releases | undefined;
}

/** The record of a run that begins. */
export function freshRecord(about: Fresh): RunRecord {
  const {
    id,
    kind,
    dryRun,
    startedBy,
    by,
    actor,
    parent,
    registry,
    policies,
    policyFrom,
    now,
    holder,
    plan,
    restores,
    releases,
    sources = [],
    archive,
    storage,
  } = about;
  const guards = withoutInfinity(about.guards);
  const policy = recordPolicy(policies, policyFrom ?? 'command line');
  return {
    format: 1,
    id,
    kind,
    dryRun,
    startedBy,
    ...(by !== undefined && { by }),
    ...(actor && { actor }),
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
    ...(sources.length > 0 && { sources }),
    ...(archive && { archive: archive.place }),
    ...(storage && { storage: storage.price === undefined ? {} : { price: storage.price } }),
    ...(plan && { applies: plan.id }),
    ...(plan?.isPart && { appliesPart: true }),
    ...(restores && { restores }),
    ...(releases && { releases }),
  };
}

/** The record of a run that resumes: what the run is stays, and how it had ended is forgotten. */
function resumedRecord(
  record: RunRecord,
  repositories: readonly RepositoryRecord[],
  { holder, startedBy, by, actor, parent, guards, sources: asked }: RunRecord,
): RunRecord {
  const past: readonly string[] = ['parent', 'ended', 'error', 'stopped', 'cancelled'] satisfies (keyof RunRecord)[];
  const kept = Object.fromEntries(Object.entries(record).filter(([field]) => !past.includes(field))) as typeof record;
  // None that it once asked is left out later.
  const sources = sourcesOf({ sources: [...(record.sources ?? []), ...(asked ?? [])] });
  const resumption = { at: holder.since, startedBy, ...(by !== undefined && { by }), ...(actor && { actor }) };
  return {
    ...kept,
    progress: progressBefore(record, repositories),
    holder,
    ...(parent !== undefined && { parent }),
    state: 'running',
    // What there is to say about filters and access is said again when it ends, about all of its repositories.
    warnings: record.warnings.filter(
      (warning) => warning !== NOT_LISTED && !/^the (?:filter|rule) "/.test(warning) && !isAccessWarning(warning),
    ),
    resumed: [...(record.resumed ?? []), resumption],
    ...(sources.length > 0 && { sources }),
    ...(guards && { guards }),
  };
}

/** How far a run is that resumes: what the process that ended said of it last may be long ago. */
function progressBefore(
  { progress: { of }, guards, breakersAsked }: RunRecord,
  repositories: readonly RepositoryRecord[],
): RunProgress {
  const planned = isGuarded(guards) ? repositories.filter((one) => isPlanned(one) && !isOver(one)).length : 0;
  // Once the guards were asked nothing else is left to do.
  const done = breakersAsked ? of - planned : repositories.filter(isOver).length;
  return { done, of, ...(planned > 0 && { planned }) };
}

/** Guards without what is no limit: JSON has no infinity. */
function withoutInfinity(guards: Guards | undefined): Guards | undefined {
  if (guards?.maxMedianFactor !== Infinity) return guards;
  const { maxMedianFactor, ...others } = guards;
  return others;
}

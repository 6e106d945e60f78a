import { approvedBefore } from './apply.ts';
import { markApplied, PlanRefused } from './plans.ts';
import type { Archive } from '../ledger/archive.ts';
import type { Ledger } from '../ledger/ledger.ts';
import { policiesOf } from '../ledger/policy-record.ts';
import type { RunRecord } from '../ledger/records.ts';
import { whyNotResumed } from '../ledger/resumable.ts';
import type { FindingSource } from '../policy/findings.ts';
import type { Guards } from '../policy/guards.ts';
import type { PurgePolicy } from '../policy/purge-policy.ts';
import type { ReadOnlyRegistry, Registry } from '../registry/types.ts';
import type { RunSummary } from '../ledger/summary.ts';
import { ResumeRefused } from './begin.ts';
import { whyNotWithoutArchive } from './archive/archive.ts';
import { namesIn, whyNotWithout } from './evidence.ts';
import { findingsAsked, whyNotWithoutFindings } from './findings/rests-on-findings.ts';
import { type RecordedBefore, run, type RunOptions } from './run.ts';

/** Opens the registry of a run: one that can delete only for a run that does. */
export interface Opener {
  readonly reader: (run: RunRecord, policies: readonly PurgePolicy[]) => Promise<ReadOnlyRegistry>;
  readonly writer: (run: RunRecord, policies: readonly PurgePolicy[]) => Promise<Registry>;
}

export interface ResumeOptions extends RecordedBefore, Pick<RunOptions, 'pastDue' | 'parent'> {
  readonly now: Date;
  /** How old the plan may be that the run carries out. */
  readonly planAgeMilliseconds: number;
  /** What holds it back now; absent: what did when it began. */
  readonly guards?: Guards;
  /** Told of the run, right before it resumes. */
  readonly onResume?: (run: RunRecord) => void;
}

/** Whether a run that is recorded as running may have died: its registry's lock tells, and then its record is completed. */
function mayHaveDied({ state, dryRun }: Pick<RunRecord, 'state' | 'dryRun'>): boolean {
  return state === 'running' && !dryRun;
}

/**
 * Resumes a run that was stopped, or whose process has ended: the same run, counted from the same moment, by the
 * same policy. What is done is neither looked at nor listed again.
 *
 * @throws {ResumeRefused} where it must not; and whatever `run` throws
 */
export async function resumeRun(record: RunRecord, open: Opener, options: ResumeOptions): Promise<RunSummary> {
  const { ledger, now, planAgeMilliseconds, guards = record.guards, onResume, ...others } = options;
  const refuse = (why: string): ResumeRefused => new ResumeRefused(`the run ${record.id} cannot resume: ${why}`);
  const why = mayHaveDied(record) ? undefined : whyNotResumed(record, now);
  if (why !== undefined) throw refuse(why);
  const policies = policiesOf(record.policy);
  if (!policies)
    throw refuse('it was begun by a version that understands its policy otherwise, or its policy was changed since');
  const unasked =
    whyNotWithout(record, namesIn(options.evidence)) ??
    whyNotWithoutFindings(record, findingsAsked(options.findings)) ??
    whyNotWithoutArchive(record, options.archive);
  if (unasked !== undefined) throw refuse(unasked);
  const { applies } = record;
  const plan =
    applies === undefined
      ? undefined
      : await approvedBefore(ledger, { ...record, applies }, { now, planAgeMilliseconds }).catch((error: unknown) => {
          throw error instanceof PlanRefused ? refuse(error.message) : error;
        });
  const writer = record.dryRun ? undefined : await open.writer(record, policies);
  const reader = writer ?? (await open.reader(record, policies));
  if (reader.loginServer !== record.registry)
    throw refuse(`it is about the registry ${record.registry}, not ${reader.loginServer}`);
  const summary = await run({
    ...others,
    reader,
    writer,
    plan,
    ledger,
    policies,
    now: new Date(record.agesFrom),
    kind: record.kind,
    policyFrom: record.policy.from,
    ...(guards && { guards }),
    resuming: {
      id: record.id,
      why(current) {
        const problem = whyNotTakenUp(current, record, now);
        if (problem !== undefined) return refuse(problem).message;
        onResume?.(current);
        return undefined;
      },
    },
  });
  if (plan && summary.succeeded) await markApplied(ledger, plan.id, record.id);
  return summary;
}

/**
 * Why a run must not resume, by its record once nothing else may change it; `undefined` where it may.
 * @param known what it was when it was chosen
 */
export function whyNotTakenUp(current: RunRecord, known: RunRecord, now: Date): string | undefined {
  // The person who named a cancelled run knows that it was; a cancellation since then is news.
  const isNews = current.cancelled && current.cancelled.at !== known.cancelled?.at;
  return whyNotResumed(current, now) ?? (isNews ? `${CANCELLED} meanwhile` : undefined);
}

const CANCELLED = 'it was cancelled';

/**
 * The newest run that can resume and was not cancelled.
 * @param registries only their runs
 */
export async function newestResumable(
  ledger: Ledger,
  registries: readonly string[] | undefined,
  now: Date,
): Promise<RunRecord | undefined> {
  for await (const record of ledger.runs({ states: ['stopped', 'interrupted'] })) {
    const isWanted = registries?.includes(record.registry) ?? true;
    if (isWanted && !record.cancelled && whyNotResumed(record, now) === undefined) return record;
  }
  return undefined;
}

/** What a scheduled run must be to be resumed by the next tick. */
export interface Wanted {
  readonly registry: string;
  readonly policyHash: string;
  readonly dryRun: boolean;
  /** The names of the sources that are asked before something is deleted. */
  readonly sources: readonly string[];
  /** The sources of findings. */
  readonly findings: readonly FindingSource[];
  /** Where what is deleted is archived first. */
  readonly archive?: Archive | undefined;
}

/** What the tick of a timer finds: a run to resume, or one that stays as it is, and why. */
export type Found =
  | { readonly state: 'resumable'; readonly run: RunRecord }
  | { readonly state: 'left'; readonly run: RunRecord; readonly why: string };

/** The last scheduled run, where it was not done. */
export async function lastScheduled(ledger: Ledger, wanted: Wanted, now: Date): Promise<Found | undefined> {
  const { registry, policyHash, dryRun, sources, findings, archive } = wanted;
  for await (const run of ledger.runs({ registry, kinds: ['scheduled'] })) {
    if (!['stopped', 'interrupted'].includes(run.state) && !mayHaveDied(run)) return undefined;
    const left = (why: string): Found => ({ state: 'left', run, why });
    if (run.dryRun !== dryRun) return left(run.dryRun ? 'it was a dry run' : 'only dry runs are wanted now');
    if (run.policy.hash !== policyHash) return left('it was begun by another policy than the one that is configured');
    if (run.cancelled) return left(CANCELLED);
    const why =
      whyNotWithout(run, sources) ??
      whyNotWithoutFindings(run, findings) ??
      whyNotWithoutArchive(run, archive) ??
      (mayHaveDied(run) ? undefined : whyNotResumed(run, now));
    return why === undefined ? { state: 'resumable', run } : left(why);
  }
  return undefined;
}

import { cancelStop } from '../ledger/cancellation.ts';
import { planOf } from '../ledger/plan-hash.ts';
import type { Ledger } from '../ledger/ledger.ts';
import type { RunWriter } from '../ledger/writer.ts';
import {
  type Cancellation,
  isEvidenceWhole,
  type RepositoryRecord,
  type RunRecord,
  type RunState,
} from '../ledger/records.ts';
import { hasFailed, type RepositorySummary, type RunSummary } from '../ledger/summary.ts';
import { total } from '../ledger/total.ts';
import type { Decision, Reason, Right } from '../planner/decision.ts';
import { movingTagWarnings } from '../policy/moving-tags.ts';
import { accessWarnings, evidenceWarnings, findingsWarnings } from '../report/warnings.ts';
import { type Clock, timeOf } from '../registry/clock.ts';
import type { RunContext } from './context.ts';
import type { Foreseen } from './guards.ts';
import { recordMatched, type Selected, sharedKeep, unmatched } from './list.ts';
import { isDone } from './merge.ts';
import { leftWaiting } from './quarantine/quarantine.ts';
import { unfoundBy } from './findings/rests-on-findings.ts';
import { stopOf, type StopReason } from './stop.ts';
import { type AsksStorage, forgetFreed, storedBy } from './storage/storage.ts';

/** A warning of a run that ended before it knew its repositories. */
export const NOT_LISTED = 'the run was stopped before the repositories were listed';

/** How a run ended. */
export interface Ending {
  /** Closes the record. */
  readonly end: RunWriter['end'];
  /** Absent: it was stopped before the repositories were listed. */
  readonly selected: Selected | undefined;
  /** Of each of its repositories, also those of earlier attempts. */
  readonly records: readonly RepositoryRecord[];
  readonly progress: { readonly done: number; readonly of: number };
  /** Why it ended before everything was done, if it did. */
  readonly stop: StopReason | undefined;
  /** Who cancelled the run, if a person did; said instead of `stop`. */
  readonly cancelled: Cancellation | undefined;
  /** What the guards would hold back of a dry run; `undefined` where they were not asked. */
  readonly foreseen: Foreseen | undefined;
  /** Asks what it freed. Absent: nothing is asked. */
  readonly storage?: AsksStorage | undefined;
  /** What there is to say about runs before this one, and what this one said before it was resumed. */
  readonly warnings: readonly string[];
  /** Locks that an earlier run took off, and that this one could not put back. */
  readonly locksLost: number;
}

/** What of a run's context sums it up. */
export type Finishing = Pick<RunContext, 'ledger' | 'record' | 'policies' | 'matched' | 'log'>;

/** Sums a run up, and closes its record. Done again, it comes to the same. */
export async function finish(context: Finishing, ending: Ending): Promise<RunSummary> {
  const { ledger, record, policies, matched, log } = context;
  const { selected, cancelled, progress } = ending;
  const sorted = [...ending.records].sort((a, b) => (a.summary.repository < b.summary.repository ? -1 : 1));
  const stored = await storedBy({ ledger, record, asks: ending.storage }, sorted);
  const { records } = stored;
  const repositories = records.map(({ summary }) => summary);
  const { done, of } = progress;
  const stopped = cancelled
    ? cancelStop({ ...record, progress: { done, of } }, cancelled)
    : ending.stop && stopOf(ending.stop, record, { done, of }, selected !== undefined);
  // Of a run that has lost its lock, another process may have done the last repositories.
  const isWhole = selected !== undefined && !stopped;
  const { foreseen = { holds: record.breakers, warnings: [] } } = ending;
  if (ending.foreseen) for (const hold of foreseen.holds) log?.foreseen(hold);
  const warnings = [
    ...ending.warnings,
    ...foreseen.warnings,
    ...(selected ? aboutFilters(context, selected, repositories) : [NOT_LISTED]),
    ...(selected && isWhole ? await leftWaiting(ledger, record, selected) : []),
    ...evidenceWarnings(record.evidence),
    ...findingsWarnings(record.findings),
    ...accessWarnings(repositories),
    ...aboutMovingTags(context, repositories),
    ...aboutRepositories(repositories),
  ];
  const succeeded = isWhole && isAllDone({ ...record, locksLost: ending.locksLost }, repositories);
  const totals = { ...total(repositories), ...stored.totals };
  const planned = planOf(record, records);
  const summary: RunSummary = {
    runId: record.id,
    registry: record.registry,
    dryRun: record.dryRun,
    started: record.started,
    ended: timeOf(ledger.system.clock),
    repositories,
    totals,
    ...(await notable(ledger, record.id, repositories)),
    warnings: eachOnce(warnings),
    breakers: foreseen.holds,
    ...(record.evidence && { evidence: record.evidence }),
    ...(record.findings && { findings: record.findings }),
    ...(record.archive !== undefined && { archive: record.archive }),
    ...(stopped && { stopped }),
    ...(planned && { plan: { id: record.id, hash: planned.hash, deletions: planned.deletions } }),
    ...(record.undo && { undo: record.undo }),
    ...(record.restores && { restores: record.restores }),
    ...stored.run,
    succeeded,
  };
  await ending.end(
    {
      state: stateOf(summary),
      ended: summary.ended,
      totals,
      warnings: summary.warnings,
      // What an earlier attempt could not put back was that one's failure.
      ...((ending.locksLost > 0 || record.locksLost !== undefined) && { locksLost: ending.locksLost }),
      breakers: summary.breakers,
      progress: { done, of },
      matched: recordMatched(matched, policies),
      ...(stopped && { stopped }),
      ...(cancelled && { cancelled }),
      ...(stopped?.by === 'lock' && { error: { message: LOST } }),
      ...(planned && { plan: planned }),
      ...stored.run,
    },
    records,
  );
  // The next run finds out by itself what is gone: only numbers depend on it. A run that was stopped may be resumed, and says
  // then what it freed in all.
  if (!record.dryRun && !stopped && stored.totals.storage)
    await forgetFreed({ ledger, record, records }).catch(() => undefined);
  return summary;
}

/** Whether a run has left nothing undone in these repositories, and nothing unknown. */
export function isAllDone(
  { evidence, locksLost = 0 }: Pick<RunRecord, 'evidence' | 'locksLost'>,
  repositories: readonly RepositorySummary[],
): boolean {
  return locksLost === 0 && isEvidenceWhole(evidence) && repositories.every(isDone);
}

/** Each once: what is said of an earlier run, such as a lock that is missing, is not said again without its name. */
function eachOnce(warnings: readonly string[]): readonly string[] {
  const ofRuns = new Set(warnings.map((warning) => OF_RUN.exec(warning)?.[1]));
  return [...new Set(warnings)].filter((warning) => !ofRuns.has(warning));
}

const LOST = 'the lock of the registry was lost, so nothing more was done';

function stateOf({ succeeded, stopped, repositories, totals, breakers, dryRun, evidence }: RunSummary): RunState {
  if (succeeded) return 'done';
  if (stopped) return 'stopped';
  if (totals.tags.failed + totals.manifests.failed > 0 || repositories.some(hasFailed)) return 'failed';
  // An approval would not make up for what could not be found out.
  if (!isEvidenceWhole(evidence)) return 'failed';
  // What guards would hold back in a dry run does not wait.
  return breakers.length > 0 && !dryRun ? 'waiting' : 'failed';
}

/** What there is to say about the filters; nothing about those of an approved plan, which was looked at. */
function aboutFilters(
  { record, policies, matched }: Finishing,
  selected: Selected,
  repositories: readonly RepositorySummary[],
): readonly string[] {
  if (record.applies !== undefined) return [];
  return policies.flatMap((policy) => [
    ...policy.warnings,
    ...(repositories.length > 0 ? unfoundBy(policy, record) : []),
    ...unmatched(policy, selected, repositories, matched),
    ...sharedKeep(policy, selected),
  ]);
}

function aboutMovingTags(
  { record, policies }: Finishing,
  repositories: readonly RepositorySummary[],
): readonly string[] {
  if (record.applies !== undefined) return [];
  const filters = [...new Map(policies.flatMap((policy) => policy.filters.map((one) => [one.text, one]))).values()];
  const moving = repositories.flatMap(({ movingTags = [] }) => movingTags);
  return movingTagWarnings(filters, moving, record.dryRun ? 'would delete' : 'deletes');
}

/** See `ofRun` of `recover.ts`. */
const OF_RUN = /^the run \S+: (.*)$/s;

/** Warnings about repositories that a run repeats; the record of a repository has all of its own. */
const MAX_WARNINGS = 50;

function aboutRepositories(repositories: readonly RepositorySummary[]): readonly string[] {
  const all = repositories.flatMap(({ warnings = [] }) => warnings);
  const more = all.length - MAX_WARNINGS;
  return more > 0 ? [...all.slice(0, MAX_WARNINGS), `and ${more} more warnings about repositories`] : all;
}

/** Failures that a summary repeats in full. All of them are among the decisions. */
const MAX_FAILURES = 20;

/**
 * One decision for each reason, that of the first repository that has it, and the first failures. Each repository's
 * decisions are read once at most, and no further than necessary.
 */
async function notable(
  ledger: Ledger,
  runId: string,
  repositories: readonly RepositorySummary[],
): Promise<Pick<RunSummary, 'examples' | 'failures'>> {
  const examples: Partial<Record<Reason, Decision>> = {};
  const failures: Decision[] = [];
  const lacking = new Set<Right>();
  for (const { repository, reasons, tags, manifests } of repositories) {
    const wanted = new Set((Object.keys(reasons) as Reason[]).filter((reason) => examples[reason] === undefined));
    let failed = Math.min(tags.failed + manifests.failed, MAX_FAILURES - failures.length);
    if (wanted.size + failed === 0) continue;
    for await (const decision of ledger.decisions(runId, { repository })) {
      if (wanted.delete(decision.reason)) examples[decision.reason] = decision;
      if (failed > 0 && isFailure(decision, lacking)) {
        failures.push(decision);
        failed -= 1;
      }
      if (wanted.size + failed === 0) break;
    }
  }
  return { examples, failures };
}

/** What was tried in vain, without what follows from it: what was not tried, or was refused for the same right, is only counted. */
function isFailure(decision: Decision, lacking: Set<Right>): boolean {
  if (decision.action === 'keep') return false;
  const { outcome } = decision;
  if (outcome !== 'refused' && outcome !== 'failed' && outcome !== 'impossible') return false;
  const right = decision.error?.missing;
  if (right === undefined) return true;
  const isFirst = !lacking.has(right);
  lacking.add(right);
  return isFirst;
}

/** The summary of a run that has ended, as its record has it. */
export async function summaryOf(ledger: Ledger, record: RunRecord): Promise<RunSummary> {
  const { id, registry, dryRun, started, ended = started, warnings, breakers, stopped, plan } = record;
  const repositories = (await Array.fromAsync(ledger.repositories(id))).map(({ summary }) => summary);
  return {
    runId: id,
    registry,
    dryRun,
    started,
    ended,
    repositories,
    totals: record.totals ?? total(repositories),
    ...(await notable(ledger, id, repositories)),
    warnings,
    breakers,
    ...(stopped && { stopped }),
    ...(record.evidence && { evidence: record.evidence }),
    ...(record.archive !== undefined && { archive: record.archive }),
    ...(plan && { plan: { id, hash: plan.hash, deletions: plan.deletions } }),
    ...(record.undo && { undo: record.undo }),
    ...(record.restores && { restores: record.restores }),
    ...(record.storage && { storage: record.storage }),
    succeeded: record.state === 'done',
  };
}

/** Closes the record of a run that broke off. Where this fails too, the next run completes it. */
export async function fail(
  { end }: Pick<Ending, 'end'>,
  clock: Clock,
  error: NonNullable<RunRecord['error']>,
  records: readonly RepositoryRecord[],
  about: Partial<RunRecord> = {},
): Promise<void> {
  const totals = total(records.map(({ summary }) => summary));
  // Without a list of repositories: what is not recorded yet is in journals, and the run that completes them adds it.
  await end({ state: 'failed', ended: timeOf(clock), error, totals, ...about });
}

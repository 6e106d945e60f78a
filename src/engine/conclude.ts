import { isOver, withExamples } from './earlier.ts';
import { planOf } from '../ledger/plan-hash.ts';
import type { Ledger } from '../ledger/ledger.ts';
import type { RunWriter } from '../ledger/writer.ts';
import {
  type Cancellation,
  cancelStop,
  type PlanRecord,
  type RepositoryRecord,
  type RunProgress,
  type RunRecord,
  type RunState,
  type Stop,
} from '../ledger/records.ts';
import type { Holder } from '../ledger/store/store.ts';
import type { Hold } from '../planner/decision.ts';
import type { TagFilter } from '../policy/filter.ts';
import { movingTagWarnings } from '../policy/moving-tags.ts';
import type { PurgePolicy } from '../policy/purge-policy.ts';
import { hasFailed, type RepositorySummary, type RunSummary } from '../ledger/summary.ts';
import { accessWarnings } from '../report/warnings.ts';
import { recordMatched, type Selected, sharedKeep, unmatched } from './select.ts';
import type { Tally } from './tally.ts';

/** A warning of a run that ended before it knew its repositories. */
export const NOT_LISTED = 'the run was stopped before the repositories were listed';

/** A run whose work is done, or as much of it as is done now. */
export interface Ending {
  readonly ledger: Ledger;
  readonly record: RunRecord;
  readonly written: Pick<RunWriter, 'end' | 'update'>;
  readonly policies: readonly PurgePolicy[];
  /** Absent: it was stopped before the repositories were listed. */
  readonly selected: Selected | undefined;
  /** Of a run that goes on: what it recorded of its repositories before, by name. */
  readonly earlier: ReadonlyMap<string, RepositoryRecord>;
  /** All of its repositories, the earlier ones as well. */
  readonly tally: Tally;
  /** The filters that matched a tag. */
  readonly matched: ReadonlySet<TagFilter>;
  readonly breakers: readonly Hold[];
  readonly progress: RunProgress;
  /** What there is to say about runs before this one, and what it said itself before. */
  readonly recovered: readonly string[];
  /** Locks that a run before this one took off, and that this one could not put back. */
  readonly locksLost: number;
  readonly cancelled: Cancellation | undefined;
  /** Why it was stopped, if it was; who cancelled it goes before. */
  readonly cause: Stop | undefined;
  /** The run does not end: somebody else goes on with it, as its holder. */
  readonly handTo?: Holder | undefined;
}

export type Concluded = Omit<RunSummary, 'runId' | 'registry' | 'dryRun' | 'plan'> & {
  readonly planned: PlanRecord | undefined;
};

/** Sums a run up, and closes its record, unless somebody else goes on with it. */
export async function conclude(ending: Ending): Promise<Concluded> {
  const { ledger, record, written, policies, selected, earlier, tally, matched, breakers, cancelled, cause } = ending;
  const { handTo } = ending;
  const { done, of } = ending.progress;
  const sums = tally.sums();
  const records = tally.records();
  const listed = selected ?? new Map<string, never>();
  const warnings =
    record.applies === undefined
      ? policies.flatMap((policy) => [
          ...policy.warnings,
          ...unmatched(policy, listed, sums.repositories, matched),
          ...sharedKeep(policy, listed),
        ])
      : [];
  const filters = [...new Map(policies.flatMap((policy) => policy.filters.map((one) => [one.text, one]))).values()];
  // What an approved plan deletes was looked at.
  const moving = record.applies === undefined ? sums.repositories.flatMap(({ movingTags = [] }) => movingTags) : [];
  const verb = record.dryRun ? 'would delete' : 'deletes';
  const stopped = cancelled ? cancelStop({ id: record.id, progress: { done, of } }, cancelled) : cause;
  const concluded = {
    started: record.started,
    ended: new Date().toISOString(),
    ...sums,
    examples: await withExamples(ledger, record.id, sums.examples, earlier),
    warnings: [
      ...new Set([
        ...ending.recovered,
        ...(selected ? warnings : [NOT_LISTED]),
        ...accessWarnings(sums.repositories),
        ...movingTagWarnings(filters, moving, verb),
        ...warningsOf(sums.repositories),
      ]),
    ],
    breakers,
    ...(stopped && { stopped }),
    succeeded: sums.succeeded && selected !== undefined && ending.locksLost === 0,
  };
  if (handTo) {
    // What failed is tried again.
    const far = { done: records.filter(isOver).length, of };
    await written.update({ holder: handTo, progress: far, matched: recordMatched(matched, policies) });
    return { ...concluded, handedOver: true, planned: undefined };
  }
  const planned = planOf(record, records);
  await written.end(
    {
      state: stateOf(concluded, record.dryRun),
      ended: concluded.ended,
      totals: concluded.totals,
      warnings: concluded.warnings,
      breakers,
      progress: { done, of },
      matched: recordMatched(matched, policies),
      ...(stopped && { stopped }),
      ...(cancelled && { cancelled }),
      ...(cause?.by === 'lock' && { error: { message: LOST } }),
      ...(planned && { plan: planned }),
    },
    records,
  );
  return { ...concluded, planned };
}

/** Warnings about repositories that a run repeats; a record of one has all of its own. */
const MAX_WARNINGS = 50;

function warningsOf(repositories: readonly RepositorySummary[]): readonly string[] {
  const all = repositories.flatMap(({ warnings = [] }) => warnings);
  const more = all.length - MAX_WARNINGS;
  return more > 0 ? [...all.slice(0, MAX_WARNINGS), `and ${more} more warnings about repositories`] : all;
}

const LOST = 'the lock of the registry was lost, so nothing more was done';

function stateOf(
  { succeeded, stopped, repositories, totals, breakers }: Omit<Concluded, 'planned'>,
  isDry: boolean,
): RunState {
  if (succeeded) return 'done';
  if (stopped) return 'stopped';
  if (totals.tags.failed + totals.manifests.failed > 0 || repositories.some(hasFailed)) return 'failed';
  // What guards would hold back in a dry run does not wait.
  return breakers.length > 0 && !isDry ? 'waiting' : 'failed';
}

import { DELETE_REASONS, type DeleteReason } from '../planner/decision.ts';
import type { LedgerReader } from './reader.ts';
import { isPurge, type RepositoryRecord, type RunRecord } from './records.ts';
import { DamagedError } from './store/store.ts';
import type { Counts, RepositorySummary, Totals } from './summary.ts';

/** How many artifacts are to be deleted in a run, and in the run before it. */
interface Change {
  readonly before: number;
  readonly now: number;
}

export interface RepositoryChange extends Change {
  readonly repository: string;
}

/** The first of some, and how many there are in all. */
export interface Some<T> {
  readonly first: readonly T[];
  readonly count: number;
}

/** What changed since an earlier run of the same registry, by what both recorded of each repository. */
export interface Comparison {
  readonly before: Pick<RunRecord, 'id' | 'started' | 'kind' | 'dryRun'>;
  /** Both had the same policy. Otherwise they have only their kind in common. */
  readonly samePolicy: boolean;
  readonly deletions: Change;
  /** Repositories in which more is to be deleted than before, the largest difference first; also those that are new. */
  readonly more: Some<RepositoryChange>;
  readonly fewer: Some<RepositoryChange>;
  /** Repositories that the earlier run did not look at, by name. */
  readonly appeared: Some<string>;
  /** Those that only the earlier run looked at. */
  readonly disappeared: Some<string>;
  /** Reasons to delete that the earlier run did not have. */
  readonly newReasons: readonly { readonly reason: DeleteReason; readonly count: number }[];
}

/** Repositories that a comparison names. */
const MAX_NAMED = 5;

/** Earlier runs among which one with the same policy is looked for. */
const MAX_LOOKED_AT = 50;

/** How many were to be deleted, or made unreadable before that, whatever the result: those that a guard holds back, too. */
export function toDeleteOf({ deleted, failed, notAttempted, alreadyGone, quarantined = 0 }: Counts): number {
  return deleted + failed + notAttempted + alreadyGone + quarantined;
}

export function toDeleteIn({ tags, manifests }: Pick<Totals, 'tags' | 'manifests'>): number {
  return toDeleteOf(tags) + toDeleteOf(manifests);
}

/**
 * The last run before this one that can be compared with it: of the same registry, and complete. One with the same policy,
 * if there is one among the last runs; else one of the same kind. What carries out the plan of another run has none.
 */
export async function lastComparable(
  reader: Pick<LedgerReader, 'runs'>,
  { id, registry, kind, policy, dryRun }: Pick<RunRecord, 'id' | 'registry' | 'kind' | 'policy' | 'dryRun'>,
): Promise<RunRecord | undefined> {
  if (kind === 'apply' || !isPurge({ kind })) return undefined;
  let ofSameKind: RunRecord | undefined;
  let looked = 0;
  for await (const one of reader.runs({ registry, before: id, states: ['done', 'waiting', 'failed'] })) {
    if (one.kind !== 'apply' && isPurge(one) && one.totals && !one.error) {
      if (one.policy.hash === policy.hash) return one;
      if (one.kind === kind && one.dryRun === dryRun) ofSameKind ??= one;
    }
    looked += 1;
    if (looked === MAX_LOOKED_AT) break;
  }
  return ofSameKind;
}

/** Compares two runs by their totals and by the records of their repositories; no decision is read. */
export function compareRuns(
  run: Pick<RunRecord, 'policy' | 'totals'>,
  repositories: Iterable<Pick<RepositoryRecord, 'summary'>>,
  before: RunRecord,
  earlier: Iterable<Pick<RepositoryRecord, 'summary'>>,
): Comparison {
  const old = new Map<string, number | undefined>();
  for (const { summary } of earlier) old.set(summary.repository, decidedIn(summary));
  const changes: RepositoryChange[] = [];
  const appeared: string[] = [];
  let deletions = 0;
  for (const { summary } of repositories) {
    const { repository } = summary;
    const now = decidedIn(summary);
    const isNew = !old.has(repository);
    const was = isNew ? 0 : old.get(repository);
    old.delete(repository);
    deletions += toDeleteIn(summary);
    if (isNew) appeared.push(repository);
    if (now !== undefined && was !== undefined && now !== was) changes.push({ repository, before: was, now });
  }
  const { id, started, kind, dryRun, totals } = before;
  return {
    before: { id, started, kind, dryRun },
    samePolicy: before.policy.hash === run.policy.hash,
    deletions: { before: totals ? toDeleteIn(totals) : 0, now: run.totals ? toDeleteIn(run.totals) : deletions },
    more: largest(changes.filter((one) => one.now > one.before)),
    fewer: largest(changes.filter((one) => one.now < one.before)),
    appeared: byName(appeared),
    disappeared: byName([...old.keys()]),
    newReasons: DELETE_REASONS.map((reason) => ({ reason, count: run.totals?.reasons[reason] ?? 0 })).filter(
      ({ reason, count }) => count > 0 && (totals?.reasons[reason] ?? 0) === 0,
    ),
  };
}

/**
 * Compares a run with the last one before it; `undefined` where there is none that can be compared. A damaged record of
 * that one must not hide this one.
 */
export async function compareWithLast(
  reader: LedgerReader,
  run: RunRecord,
  repositories: Iterable<Pick<RepositoryRecord, 'summary'>>,
): Promise<Comparison | undefined> {
  const before = await lastComparable(reader, run);
  if (!before) return undefined;
  try {
    return compareRuns(run, repositories, before, await Array.fromAsync(reader.repositories(before.id)));
  } catch (error) {
    if (error instanceof DamagedError) return undefined;
    throw error;
  }
}

/** Not known of a repository that could not be planned, or was not begun. */
function decidedIn(summary: RepositorySummary): number | undefined {
  return summary.state === 'done' || summary.state === 'held' ? toDeleteIn(summary) : undefined;
}

function largest(changes: readonly RepositoryChange[]): Some<RepositoryChange> {
  const difference = ({ before, now }: Change): number => Math.abs(now - before);
  const sorted = changes.toSorted((a, b) => difference(b) - difference(a));
  return { first: sorted.slice(0, MAX_NAMED), count: changes.length };
}

function byName(names: readonly string[]): Some<string> {
  return { first: names.toSorted().slice(0, MAX_NAMED), count: names.length };
}

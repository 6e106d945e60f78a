import { toDeleteIn } from '../ledger/compare.ts';
import type { RepositoryRecord, RunRecord } from '../ledger/records.ts';
import { hasFailed, type RepositorySummary } from '../ledger/summary.ts';
import type { FindingSum } from '../planner/findings.ts';
import { findingsIn } from './finding-words.ts';
import { keptIn, shareIn } from './totals.ts';

/** What the repositories of a run are sorted by. */
export const REPOSITORY_SORTS = [
  'delete',
  'keep',
  'percent',
  'size',
  'last-push',
  'in-use',
  'findings',
  'findings-kept',
  'name',
] as const;

export type RepositorySort = (typeof REPOSITORY_SORTS)[number];

/** Which of them: those that lose something, those that a guard holds back, that failed, or that keep critical findings. */
export const REPOSITORY_FILTERS = ['delete', 'held', 'failed', 'critical'] as const;

export interface RepositorySelection {
  readonly sort: RepositorySort;
  /** The usual one: the largest first, names from a to z. */
  readonly reverse: boolean;
  /** Part of a name; upper and lower case are the same. */
  readonly find?: string | undefined;
  readonly only?: (typeof REPOSITORY_FILTERS)[number] | undefined;
}

/** The repositories that are asked for, in the order that is asked for; equal ones by name. */
export function selectRepositories(
  records: readonly RepositoryRecord[],
  run: Decided,
  { sort, reverse, find = '', only }: RepositorySelection,
): readonly RepositoryRecord[] {
  const wanted = find.toLowerCase();
  const isHeld = heldBy(run);
  const isAsked = ({ summary }: RepositoryRecord): boolean => {
    if (!summary.repository.toLowerCase().includes(wanted)) return false;
    switch (only) {
      case 'delete':
        return toDeleteIn(summary) > 0;
      case 'held':
        return isHeld(summary);
      case 'failed':
        return hasFailed(summary) || summary.tags.failed + summary.manifests.failed > 0;
      case 'critical':
        return (summary.findings?.kept.bySeverity.critical ?? 0) > 0;
      case undefined:
        return true;
    }
  };
  const turn = reverse ? -1 : 1;
  const byName = (a: string, b: string): number => (a < b ? -1 : Number(a > b));
  const found = records.filter(isAsked).map((record) => ({ record, key: keyOf(record.summary, sort) }));
  found.sort((a, b) => {
    const [one, other] = [a.record.summary.repository, b.record.summary.repository];
    if (sort === 'name') return turn * byName(one, other);
    // What is not known comes last, either way round.
    if (a.key === undefined || b.key === undefined)
      return Number(a.key === undefined) - Number(b.key === undefined) || byName(one, other);
    return turn * (b.key < a.key ? -1 : Number(b.key > a.key)) || byName(one, other);
  });
  return found.map(({ record }) => record);
}

type Decided = Pick<RunRecord, 'breakers' | 'dryRun' | 'plan'>;

/** Whether a guard holds back what is to be deleted in a repository, or would, and it is not approved. */
export function heldBy(run: Decided): (summary: RepositorySummary) => boolean {
  const { breakers, dryRun } = run;
  const isAll = breakers.some(({ repository }) => repository === undefined);
  const names = new Set(breakers.map(({ repository }) => repository));
  const isApproved = approvedBy(run);
  return (summary) => {
    const { repository, state } = summary;
    const isHeld = state === 'held' || (dryRun && (isAll || names.has(repository)) && toDeleteIn(summary) > 0);
    return isHeld && !isApproved(repository);
  };
}

/** Whether a person, or a machine, has approved what is to be deleted in a repository. */
export function approvedBy({ plan }: Pick<RunRecord, 'plan'>): (repository: string) => boolean {
  const approvals = (plan?.reviews ?? []).filter(({ verdict }) => verdict === 'approved');
  const isAll = approvals.some(({ repositories }) => repositories === undefined);
  const names = new Set(approvals.flatMap(({ repositories = [] }) => repositories));
  return (repository) => isAll || names.has(repository);
}

function keyOf(summary: RepositorySummary, sort: RepositorySort): number | string | undefined {
  switch (sort) {
    case 'delete':
      return toDeleteIn(summary);
    case 'keep':
      return keptIn(summary, 'tags') + keptIn(summary, 'manifests');
    case 'percent':
      return shareIn(summary)?.percent ?? 0;
    case 'size':
      return summary.bytes;
    case 'last-push':
      return summary.listed.lastPush;
    case 'in-use':
      return summary.listed.inUse;
    case 'findings':
      return weightOf(summary.findings?.removed);
    case 'findings-kept':
      return weightOf(summary.findings?.kept);
    case 'name':
      return summary.repository;
  }
}

/** The worst severity counts first, then the next. `undefined`: no image was scanned. */
function weightOf(sum: FindingSum | undefined): number | undefined {
  if (!sum || sum.images === 0) return undefined;
  const { critical = 0, high = 0 } = sum.bySeverity;
  const upTo = (value: number): number => Math.min(value, 99_999);
  return (upTo(critical) * 100_000 + upTo(high)) * 100_000 + upTo(findingsIn(sum.bySeverity));
}

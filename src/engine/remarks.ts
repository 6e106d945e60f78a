import type { RepositorySummary } from '../ledger/summary.ts';
import type { DecisionError } from '../planner/decision.ts';
import { isUnread } from './unread.ts';

/** What the record of a repository says of its decisions. It holds for as long as they do. */
export interface Remarks {
  /** Why something is kept that was to be deleted: a failure of the run. */
  readonly unread?: DecisionError;
  readonly warnings: readonly string[];
}

export const NO_REMARKS: Remarks = { warnings: [] };

export function remarksOf(summary: RepositorySummary | undefined): Remarks {
  const { error, warnings = [] } = summary ?? {};
  return { warnings, ...(error && isUnread(error) && { unread: error }) };
}

/**
 * The same record, with what was remarked before. Why a repository could not be done is said first, and what could not be
 * read is a warning then; that it was stopped is said by the run.
 */
export function withRemarks(summary: RepositorySummary, { unread, warnings }: Remarks): RepositorySummary {
  const { repository, state, error } = summary;
  const isSaid = !unread || (error !== undefined && isUnread(error));
  const isError = !isSaid && (error === undefined || state === 'stopped');
  const all = new Set([...warnings, ...(summary.warnings ?? [])]);
  if (!isSaid && !isError) all.add(`${repository}: ${unread.message}`);
  return { ...summary, ...(isError && { error: unread }), ...(all.size > 0 && { warnings: [...all] }) };
}

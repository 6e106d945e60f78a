import { NOTHING_PLANNED } from '../ledger/plan-hash.ts';
import type { RepositoryRecord } from '../ledger/records.ts';
import { summarize, unfinishedRepository } from '../ledger/summary.ts';
import type { Hold } from '../planner/decision.ts';
import type { RunContext } from './context.ts';
import type { Processed } from './repository.ts';

/* What a run records of a repository that it leaves as it is. */

/** Records what a guard holds back. */
export async function holdBack(context: RunContext, before: RepositoryRecord, hold: Hold): Promise<Processed> {
  const { ledger, record: run, writes, log } = context;
  const { repository, listed, error: found, warnings: known = [] } = before.summary;
  const planned = await Array.fromAsync(ledger.decisions(run.id, { repository }));
  // What was deleted before the guards were asked stays recorded as deleted.
  const decisions = planned.map((one) =>
    one.action === 'delete' && one.outcome === 'not-attempted' ? { ...one, outcome: 'held' as const } : one,
  );
  const error = { message: `held back: ${hold.detail}`, ...(found?.missing && { missing: found.missing }) };
  // What could not be planned is said all the same.
  const unread = found && found.message !== NOT_BEGUN.message ? [`${repository}: ${found.message}`] : [];
  const warnings = [...known, ...unread];
  const summary = {
    ...summarize(repository, decisions, listed),
    state: 'held' as const,
    error,
    ...(warnings.length > 0 && { warnings }),
  };
  const record = await writes.repository(repository).write(summary, decisions);
  await log?.decided(decisions);
  return { state: 'final', record, decisions };
}

/** What the record of a repository says that was not begun, and of one that was begun until it is closed. */
export const NOT_BEGUN = { message: 'not begun: the run was stopped' };
export const ENDED = { message: 'the process ended before it was done' };

/** Stands for the record of a repository that a stopped run did not come to. */
export function notBegun(name: string): RepositoryRecord {
  return { summary: unfinishedRepository(name, 'stopped', NOT_BEGUN), planned: NOTHING_PLANNED };
}

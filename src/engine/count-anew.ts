import { isDeepStrictEqual } from 'node:util';
import type { Ledger } from '../ledger/ledger.ts';
import type { RepositoryRecord, RunRecord } from '../ledger/records.ts';
import { ConflictError } from '../ledger/store/store.ts';
import type { RepositorySummary, Totals } from '../ledger/summary.ts';
import { total } from '../ledger/total.ts';
import { eachOf } from './each.ts';
import { isAllDone } from './finish.ts';

/** Attempts to write what was counted anew, while others write the record. */
const MOST_COUNTS = 5;

/**
 * Counts a closed run anew where a repository was recorded since its others were read: a worker may have begun before
 * the run was closed. So it is called by the finishing of a run, after that, and by a worker, after its last record:
 * whichever comes later finds what the other one did not.
 */
export async function countAnew(ledger: Ledger, runId: string): Promise<void> {
  for (let count = 1; ; count += 1) {
    const written = await ledger.reopen({ id: runId });
    const record = await ledger.run(runId);
    // The hash of a dry run's plan stands: what differs from it is not applied.
    if (!record || record.state === 'running' || record.dryRun) return;
    const listed = await Array.fromAsync(ledger.repositories(runId));
    const records = new Map(listed.map((one) => [one.summary.repository, one]));
    const news: RepositoryRecord[] = [];
    const names = (await ledger.selected(runId)) ?? [];
    await eachOf(names, SIDE_BY_SIDE, async ({ repository }) => {
      const now = await ledger.repository(runId, repository);
      if (now && !isDeepStrictEqual(now, withoutStorage(records.get(repository)))) news.push(now);
    });
    if (news.length === 0) return;
    for (const one of news) records.set(one.summary.repository, one);
    const all = [...records.values()].sort((a, b) => (a.summary.repository < b.summary.repository ? -1 : 1));
    try {
      const repositories = all.map(({ summary }) => summary);
      const isDoneNow = record.state === 'failed' && record.error === undefined && isAllDone(record, repositories);
      await written.end({ totals: totalAnew(record, repositories), ...(isDoneNow && { state: 'done' }) }, all);
      return;
    } catch (error) {
      if (!(error instanceof ConflictError) || count === MOST_COUNTS) throw error;
    }
  }
}

const SIDE_BY_SIDE = 16;

/** What a run frees is counted once, when it ends: a repository by itself does not say it. */
function withoutStorage(record: RepositoryRecord | undefined): RepositoryRecord | undefined {
  if (!record?.summary.storage) return record;
  const { storage: _, ...summary } = record.summary;
  return { ...record, summary };
}

/** The totals of a run that has ended, counted anew. */
export function totalAnew({ totals }: Pick<RunRecord, 'totals'>, repositories: readonly RepositorySummary[]): Totals {
  return { ...total(repositories), ...(totals?.storage && { storage: totals.storage }) };
}

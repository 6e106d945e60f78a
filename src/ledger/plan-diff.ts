import { type Decision, keyOf } from '../planner/decision.ts';
import { toDeleteIn } from './compare.ts';
import type { LedgerReader } from './reader.ts';
import type { RepositoryRecord } from './records.ts';

/** An artifact that one run deletes, or would delete, and the other does not. */
export interface Difference {
  /** `added`: only the later run deletes it. */
  readonly change: 'added' | 'removed';
  /** The decision of the run that deletes it. */
  readonly goes: Decision;
  /** That of the other run; absent where it has none: the artifact was not there, or no filter matched it. */
  readonly other: Decision | undefined;
}

/** Which repositories; by name. */
export interface DifferenceQuery {
  readonly repository?: string | undefined;
  /** Only those behind this one. */
  readonly behind?: string | undefined;
}

/**
 * What changed between the plans of two runs, by repository. One repository at a time is in memory. The decisions of one that
 * both plan alike are not read.
 */
export async function* differences(
  ledger: LedgerReader,
  before: string,
  after: string,
  { repository: only, behind = '' }: DifferenceQuery = {},
): AsyncGenerator<Difference, void> {
  const known = new Map<string, RepositoryRecord[]>();
  for (const id of [before, after])
    for await (const record of ledger.repositories(id)) {
      const { repository } = record.summary;
      if (repository <= behind || (only !== undefined && repository !== only)) continue;
      known.set(repository, [...(known.get(repository) ?? []), record]);
    }
  for (const [repository, records] of [...known].sort(([a], [b]) => (a < b ? -1 : 1))) {
    if (isPlannedAlike(records)) continue;
    const [old, now] = await Promise.all([before, after].map((id) => byKey(ledger, id, repository)));
    if (!old || !now) continue;
    for (const [key, goes] of now)
      if (isDeleted(goes) && !isDeleted(old.get(key))) yield { change: 'added', goes, other: old.get(key) };
    for (const [key, goes] of old)
      if (isDeleted(goes) && !isDeleted(now.get(key))) yield { change: 'removed', goes, other: now.get(key) };
  }
}

/** Whether two runs plan exactly the same in a repository, by the hashes of what they plan. */
function isPlannedAlike([old, now]: readonly RepositoryRecord[]): boolean {
  // The hash is only of what was not tried yet.
  const isAll = ({ summary, planned }: RepositoryRecord) => planned.deletions === toDeleteIn(summary);
  if (!old || !now) return false;
  return old.planned.hash === now.planned.hash && isAll(old) && isAll(now);
}

async function byKey(ledger: LedgerReader, id: string, repository: string): Promise<ReadonlyMap<string, Decision>> {
  const found = new Map<string, Decision>();
  for await (const decision of ledger.decisions(id, { repository })) {
    // A tag that was moved names another manifest: that is another deletion.
    const key = decision.kind === 'tag' ? `${keyOf(decision)} ${decision.digest ?? ''}` : keyOf(decision);
    found.set(key, decision);
  }
  return found;
}

function isDeleted(decision: Decision | undefined): boolean {
  return decision?.action === 'delete';
}

import { type Decision, keyOf } from '../planner/decision.ts';
import type { LedgerReader } from './reader.ts';

/** An artifact that one run deletes, or would delete, and the other does not. */
export interface Difference {
  /** `added`: only the later run deletes it. */
  readonly change: 'added' | 'removed';
  /** The decision of the run that deletes it. */
  readonly goes: Decision;
  /** That of the other run; absent where it has none: the artifact was not there, or no filter matched it. */
  readonly other: Decision | undefined;
}

/** What changed between the plans of two runs, by repository. One repository at a time is in memory. */
export async function* differences(
  ledger: LedgerReader,
  before: string,
  after: string,
): AsyncGenerator<Difference, void> {
  const names = new Set<string>();
  for (const id of [before, after])
    for await (const { summary } of ledger.repositories(id)) names.add(summary.repository);
  for (const repository of [...names].sort()) {
    const [old, now] = await Promise.all([before, after].map((id) => byKey(ledger, id, repository)));
    if (!old || !now) continue;
    for (const [key, goes] of now)
      if (isDeleted(goes) && !isDeleted(old.get(key))) yield { change: 'added', goes, other: old.get(key) };
    for (const [key, goes] of old)
      if (isDeleted(goes) && !isDeleted(now.get(key))) yield { change: 'removed', goes, other: now.get(key) };
  }
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

import { type Decision, keyOf } from '../planner/decision.ts';
import type { LedgerReader } from './reader.ts';

/** An artifact that goes (or went) by one run and not by the other. */
export interface Difference {
  /** `added`: it goes by the later run only. */
  readonly change: 'added' | 'removed';
  /** By the run by which it goes. */
  readonly goes: Decision;
  /** By the other one; absent where that has none: it was not there, or no filter matched it. */
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
      if (isGoing(goes) && !isGoing(old.get(key))) yield { change: 'added', goes, other: old.get(key) };
    for (const [key, goes] of old)
      if (isGoing(goes) && !isGoing(now.get(key))) yield { change: 'removed', goes, other: now.get(key) };
  }
}

async function byKey(ledger: LedgerReader, id: string, repository: string): Promise<ReadonlyMap<string, Decision>> {
  const found = new Map<string, Decision>();
  for await (const decision of ledger.decisions(id, { repository })) {
    // A tag that was moved is another one to go.
    const key = decision.kind === 'tag' ? `${keyOf(decision)} ${decision.digest ?? ''}` : keyOf(decision);
    found.set(key, decision);
  }
  return found;
}

function isGoing(decision: Decision | undefined): boolean {
  return decision?.action === 'delete';
}

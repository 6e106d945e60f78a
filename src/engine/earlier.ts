import type { Ledger } from '../ledger/ledger.ts';
import type { RepositoryWriter } from '../ledger/writer.ts';
import type { RepositoryRecord } from '../ledger/records.ts';
import { type Decision, type Decisions, type Deleted, keyOf, type Reason } from '../planner/decision.ts';
import { type Counts, type RepositorySummary, type RunSummary, summarizeInTurns } from '../ledger/summary.ts';
import { isDone } from './tally.ts';
import { eachInTurns } from '../ledger/turns.ts';
import type { RepositoryResult } from './unit.ts';

/*
 * What a run did in a repository before it was stopped, and how that becomes one record with what it does there when it
 * goes on: what is gone stays recorded as it was, and what was to go and did not is all that may go.
 */

/** A repository that a run has begun, as its record stands. */
export interface Begun {
  readonly record: RepositoryRecord;
  readonly decisions: readonly Decision[];
  /** What was to go, and is not known to be gone. */
  readonly open: ReadonlyMap<string, Deleted>;
}

/** Whether a run that goes on has nothing to do any more in a repository. What failed is tried again. */
export function isOver({ summary }: RepositoryRecord): boolean {
  return isDone(summary) || summary.state === 'held';
}

/** Whether the plan of a repository is complete, and waits to be carried out. */
export function isWaiting(record: RepositoryRecord): boolean {
  return record.summary.stage === 'planned' && !isOver(record);
}

/** Whether something of what was planned in a repository has been carried out, or tried. */
export function isCarriedOut({ summary: { tags, manifests, reasons } }: RepositoryRecord): boolean {
  const tried = ({ deleted, alreadyGone, failed }: Counts): number => deleted + alreadyGone + failed;
  return tried(tags) + tried(manifests) + (reasons['changed-since-plan'] ?? 0) > 0;
}

/** What a run decided before in a repository; nothing where it did not come so far. */
export async function begunIn(
  ledger: Ledger,
  runId: string,
  record: RepositoryRecord | undefined,
): Promise<Begun | undefined> {
  if (!record) return undefined;
  const decisions = await Array.fromAsync(ledger.decisions(runId, { repository: record.summary.repository }));
  return decisions.length === 0 ? undefined : { record, decisions, open: openIn(decisions) };
}

/** What was to go, and is not known to be gone, by key. */
function openIn(decisions: readonly Decision[]): ReadonlyMap<string, Deleted> {
  const open = new Map<string, Deleted>();
  for (const decision of decisions)
    if (decision.action === 'delete' && !isGone(decision)) open.set(keyOf(decision), decision);
  return open;
}

function isGone(decision: Decision): boolean {
  return decision.action === 'delete' && (decision.outcome === 'deleted' || decision.outcome === 'already-gone');
}

/** What is known of a repository before some more is done in it. */
export interface Before {
  readonly decisions: Decisions;
  readonly listed?: RepositorySummary['listed'];
  /** Nothing else may go. Absent: whatever the commands select, for they are all done over. */
  readonly approved?: ReadonlyMap<string, Deleted> | undefined;
}

/** The result of a repository with what is known from before: each artifact once. */
export async function joined(before: Before, { summary, decisions }: RepositoryResult): Promise<RepositoryResult> {
  const { approved } = before;
  const all = new Map<string, Decision>();
  await eachInTurns(before.decisions, (decision) => void all.set(keyOf(decision), decision));
  await eachInTurns(decisions, (decision) => {
    const key = keyOf(decision);
    const known = all.get(key);
    if (!known || (approved ? approved.has(key) && isSettled(decision) : !isGone(known))) all.set(key, decision);
  });
  const merged = [...all.values()];
  const { repository, state, error, warnings } = summary;
  // What was listed when it was whole.
  const listed = { ...summary.listed, ...before.listed };
  const stage = (approved ?? summary.stage) && { stage: 'planned' as const };
  const warned = warnings && { warnings };
  if (state === 'failed' || state === 'stopped') {
    const counted = await summarizeInTurns(repository, merged, listed);
    const unfinished = { ...counted, state, error: error ?? { message: state } };
    return { decisions: merged, summary: { ...unfinished, ...stage, ...warned } };
  }
  const whole = { ...(await summarizeInTurns(repository, merged, listed)), state, ...(error && { error }), ...warned };
  return { decisions: merged, summary: isDone(whole) ? whole : { ...whole, ...stage } };
}

/** What was approved and is kept has changed since; until it says so, it is still to be looked at. */
function isSettled(decision: Decision): boolean {
  return decision.action === 'delete' || decision.reason === 'changed-since-plan';
}

/** Writes a repository together with what is known from before, so that no process that ends can lose that. */
export function joining(record: RepositoryWriter, before: Before): RepositoryWriter {
  return {
    ...record,
    async write(summary, decisions) {
      const whole = await joined(before, { summary, decisions });
      return record.write(whole.summary, whole.decisions);
    },
  };
}

/** One decision for each reason, also for those that only what was done before had: the first by name. */
export async function withExamples(
  ledger: Ledger,
  runId: string,
  examples: RunSummary['examples'],
  earlier: ReadonlyMap<string, RepositoryRecord>,
): Promise<RunSummary['examples']> {
  const first = new Map<Reason, string>();
  for (const { summary } of earlier.values()) {
    for (const reason of Object.keys(summary.reasons) as Reason[]) {
      const name = first.get(reason) ?? examples[reason]?.repository;
      if (name === undefined || summary.repository < name) first.set(reason, summary.repository);
    }
  }
  const found = { ...examples };
  for (const [reason, repository] of first) {
    for await (const decision of ledger.decisions(runId, { repository, reason })) {
      found[reason] = decision;
      break;
    }
  }
  return found;
}

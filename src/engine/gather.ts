import { describe, ofReading } from '../executor/results.ts';
import { LedgerError } from '../ledger/store/store.ts';
import { type RepositorySummary, summarizeInTurns } from '../ledger/summary.ts';
import { eachInTurns } from '../ledger/turns.ts';
import { type Decision, type Decisions, keyOf, type Reason } from '../planner/decision.ts';
import { asListed } from '../planner/findings.ts';
import { PolicyError } from '../policy/errors.ts';
import { StoppedError } from '../registry/errors.ts';
import type { PlannedRepository } from './inventory.ts';
import type { RepositoryResult } from './merge.ts';
import { withRemarks } from './remarks.ts';

/** What is known of a repository while its commands are planned and carried out. */
export interface Found {
  readonly add: (decisions: Decisions, planned?: PlannedRepository) => Promise<void>;
  /** The same, until it is known whether they were carried out. */
  readonly intend: (decisions: Decisions, planned: PlannedRepository) => Promise<void>;
  readonly decisions: () => Decisions;
  readonly summary: (
    state: 'failed' | 'stopped',
    error: RepositorySummary['error'] & object,
  ) => Promise<RepositorySummary>;
}

/** Gathers what the work on a repository decides; an error becomes its state. `undefined`: nothing was decided. */
export async function gather(
  name: string,
  work: (found: Found) => Promise<void>,
): Promise<RepositoryResult | undefined> {
  let decisions: Decisions | undefined;
  let intended: Decisions | undefined;
  let listed: PlannedRepository['listed'] | undefined;
  let unread: PlannedRepository['unread'];
  const warnings = new Set<string>();
  const take = (planned: PlannedRepository | undefined): void => {
    // Of several commands, the first one found all that there was.
    listed = { ...planned?.listed, ...listed };
    for (const warning of planned?.warnings ?? []) warnings.add(warning);
    unread ??= planned?.unread;
  };
  const summed = async (of: Decisions): Promise<RepositorySummary> => ({
    ...(await summarizeInTurns(name, of, listed)),
    ...(warnings.size > 0 && { warnings: [...warnings] }),
  });
  const after = async (made: Decisions): Promise<Decisions> => (decisions ? latest(decisions, made) : made);
  const found: Found = {
    async add(made, planned) {
      decisions = await after(made);
      intended = undefined;
      take(planned);
    },
    async intend(some, planned) {
      intended = await after(some);
      take(planned);
    },
    decisions: () => intended ?? decisions ?? [],
    summary: async (state, error) =>
      withRemarks({ ...(await summed(found.decisions())), state, error }, { warnings: [], ...(unread && { unread }) }),
  };
  try {
    await work(found);
  } catch (error) {
    // A filter that takes too long takes too long everywhere; and without a ledger nothing is done anywhere.
    if (error instanceof PolicyError || !(error instanceof Error) || error instanceof LedgerError) throw error;
    const state = error instanceof StoppedError ? 'stopped' : 'failed';
    // Deletions do not throw: what was refused is a read.
    return { decisions: found.decisions(), summary: await found.summary(state, ofReading(describe(error))) };
  }
  if (!decisions) return undefined;
  return { decisions, summary: { ...(await summed(decisions)), ...(unread && { error: unread }) } };
}

/** Whether something was not tried. */
export function hasUntried(decisions: Decisions): boolean {
  for (const decision of decisions)
    if (decision.action === 'delete' && decision.outcome === 'not-attempted') return true;
  return false;
}

/**
 * One decision for each artifact: that of the last command, but no deletion is taken back by a later command, nor is what
 * waits in quarantine: without one it would have been gone for the later command.
 */
async function latest(earlier: Decisions, later: Decisions): Promise<Decisions> {
  const decisions = new Map<string, Decision>();
  await eachInTurns(earlier, (decision) => void decisions.set(keyOf(decision), decision));
  await eachInTurns(later, (decision) => {
    const before = decisions.get(keyOf(decision));
    if (decision.action === 'delete' || (before?.action !== 'delete' && !isWaiting(before, decision)))
      decisions.set(keyOf(decision), asListed(before, decision));
  });
  return [...decisions.values()];
}

/** What a run says of all commands together. */
const OF_ALL: ReadonlySet<Reason> = new Set(['quarantined', 'released', 'changed-since-plan']);

function isWaiting(before: Decision | undefined, now: Decision): boolean {
  return before?.reason === 'quarantined' && !OF_ALL.has(now.reason);
}

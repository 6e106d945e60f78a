import type { RepositoryRecord } from '../ledger/records.ts';
import type { Decision, Decisions, Reason, Right } from '../planner/decision.ts';
import { someInTurns } from '../ledger/turns.ts';
import { type Counts, type RepositorySummary, type RunSummary, total } from '../ledger/summary.ts';

/** Failures that a summary repeats in full. All of them are among the decisions. */
const MAX_FAILURES = 20;

type Sums = Pick<RunSummary, 'repositories' | 'totals' | 'examples' | 'failures' | 'succeeded'>;

/** Sums a run up as its repositories are done, without keeping their decisions. */
export interface Tally {
  /** Each repository once. */
  readonly add: (record: RepositoryRecord) => void;
  /** The same, with what was decided in it now. */
  readonly addWith: (record: RepositoryRecord, decisions: Decisions) => Promise<void>;
  readonly records: () => readonly RepositoryRecord[];
  readonly sums: () => Sums;
}

export function newTally(): Tally {
  const records: RepositoryRecord[] = [];
  const failures: Decision[] = [];
  /** Rights that are known to be missing: of what was refused for one, the first is shown. */
  const lacking = new Set<Right>();
  const examples: Partial<Record<Reason, Decision>> = {};
  const byName = (): readonly RepositoryRecord[] =>
    records.toSorted((a, b) => (a.summary.repository < b.summary.repository ? -1 : 1));
  return {
    add: (record) => void records.push(record),
    async addWith(record, decisions) {
      records.push(record);
      const { repository, reasons, tags, manifests } = record.summary;
      // The first by name, so that the same run shows the same examples whichever repository is done first.
      const isFirst = (reason: Reason): boolean => repository < (examples[reason]?.repository ?? '\uffff');
      const wanted = new Set((Object.keys(reasons) as Reason[]).filter(isFirst));
      let failed = Math.min(tags.failed + manifests.failed, MAX_FAILURES - failures.length);
      if (wanted.size + failed === 0) return;
      await someInTurns(decisions, (decision) => {
        const { reason } = decision;
        // Another repository may have been done meanwhile.
        if (wanted.delete(reason) && isFirst(reason)) examples[reason] = decision;
        if (failed > 0 && isFailure(decision, lacking)) {
          if (failures.length < MAX_FAILURES) failures.push(decision);
          failed -= 1;
        }
        return wanted.size + failed === 0;
      });
    },
    records: byName,
    sums() {
      const repositories = byName().map(({ summary }) => summary);
      const succeeded = repositories.every(isDone);
      return { repositories, totals: total(repositories), examples, failures, succeeded };
    },
  };
}

/** Whether everything that was to be done in a repository was done. */
export function isDone({ state, error, tags, manifests }: RepositorySummary): boolean {
  const unfinished = ({ failed, notAttempted }: Counts): number => failed + notAttempted;
  return state === 'done' && error === undefined && unfinished(tags) + unfinished(manifests) === 0;
}

/** Whether something was not tried for no other reason than that the run was stopped. */
export function isLeft(summary: RepositorySummary): boolean {
  const { state, tags, manifests } = summary;
  const notAttempted = tags.notAttempted + manifests.notAttempted;
  return state === 'stopped' || (state === 'done' && notAttempted > 0 && tags.failed + manifests.failed === 0);
}

/** What was tried in vain; what was not tried for it is only counted, and so is what another one was refused for. */
function isFailure(decision: Decision, lacking: Set<Right>): boolean {
  if (decision.action !== 'delete' || (decision.outcome !== 'refused' && decision.outcome !== 'failed')) return false;
  const right = decision.error?.missing;
  if (right === undefined) return true;
  const isFirst = !lacking.has(right);
  lacking.add(right);
  return isFirst;
}

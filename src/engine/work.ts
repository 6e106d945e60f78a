import pLimit from 'p-limit';
import type { Ledger } from '../ledger/ledger.ts';
import type { RunWriter } from '../ledger/writer.ts';
import type { RepositoryRecord } from '../ledger/records.ts';
import type { Decisions } from '../planner/decision.ts';
import type { Selected } from './select.ts';
import { isLeft, type Tally } from './tally.ts';
import type { Context, RepositoryResult } from './unit.ts';

/** What the repositories of a run have in common. */
export interface Work {
  readonly context: Context;
  readonly ledger: Ledger;
  readonly written: Pick<RunWriter, 'id' | 'repository'>;
  readonly selected: Selected;
  /** Of a run that goes on: what it recorded of its repositories before, by name. */
  readonly earlier: ReadonlyMap<string, RepositoryRecord>;
  /** Repositories at once. */
  readonly concurrency: number;
  readonly tally: Tally;
  readonly onDecisions: (decisions: Decisions) => void | Promise<void>;
  /** Called when a repository is done, or is left. */
  readonly onDone: (name: string, isDone: boolean) => void;
  /** Called when a repository is planned that is carried out later. */
  readonly onPlanned: (name: string) => void;
}

export type Finish = (record: RepositoryRecord, result: RepositoryResult) => Promise<void>;

/** What is done with a repository whose decisions are final. */
export function finisher({ tally, onDecisions, onDone }: Work): Finish {
  const inTurn = pLimit(1);
  return async (record, result) => {
    // One repository after the other, whole.
    await inTurn(() => onDecisions(result.decisions));
    await tally.addWith(record, result.decisions);
    onDone(result.summary.repository, !isLeft(result.summary));
  };
}

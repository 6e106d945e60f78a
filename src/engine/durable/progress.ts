import type { Ledger } from '../../ledger/ledger.ts';
import { ConflictError } from '../../ledger/store/store.ts';
import { timeOf } from '../../registry/clock.ts';
import type { RunRecord } from '../../ledger/records.ts';
import type { Pass } from '../repository.ts';
import { isOwn } from './context.ts';
import type { Attempted, Run, Share, WorkerProgress } from './messages.ts';

/*
 * How far a run is. Each worker counts its own repositories, and records that when it begins with another one: then the sum
 * is right at each moment.
 */

/** The share of a worker after so many more of its repositories are done in a pass, or planned for a later one. */
export function counted<T extends Share>(worker: T, pass: Pass | 'planned', count: number): T {
  if (pass === 'planned') return { ...worker, planned: worker.planned + count };
  return {
    ...worker,
    done: worker.done + count,
    planned: worker.planned - (pass === 'carry out' ? count : 0),
  };
}

/** The share of a worker after an attempt; the same where the repository is attempted again. */
export function afterAttempt<T extends Share>(worker: T, pass: Pass, { state }: Attempted): T {
  if (state === 'planned') return counted(worker, 'planned', 1);
  return state === 'done' ? counted(worker, pass, 1) : worker;
}

/** Attempts at recording it: several workers may do so at the same moment. What is lost the next one records. */
const TRIES = 8;

/** Records how far a worker is. */
export async function recordProgress(
  ledger: Ledger,
  run: Run,
  { nth, done, planned }: WorkerProgress,
  of?: number,
): Promise<void> {
  for (let tries = 0; tries < TRIES; tries++) {
    try {
      await ledger.changeRun(run.runId, (record) => {
        if (!isOwn(record, run)) return record;
        const { progress } = record;
        const workers: Readonly<Record<string, Share>> = { ...progress.workers, [nth]: { done, planned } };
        const sum = (what: keyof Share): number => Object.values(workers).reduce((all, one) => all + one[what], 0);
        const waiting = sum('planned');
        const all = of ?? progress.of;
        const at = timeOf(ledger.system.clock);
        return {
          ...record,
          progress: {
            done: Math.min(all, sum('done')),
            of: all,
            ...(waiting > 0 && { planned: waiting }),
            at,
            workers,
          },
        };
      });
      return;
    } catch (error) {
      if (!(error instanceof ConflictError)) throw error;
    }
  }
}

/** How often the record says that a worker is at work. */
const TOUCHED_EVERY_MS = 10 * 60_000;

/** Records how far a worker is where the record says otherwise, or has not said for long that a worker is at work. */
export async function tellProgress(
  ledger: Ledger,
  run: Run,
  { progress }: RunRecord,
  worker: WorkerProgress,
): Promise<void> {
  const { at, workers } = progress;
  const told = workers?.[worker.nth];
  const isTold = told?.done === worker.done && told.planned === worker.planned;
  if (isTold && at !== undefined && ledger.system.clock.now() - Date.parse(at) < TOUCHED_EVERY_MS) return;
  await recordProgress(ledger, run, worker);
}

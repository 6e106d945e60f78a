import type { Ledger } from '../../ledger/ledger.ts';
import { ConflictError } from '../../ledger/store/store.ts';
import type { RunRecord } from '../../ledger/records.ts';
import { isOurs } from './house.ts';
import type { Lane, Pass, Run, Share, Visited } from './messages.ts';

/*
 * How far a run is. Each lane counts its own repositories, and says so in the record when it begins with another one: then
 * the sum is right at each moment.
 */

/** The share of a lane after so many of its repositories were worked on in a pass. */
export function counted<T extends Share>(lane: T, pass: Pass, count: number): T {
  if (pass === 'plan-ahead') return { ...lane, planned: lane.planned + count };
  return { ...lane, done: lane.done + count, planned: lane.planned - (pass === 'carry-out' ? count : 0) };
}

/** The share of a lane after a visit; the same where it is visited again. */
export function afterVisit<T extends Share>(lane: T, pass: Pass, { state }: Visited): T {
  if (state === 'planned') return counted(lane, 'plan-ahead', 1);
  return state === 'done' ? counted(lane, pass, 1) : lane;
}

type Told = Pick<Lane, 'nth' | 'done' | 'planned'>;

/** How often it is tried to say how far a lane is: several may do so at the same moment. What comes to nothing the next one says. */
const TRIES = 8;

/** Records how far a lane is. */
export async function recordProgress(
  ledger: Ledger,
  run: Run,
  { nth, done, planned }: Told,
  of?: number,
): Promise<void> {
  for (let tries = 0; tries < TRIES; tries++) {
    try {
      await ledger.changeRun(run.runId, (record) => {
        if (!isOurs(record, run)) return record;
        const { progress } = record;
        const lanes: Readonly<Record<string, Share>> = { ...progress.lanes, [nth]: { done, planned } };
        const sum = (what: keyof Share): number => Object.values(lanes).reduce((all, lane) => all + lane[what], 0);
        const waiting = sum('planned');
        const all = of ?? progress.of;
        const at = new Date().toISOString();
        return {
          ...record,
          progress: { done: Math.min(all, sum('done')), of: all, ...(waiting > 0 && { planned: waiting }), at, lanes },
        };
      });
      return;
    } catch (error) {
      if (!(error instanceof ConflictError)) throw error;
    }
  }
}

/** So often a run says that a worker is at work. */
const TOUCHED_EVERY_MS = 10 * 60_000;

/** Records how far a lane is where the record says otherwise, or has not said for long that a worker is at work. */
export async function tellProgress(ledger: Ledger, run: Run, { progress }: RunRecord, lane: Told): Promise<void> {
  const { at, lanes } = progress;
  const told = lanes?.[lane.nth];
  const isTold = told?.done === lane.done && told.planned === lane.planned;
  if (isTold && at !== undefined && Date.now() - Date.parse(at) < TOUCHED_EVERY_MS) return;
  await recordProgress(ledger, run, lane);
}

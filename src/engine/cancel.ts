import { cancelledInWords } from '../ledger/cancellation.ts';
import { isFinal } from '../ledger/cancellation.ts';
import type { Ledger } from '../ledger/ledger.ts';
import { type Cancellation, type ParentStatus, type RunRecord } from '../ledger/records.ts';
import { isParentOver, parentStatus } from './parent-status.ts';
import { StopReason } from './stop.ts';

/** A run cannot be cancelled. */
export class CancelRefused extends Error {
  override readonly name = 'CancelRefused';
  /** `unknown`: there is no such run; `over`: it has ended, and nothing would resume it. */
  readonly why: 'unknown' | 'over';

  constructor(message: string, why: CancelRefused['why']) {
    super(message);
    this.why = why;
  }
}

/**
 * Asks a run to end between deletions, wherever it is worked on: what is in flight is finished and recorded, nothing
 * else is begun. One that was stopped, and that the next tick would resume, is left as it is. Nothing but `resume` with
 * its id resumes either. Asking again changes nothing.
 *
 * @returns its record: still `running`, or `stopped`
 * @throws {CancelRefused}
 */
export async function cancelRun(
  ledger: Ledger,
  id: string,
  about: Omit<Cancellation, 'at'> & { readonly now: Date },
): Promise<RunRecord> {
  const { now, ...who } = about;
  const { cancelled } = await find(ledger, id);
  if (!cancelled) await ledger.cancel(id, { at: now.toISOString(), ...who });
  for (const look of looksIn(ledger).get(id) ?? []) look();
  // It may have come to its end meanwhile.
  return find(ledger, id);
}

/**
 * Asks for the end of all runs of a parent, and of those that have not begun: as `cancelRun` does for one.
 *
 * @returns the parent, or `undefined` where there is none of this id
 * @throws {CancelRefused} where all of it is over
 */
export async function cancelParent(
  ledger: Ledger,
  id: string,
  about: Omit<Cancellation, 'at'> & { readonly now: Date },
): Promise<ParentStatus | undefined> {
  const { now, ...who } = about;
  const before = await parentStatus(ledger, id);
  if (!before) return undefined;
  if (isParentOver(before)) throw new CancelRefused(`the runs of ${id} have ended, and are ${before.state}`, 'over');
  // First: a run that begins after this sees it, and one that began before is found below.
  await ledger.cancel(id, { at: now.toISOString(), ...who });
  const parent = await parentStatus(ledger, id);
  for (const { run } of parent?.children ?? []) {
    if (run?.parent !== id || isFinal(run)) continue;
    await cancelRun(ledger, run.id, about).catch((error: unknown) => {
      // It has come to its end meanwhile.
      if (!(error instanceof CancelRefused)) throw error;
    });
  }
  return parentStatus(ledger, id);
}

async function find(ledger: Ledger, id: string): Promise<RunRecord> {
  const run = await ledger.run(id);
  if (!run) throw new CancelRefused(`there is no run ${id} in ${ledger.place}`, 'unknown');
  if (isFinal(run)) throw new CancelRefused(`the run ${id} has ended, and is ${run.state}`, 'over');
  return run;
}

/** What keeps an eye on whether a run is cancelled, while it is worked on. */
export interface CancelWatch {
  /** Looks once more, and says who cancelled it. */
  readonly cancellation: () => Promise<Cancellation | undefined>;
  readonly clear: () => void;
}

/**
 * How often a run looks, in milliseconds: a run that another process cancels works so long at most, and then finishes what
 * is in flight. A look reads one small file of the ledger, and asks nothing of the registry.
 */
const LOOK_MS = 5_000;

/** Runs that are worked on in this process, by its ledger: they need not wait for their next look. */
const here = new WeakMap<Ledger, Map<string, Set<() => void>>>();

function looksIn(ledger: Ledger): Map<string, Set<() => void>> {
  const known = here.get(ledger) ?? new Map<string, Set<() => void>>();
  here.set(ledger, known);
  return known;
}

/** Aborts once the run is cancelled. Keeps no process alive. */
export function watchForCancel(
  ledger: Ledger,
  id: string,
  abort: AbortController,
  everyMilliseconds = LOOK_MS,
): CancelWatch {
  let found: Cancellation | undefined;
  const cancellation = async (): Promise<Cancellation | undefined> => {
    // Where the ledger cannot be read it is looked again the next time.
    found ??= await ledger.cancellation(id).catch(() => undefined);
    if (found) abort.abort(new StopReason('cancel', cancelledInWords(found)));
    return found;
  };
  const look = (): void => void cancellation();
  const timer = ledger.system.clock.every(everyMilliseconds, look);
  const runs = looksIn(ledger);
  const looks = runs.get(id) ?? new Set();
  runs.set(id, looks.add(look));
  return {
    cancellation,
    clear() {
      timer.cancel();
      looks.delete(look);
      if (looks.size === 0) runs.delete(id);
    },
  };
}

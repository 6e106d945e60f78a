import { commandInWords } from '../ledger/command.ts';
import { LedgerError, type Lock } from '../ledger/store/store.ts';
import type { RunProgress, RunRecord, Stop } from '../ledger/records.ts';
import type { Clock } from '../registry/clock.ts';
import type { TimeBudget } from '../policy/duration.ts';

/** What a signal is aborted with to end a run: why, as a sentence that follows "stopped: ". */
export class StopReason extends Error {
  override readonly name = 'StopReason';
  readonly by: Stop['by'];

  constructor(by: Stop['by'], message: string) {
    super(message);
    this.by = by;
  }
}

/** Time that a run may take. */
export interface Budget {
  /** Aborts where the time is over by now: a process that stood still hears of it from its timer a moment later. */
  readonly check: () => void;
  readonly clear: () => void;
}

/** Aborts once the time is used up. Keeps no process alive. */
export function startBudget({ milliseconds, text }: TimeBudget, abort: AbortController, clock: Clock): Budget {
  const usedUp = new StopReason('budget', `the time budget of ${text} was used up`);
  const end = clock.ticks() + milliseconds;
  const timer = clock.after(milliseconds, () => abort.abort(usedUp), 'background');
  const check = (): void => {
    if (clock.ticks() >= end) abort.abort(usedUp);
  };
  return { check, clear: timer.cancel };
}

/** Aborts where one of these locks is not held any more: a process that stood still hears of it from its timers a moment later. */
export function checkLocks(locks: readonly Pick<Lock, 'isHeld'>[], abort: AbortController): void {
  if (locks.some((lock) => !lock.isHeld()))
    abort.abort(new StopReason('lock', 'its lock was lost: it could not be renewed in time'));
}

/** Why a signal was aborted. */
export function stopReason({ reason }: AbortSignal): StopReason {
  const why: unknown = reason;
  if (why instanceof StopReason) return why;
  if (why instanceof LedgerError) return new StopReason('lock', why.message);
  // What an AbortController says that was given no reason says nothing.
  const isTold = why instanceof Error && !(why instanceof DOMException);
  return new StopReason('signal', isTold ? why.message : 'it was told to stop');
}

/** Why a run was stopped, for its record. */
export function stopOf(
  { by, message }: StopReason,
  run: Pick<RunRecord, 'id' | 'kind' | 'sources' | 'evidence'>,
  { done, of }: RunProgress,
  listed: boolean,
): Stop {
  const far = listed
    ? `${done} of ${of} repositories done, ${of - done} left`
    : 'the repositories had not been listed yet';
  return { by, detail: `${message}: ${far}; ${nextOf(by, run.kind)} ${commandInWords('resume', run)}` };
}

function nextOf(by: Stop['by'], kind: RunRecord['kind']): string {
  // A tick of the timer resumes scheduled runs only, and those only that do what is wanted now.
  if (by === 'settings') return 'no tick resumes it as the settings are now; to resume it all the same:';
  return kind === 'scheduled' ? 'the next run resumes it, as does' : 'to resume it:';
}

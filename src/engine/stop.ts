import { LedgerError } from '../ledger/store/store.ts';
import type { RunProgress, RunRecord, Stop } from '../ledger/records.ts';
import type { TimeBudget } from '../policy/duration.ts';

/** What a signal is aborted with where a run does not end, but somebody else goes on with it. */
export class HandOver extends Error {
  override readonly name = 'HandOver';
}

/** Whether somebody else goes on with what is under way. */
export function isHandedOver({ aborted, reason }: AbortSignal): boolean {
  return aborted && reason instanceof HandOver;
}

/** What a signal is aborted with to end a run: why, as a sentence goes on after "stopped: ". */
export class StopReason extends Error {
  override readonly name = 'StopReason';
  readonly by: Stop['by'];

  constructor(by: Stop['by'], message: string) {
    super(message);
    this.by = by;
  }
}

/** Aborts once the time is used up. Keeps no process alive. */
export function startBudget(
  { milliseconds, text }: TimeBudget,
  abort: AbortController,
): { readonly clear: () => void } {
  const usedUp = new StopReason('budget', `the time budget of ${text} was used up`);
  const timer = setTimeout(() => abort.abort(usedUp), milliseconds).unref();
  return { clear: () => clearTimeout(timer) };
}

/** Why a run was stopped, for its record. */
export function stopOf(
  signal: AbortSignal,
  run: Pick<RunRecord, 'id' | 'kind'>,
  { done, of }: RunProgress,
  listed: boolean,
): Stop {
  const { by, why } = reasonOf(signal.reason);
  const far = listed
    ? `${done} of ${of} repositories done, ${of - done} left`
    : 'the repositories had not been listed yet';
  return { by, detail: `${why}: ${far}; ${nextOf(by, run.kind)} acr-retention resume ${run.id}` };
}

function nextOf(by: Stop['by'], kind: RunRecord['kind']): string {
  // A tick of the timer resumes scheduled runs only, and those only that do what is wanted now.
  if (by === 'settings') return 'no tick resumes it as the settings are now; to resume it all the same:';
  return kind === 'scheduled' ? 'the next run goes on, as does' : 'to go on:';
}

function reasonOf(reason: unknown): { readonly by: Stop['by']; readonly why: string } {
  if (reason instanceof StopReason) return { by: reason.by, why: reason.message };
  if (reason instanceof LedgerError) return { by: 'lock', why: reason.message };
  // What an AbortController says that was given no reason says nothing.
  const isTold = reason instanceof Error && !(reason instanceof DOMException);
  return { by: 'signal', why: isTold ? reason.message : 'it was told to stop' };
}

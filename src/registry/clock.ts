import { setImmediate as nextTurn, setTimeout as pause } from 'node:timers/promises';

/**
 * Time and timers, as a process has them from its system. Everything that waits, or measures time, is given a clock, and
 * this is the only file that asks the system: so a whole run can be tried on a clock of a test.
 */
export interface Clock {
  /** Milliseconds since 1970, by the clock of the machine. It may be set while a run is under way. */
  readonly now: () => number;
  /** Milliseconds since some moment. Never goes back, and does not jump: for how long something took. */
  readonly ticks: () => number;
  /** Calls once, so many milliseconds from now. */
  readonly after: (milliseconds: number, call: () => void, use?: TimerUse) => Timer;
  /** Calls again and again. Keeps no process alive. */
  readonly every: (milliseconds: number, call: () => void) => Timer;
  /** Waits. Ends at once, and without an error, where the signal is aborted. */
  readonly sleep: (milliseconds: number, signal?: AbortSignal, use?: TimerUse) => Promise<void>;
  /** Lets everything else that is waiting have its turn. */
  readonly turn: () => Promise<void>;
}

export interface Timer {
  readonly cancel: () => void;
}

/** `background`: the process may end before it. */
type TimerUse = 'background';

export const systemClock: Clock = {
  now: () => Date.now(),
  ticks: () => performance.now(),
  after(milliseconds, call, use) {
    const timer = setTimeout(call, milliseconds);
    if (use === 'background') timer.unref();
    return { cancel: () => clearTimeout(timer) };
  },
  every(milliseconds, call) {
    const timer = setInterval(call, milliseconds).unref();
    return { cancel: () => clearInterval(timer) };
  },
  async sleep(milliseconds, signal, use) {
    await pause(milliseconds, undefined, { ...(signal && { signal }), ref: use === undefined }).catch(
      (error: unknown) => {
        if (!signal?.aborted) throw error;
      },
    );
  },
  turn: () => nextTurn(),
};

/** A moment as the ledger writes it: ISO 8601. */
export function timeOf(clock: Clock): string {
  return new Date(clock.now()).toISOString();
}

/** How long a call may take, in milliseconds, and what else ends it. */
export interface Ends {
  readonly clock: Clock;
  readonly milliseconds: number;
  readonly signal: AbortSignal | undefined;
}

/**
 * Makes a call whose signal is aborted once it has taken too long, or with another signal. Keeps no process alive.
 * @param call is also given the signal that tells only that it took too long
 */
export async function inTime<T>(
  { clock, milliseconds, signal }: Ends,
  call: (until: AbortSignal, late: AbortSignal) => Promise<T>,
): Promise<T> {
  const late = new AbortController();
  const timer = clock.after(milliseconds, () => late.abort(new Error('it took too long')), 'background');
  try {
    return await call(AbortSignal.any([late.signal, ...(signal ? [signal] : [])]), late.signal);
  } finally {
    timer.cancel();
  }
}

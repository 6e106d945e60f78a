import type { Ledger } from '../ledger/ledger.ts';
import { type Clock, inTime } from '../registry/clock.ts';
import { RegistryError } from '../registry/errors.ts';

/*
 * How long a run waits for what it can do without. A registry that lets each report wait for minutes, in each of a thousand
 * repositories, must not hold up what deletes.
 */

/** A call that takes longer, with all its retries, is given up. */
const LONGEST_CALL_MS = 120_000;

/** Time is lost with a call that fails, or takes as long. */
const SLOW_MS = 10_000;

/** After so much lost time, of calls side by side all together, the rest is left alone. */
const MOST_LOST_MS = 600_000;

/** For so long. */
const REST_MS = 3_600_000;

export interface LostTime {
  /**
   * Makes a call, and takes note of how long it took.
   * @param asked in the words of an error
   * @throws {RegistryError} where it took too long; else what the call throws
   */
  readonly within: <T>(asked: string, signal: AbortSignal, call: (until: AbortSignal) => Promise<T>) => Promise<T>;
  /** So much was lost that nothing more should be asked for now. */
  readonly isTooMuch: () => boolean;
}

export function newLostTime(clock: Clock): LostTime {
  let lost = 0;
  let last = 0;
  return {
    async within(asked, signal, call) {
      const begun = clock.ticks();
      let isDone = false;
      try {
        const came = await inTime({ clock, milliseconds: LONGEST_CALL_MS, signal }, (until, late) =>
          call(until).catch((error: unknown) => {
            if (!late.aborted || signal.aborted) throw error;
            throw new RegistryError(asked, { message: `it took longer than ${LONGEST_CALL_MS / 1000} s` });
          }),
        );
        isDone = true;
        return came;
      } finally {
        const now = clock.ticks();
        if (!isDone || now - begun > SLOW_MS) [lost, last] = [lost + now - begun, now];
      }
    },
    isTooMuch() {
      if (lost < MOST_LOST_MS) return false;
      if (clock.ticks() - last < REST_MS) return true;
      lost = 0;
      return false;
    },
  };
}

const known = new WeakMap<Ledger, Map<string, LostTime>>();

/** That of all runs at a registry in this process. */
export function lostTimeAt(ledger: Ledger, registry: string): LostTime {
  const all = known.get(ledger) ?? new Map<string, LostTime>();
  known.set(ledger, all);
  const one = all.get(registry) ?? newLostTime(ledger.system.clock);
  all.set(registry, one);
  return one;
}

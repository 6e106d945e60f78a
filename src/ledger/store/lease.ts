import { LedgerError, LOCK_SECONDS, type Holder, type Lock, RENEW_SECONDS } from './store.ts';

export interface LockTimes {
  /** How long a lock outlives its last renewal. */
  readonly seconds: number;
  readonly renewEvery: number;
}

export const LOCK_TIMES: LockTimes = { seconds: LOCK_SECONDS, renewEvery: RENEW_SECONDS };

/** What a store does with a lock that was taken. */
export interface Grip {
  /** @returns whether it is still ours; throws where that is not known */
  readonly renew: (until: Date) => Promise<boolean>;
  /** Also frees what it holds open, where the lock was lost. */
  readonly release: () => Promise<void>;
}

/**
 * Keeps a lock that was taken until `until`: renews it, again and again where it is not known whether that worked, and
 * says so when it is lost: to somebody else, or because it must have run out. Its timers keep no process alive.
 */
export function hold(what: string, grip: Grip, until: number, { seconds, renewEvery }: LockTimes): Lock {
  const lost = new AbortController();
  let over = false;
  let renewing = Promise.resolve();
  let renewal: NodeJS.Timeout | undefined;
  let expiry: NodeJS.Timeout | undefined;

  const end = (): void => {
    over = true;
    clearTimeout(renewal);
    clearTimeout(expiry);
  };
  const lose = (why: string): void => {
    if (over) return;
    end();
    lost.abort(new LedgerError(`the lock on ${what} was lost: ${why}`));
  };
  const keepUntil = (time: number): void => {
    clearTimeout(expiry);
    expiry = setTimeout(() => lose('it could not be renewed in time'), Math.max(0, time - Date.now())).unref();
  };
  const renewIn = (delay: number): void => {
    renewal = setTimeout(() => {
      renewing = renew();
    }, delay * 1000).unref();
  };
  const renew = async (): Promise<void> => {
    // From before it is asked for: when the answer comes, some of the time is gone.
    const next = Date.now() + seconds * 1000;
    let ours: boolean | undefined;
    try {
      ours = await grip.renew(new Date(next));
    } catch {
      // Not known: it is tried again until the lock must have run out.
    }
    if (over) return;
    if (ours === false) {
      lose('somebody else has taken it');
      return;
    }
    if (ours === true) keepUntil(next);
    renewIn(ours === true ? renewEvery : renewEvery / 5);
  };

  keepUntil(until);
  renewIn(renewEvery);
  return {
    lost: lost.signal,
    async release() {
      end();
      await renewing;
      try {
        await grip.release();
      } catch {
        // Then it runs out by itself. What the lock was held for is done, and must not fail for this.
      }
    },
  };
}

/** Who holds a lock, as it was written down; `undefined` where it is not readable, for it may have been cut off. */
export function parseHolder(value: unknown): Holder | undefined {
  if (typeof value !== 'object' || value === null) return undefined;
  const { runId, startedBy, host, pid, process, since } = value as Partial<Record<keyof Holder, unknown>>;
  if (!isText(runId) || !isText(startedBy) || !isText(host) || !isText(since) || typeof pid !== 'number')
    return undefined;
  return { runId, startedBy, host, pid, since, ...(isText(process) && { process }) };
}

/** Text that may stand in a message: it comes from outside. */
function isText(value: unknown): value is string {
  return typeof value === 'string' && !/\p{Cc}/u.test(value);
}

import { z } from 'zod';
import { type Clock, type Timer } from '../../registry/clock.ts';
import { type Holder, LedgerError, type Lock, LOCK_SECONDS } from './store.ts';

export interface LockTimes {
  /** How long a lock outlives its last renewal, in seconds. */
  readonly seconds: number;
  /** In seconds. */
  readonly renewEvery: number;
}

export const LOCK_TIMES: LockTimes = { seconds: LOCK_SECONDS, renewEvery: 15 };

/** What a store does with a lock that was taken. */
export interface Lease {
  /** @returns whether it is still ours; throws where that is not known */
  readonly renew: (until: Date) => Promise<boolean>;
  /** Also closes what it keeps open, where the lock was lost. */
  readonly release: () => Promise<void>;
}

/**
 * Renews a lease again and again. The lock is lost when another process has taken it, or when it must have run out.
 * Timers of it keep no process alive.
 *
 * @param what is locked, for people
 * @param askedAt when the lease was asked for, by `Clock.ticks`: the clock may be set while the answer is on its way
 */
export function keepRenewed(
  what: string,
  lease: Lease,
  askedAt: number,
  { seconds, renewEvery }: LockTimes,
  clock: Clock,
): Lock {
  const lost = new AbortController();
  let over = false;
  let renewing = Promise.resolve();
  let renewal: Timer | undefined;
  let expiry: Timer | undefined;
  /** By `Clock.ticks`. */
  let runsOut = 0;

  const end = (): void => {
    over = true;
    renewal?.cancel();
    expiry?.cancel();
  };
  const lose = (why: string): void => {
    if (over) return;
    end();
    lost.abort(new LedgerError(`the lock on ${what} was lost: ${why}`));
  };
  const keepUntil = (ticks: number): void => {
    expiry?.cancel();
    runsOut = ticks;
    const left = Math.max(0, ticks - clock.ticks());
    expiry = clock.after(left, () => lose('it could not be renewed in time'), 'background');
  };
  const renewIn = (delay: number): void => {
    renewal = clock.after(
      delay * 1000,
      () => {
        renewing = renew();
      },
      'background',
    );
  };
  const renew = async (): Promise<void> => {
    // Counted from before the call: when the answer comes, some of the time has passed.
    const next = clock.ticks() + seconds * 1000;
    let ours: boolean | undefined;
    try {
      ours = await lease.renew(new Date(clock.now() + seconds * 1000));
    } catch {
      // Whether it was renewed is not known: tries again until the lock must have run out.
    }
    if (over) return;
    if (ours === false) {
      lose('another run has taken it');
      return;
    }
    if (ours === true) keepUntil(next);
    renewIn(ours === true ? renewEvery : renewEvery / 5);
  };

  keepUntil(askedAt + seconds * 1000);
  renewIn(renewEvery);
  return {
    lost: lost.signal,
    isHeld: () => !over && clock.ticks() < runsOut,
    async release() {
      end();
      await renewing;
      try {
        await lease.release();
      } catch {
        // Then it runs out by itself. What it was held for is done, and must not fail because of this.
      }
    },
  };
}

/** Text that may stand in a message: it comes from outside. */
const text = z.string().regex(/^\P{Cc}*$/u);

/** Who holds a lock, as its file says. */
export const holderSchema: z.ZodType<Holder> = z.object({
  runId: text,
  startedBy: text,
  host: text,
  pid: z.number(),
  process: text.exactOptional(),
  since: text,
});

type Take = (registry: string, holder: Holder, sharedBy: string) => Promise<Lock>;

interface Shared {
  readonly lock: Promise<Lock>;
  users: number;
}

/** Takes a lock once for all workers of this process that share it, and releases it after the last of them. */
export function shareLocks(take: Take): Take {
  const held = new Map<string, Shared>();
  return async (registry, holder, sharedBy) => {
    const key = `${registry} ${sharedBy}`;
    const shared = held.get(key) ?? { lock: take(registry, holder, sharedBy), users: 0 };
    held.set(key, shared);
    shared.users += 1;
    const leave = (): boolean => {
      shared.users -= 1;
      const isLast = shared.users === 0;
      if (isLast && held.get(key) === shared) held.delete(key);
      return isLast;
    };
    let lock: Lock;
    try {
      lock = await shared.lock;
    } catch (error) {
      leave();
      throw error;
    }
    // The next worker takes it anew.
    lock.lost.addEventListener('abort', () => held.get(key) === shared && held.delete(key), { once: true });
    return {
      lost: lock.lost,
      isHeld: lock.isHeld,
      async release() {
        if (leave()) await lock.release();
      },
    };
  };
}

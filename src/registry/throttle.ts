/**
 * Calls a minute that a registry allows an identity, by kind: what Premium allows. Basic and Standard allow 5,000 reads,
 * 250 lists of referrers, 500 deletes and 1,000 other writes. They are counted in token buckets, so a minute's worth can
 * be sent at once; `Retry-After` counts down to the end of the period.
 * Source: Azure Container Registry, service tiers and limits, "API rate limits" (June 2026).
 */
export const PREMIUM = { reads: 10_000, referrers: 1_000, deletes: 2_000, writes: 2_000 } as const;

/**
 * How fast a registry takes calls of one kind. Pure: the time is passed in, in milliseconds of a clock that never goes
 * back.
 *
 * Nothing is held back before the first 429: most runs need less than the minute's worth that a bucket holds. From then
 * on calls are spread at the rate that was let through, and never at more than Premium's at first, whatever the tier is.
 * That rate is kept for a while and then raised, ever faster, until the next 429.
 */
export interface Throttle {
  /** Milliseconds until an attempt may be sent; 0: now. Infinity: not before another one was answered. */
  readonly wait: (now: number) => number;
  /** How many attempts can be sent within so many milliseconds, as far as is known; Infinity: no limit is known. */
  readonly within: (now: number, milliseconds: number) => number;
  /** An attempt is sent. */
  readonly sent: (now: number) => void;
  /** An attempt that was sent at `sentAt` got an answer other than 429, with what is left of this second if it says so. */
  readonly passed: (now: number, sentAt: number, left?: number) => void;
  /** It was answered 429. `retryAfter` in milliseconds, where the answer has it. */
  readonly refused: (now: number, sentAt: number, retryAfter: number | undefined) => void;
  /** It ended without an answer. */
  readonly lost: () => void;
  /** How long everything has been refused; 0 where the last answer was no refusal. */
  readonly refusedFor: (now: number) => number;
}

const SECOND = 1000;

/** How far below the rate that was let through the next one begins. */
const STEP_BACK = 0.015;

/**
 * Seconds for which a rate stays below what was let through: the first one, which may be that of a small burst; the next
 * ones; and the longest, because the same limit found again is tried half as often. A refusal that costs more than a
 * second makes each as many times longer.
 */
const HOLD = { first: 6, next: 20, longest: 64 } as const;

/** Two rates that differ by less are the same limit. */
const SAME = 0.1;

/** A rate that held this long, in milliseconds, is off by no more than this part. */
const HELD = { for: 5 * SECOND, within: 0.03 } as const;

/** Calls a second. */
const SLOWEST = 0.1;

/** Milliseconds where a 429 does not say how long; doubled where nothing is let through. */
const RETRY_AFTER = { least: 50, first: SECOND, most: 10_000 } as const;

/** Milliseconds for which a turn is kept: timers are late on a busy machine, and a client may have nothing to send. */
const LATE = 100;

/** Attempts that are remembered: at the rates of Premium more than are sent in the time of most waits. */
const MEMORY = 8192;

interface Limit {
  /** Calls a second that were let through. */
  readonly rate: number;
  readonly since: number;
  /** See `HOLD`. */
  readonly hold: number;
  /** Seconds that the last refusal cost. */
  readonly cost: number;
}

/** @param perMinute that are taken to be allowed at most, once a limit shows itself */
export function newThrottle(perMinute: number): Throttle {
  const passing = newTimes();
  let limit: Limit | undefined;
  /** What the last refusal said, or was taken to say. */
  let pause = 0;
  let closedUntil = Number.NEGATIVE_INFINITY;
  let reopened = Number.NEGATIVE_INFINITY;
  /** When the last attempt was sent that was refused since then. */
  let refusal: number | undefined;
  /** Refusals in a row with nothing let through between them. */
  let inVain = 0;
  let refusedSince: number | undefined;
  /** Attempts at once while it is not known that any gets through. */
  let few = Number.POSITIVE_INFINITY;
  let underWay = 0;
  /** When the next attempt has its turn. */
  let next = Number.NEGATIVE_INFINITY;
  /** Whether `Retry-After` is the end of a period, after which all of that period's calls can be made up for. */
  let isPeriod = true;
  /** Milliseconds of the last wait that can be made up for at once. */
  let madeUp = 0;

  const rateAt = (now: number): number =>
    limit === undefined
      ? Number.POSITIVE_INFINITY
      : limit.rate * (1 + STEP_BACK * (((now - limit.since) / SECOND / limit.hold / limit.cost) ** 5 - 1));

  const longer = (hold: number): number => Math.min(HOLD.longest, Math.max(HOLD.next, 2 * hold));

  /** Learns from a refusal what the rate is. */
  function learn(now: number, at: number): void {
    const known = limit && rateAt(at);
    const isSoon = madeUp > 0 && at - reopened < SECOND;
    if (isSoon) isPeriod = false;
    // What was let through in as long a time as it now asks to wait; of a slow rate in the time of ten calls, without
    // the last wait.
    const ofSome = known === undefined ? 0 : Math.min((10 * SECOND) / known, at - reopened);
    const span = Math.max(SECOND, isPeriod ? pause : 0, ofSome);
    const through = passing.count(at - span, at);
    if (through === 0 && known === undefined) {
      few = 1;
      return;
    }
    const measured = through === 0 ? (known ?? 0) / 2 : (through * SECOND) / span;
    const hasHeld = limit !== undefined && (isSoon || at - limit.since > HELD.for);
    const least = hasHeld ? (known ?? 0) * (1 - HELD.within) : SLOWEST;
    const rate = Math.max(SLOWEST, Math.min(Math.max(least, measured), known ?? perMinute / 60));
    const isSame = limit !== undefined && Math.abs(rate - limit.rate) < SAME * limit.rate;
    limit = {
      rate,
      since: now,
      hold: limit === undefined ? HOLD.first : isSame ? longer(limit.hold) : HOLD.next,
      cost: limit === undefined ? 1 : Math.max(1, pause / SECOND),
    };
    // Not of the last second: a registry that counts by the second has none of it left.
    madeUp = isPeriod ? Math.max(0, pause - SECOND) : 0;
    next = now - madeUp;
  }

  function wait(now: number): number {
    if (now < closedUntil) return closedUntil - now;
    if (refusal !== undefined) {
      learn(now, refusal);
      refusal = undefined;
      reopened = now;
    }
    return underWay >= few ? Number.POSITIVE_INFINITY : Math.max(0, next - now);
  }

  return {
    wait,
    within(now, milliseconds) {
      // While nothing is let through it is not known how much will be, once something is.
      if (now < closedUntil || wait(now) > milliseconds) return 0;
      const turns = limit ? milliseconds - Math.max(next - now, -Math.max(LATE, madeUp)) : Number.POSITIVE_INFINITY;
      return Math.max(0, Math.min(few - underWay, 1 + Math.floor((turns * rateAt(now)) / SECOND)));
    },
    sent(now) {
      underWay += 1;
      next = Math.max(next, now - Math.max(LATE, madeUp)) + SECOND / rateAt(now);
    },
    passed(now, sentAt, left) {
      underWay -= 1;
      passing.add(sentAt);
      inVain = 0;
      refusedSince = undefined;
      few *= 2;
      // The last one that is let through: a faster one would be refused, and cost all the time that it is told to wait.
      if (!limit || left === undefined || left >= 1 || refusal !== undefined) return;
      const rate = rateAt(sentAt) * (1 - HELD.within / 3);
      if (rateAt(sentAt) > limit.rate)
        limit = { ...limit, rate: Math.max(limit.rate, rate), since: now, hold: longer(limit.hold) };
    },
    refused(now, sentAt, retryAfter) {
      underWay -= 1;
      refusedSince ??= now;
      // Of those refused together one counts.
      if (now >= closedUntil) inVain += 1;
      pause = retryAfter ?? Math.min(RETRY_AFTER.most, RETRY_AFTER.first * 2 ** (inVain - 1));
      closedUntil = Math.max(closedUntil, now + Math.max(RETRY_AFTER.least, pause));
      // What was sent before calls were let go again says nothing new.
      if (sentAt >= reopened) refusal = Math.max(refusal ?? sentAt, sentAt);
    },
    lost() {
      underWay -= 1;
    },
    refusedFor: (now) => (refusedSince === undefined ? 0 : now - refusedSince),
  };
}

/** The newest of many moments. */
function newTimes() {
  const times = new Float64Array(MEMORY).fill(Number.NEGATIVE_INFINITY);
  let next = 0;
  return {
    add(at: number): void {
      times[next] = at;
      next = (next + 1) % MEMORY;
    },
    /** How many there are after `from`, up to `to`. */
    count: (from: number, to: number): number =>
      times.reduce((total, at) => (at > from && at <= to ? total + 1 : total), 0),
  };
}

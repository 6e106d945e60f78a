/**
 * How fast a registry takes calls of one kind, learned from what it let through and what it refused (429).
 * Pure: the time is passed in, in milliseconds of a clock that never goes back.
 *
 * Until a limit shows itself there is none, and calls are not held back. From then on they are spread, at a rate that
 * starts below the one that was refused, stays near it for long, and then grows ever faster, as CUBIC does for TCP
 * (RFC 9438): a limit that is still there is tried seldom, one that is gone or was another's is forgotten.
 */
export interface Pace {
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

/** Registries count by the second. */
const SECOND = 1000;

/** How far below the refused rate a new one begins. */
const STEP_BACK = 0.05;

/** Seconds until a rate is back where it was refused: at first, and where the limit has shown to be what it was. */
const RECOVERY = { first: 12, most: 48 } as const;

/** Seconds in which a rate doubles that is well above what was refused, and is not refused. */
const DOUBLED_IN = 10;

/** Where a rate has grown to this many times what was refused, there is no limit any more. */
const FORGOTTEN_AT = 50;

/** Two limits that differ less are the same one. */
const SAME = 0.1;

const SLOWEST = 0.1;

/** Milliseconds without a refusal after which a rate has shown to be about right. */
const HELD = 5 * SECOND;

/** Where on the way to its recovery a rate begins that was not refused, but said to be the most. */
const WARNED = 0.4;

/** Where a 429 does not say how long; doubled where nothing is let through. */
const RETRY_AFTER = { least: 50, first: SECOND, most: 10_000 } as const;

/** Attempts that are remembered: at least as many as are looked back at. */
const MEMORY = 4096;

/** Milliseconds by which a timer may be late. */
const LATE = 10;

interface Limit {
  /** Calls a second that were too many. */
  readonly refused: number;
  /** The moment from which the rate grows. */
  readonly since: number;
  /** Seconds until the rate is back where it was refused; `undefined` while it is not known what the limit is. */
  readonly recovery: number | undefined;
  /** Whether calls may be closer together where there was a pause before. */
  readonly catchesUp: boolean;
}

export function newPace(): Pace {
  const sending = newTimes();
  const passing = newTimes();
  let limit: Limit | undefined;
  /** What the last refusal costs. */
  let pause = 0;
  let closedUntil = Number.NEGATIVE_INFINITY;
  /** When the last attempt was sent that was refused since calls were let go the last time. */
  let refusal: number | undefined;
  let reopened = Number.NEGATIVE_INFINITY;
  /** Refusals in a row with nothing let through between them. */
  let inVain = 0;
  let refusedSince: number | undefined;
  /** Attempts at once while it is not known that any gets through. */
  let few = Number.POSITIVE_INFINITY;
  let underWay = 0;
  /** When the next attempt has its turn. */
  let turn = Number.NEGATIVE_INFINITY;

  /** Learns the rate that what was let through before `at` shows to be too much. Who is `warned` was not yet refused. */
  function learn(now: number, at: number, warned: boolean): void {
    const known = limit && rateOf(limit, at);
    const span = known === undefined ? SECOND : Math.max(SECOND, (2 * SECOND) / known);
    // All that was sent before a warning has been let through, or will be.
    const through = (warned ? sending : passing).count(at - span, at);
    if (through === 0 && known === undefined) {
      few = 1;
      return;
    }
    // Refused at once: perhaps not for the rate, but because what a pause left over was made up for.
    const hasty = limit?.catchesUp === true && limit.recovery !== undefined && !warned && at - reopened < SECOND;
    // A rate that held for long is not far off; where it is, the next refusal comes soon, and counts.
    const held = limit?.recovery !== undefined && at - limit.since > HELD;
    const least = hasty ? (known ?? 0) : held ? (known ?? 0) * (1 - SAME / 3) : 0;
    const shown = Math.max(least, through === 0 ? (known ?? 0) / 2 : (through * SECOND) / span);
    const refused = Math.max(SLOWEST, Math.min(known ?? Number.POSITIVE_INFINITY, shown));
    const same = limit !== undefined && Math.abs(refused - limit.refused) < SAME * limit.refused;
    const costs = Math.max(1, pause / SECOND);
    // Where a refusal costs more than a second, trying out is dear.
    const unsure = limit === undefined && costs === 1;
    const recovery = costs * Math.min(RECOVERY.most, same ? 2 * (limit?.recovery ?? RECOVERY.first) : RECOVERY.first);
    limit = {
      refused,
      since: warned ? now - WARNED * recovery * SECOND : now,
      recovery: unsure ? undefined : recovery,
      catchesUp: limit?.catchesUp !== false && !hasty,
    };
  }

  function reopen(now: number): void {
    if (refusal === undefined) return;
    learn(now, refusal, false);
    refusal = undefined;
    reopened = now;
  }

  function wait(now: number): number {
    if (now < closedUntil) return closedUntil - now;
    reopen(now);
    if (underWay >= few) return Number.POSITIVE_INFINITY;
    turn = now;
    if (limit === undefined) return 0;
    const rate = rateOf(limit, now);
    if (rate > FORGOTTEN_AT * limit.refused) {
      limit = undefined;
      return 0;
    }
    turn = slot(rate, limit.catchesUp && limit.recovery !== undefined, sending);
    return Math.max(0, turn - now);
  }

  return {
    wait,
    within(now, milliseconds) {
      // While nothing is let through it is not known how much will be, once something is.
      if (now < closedUntil) return 0;
      const first = wait(now);
      if (first > milliseconds) return 0;
      const allowed = limit ? 1 + Math.floor((rateOf(limit, now) * (milliseconds - first)) / SECOND) : few - underWay;
      return Math.max(0, Math.min(few - underWay, allowed));
    },
    sent(now) {
      underWay += 1;
      // Timers are late: a call that is takes the turn that it had, or a high rate would never be reached.
      sending.add(Math.min(now, Math.max(turn, now - LATE)));
    },
    passed(now, sentAt, left) {
      underWay -= 1;
      passing.add(sentAt);
      inVain = 0;
      refusedSince = undefined;
      few *= 2;
      // The last one that is let through: one more would be refused, and cost everybody the time that it is told to wait.
      // Below the rate that was refused that is to be expected.
      const tried = limit !== undefined && sentAt > limit.since && rateOf(limit, sentAt) > limit.refused;
      if (left !== undefined && left < 1 && refusal === undefined && tried) learn(now, sentAt, true);
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

function rateOf({ refused, since, recovery }: Limit, now: number): number {
  const seconds = (now - since) / SECOND;
  // What was let through of the first calls may be a second's worth, or only what a registry takes at once.
  if (recovery === undefined) return refused * 1.5 * 2 ** seconds;
  const beyond = seconds - 2 * recovery;
  if (beyond < 0) return refused * (1 + STEP_BACK * (seconds / recovery - 1) ** 3);
  // More than what was refused has been let through: the limit is another one now.
  return refused * (1 + STEP_BACK) * 2 ** (beyond / DOUBLED_IN);
}

/**
 * When the next attempt may go: never more than the rate allows in any second or so, however a registry counts. Within
 * that, what a pause has left over is made up for.
 */
function slot(rate: number, catchesUp: boolean, sending: Times): number {
  const many = Math.min(MEMORY, Math.ceil(rate));
  const spread = SECOND / rate;
  return Math.max(sending.last(1) + (catchesUp ? spread / 2 : spread), sending.last(many) + many * spread);
}

/** The newest of many moments. */
interface Times {
  readonly add: (at: number) => void;
  /** The `n`th from the end. */
  readonly last: (n: number) => number;
  /** How many there are after `from`, up to `to`. */
  readonly count: (from: number, to: number) => number;
}

function newTimes(): Times {
  const times = new Float64Array(MEMORY).fill(Number.NEGATIVE_INFINITY);
  let next = 0;
  return {
    add(at) {
      times[next] = at;
      next = (next + 1) % MEMORY;
    },
    last: (n) => times[(next - n + MEMORY) % MEMORY] ?? Number.NEGATIVE_INFINITY,
    count: (from, to) => times.reduce((total, at) => (at > from && at <= to ? total + 1 : total), 0),
  };
}

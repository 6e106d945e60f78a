import type { PipelineResponse } from '@azure/core-rest-pipeline';
import type { Clock, Timer } from './clock.ts';
import { StaleLookError, StoppedError } from './errors.ts';
import { newThrottle } from './throttle.ts';
import type { Reservation } from './types.ts';

/** Where the attempts of all calls of one kind wait for their turn: so many at once, and no faster than the registry takes them. */
export interface Queue {
  /**
   * Sends when its turn has come. An attempt of a call that has failed before is sent before the others; among those, by
   * `rank`, the lowest first.
   * @throws StoppedError where `signal` is aborted before that
   * @throws StaleLookError where the look that it rests on has become too old
   */
  readonly attempt: (send: () => Promise<PipelineResponse>, turn: Turn) => Promise<PipelineResponse>;
  /**
   * Waits until calls can be sent within `milliseconds` from then, however many clients wait for the same: what such a
   * call is about is looked at once it has a reservation, and not before.
   * @param most calls that are wanted
   * @throws StoppedError where `signal` is aborted before that
   */
  readonly reserve: (most: number, milliseconds: number, signal: AbortSignal | undefined) => Promise<Reservation>;
  /** How long nothing but 429 has been answered, in milliseconds. */
  readonly refusedFor: () => number;
}

interface Turn {
  readonly again: boolean;
  readonly rank: number;
  readonly signal: AbortSignal | undefined;
  /** It is a read of a look. Those have slots of their own: one that waits for another's answer makes the look old. */
  readonly isLook?: boolean;
  /** Whether the call must not be sent any more, because what it is about was looked at too long ago. */
  readonly isStale?: (() => boolean) | undefined;
  readonly reservation?: Reservation | undefined;
}

/** Calls that may be under way at once. Several queues can share them. */
export interface Slots {
  readonly most: number;
  used: number;
  /** What is called when one is free again. */
  readonly onFree: Set<() => void>;
}

export const newSlots = (most: number): Slots => ({ most, used: 0, onFree: new Set() });

/** Offers a slot to the queues in turn: where one always has calls waiting, the others have theirs all the same. */
function free(slots: Slots): void {
  slots.used -= 1;
  const [first] = slots.onFree;
  if (first) {
    slots.onFree.delete(first);
    slots.onFree.add(first);
  }
  for (const offer of [...slots.onFree]) offer();
}

interface Waiting {
  readonly isStale: () => boolean;
  /** Its turn has come, or never will. */
  readonly settle: (error?: Error) => void;
}

/** What waits for the same slots: by rank, of which there are few at a time, and in the order in which it came. */
interface Line {
  readonly slots: Slots;
  readonly waiting: Map<number, Set<Waiting>>;
}

/** A client that wants to reserve some calls. */
interface Applicant {
  readonly most: number;
  readonly milliseconds: number;
  readonly grant: (calls: number) => void;
}

/** How often it is looked whether calls can be reserved, where nothing else says so. */
const RESERVE_CHECK_MS = 50;

/** Reads of looks that are under way at once, whatever the concurrency. */
export const LOOK_READS = 64;

/** How much the newest call counts in what a call takes. */
const NEWEST = 0.2;

/** Ranks below all others: what is sent again. */
const AGAIN = Number.NEGATIVE_INFINITY;

/**
 * @param perMinute see `newThrottle`
 * @param slots for attempts, besides the reads of looks
 */
export function newQueue(perMinute: number, slots: Slots, clock: Clock): Queue {
  const throttle = newThrottle(perMinute);
  const lineOf = (shared: Slots): Line => ({ slots: shared, waiting: new Map() });
  const [looks, others] = [lineOf(newSlots(Math.max(LOOK_READS, slots.most))), lineOf(slots)];
  const applicants = new Set<Applicant>();
  /** Calls that are reserved, and not sent yet. */
  let reserved = 0;
  /** Milliseconds that a call takes. */
  let duration = 0;
  let timer: Timer | undefined;
  let reserveTimer: Timer | undefined;

  const pauseBefore = ({ slots: { used, most } }: Line): number =>
    used < most ? throttle.wait(clock.ticks()) : Number.POSITIVE_INFINITY;

  function sendNext(): void {
    sendNextOf(looks);
    sendNextOf(others);
  }
  slots.onFree.add(sendNext);
  looks.slots.onFree.add(sendNext);

  function sendNextOf(line: Line): void {
    for (;;) {
      const rank = line.waiting.keys().reduce((a, b) => Math.min(a, b), Number.POSITIVE_INFINITY);
      const [next] = line.waiting.get(rank) ?? [];
      if (!next) return;
      if (next.isStale()) {
        remove(line, rank, next);
        next.settle(new StaleLookError('wait for the registry'));
        continue;
      }
      const pause = pauseBefore(line);
      if (pause > 0) {
        // An answer sends the next one; but there may be none under way.
        if (timer || pause === Number.POSITIVE_INFINITY) return;
        timer = clock.after(Math.ceil(pause), () => {
          timer = undefined;
          sendNext();
        });
        return;
      }
      remove(line, rank, next);
      begin(line);
      next.settle();
    }
  }

  function begin(line: Line): void {
    line.slots.used += 1;
    throttle.sent(clock.ticks());
  }

  function remove({ waiting }: Line, rank: number, one: Waiting): void {
    const list = waiting.get(rank);
    list?.delete(one);
    if (list?.size === 0) waiting.delete(rank);
  }

  /** How many more calls can be sent within so many milliseconds. */
  function callsWithin(milliseconds: number): number {
    // As many as there are slots, and as often as those become free.
    const slotted = slots.most * Math.max(1, Math.floor(milliseconds / Math.max(1, duration)));
    return Math.min(slotted, throttle.within(clock.ticks(), milliseconds)) - reserved;
  }

  function grant(): void {
    for (const applicant of applicants) {
      const calls = Math.min(applicant.most, callsWithin(applicant.milliseconds));
      if (calls < 1) {
        reserveTimer ??= clock.after(RESERVE_CHECK_MS, () => {
          reserveTimer = undefined;
          grant();
        });
        return;
      }
      applicants.delete(applicant);
      applicant.grant(calls);
    }
  }

  function reservationOf(calls: number): Reservation {
    let left = calls;
    reserved += calls;
    const give = (count: number): void => {
      left -= count;
      reserved -= count;
      if (count > 0) grant();
    };
    return { calls, use: () => give(Math.min(1, left)), release: () => give(left) };
  }

  function turn(line: Line, { again, rank: own, signal, isStale = () => false }: Turn): Promise<void> {
    const rank = again ? AGAIN : own;
    const list = line.waiting.get(rank) ?? new Set();
    line.waiting.set(rank, list);
    return new Promise((resolve, reject) => {
      const stop = (): void => {
        remove(line, rank, one);
        one.settle(new StoppedError('wait for the registry'));
      };
      const one: Waiting = {
        isStale,
        settle(error) {
          signal?.removeEventListener('abort', stop);
          if (error) reject(error);
          else resolve();
        },
      };
      list.add(one);
      signal?.addEventListener('abort', stop, { once: true });
      sendNext();
    });
  }

  return {
    async attempt(send, wanted) {
      const { signal, reservation, isLook } = wanted;
      const line = isLook ? looks : others;
      if (signal?.aborted) throw new StoppedError('ask the registry');
      if (line.waiting.size > 0 || pauseBefore(line) > 0) await turn(line, wanted);
      else begin(line);
      reservation?.use();
      const sentAt = clock.ticks();
      try {
        const response = await send();
        const now = clock.ticks();
        duration += NEWEST * (now - sentAt - duration);
        if (response.status === 429) throttle.refused(now, sentAt, retryAfter(response, clock));
        else throttle.passed(now, sentAt, left(response));
        return response;
      } catch (error) {
        throttle.lost();
        throw error;
      } finally {
        free(line.slots);
        grant();
      }
    },
    async reserve(most, milliseconds, signal) {
      if (signal?.aborted) throw new StoppedError('wait for the registry');
      return new Promise((resolve, reject) => {
        const stop = (): void => {
          applicants.delete(applicant);
          reject(new StoppedError('wait for the registry'));
        };
        const applicant: Applicant = {
          most,
          milliseconds,
          grant(calls) {
            signal?.removeEventListener('abort', stop);
            resolve(reservationOf(calls));
          },
        };
        signal?.addEventListener('abort', stop, { once: true });
        applicants.add(applicant);
        grant();
      });
    },
    refusedFor: () => throttle.refusedFor(clock.ticks()),
  };
}

const MAX_RETRY_AFTER_MS = 120_000;

/** `Retry-After` in milliseconds, up to two minutes: seconds, or an HTTP date (RFC 9110, 10.2.3). */
export function retryAfter({ headers }: PipelineResponse, clock: Clock): number | undefined {
  const header = headers.get('retry-after');
  if (header === undefined) return undefined;
  const milliseconds = /^\d+$/.test(header.trim()) ? Number(header) * 1000 : Date.parse(header) - clock.now();
  return Number.isNaN(milliseconds) ? undefined : Math.min(MAX_RETRY_AFTER_MS, Math.max(0, milliseconds));
}

/** Calls that are left of this second, as a registry may say. */
function left({ headers }: PipelineResponse): number | undefined {
  const header = headers.get('x-ms-ratelimit-remaining-calls-per-second');
  const number = header === undefined ? Number.NaN : Number.parseFloat(header);
  return Number.isNaN(number) ? undefined : number;
}

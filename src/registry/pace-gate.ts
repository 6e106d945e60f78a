import type { PipelineResponse } from '@azure/core-rest-pipeline';
import { StaleLookError, StoppedError } from './errors.ts';
import { newPace } from './pace.ts';
import type { Room } from './types.ts';

/** Where the attempts of all calls of one kind go through: so many at once, and no faster than the registry takes them. */
export interface Gate {
  /**
   * Sends when its turn has come. An attempt of a call that has failed before goes before the others; among
   * those, by `rank`, the lowest first.
   * @throws StoppedError where `signal` is aborted before that
   */
  readonly attempt: (send: () => Promise<PipelineResponse>, turn: Turn) => Promise<PipelineResponse>;
  /**
   * Waits until calls can be sent within `milliseconds` from then, however many clients wait for the same: what such a
   * call is about is looked at once it has room, and not before.
   * @param most calls that are wanted
   * @throws StoppedError where `signal` is aborted before that
   */
  readonly room: (most: number, milliseconds: number, signal: AbortSignal | undefined) => Promise<Room>;
  /** How long nothing but 429 has been answered, in milliseconds. */
  readonly refusedFor: () => number;
}

interface Turn {
  readonly again: boolean;
  readonly rank: number;
  readonly signal: AbortSignal | undefined;
  /** It is a read of a look. Those have places of their own: one that waits for another's answer makes the look old. */
  readonly isLook?: boolean;
  /** Whether the call must not be sent any more, because what it is about was looked at too long ago. */
  readonly isStale?: (() => boolean) | undefined;
  /** What the call was promised. */
  readonly room?: Room | undefined;
}

interface Waiting {
  readonly begin: () => void;
  readonly isStale: () => boolean;
  readonly giveUp: (error: Error) => void;
}

/** Calls that share so many places. All lanes of a gate share its pace. */
interface Lane {
  readonly most: number;
  underWay: number;
  /** By rank, of which there are few at a time, and in the order in which they came. */
  readonly waiting: Map<number, Set<Waiting>>;
}

/** A client that wants to send some calls. */
interface Guest {
  readonly most: number;
  readonly milliseconds: number;
  readonly enter: (calls: number) => void;
}

/** How often it is looked whether there is room, where nothing else says so. */
const ROOM_CHECK_MS = 50;

/** Reads of looks that are under way at once, whatever the concurrency. */
export const LOOK_READS = 64;

/** How much the newest call counts in what a call takes. */
const NEWEST = 0.2;

/** Ranks below all others: what is sent again. */
const AGAIN = Number.NEGATIVE_INFINITY;

/** @param concurrency attempts at once, besides the reads of looks */
export function newGate(concurrency: number): Gate {
  const pace = newPace();
  const laneOf = (most: number): Lane => ({ most, underWay: 0, waiting: new Map() });
  const [looks, others] = [laneOf(Math.max(LOOK_READS, concurrency)), laneOf(concurrency)];
  const guests = new Set<Guest>();
  /** Calls that have room, and are not sent yet. */
  let promised = 0;
  /** Milliseconds that a call takes. */
  let duration = 0;
  let timer: NodeJS.Timeout | undefined;
  let roomTimer: NodeJS.Timeout | undefined;

  const pauseBefore = (lane: Lane): number =>
    lane.underWay < lane.most ? pace.wait(performance.now()) : Number.POSITIVE_INFINITY;

  function letGo(): void {
    letGoOf(looks);
    letGoOf(others);
  }

  function letGoOf(lane: Lane): void {
    for (;;) {
      const rank = lane.waiting.keys().reduce((a, b) => Math.min(a, b), Number.POSITIVE_INFINITY);
      const [next] = lane.waiting.get(rank) ?? [];
      if (!next) return;
      if (next.isStale()) {
        remove(lane, rank, next);
        next.giveUp(new StaleLookError('wait for the registry'));
        continue;
      }
      const pause = pauseBefore(lane);
      if (pause > 0) {
        // Whoever is answered looks again; but all may be waiting.
        if (timer || pause === Number.POSITIVE_INFINITY) return;
        timer = setTimeout(() => {
          timer = undefined;
          letGo();
        }, Math.ceil(pause));
        return;
      }
      remove(lane, rank, next);
      begin(lane);
      next.begin();
    }
  }

  function begin(lane: Lane): void {
    lane.underWay += 1;
    pace.sent(performance.now());
  }

  function remove({ waiting }: Lane, rank: number, one: Waiting): void {
    const list = waiting.get(rank);
    list?.delete(one);
    if (list?.size === 0) waiting.delete(rank);
  }

  /** How many more calls can be promised that they are sent within so many milliseconds. */
  function roomFor(milliseconds: number): number {
    // As many as there are connections at once, and as often as those become free.
    const free = concurrency * Math.max(1, Math.floor(milliseconds / Math.max(1, duration)));
    return Math.min(free, pace.within(performance.now(), milliseconds)) - promised;
  }

  function letIn(): void {
    for (const guest of guests) {
      const calls = Math.min(guest.most, roomFor(guest.milliseconds));
      if (calls < 1) {
        roomTimer ??= setTimeout(() => {
          roomTimer = undefined;
          letIn();
        }, ROOM_CHECK_MS);
        return;
      }
      guests.delete(guest);
      guest.enter(calls);
    }
  }

  function roomOf(calls: number): Room {
    let left = calls;
    promised += calls;
    const free = (count: number): void => {
      left -= count;
      promised -= count;
      if (count > 0 && guests.size > 0) letIn();
    };
    return { calls, take: () => free(Math.min(1, left)), leave: () => free(left) };
  }

  function turn(lane: Lane, { again, rank: own, signal, isStale = () => false }: Turn): Promise<void> {
    const rank = again ? AGAIN : own;
    const list = lane.waiting.get(rank) ?? new Set();
    lane.waiting.set(rank, list);
    return new Promise((resolve, reject) => {
      const stop = (): void => {
        remove(lane, rank, one);
        reject(new StoppedError('wait for the registry'));
      };
      const one: Waiting = {
        begin() {
          signal?.removeEventListener('abort', stop);
          resolve();
        },
        isStale,
        giveUp(error) {
          signal?.removeEventListener('abort', stop);
          reject(error);
        },
      };
      list.add(one);
      signal?.addEventListener('abort', stop, { once: true });
      letGo();
    });
  }

  return {
    async attempt(send, wanted) {
      const { signal, room, isLook } = wanted;
      const lane = isLook ? looks : others;
      if (signal?.aborted) throw new StoppedError('ask the registry');
      if (lane.waiting.size > 0 || pauseBefore(lane) > 0) await turn(lane, wanted);
      else begin(lane);
      room?.take();
      const sentAt = performance.now();
      try {
        const response = await send();
        const now = performance.now();
        duration += NEWEST * (now - sentAt - duration);
        if (response.status === 429) pace.refused(now, sentAt, retryAfter(response));
        else pace.passed(now, sentAt, left(response));
        return response;
      } catch (error) {
        pace.lost();
        throw error;
      } finally {
        lane.underWay -= 1;
        letGo();
        if (guests.size > 0) letIn();
      }
    },
    async room(most, milliseconds, signal) {
      if (signal?.aborted) throw new StoppedError('wait for the registry');
      return new Promise((resolve, reject) => {
        const stop = (): void => {
          guests.delete(guest);
          reject(new StoppedError('wait for the registry'));
        };
        const guest: Guest = {
          most,
          milliseconds,
          enter(calls) {
            signal?.removeEventListener('abort', stop);
            resolve(roomOf(calls));
          },
        };
        signal?.addEventListener('abort', stop, { once: true });
        guests.add(guest);
        letIn();
      });
    },
    refusedFor: () => pace.refusedFor(performance.now()),
  };
}

const MAX_RETRY_AFTER_MS = 120_000;

/** `Retry-After` in milliseconds, up to two minutes: seconds, or an HTTP date (RFC 9110, 10.2.3). */
export function retryAfter({ headers }: PipelineResponse): number | undefined {
  const header = headers.get('retry-after');
  if (header === undefined) return undefined;
  const milliseconds = /^\d+$/.test(header.trim()) ? Number(header) * 1000 : Date.parse(header) - Date.now();
  return Number.isNaN(milliseconds) ? undefined : Math.min(MAX_RETRY_AFTER_MS, Math.max(0, milliseconds));
}

/** Calls that are left of this second, as a registry may say. */
function left({ headers }: PipelineResponse): number | undefined {
  const header = headers.get('x-ms-ratelimit-remaining-calls-per-second');
  const number = header === undefined ? Number.NaN : Number.parseFloat(header);
  return Number.isNaN(number) ? undefined : number;
}

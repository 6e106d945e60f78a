import type { PipelineResponse } from '@azure/core-rest-pipeline';
import { StoppedError } from './error.ts';
import { newPace } from './pace.ts';

/** Where the attempts of all calls of one kind go through: so many at once, and no faster than the registry takes them. */
export interface Gate {
  /**
   * Sends when its turn has come. An attempt of a call that has failed before goes before the others; among
   * those, by `rank`, the lowest first.
   * @throws StoppedError where `signal` is aborted before that
   */
  readonly attempt: (send: () => Promise<PipelineResponse>, turn: Turn) => Promise<PipelineResponse>;
  /** How long nothing but 429 has been answered, in milliseconds. */
  readonly refusedFor: () => number;
}

export interface Turn {
  readonly again: boolean;
  readonly rank: number;
  readonly signal: AbortSignal | undefined;
}

interface Waiting {
  readonly begin: () => void;
}

/** Ranks below all others: what is sent again. */
const AGAIN = Number.NEGATIVE_INFINITY;

/** @param concurrency attempts at once */
export function newGate(concurrency: number): Gate {
  const pace = newPace();
  /** By rank, of which there are few at a time, and in the order in which they came. */
  const waiting = new Map<number, Set<Waiting>>();
  let underWay = 0;
  let timer: NodeJS.Timeout | undefined;

  const pauseBefore = (): number => (underWay < concurrency ? pace.wait(performance.now()) : Number.POSITIVE_INFINITY);

  function letGo(): void {
    for (;;) {
      const rank = Math.min(...waiting.keys());
      const [next] = waiting.get(rank) ?? [];
      if (!next) return;
      const pause = pauseBefore();
      if (pause > 0) {
        // Whoever is answered looks again; but all may be waiting.
        if (timer || pause === Number.POSITIVE_INFINITY) return;
        timer = setTimeout(() => {
          timer = undefined;
          letGo();
        }, Math.ceil(pause));
        return;
      }
      remove(rank, next);
      begin();
      next.begin();
    }
  }

  function begin(): void {
    underWay += 1;
    pace.sent(performance.now());
  }

  function remove(rank: number, one: Waiting): void {
    const list = waiting.get(rank);
    list?.delete(one);
    if (list?.size === 0) waiting.delete(rank);
  }

  function turn(rank: number, signal: AbortSignal | undefined): Promise<void> {
    const list = waiting.get(rank) ?? new Set();
    waiting.set(rank, list);
    return new Promise((resolve, reject) => {
      const stop = (): void => {
        remove(rank, one);
        reject(new StoppedError('wait for the registry'));
      };
      const one: Waiting = {
        begin() {
          signal?.removeEventListener('abort', stop);
          resolve();
        },
      };
      list.add(one);
      signal?.addEventListener('abort', stop, { once: true });
      letGo();
    });
  }

  return {
    async attempt(send, { again, rank, signal }) {
      if (signal?.aborted) throw new StoppedError('ask the registry');
      if (waiting.size > 0 || pauseBefore() > 0) await turn(again ? AGAIN : rank, signal);
      else begin();
      const sentAt = performance.now();
      try {
        const response = await send();
        const now = performance.now();
        if (response.status === 429) pace.refused(now, sentAt, retryAfter(response));
        else pace.passed(now, sentAt, left(response));
        return response;
      } catch (error) {
        pace.lost();
        throw error;
      } finally {
        underWay -= 1;
        if (waiting.size > 0) letGo();
      }
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

import {
  isRestError,
  type PipelinePolicy,
  type PipelineRequest,
  type PipelineResponse,
  RestError,
} from '@azure/core-rest-pipeline';
import type { Clock } from './clock.ts';
import { isHeldBack, StoppedError } from './errors.ts';
import { isLooking } from './look.ts';
import { type Queue, retryAfter } from './queue.ts';
import { isRead, signalOf, ticketOf } from './request.ts';

/** Failures by which a request certainly did not arrive. */
const NOT_SENT: ReadonlySet<string | undefined> = new Set([
  'ECONNREFUSED',
  'EAI_AGAIN',
  'ENOTFOUND',
  'UND_ERR_CONNECT_TIMEOUT',
]);

/** Failures of the connection, after which the same call may succeed. */
const BROKEN_CONNECTION: ReadonlySet<string | undefined> = new Set([
  ...NOT_SENT,
  'ECONNABORTED',
  'ECONNRESET',
  'EPIPE',
  'ETIMEDOUT',
  // The library's own codes: the request could not be sent, the answer cannot be read.
  'REQUEST_SEND_ERROR',
  'PARSE_ERROR',
]);

/** Retries after failures. A 429 is not a failure: the throttle deals with it. */
export const MAX_RETRIES = 5;

/** The first retry comes soon: most failures are of one connection, and short. */
const MIN_DELAY_MS = 50;
const MAX_DELAY_MS = 10_000;

/** A registry that answers nothing but 429 for so long is not just busy. */
export const REFUSED_TOO_LONG_MS = 300_000;

/**
 * Retries after 429, 5xx and broken connections. Each attempt waits in the queue of its kind of call, which also waits out
 * a 429. After a failure `Retry-After` is honoured.
 * Every call can be made twice: a repeated deletion is answered 404. `notesDoubts` notes whether an earlier attempt may be
 * the reason. A call with a ticket is sent once: the caller looks again before it sends it again.
 */
export function retries(queueOf: (request: PipelineRequest) => Queue, clock: Clock): PipelinePolicy {
  const ranks = new Map<string, number>();
  return {
    name: 'acrRetentionRetries',
    async sendRequest(request, next) {
      const queue = queueOf(request);
      const rank = rankOf(request, ranks);
      const signal = signalOf(request);
      const ticket = ticketOf(request);
      if (ticket) {
        const { again = false, isStale, reservation } = ticket;
        return queue.attempt(() => next(request), { again, rank, signal, isStale, reservation });
      }
      let refusedSince: number | undefined;
      let again = false;
      for (let failures = 0; ;) {
        let response: PipelineResponse | undefined;
        let failure: unknown;
        try {
          response = await queue.attempt(() => next(request), { again, rank, signal, isLook: isLooking() });
        } catch (error) {
          // The attempt may have changed something: not the same as stopped before it was sent.
          if (error instanceof StoppedError && !isRead(request) && inDoubt.has(request))
            throw new RestError('the run was stopped before an answer came', { request });
          if (!isBroken(error)) throw error;
          failure = error;
        }
        if (response?.status === 429) {
          refusedSince ??= clock.ticks();
          const refusedFor = Math.min(clock.ticks() - refusedSince, queue.refusedFor());
          if (refusedFor > REFUSED_TOO_LONG_MS) return response;
          // Behind the others: a call that is refused each time would hold up all.
          again = false;
          continue;
        }
        if (response && (response.status < 500 || response.status === 501)) return response;
        if (failures === MAX_RETRIES) {
          if (response) return response;
          throw failure;
        }
        // Ends at once where the run is stopped: the next attempt throws then.
        await clock.sleep((response && retryAfter(response, clock)) ?? backOff(failures), signal);
        failures += 1;
        again = true;
      }
    },
  };
}

/** Repositories that are listed ahead of those whose manifests are read. */
const LISTED_AHEAD = 8;

const IN_REPOSITORY = /\/(v2|acr\/v1)\/(.+)\/(?:manifests|referrers|blobs|_tags|_manifests)(?:[/?]|$)/;

/**
 * Ranks reads by repository, in the order in which repositories are begun, with some listed ahead. So some repositories are
 * finished and recorded while others are read and the next are listed. With equal ranks all would finish at the same time.
 *
 * @param ranks of repositories, by name, in the order of their first call
 */
function rankOf({ method, url }: PipelineRequest, ranks: Map<string, number>): number {
  const [, plane, name] = (method === 'GET' ? IN_REPOSITORY.exec(url) : undefined) ?? [];
  if (name === undefined) return 0;
  // The SDK encodes the slashes of a name.
  const repository = name.replaceAll('%2F', '/');
  const rank = ranks.get(repository) ?? ranks.size + 1;
  ranks.set(repository, rank);
  return plane === 'v2' ? rank : rank - LISTED_AHEAD;
}

const inDoubt = new WeakSet<PipelineRequest>();

/** Notes the requests of which an attempt got no clear answer: the registry may have made the change. */
export function notesDoubts(): PipelinePolicy {
  return {
    name: 'acrRetentionDoubts',
    async sendRequest(request, next) {
      try {
        const response = await next(request);
        if (response.status >= 500) inDoubt.add(request);
        return response;
      } catch (error) {
        const isSent = !isHeldBack(error) && !(isRestError(error) && NOT_SENT.has(error.code));
        if (isSent) inDoubt.add(request);
        throw error;
      }
    },
  };
}

/** Whether the registry may have made a change although no answer said so. */
export function mayHaveArrived(request: PipelineRequest): boolean {
  return inDoubt.has(request);
}

/** Whether the same call may succeed when it is sent again. */
export function isBroken(error: unknown): boolean {
  return isRestError(error) && BROKEN_CONNECTION.has(error.code);
}

/** Milliseconds; grows each time, with jitter so that calls that failed together are not retried together. */
export function backOff(failures: number): number {
  const delay = Math.min(MAX_DELAY_MS, MIN_DELAY_MS * 2.5 ** failures);
  return delay / 2 + Math.random() * (delay / 2);
}

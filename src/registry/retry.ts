import {
  isRestError,
  type PipelinePolicy,
  type PipelineRequest,
  retryPolicy,
  type RetryStrategy,
} from '@azure/core-rest-pipeline';

/** Failures of the way there or back, after which the same call may well succeed. */
const BROKEN_CONNECTION: ReadonlySet<string | undefined> = new Set([
  'ECONNABORTED',
  'ECONNREFUSED',
  'ECONNRESET',
  'EAI_AGAIN',
  'ENOTFOUND',
  'EPIPE',
  'ETIMEDOUT',
  // The library's own codes: the request could not be sent, the answer broke off in the middle.
  'REQUEST_SEND_ERROR',
  'PARSE_ERROR',
]);

/** Attempts after the first one. A 429 is no failure but a pace, so it is met with more patience. */
const MAX_RETRIES = { throttled: 60, failed: 5 } as const;

const MIN_DELAY_MS = 100;
const MAX_DELAY_MS = 10_000;
const MAX_RETRY_AFTER_MS = 120_000;

/**
 * Again after 429, 5xx and broken connections; `Retry-After` is honoured, up to two minutes at a time.
 * Every call that retention makes can be made twice: a deletion that is repeated finds nothing (404). Whether an earlier
 * attempt of it may have been the reason is noted, see `notesDoubts`.
 */
export function retries(): PipelinePolicy {
  const strategy: RetryStrategy = {
    name: 'acrRetention',
    retry({ retryCount, response, responseError }) {
      const status = response?.status ?? responseError?.response?.status;
      if (status === 429 && retryCount < MAX_RETRIES.throttled) {
        return { retryAfterInMs: retryAfter(response?.headers.get('retry-after')) ?? backOff(retryCount) };
      }
      const again = status === undefined ? isBroken(responseError) : status >= 500 && status !== 501;
      if (!again || retryCount >= MAX_RETRIES.failed) return { skipStrategy: true };
      return { retryAfterInMs: retryAfter(response?.headers.get('retry-after')) ?? backOff(retryCount) };
    },
  };
  return retryPolicy([strategy], { maxRetries: MAX_RETRIES.throttled });
}

/** Failures by which a request certainly did not arrive. */
const NOT_SENT: ReadonlySet<string | undefined> = new Set(['ECONNREFUSED', 'EAI_AGAIN', 'ENOTFOUND']);

const inDoubt = new WeakSet<PipelineRequest>();

/** Notes of each attempt that was not answered clearly: the registry may have done what it was asked. */
export function notesDoubts(): PipelinePolicy {
  return {
    name: 'acrRetentionDoubts',
    async sendRequest(request, next) {
      try {
        const response = await next(request);
        if (response.status >= 500) inDoubt.add(request);
        return response;
      } catch (error) {
        if (!(isRestError(error) && NOT_SENT.has(error.code))) inDoubt.add(request);
        throw error;
      }
    },
  };
}

/** Whether an attempt of a request may have been carried out although it was not answered so. */
export function mayHaveArrived(request: PipelineRequest): boolean {
  return inDoubt.has(request);
}

function isBroken(error: unknown): boolean {
  return isRestError(error) && BROKEN_CONNECTION.has(error.code);
}

/** Doubles each time, with jitter so that calls refused together do not come back together. */
function backOff(retryCount: number): number {
  const delay = Math.min(MAX_DELAY_MS, MIN_DELAY_MS * 2 ** Math.min(retryCount, 10));
  return delay / 2 + Math.random() * (delay / 2);
}

/** `Retry-After` in milliseconds: seconds, or an HTTP date (RFC 9110, 10.2.3). */
function retryAfter(header: string | undefined): number | undefined {
  if (header === undefined) return undefined;
  const milliseconds = /^\d+$/.test(header.trim()) ? Number(header) * 1000 : Date.parse(header) - Date.now();
  return Number.isNaN(milliseconds) ? undefined : Math.min(MAX_RETRY_AFTER_MS, Math.max(0, milliseconds));
}

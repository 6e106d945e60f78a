import { setMaxListeners } from 'node:events';
import type { PipelinePolicy, PipelineRequest } from '@azure/core-rest-pipeline';
import type { Reservation } from './types.ts';

const signals = new WeakMap<PipelineRequest, AbortSignal>();

/** The signal that stops a request, if it has one. */
export function signalOf(request: PipelineRequest): AbortSignal | undefined {
  return signals.get(request);
}

const checks = new WeakMap<AbortSignal, readonly (() => void)[]>();

/**
 * Lets `isStopped` ask about a signal before it answers. A process that stood still hears of it from its timers only after
 * it has sent what was prepared before. A signal may have several.
 *
 * @param check aborts the signal where what it stands for is over
 */
export function checksFirst(signal: AbortSignal, check: () => void): void {
  checks.set(signal, [...(checks.get(signal) ?? []), check]);
}

/** Whether nothing more may be sent for a signal, right now. */
export function isStopped(signal: AbortSignal | undefined): boolean {
  if (!signal) return false;
  if (!signal.aborted) for (const check of checks.get(signal) ?? []) check();
  return signal.aborted;
}

/** Whether a request changes nothing. */
export function isRead({ method }: PipelineRequest): boolean {
  return method === 'GET' || method === 'HEAD';
}

/**
 * Takes the signal off a request, and keeps it. The SDK would abandon a deletion under way, and not tell whether it was
 * made. With the signal kept here, the HTTP client ends a read at once and waits for the answer to a change, and retries
 * begin no further attempt.
 */
export function keepsSignal(): PipelinePolicy {
  return {
    name: 'acrRetentionSignal',
    sendRequest(request, next) {
      if (request.abortSignal instanceof AbortSignal) {
        // All calls of a run share its signal: not a leak that Node should warn of.
        setMaxListeners(0, request.abortSignal);
        signals.set(request, request.abortSignal);
      }
      delete request.abortSignal;
      return next(request);
    },
  };
}

/** What a change needs to be sent. It is sent once: each retry needs a look of its own. */
export interface Ticket {
  readonly isStale: () => boolean;
  readonly signal?: AbortSignal | undefined;
  readonly reservation?: Reservation | undefined;
  /** It failed before, and is sent before others. */
  readonly again?: boolean | undefined;
}

const tickets = new WeakMap<object, Ticket>();

/** A signal that stands for the ticket: the SDK passes on nothing else. */
export function signalFor(ticket: Ticket): AbortSignal {
  const { signal } = new AbortController();
  tickets.set(signal, ticket);
  return signal;
}

/** Takes the ticket off a request, and keeps it. Comes before `keepsSignal`. */
export function keepsTicket(): PipelinePolicy {
  return {
    name: 'acrRetentionTicket',
    sendRequest(request, next) {
      const ticket = request.abortSignal && tickets.get(request.abortSignal);
      if (ticket) {
        tickets.set(request, ticket);
        if (ticket.signal) request.abortSignal = ticket.signal;
        else delete request.abortSignal;
      }
      return next(request);
    },
  };
}

export function ticketOf(request: PipelineRequest): Ticket | undefined {
  return tickets.get(request);
}

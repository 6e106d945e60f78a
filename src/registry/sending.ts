import { AsyncLocalStorage } from 'node:async_hooks';
import type { HttpClient, PipelinePolicy, PipelineRequest } from '@azure/core-rest-pipeline';
import type { Reservation } from './types.ts';

/**
 * How long what was seen of an artifact counts, in milliseconds: a change of it is not written to the socket later than
 * that after the look's first request was sent. A registry has no conditional delete, so what happens to the artifact
 * within this time is not noticed.
 */
export const LOOK_VALID_MILLISECONDS = 5_000;

/** When a look is taken, by the clock of the connection. */
export interface LookClock {
  readonly now: () => number;
  readonly validMilliseconds: number;
}

/** What a change rests on that is about to be sent. It is sent once: each retry rests on a look of its own. */
export interface Ticket {
  readonly isStale: () => boolean;
  readonly signal?: AbortSignal | undefined;
  readonly reservation?: Reservation | undefined;
  /** It was sent before, and is to be sent before others. */
  readonly again?: boolean | undefined;
}

const tickets = new WeakMap<object, Ticket>();

/** The SDK passes nothing on but a signal: this one stands for the ticket. */
export function signalFor(ticket: Ticket): AbortSignal {
  const { signal } = new AbortController();
  tickets.set(signal, ticket);
  return signal;
}

/** Takes the ticket off a request, and keeps it. To be put before `keepsSignal`. */
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

const looks = new AsyncLocalStorage<{ since: number }>();

/** Does some reads, and says when the first of them was sent: what they saw is as old as that. */
export async function dated<T>(read: () => Promise<T>): Promise<{ readonly seen: T; readonly since: number }> {
  const look = { since: Number.POSITIVE_INFINITY };
  const seen = await looks.run(look, read);
  return { seen, since: Number.isFinite(look.since) ? look.since : Number.NEGATIVE_INFINITY };
}

/** Whether what is asked now is part of a look. */
export function isLooking(): boolean {
  return looks.getStore() !== undefined;
}

/** Notes when reads are sent. One that failed is not part of a look: that is done again. */
export function datesLooks(client: HttpClient, { now }: LookClock): HttpClient {
  return {
    async sendRequest(request) {
      const look = request.method === 'GET' ? looks.getStore() : undefined;
      if (!look) return client.sendRequest(request);
      const sent = now();
      const response = await client.sendRequest(request);
      if (response.status < 400 || response.status === 404) look.since = Math.min(look.since, sent);
      return response;
    },
  };
}

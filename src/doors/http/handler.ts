import { subscribe } from 'node:diagnostics_channel';
import { once } from 'node:events';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { HttpRequest, HttpResponseInit, InvocationContext } from '@azure/functions';
import { inInvocation, type Log } from '../../report/log.ts';
import { isExpected, logFault, problemResponse } from './problem.ts';

export type Work = (request: HttpRequest, client: Client, context: InvocationContext) => Promise<HttpResponseInit>;

/**
 * A handler for the Functions host: what `work` logs belongs to the invocation, and an error that it throws is answered
 * with a problem document. The handler itself never throws: the host would wait for an answer that does not come.
 */
export function handler(log: Log, work: Work) {
  return (request: HttpRequest, context: InvocationContext): Promise<HttpResponseInit> =>
    inInvocation(context, async () => {
      try {
        return await work(request, clients.get(context.invocationId) ?? UNSEEN, context);
      } catch (error) {
        if (!isExpected(error)) logFault(log, error);
        return problemResponse(error);
      }
    });
}

/** The other end of an HTTP request: whether it is still connected, and whether it keeps up. */
export interface Client {
  /** Aborted when the client disconnects before it has the whole answer. */
  readonly signal: AbortSignal;
  /** Resolves when what was written so far is sent, or the client has disconnected. */
  readonly ready: () => Promise<void>;
}

/** The client where the host does not stream: nothing is known of it, so it is taken to stay and to keep up. */
const UNSEEN: Client = { signal: new AbortController().signal, ready: () => Promise.resolve() };

/** The Functions host names the invocation in each request that it forwards to the worker. */
const INVOCATION_HEADER = 'x-ms-invocation-id';

const clients = new Map<string, Client>();

/*
 * With `enableHttpStream`, @azure/functions serves the host with an HTTP server of its own in this process. It tells
 * handlers neither that the client disconnected nor that it is slow, and it writes what a body yields without waiting.
 * Node publishes each request of each server on a diagnostics channel, so the response is found there.
 */
subscribe('http.server.request.start', (message) => {
  const { request, response } = message as { readonly request: IncomingMessage; readonly response: ServerResponse };
  const invocationId = request.headers[INVOCATION_HEADER];
  if (typeof invocationId !== 'string') return;
  const disconnected = new AbortController();
  clients.set(invocationId, { signal: disconnected.signal, ready: () => ready(response) });
  response.once('close', () => {
    clients.delete(invocationId);
    if (!response.writableFinished) disconnected.abort(new Error('the client went away'));
  });
});

async function ready(response: ServerResponse): Promise<void> {
  while (response.writableNeedDrain && !response.destroyed) {
    const settled = new AbortController();
    const { signal } = settled;
    try {
      await Promise.race([once(response, 'drain', { signal }), once(response, 'close', { signal })]);
    } finally {
      settled.abort();
    }
  }
}

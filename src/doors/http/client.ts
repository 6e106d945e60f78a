import { subscribe } from 'node:diagnostics_channel';
import { once } from 'node:events';
import type { IncomingMessage, ServerResponse } from 'node:http';

/** The other end of an HTTP request: whether it is still there, and whether it keeps up. */
export interface Client {
  /** Aborted once nobody waits for the answer any more. */
  readonly signal: AbortSignal;
  /** Resolves when what was sent so far is on its way, or nobody waits for it. */
  readonly ready: () => Promise<void>;
}

/** The Functions host names the invocation in each request that it forwards to the worker. */
const INVOCATION_HEADER = 'x-ms-invocation-id';

const clients = new Map<string, Client>();

/*
 * With `enableHttpStream`, @azure/functions serves the host over an HTTP server of its own in this process. It shows
 * handlers neither that a client went away nor that it is slow, and writes what a body yields without waiting. Node
 * itself tells of each request of each server, so the response is found there.
 */
subscribe('http.server.request.start', (message) => {
  const { request, response } = message as { readonly request: IncomingMessage; readonly response: ServerResponse };
  const invocationId = request.headers[INVOCATION_HEADER];
  if (typeof invocationId !== 'string') return;
  const gone = new AbortController();
  clients.set(invocationId, { signal: gone.signal, ready: () => ready(response) });
  response.once('close', () => {
    clients.delete(invocationId);
    if (!response.writableFinished) gone.abort(new Error('the client went away'));
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

const NOBODY: Client = { signal: new AbortController().signal, ready: () => Promise.resolve() };

/** The client of an invocation. Where the host does not stream, nothing is known of it: it stays, and keeps up. */
export function clientOf(invocationId: string): Client {
  return clients.get(invocationId) ?? NOBODY;
}

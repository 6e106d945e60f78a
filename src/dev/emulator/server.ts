import { randomUUID } from 'node:crypto';
import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { failure, type Answer } from './answers.ts';
import { challenge, challengeFor } from './auth.ts';
import type { Fault, FaultInjector } from './faults.ts';
import { handle, type Backend, type Request } from './handling.ts';
import type { Entry, Journal } from './journal.ts';
import { routeOf, type Route } from './routes.ts';
import type { RecordedRequest } from './types.ts';

/** The largest manifest a registry takes. */
const largestBody = 4 * 1024 * 1024;

/** What a test can change while the emulator runs. */
export interface Controls {
  faults: FaultInjector;
  hook: ((request: RecordedRequest) => void) | undefined;
}

/** Answers requests: reads them, notes them, lets go wrong what should, and leaves the rest to {@link handle}. */
export function listener(backend: Backend, journal: Journal, controls: Controls, loginServer: string): RequestListener {
  return (incoming, response) => {
    serve(incoming, response).catch((error: unknown) => {
      // A mistake in here or in a test's hook: the client is told, and nothing waits for an answer for ever.
      if (!response.headersSent) send(incoming, response, failure(500, 'UNKNOWN', String(error)), {});
    });
  };

  async function serve(incoming: IncomingMessage, response: ServerResponse): Promise<void> {
    const { method = 'GET', url = '/' } = incoming;
    const [path = '/', search = ''] = url.split('?', 2);
    const route = routeOf(method, path);
    const { kind, repository } = route ?? { kind: 'other' as const };
    const call = { kind, method, path: url, ...(repository === undefined ? {} : { repository }) };
    const entry = journal.begin(call);
    // What is decided is decided for this call, even where the faults are replaced while it waits.
    const { faults } = controls;
    let outcome: Fault;
    try {
      const body = await readBody(incoming);
      if (faults.latencyMs > 0) await sleep(faults.latencyMs, undefined, { ref: false });
      outcome = answer(entry, faults, route, body, incoming, new URLSearchParams(search));
    } finally {
      journal.count(entry);
    }
    if (outcome === 'drop') {
      journal.end(entry, 0);
      incoming.socket.destroy();
    } else if (outcome !== undefined) {
      journal.end(entry, outcome.status);
      send(incoming, response, outcome, faults.headers(kind));
    }
  }

  function answer(
    entry: Entry,
    faults: FaultInjector,
    route: Route | undefined,
    body: string | undefined,
    incoming: IncomingMessage,
    query: URLSearchParams,
  ): Fault {
    if (route === undefined) return failure(400, 'BAD_REQUEST', 'the path is not percent-encoded as it should be');
    if (body === undefined) {
      return failure(413, 'SIZE_INVALID', 'the body is larger than 4 MiB');
    }
    const host = hostOf(incoming) ?? loginServer;
    const { authorization } = incoming.headers;
    const request: Request = { route, query, body, authorization, host };
    if (route.kind === 'exchange' || route.kind === 'token') return faults.chosen(entry) ?? handle(backend, request);
    const refused = faults.isUnauthorized(entry)
      ? challenge(route, host, 'insufficient_scope')
      : challengeFor(backend.auth, route, authorization, host);
    if (refused !== undefined) {
      entry.kind = 'challenge';
      return refused;
    }
    controls.hook?.({ ...entry });
    return faults.chosen(entry) ?? faults.forData(entry) ?? handle(backend, request);
  }
}

function send(
  incoming: IncomingMessage,
  response: ServerResponse,
  { status, headers, body = '' }: Answer,
  limits: Readonly<Record<string, string>>,
): void {
  // Encrypting a text costs several times what encrypting its bytes does.
  const bytes = Buffer.from(body);
  response.writeHead(status, {
    'Content-Length': bytes.length,
    'Docker-Distribution-Api-Version': 'registry/2.0',
    'X-Content-Type-Options': 'nosniff',
    'X-Ms-Correlation-Request-Id': randomUUID(),
    ...limits,
    ...headers,
  });
  response.end(incoming.method === 'HEAD' ? undefined : bytes);
}

/** The body of a request that has one; undefined where it is larger than a registry takes. */
async function readBody(incoming: IncomingMessage): Promise<string | undefined> {
  if (!['POST', 'PUT', 'PATCH'].includes(incoming.method ?? '')) return '';
  const chunks: Buffer[] = [];
  let size = 0;
  // What is too large is read to its end all the same: a client that is still sending would not see the answer.
  for await (const chunk of incoming as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size <= largestBody) chunks.push(chunk);
  }
  return size > largestBody ? undefined : Buffer.concat(chunks).toString();
}

/** The `Host` header, where it is fit to be put between the quotes of a challenge. */
function hostOf({ headers }: IncomingMessage): string | undefined {
  return /^[\w.:[\]-]+$/.exec(headers.host ?? '')?.[0];
}

import { randomUUID } from 'node:crypto';
import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { failure, type Answer } from './answers.ts';
import { challenge, challengeFor } from './auth.ts';
import type { FaultInjector } from './faults.ts';
import { handle, type Backend, type Request } from './handle.ts';
import type { Entry, RequestLog } from './request-log.ts';
import { routeOf, type Route } from './routes.ts';
import type { RecordedRequest } from './types.ts';

/** The largest manifest a registry takes. */
const largestBody = 4 * 1024 * 1024;

/** What a test can change while the emulator runs. */
export interface Controls {
  faults: FaultInjector;
  hook: ((request: RecordedRequest) => void) | undefined;
}

/** A request, over a socket or not. */
interface Asked {
  readonly method: string;
  /** With the query. */
  readonly url: string;
  readonly authorization: string | undefined;
  readonly host: string | undefined;
  /** The body; undefined where it is larger than a registry takes. */
  readonly body: () => Promise<string | undefined>;
}

/** Answers a request. `'drop'`: the caller destroys the connection instead. */
export type Answers = (asked: Asked) => Promise<Answer | 'drop'>;

/** Serves requests: reads and logs them, injects faults, checks tokens, and calls {@link handle}. */
export function answering(backend: Backend, log: RequestLog, controls: Controls, loginServer: () => string): Answers {
  return async ({ method, url, authorization, host: named, body: read }) => {
    const [path = '/', search = ''] = url.split('?', 2);
    const route = routeOf(method, path);
    const { kind, repository } = route ?? { kind: 'other' as const };
    const call = { kind, method, path: url, ...(repository === undefined ? {} : { repository }) };
    const entry = log.begin(call);
    // These faults count for this call, even where a test replaces them while it waits.
    const { faults } = controls;
    let outcome: Answer | 'drop';
    try {
      const body = await read();
      if (faults.latencyMs > 0) await sleep(faults.latencyMs, undefined, { ref: false });
      const query = new URLSearchParams(search);
      const host = hostIn(named) ?? loginServer();
      outcome = answer(entry, faults, route, { query, body, authorization, host });
    } finally {
      log.count(entry);
    }
    log.end(entry, outcome === 'drop' ? 0 : outcome.status);
    return outcome === 'drop' ? outcome : withHeaders(outcome, faults.headers(kind));
  };

  function answer(
    entry: Entry,
    faults: FaultInjector,
    route: Route | undefined,
    { body, ...asked }: Omit<Request, 'route' | 'body'> & { readonly body: string | undefined },
  ): Answer | 'drop' {
    if (route === undefined) return failure(400, 'BAD_REQUEST', 'the path is not percent-encoded as it should be');
    if (body === undefined) {
      return failure(413, 'SIZE_INVALID', 'the body is larger than 4 MiB');
    }
    const request: Request = { route, body, ...asked };
    if (route.kind === 'exchange' || route.kind === 'token') return faults.chosen(entry) ?? handle(backend, request);
    const refused = faults.isUnauthorized(entry)
      ? challenge(route, request.host, 'insufficient_scope')
      : challengeFor(backend.auth, route, request.authorization, request.host);
    if (refused !== undefined) {
      entry.kind = 'challenge';
      return refused;
    }
    controls.hook?.({ ...entry });
    return faults.chosen(entry) ?? faults.forData(entry) ?? handle(backend, request);
  }
}

/** Serves answers over a socket. */
export function listener(answers: Answers): RequestListener {
  return (incoming, response) => {
    const { method = 'GET', url = '/', headers } = incoming;
    const { authorization, host } = headers;
    answers({ method, url, authorization, host, body: () => readBody(incoming) }).then(
      (outcome) => {
        if (outcome === 'drop') incoming.socket.destroy();
        else send(incoming, response, outcome);
      },
      (error: unknown) => {
        // A bug in the emulator or in a test's hook. The client gets an answer, so that it does not wait for ever.
        if (!response.headersSent) send(incoming, response, withHeaders(failure(500, 'UNKNOWN', String(error)), {}));
      },
    );
  };
}

/** The headers of every answer. */
function withHeaders(answer: Answer, limits: Readonly<Record<string, string>>): Answer {
  return {
    ...answer,
    headers: {
      'Docker-Distribution-Api-Version': 'registry/2.0',
      'X-Content-Type-Options': 'nosniff',
      'X-Ms-Correlation-Request-Id': randomUUID(),
      ...limits,
      ...answer.headers,
    },
  };
}

function send(incoming: IncomingMessage, response: ServerResponse, { status, headers, body = '' }: Answer): void {
  // Sending a text over TLS takes several times as long as sending its bytes.
  const bytes = Buffer.from(body);
  response.writeHead(status, { 'Content-Length': bytes.length, ...headers });
  response.end(incoming.method === 'HEAD' ? undefined : bytes);
}

/** The body of a request that has one; undefined where it is larger than a registry takes. */
async function readBody(incoming: IncomingMessage): Promise<string | undefined> {
  if (!['POST', 'PUT', 'PATCH'].includes(incoming.method ?? '')) return '';
  const chunks: Buffer[] = [];
  let size = 0;
  // Too large a body is read to its end: a client that is still sending would not see the answer.
  for await (const chunk of incoming as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size <= largestBody) chunks.push(chunk);
  }
  return size > largestBody ? undefined : Buffer.concat(chunks).toString();
}

/** The `Host` header, if it can stand between the quotes of a challenge. */
function hostIn(header: string | undefined): string | undefined {
  return /^[\w.:[\]-]+$/.exec(header ?? '')?.[0];
}

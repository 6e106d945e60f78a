import { randomUUID } from 'node:crypto';
import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { failure, type Answer } from './answers.ts';
import { challenge, challengeFor } from './auth.ts';
import type { Segment } from './blob-content.ts';
import type { Fault, FaultInjector } from './faults.ts';
import { handle, type Backend, type Request } from './handle.ts';
import type { Entry, RequestLog } from './request-log.ts';
import { routeOf, type Route } from './routes.ts';
import type { RecordedRequest } from './types.ts';

/** The headers that answers depend on, besides `Authorization` and `Host`. */
const namedHeaders = ['content-type', 'content-range', 'range'];

/** A request whose path cannot be decoded is refused before it is asked what it is. */
const unknown: Route = { kind: 'other', method: 'GET', path: '' };

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
  /** The others, by lower-case name. */
  readonly headers?: Readonly<Record<string, string | undefined>>;
  /** The body; undefined where it is larger than a registry takes. */
  readonly body: () => Promise<string | undefined>;
  /** The body of an upload, which can be of any size. Absent: {@link body}. */
  readonly stream?: () => AsyncIterable<Uint8Array>;
}

/** Answers a request. `'drop'`: the caller destroys the connection instead. */
export type Answers = (asked: Asked) => Promise<Answer | 'drop'>;

/** Serves requests: reads and logs them, injects faults, checks tokens, and calls {@link handle}. */
export function answering(backend: Backend, log: RequestLog, controls: Controls, loginServer: () => string): Answers {
  return async ({ method, url, authorization, host: named, headers = {}, body: read, stream }) => {
    const [path = '/', search = ''] = url.split('?', 2);
    const route = routeOf(method, path);
    const { kind, repository } = route ?? { kind: 'other' as const };
    const call = { kind, method, path: url, ...(repository === undefined ? {} : { repository }) };
    const entry = log.begin(call);
    // These faults count for this call, even where a test replaces them while it waits.
    const { faults } = controls;
    let outcome: Answer | 'drop';
    try {
      const { shelf } = backend.contents.blobs;
      const keep = async (): Promise<Segment> => (stream ? shelf.keep(stream()) : shelf.keepBytes(Buffer.from('')));
      const segment = kind === 'upload-blob' ? await keep() : undefined;
      const body = segment === undefined ? await read() : '';
      if (faults.latencyMs > 0) await sleep(faults.latencyMs, undefined, { ref: false });
      const query = new URLSearchParams(search);
      const host = hostIn(named) ?? loginServer();
      const asked = { query, authorization, host, headers, segment };
      const refused = refusal(entry, faults, route, body, asked);
      if (refused === undefined || refused === 'cut') {
        const handled = await handle(backend, { ...asked, route: route ?? unknown, body: body ?? '' });
        outcome = refused === 'cut' ? { ...handled, cut: true } : handled;
      } else {
        if (segment !== undefined) shelf.drop([segment]);
        outcome = refused;
      }
    } finally {
      log.count(entry);
    }
    log.end(entry, outcome === 'drop' ? 0 : outcome.status);
    return outcome === 'drop' ? outcome : withHeaders(outcome, faults.headers(kind));
  };

  /** Why a request is not handled, or `'cut'` where half of its answer is sent. */
  function refusal(
    entry: Entry,
    faults: FaultInjector,
    route: Route | undefined,
    body: string | undefined,
    { authorization, host }: Pick<Request, 'authorization' | 'host'>,
  ): Fault {
    if (route === undefined) return failure(400, 'BAD_REQUEST', 'the path is not percent-encoded as it should be');
    if (body === undefined) return failure(413, 'SIZE_INVALID', 'the body is larger than 4 MiB');
    if (route.kind === 'exchange' || route.kind === 'token') return faults.chosen(entry);
    const refused = faults.isUnauthorized(entry)
      ? challenge(route, host, 'insufficient_scope')
      : // What reads from storage has a signature instead of a token.
        route.kind === 'read-storage'
        ? undefined
        : challengeFor(backend.auth, route, authorization, host);
    if (refused !== undefined) {
      entry.kind = 'challenge';
      return refused;
    }
    controls.hook?.({ ...entry });
    return faults.chosen(entry) ?? faults.forData(entry);
  }
}

/** Serves answers over a socket. */
export function listener(answers: Answers): RequestListener {
  return (incoming, response) => {
    const { method = 'GET', url = '/', headers } = incoming;
    const { authorization, host } = headers;
    const named = (name: string): string | undefined => {
      const value = headers[name];
      return typeof value === 'string' ? value : undefined;
    };
    answers({
      ...{ method, url, authorization, host },
      headers: Object.fromEntries(namedHeaders.map((name) => [name, named(name)])),
      body: () => readBody(incoming),
      stream: () => incoming,
    }).then(
      (outcome) => {
        if (outcome === 'drop') incoming.socket.destroy();
        else if (outcome.content !== undefined && method !== 'HEAD') {
          return sendContent(response, outcome, outcome.content);
        } else send(incoming, response, outcome);
        return undefined;
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

function send(incoming: IncomingMessage, response: ServerResponse, answer: Answer): void {
  const { status, headers, body = '', content, cut = false } = answer;
  // Sending a text over TLS takes several times as long as sending its bytes.
  const bytes = Buffer.from(body);
  if (cut && (bytes.length === 0 || incoming.method === 'HEAD')) {
    incoming.socket.destroy();
    return;
  }
  response.writeHead(status, { 'Content-Length': content?.size ?? bytes.length, ...headers });
  if (cut) response.write(bytes.subarray(0, bytes.length / 2), () => incoming.socket.destroy());
  else response.end(incoming.method === 'HEAD' ? undefined : bytes);
}

type Content = NonNullable<Answer['content']>;

async function sendContent(
  response: ServerResponse,
  { status, headers, cut }: Answer,
  content: Content,
): Promise<void> {
  response.writeHead(status, { 'Content-Length': content.size, ...headers });
  const chunks = cut === true ? halfOf(content) : content.chunks();
  // A client that goes away is no fault, and neither is a content that was deleted meanwhile: the answer breaks off.
  await pipeline(Readable.from(chunks, { objectMode: false }), response, { end: cut !== true }).catch(() => undefined);
  if (cut === true) response.destroy();
}

/** The first half of a content. */
export async function* halfOf({ size, chunks }: Content): AsyncGenerator<Uint8Array> {
  let left = Math.floor(size / 2);
  for await (const chunk of chunks()) {
    if (left <= 0) return;
    yield chunk.subarray(0, left);
    left -= chunk.length;
  }
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

import { createSecureContext } from 'node:tls';
import { promisify } from 'node:util';
import { unzip } from 'node:zlib';
import {
  createHttpHeaders,
  type HttpClient,
  type PipelineRequest,
  type PipelineResponse,
  RestError,
} from '@azure/core-rest-pipeline';
import { Agent, type Dispatcher, EnvHttpProxyAgent } from 'undici';
import type { Clock } from './clock.ts';
import { isHeldBack, StaleLookError, StoppedError } from './errors.ts';
import { LOOK_READS } from './queue.ts';
import { signalOf, ticketOf } from './request.ts';

/** No answer of a registry takes longer. */
const TIMEOUT_MS = 100_000;

/** An idle connection is closed after this time, even where the registry would keep it longer. */
const IDLE_MS = 15_000;

/** A page of 1,000 manifests is about half a megabyte; a manifest may have 4 MiB at most. */
const MAX_ANSWER_BYTES = 32 * 1024 * 1024;

export interface HttpClientOptions {
  /** A certificate authority to trust besides the system's (PEM). */
  readonly certificate: string | undefined;
  /** For reads, besides those of looks, and as many for changes: a change never waits for a read. */
  readonly connections: number;
  readonly clock: Clock;
  /** How requests are sent. Absent: over TLS. */
  readonly dispatcher?: Dispatcher | undefined;
}

/**
 * Sends the requests of the Azure pipelines over undici, which takes half the processor time of `node:https`. Ends a call
 * that takes too long or whose answer is too large, so that a hanging or hostile registry cannot stop a run. An answer that
 * breaks off is an error here, inside the retries.
 *
 * A read ends at once where its signal is aborted. For a change that was sent it waits for the answer, because the registry
 * may have made the change.
 */
export function httpClient({ certificate, connections, clock, dispatcher }: HttpClientOptions): HttpClient {
  const [reads, changes] = [
    dispatcher ?? dispatcherFor(certificate, connections + LOOK_READS),
    dispatcher ?? dispatcherFor(certificate, connections),
  ];
  return { sendRequest: (request) => send(request.method === 'GET' ? reads : changes, request, clock) };
}

function dispatcherFor(certificate: string | undefined, connections: number): Dispatcher {
  // Shared by all connections: making one takes as long as ten calls.
  const secureContext = createSecureContext(certificate === undefined ? {} : { ca: certificate });
  const tls = { secureContext };
  // One call at a time on a connection, and one time limit for the whole call.
  const options = {
    connections,
    pipelining: 1,
    headersTimeout: 0,
    bodyTimeout: 0,
    keepAliveMaxTimeout: IDLE_MS,
    connect: tls,
  };
  // As the SDK does: one proxy for everything, whichever variable names it.
  const proxy = environment('HTTPS_PROXY') ?? environment('ALL_PROXY') ?? environment('HTTP_PROXY');
  if (proxy === undefined) return new Agent(options);
  return new EnvHttpProxyAgent({ ...options, requestTls: tls, httpProxy: proxy, httpsProxy: proxy });
}

function environment(name: string): string | undefined {
  return [process.env[name], process.env[name.toLowerCase()]].find((value) => value !== undefined && value !== '');
}

async function send(dispatcher: Dispatcher, request: PipelineRequest, clock: Clock): Promise<PipelineResponse> {
  const { status, headers, body } = await exchange(dispatcher, request, clock);
  const response = { request, status, headers: createHttpHeaders(headers) };
  const encoding = response.headers.get('content-encoding')?.toLowerCase() ?? 'identity';
  if (encoding === 'identity' || body.length === 0) return { ...response, bodyAsText: body.toString('utf8') };
  return { ...response, bodyAsText: await unpack(body, encoding, request) };
}

type Headers = Parameters<typeof createHttpHeaders>[0];

interface Exchanged {
  readonly status: number;
  readonly headers: Headers;
  readonly body: Buffer;
}

function exchange(dispatcher: Dispatcher, request: PipelineRequest, clock: Clock): Promise<Exchanged> {
  const { body } = request;
  const { origin, path } = addressOf(request.url);
  const signal = request.method === 'GET' ? signalOf(request) : undefined;
  if (signal?.aborted) return Promise.reject(new StoppedError('ask the registry'));
  return new Promise((resolve, reject) => {
    if (body !== undefined && typeof body !== 'string') throw new TypeError('only texts are sent to a registry');
    const chunks: Buffer[] = [];
    let [status, bytes] = [0, 0];
    let headers: Headers;
    let controller: Dispatcher.DispatchController | undefined;
    let ended: Error | undefined;
    const done = (): void => {
      timer.cancel();
      signal?.removeEventListener('abort', stop);
    };
    const end = (error: Error): void => {
      ended = error;
      done();
      controller?.abort(error);
      reject(error);
    };
    const stop = (): void => end(new StoppedError('ask the registry'));
    const timer = clock.after(TIMEOUT_MS, () => {
      end(new RestError(`no answer within ${TIMEOUT_MS / 1000} s`, { code: 'ETIMEDOUT', request }));
    });
    signal?.addEventListener('abort', stop, { once: true });
    dispatcher.dispatch(
      { origin, path, method: request.method, headers: request.headers.toJSON(), body: body ?? null },
      {
        onRequestStart(started) {
          controller = started;
          if (ended) started.abort(ended);
          // The connection is open, and nothing is written to it yet: the last moment at which the call can be held back.
          if (ticketOf(request)?.signal?.aborted) throw new StoppedError('send to the registry');
          if (ticketOf(request)?.isStale()) throw new StaleLookError('send to the registry');
        },
        onResponseStart(_, code, fields) {
          status = code;
          headers = fields as Headers;
        },
        onResponseData(_, chunk) {
          bytes += chunk.length;
          chunks.push(chunk);
          if (bytes > MAX_ANSWER_BYTES) end(tooLarge(request));
        },
        onResponseEnd() {
          done();
          const [first, second] = chunks;
          resolve({ status, headers, body: first && !second ? first : Buffer.concat(chunks) });
        },
        onResponseError(_, error) {
          done();
          reject(isHeldBack(error) ? error : new RestError(error.message, { code: codeOf(error), request }));
        },
      },
    );
  });
}

/** Parses most URLs without `URL`, which is slow. */
function addressOf(url: string): { readonly origin: string; readonly path: string } {
  const [, origin, path] = /^(https:\/\/[\w.:[\]-]+)(\/[^#]*)?$/.exec(url) ?? [];
  if (origin !== undefined) return { origin, path: path ?? '/' };
  const { protocol, origin: strange, pathname, search } = new URL(url);
  if (protocol !== 'https:') throw new Error(`${strange} is not asked: it does not speak https`);
  return { origin: strange, path: pathname + search };
}

const decompress = promisify(unzip);

/** Unpacks an answer: the SDK accepts compressed ones. */
async function unpack(body: Buffer, encoding: string, request: PipelineRequest): Promise<string> {
  if (!['gzip', 'x-gzip', 'deflate'].includes(encoding))
    throw new RestError(`the answer has the encoding ${encoding}`, { request });
  try {
    return (await decompress(body, { maxOutputLength: MAX_ANSWER_BYTES })).toString('utf8');
  } catch (error) {
    if (codeOf(error) === 'ERR_BUFFER_TOO_LARGE') throw tooLarge(request);
    throw new RestError(`the answer cannot be unpacked: ${(error as Error).message}`, { code: 'PARSE_ERROR', request });
  }
}

function tooLarge(request: PipelineRequest): RestError {
  return new RestError(`the answer is larger than ${MAX_ANSWER_BYTES} bytes`, { code: 'TOO_LARGE', request });
}

/** The usual codes for codes that only undici has. */
const KNOWN_AS: Readonly<Record<string, string>> = {
  // The connection was closed, or the answer broke off in the middle.
  UND_ERR_SOCKET: 'ECONNRESET',
  UND_ERR_RES_CONTENT_LENGTH_MISMATCH: 'ECONNRESET',
};

function codeOf(error: unknown): string {
  const { code } = error as { readonly code?: unknown };
  return typeof code === 'string' ? (KNOWN_AS[code] ?? code) : RestError.REQUEST_SEND_ERROR;
}

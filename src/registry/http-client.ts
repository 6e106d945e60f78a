import { Readable } from 'node:stream';
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
import { isRead, isStopped, signalOf, ticketOf } from './request.ts';

/** No answer of a registry takes longer. Of one that is read as it arrives: no part of it. */
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

/** What of a blob waits in memory for the one who reads it. */
const AHEAD_BYTES = 256 * 1024;

/**
 * Sends the requests of the Azure pipelines over undici, which takes half the processor time of `node:https`. Ends a call
 * that takes too long or whose answer is too large, so that a hanging or hostile registry cannot stop a run. An answer that
 * breaks off is an error here, inside the retries.
 *
 * A read ends at once where its signal is aborted. For a change that was sent it waits for the answer, because the registry
 * may have made the change.
 *
 * What a request says is to be streamed (`streamResponseStatusCodes`) is answered as soon as it begins, over connections of
 * its own: a layer that takes minutes does not keep a look waiting.
 */
export function httpClient({ certificate, connections, clock, dispatcher }: HttpClientOptions): HttpClient {
  const [reads, changes] = [
    dispatcher ?? dispatcherFor(certificate, connections + LOOK_READS),
    dispatcher ?? dispatcherFor(certificate, connections),
  ];
  // Made when it is needed: most runs read no blob.
  let streams = dispatcher;
  const dispatcherOf = (request: PipelineRequest): Dispatcher => {
    if (!isRead(request)) return changes;
    if (!request.streamResponseStatusCodes) return reads;
    return (streams ??= dispatcherFor(certificate, null));
  };
  return { sendRequest: (request) => send(dispatcherOf(request), request, clock) };
}

function dispatcherFor(certificate: string | undefined, connections: number | null): Dispatcher {
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
  if (body instanceof Readable) {
    if (encoding === 'identity') return { ...response, readableStreamBody: body };
    body.destroy();
    throw unknownEncoding(encoding, request);
  }
  const plain = encoding === 'identity' || body.length === 0 ? body : await unpack(body, encoding, request);
  const answered = { ...response, bodyAsText: plain.toString('utf8') };
  bytes.set(answered, plain);
  return answered;
}

const bytes = new WeakMap<PipelineResponse, Buffer>();

/** The bytes of an answer that was not streamed: as a text it has others where it is no UTF-8. */
export function bytesOf(response: PipelineResponse): Buffer {
  return bytes.get(response) ?? Buffer.from(response.bodyAsText ?? '');
}

type Headers = Parameters<typeof createHttpHeaders>[0];

interface Exchanged {
  readonly status: number;
  readonly headers: Headers;
  /** A stream ends with an error where the answer breaks off. */
  readonly body: Buffer | Readable;
}

function exchange(dispatcher: Dispatcher, request: PipelineRequest, clock: Clock): Promise<Exchanged> {
  const { body } = request;
  const { origin, path } = addressOf(request.url);
  const signal = isRead(request) ? signalOf(request) : undefined;
  if (signal?.aborted) return Promise.reject(new StoppedError('ask the registry'));
  return new Promise((resolve, reject) => {
    if (body !== undefined && typeof body !== 'string' && !(body instanceof Uint8Array))
      throw new TypeError('only texts and bytes are sent to a registry');
    const chunks: Buffer[] = [];
    let [status, received] = [0, 0];
    let headers: Headers;
    let stream: Readable | undefined;
    let controller: Dispatcher.DispatchController | undefined;
    let ended: Error | undefined;
    const done = (): void => {
      timer.cancel();
      signal?.removeEventListener('abort', stop);
    };
    const fail = (error: Error): void => {
      done();
      if (stream) stream.destroy(error);
      else reject(error);
    };
    const end = (error: Error): void => {
      ended = error;
      controller?.abort(error);
      fail(error);
    };
    const stop = (): void => end(new StoppedError('ask the registry'));
    const limit = () =>
      clock.after(TIMEOUT_MS, () => {
        end(new RestError(`no answer within ${TIMEOUT_MS / 1000} s`, { code: 'ETIMEDOUT', request }));
      });
    let timer = limit();
    signal?.addEventListener('abort', stop, { once: true });

    /** What arrives is passed on at the pace at which it is read. */
    const newStream = (): Readable => {
      const made = new Readable({
        highWaterMark: AHEAD_BYTES,
        read: () => controller?.resume(),
        destroy(error, called) {
          done();
          // The one who reads it has had enough of it.
          if (!made.readableEnded) controller?.abort(error ?? new Error('the rest is not wanted'));
          called(error);
        },
      });
      // It may break off before it is read: then it is the reader that is told.
      return made.on('error', () => undefined);
    };

    dispatcher.dispatch(
      { origin, path, method: request.method, headers: request.headers.toJSON(), body: body ?? null },
      {
        onRequestStart(started) {
          controller = started;
          if (ended) started.abort(ended);
          // The connection is open, and nothing is written to it yet: the last moment at which the call can be held back.
          if (!isRead(request) && isStopped(signalOf(request))) throw new StoppedError('send to the registry');
          if (ticketOf(request)?.isStale()) throw new StaleLookError('send to the registry');
        },
        onResponseStart(_, code, fields) {
          status = code;
          headers = fields as Headers;
          if (!request.streamResponseStatusCodes?.has(code)) return;
          stream = newStream();
          resolve({ status, headers, body: stream });
        },
        onResponseData(started, chunk) {
          if (stream) {
            timer.cancel();
            timer = limit();
            if (!stream.push(chunk)) started.pause();
            return;
          }
          received += chunk.length;
          chunks.push(chunk);
          if (received > MAX_ANSWER_BYTES) end(tooLarge(request));
        },
        onResponseEnd() {
          done();
          if (stream) {
            stream.push(null);
            return;
          }
          const [first, second] = chunks;
          resolve({ status, headers, body: first && !second ? first : Buffer.concat(chunks) });
        },
        onResponseError(_, error) {
          fail(isHeldBack(error) ? error : new RestError(error.message, { code: codeOf(error), request }));
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
async function unpack(body: Buffer, encoding: string, request: PipelineRequest): Promise<Buffer> {
  if (!['gzip', 'x-gzip', 'deflate'].includes(encoding)) throw unknownEncoding(encoding, request);
  try {
    return await decompress(body, { maxOutputLength: MAX_ANSWER_BYTES });
  } catch (error) {
    if (codeOf(error) === 'ERR_BUFFER_TOO_LARGE') throw tooLarge(request);
    throw new RestError(`the answer cannot be unpacked: ${(error as Error).message}`, { code: 'PARSE_ERROR', request });
  }
}

function unknownEncoding(encoding: string, request: PipelineRequest): RestError {
  return new RestError(`the answer has the encoding ${encoding}`, { request });
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

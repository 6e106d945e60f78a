import { setImmediate } from 'node:timers/promises';
import type { Dispatcher } from 'undici';
import { halfOf, type Answers } from './server.ts';

/** Tells `handler` what it would be told of an answer that comes over a connection. */
export async function exchange(
  answers: Answers,
  host: string,
  { method, path, headers, body }: Dispatcher.DispatchOptions,
  handler: Dispatcher.DispatchHandler,
): Promise<void> {
  let reason = null as Error | null;
  const isAborted = (): boolean => reason !== null;
  let paused = undefined as { readonly over: Promise<void>; readonly end: () => void } | undefined;
  const controller: Dispatcher.DispatchController = {
    get aborted() {
      return isAborted();
    },
    get reason() {
      return reason;
    },
    get paused() {
      return paused !== undefined;
    },
    abort(error) {
      if (reason) return;
      reason = error;
      controller.resume();
      queueMicrotask(() => handler.onResponseError?.(controller, error));
    },
    pause: () => {
      if (paused !== undefined) return;
      let end = (): void => undefined;
      const over = new Promise<void>((resolve) => (end = resolve));
      paused = { over, end };
    },
    resume: () => {
      paused?.end();
      paused = undefined;
    },
  };
  // As over a socket, other work gets its turn between a request and its answer.
  await setImmediate();
  try {
    handler.onRequestStart?.(controller, {});
    if (isAborted()) return;
    const named = Object.fromEntries(
      Object.entries(headers ?? {}).map(([name, value]) => [name.toLowerCase(), value as string | undefined]),
    );
    const answer = await answers({
      method,
      url: path,
      authorization: named['authorization'],
      host,
      headers: named,
      body: async () =>
        typeof body === 'string' ? body : Buffer.concat(await Array.fromAsync(chunksOf(body))).toString(),
      stream: () => chunksOf(body),
    });
    if (isAborted()) return;
    if (answer === 'drop') throw closed();
    const bytes = Buffer.from(answer.body ?? '');
    const content = answer.content ?? { size: bytes.length, chunks: () => chunksOf(bytes) };
    const fields = Object.entries({ 'Content-Length': String(content.size), ...answer.headers });
    const lower = fields.map(([name, value]) => [name.toLowerCase(), value] as const);
    if (answer.cut === true && content.size === 0) throw closed();
    handler.onResponseStart?.(controller, answer.status, Object.fromEntries(lower));
    if (method !== 'HEAD') {
      for await (const chunk of answer.cut === true ? halfOf(content) : content.chunks()) {
        handler.onResponseData?.(controller, Buffer.from(chunk));
        await paused?.over;
        if (isAborted()) return;
      }
    }
    if (answer.cut === true) throw closed();
    handler.onResponseEnd?.(controller, {});
  } catch (error) {
    handler.onResponseError?.(controller, error as Error);
  }
}

/** What undici says of a connection that the server has closed. */
function closed(): Error {
  return Object.assign(new Error('other side closed'), { code: 'UND_ERR_SOCKET' });
}

/** The body of a request, as undici takes it. */
async function* chunksOf(body: Dispatcher.DispatchOptions['body']): AsyncGenerator<Uint8Array> {
  if (typeof body === 'string') yield Buffer.from(body);
  else if (body instanceof Uint8Array) yield body;
  else if (body !== null && body !== undefined && Symbol.asyncIterator in body) {
    for await (const chunk of body as AsyncIterable<string | Uint8Array>) yield Buffer.from(chunk);
  }
}

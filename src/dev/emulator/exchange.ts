import { setImmediate } from 'node:timers/promises';
import type { Dispatcher } from 'undici';
import type { Answers } from './server.ts';

/** Tells `handler` what it would be told of an answer that comes over a connection. */
export async function exchange(
  answers: Answers,
  host: string,
  { method, path, headers, body }: Dispatcher.DispatchOptions,
  handler: Dispatcher.DispatchHandler,
): Promise<void> {
  let reason = null as Error | null;
  const isAborted = (): boolean => reason !== null;
  const controller: Dispatcher.DispatchController = {
    get aborted() {
      return isAborted();
    },
    get reason() {
      return reason;
    },
    paused: false,
    abort(error) {
      if (reason) return;
      reason = error;
      queueMicrotask(() => handler.onResponseError?.(controller, error));
    },
    pause: () => undefined,
    resume: () => undefined,
  };
  // As over a socket, other work gets its turn between a request and its answer.
  await setImmediate();
  try {
    handler.onRequestStart?.(controller, {});
    if (isAborted()) return;
    const { authorization } = headers as Readonly<Record<string, string | undefined>>;
    const answer = await answers({
      method,
      url: path,
      authorization,
      host,
      body: () => Promise.resolve(typeof body === 'string' ? body : ''),
    });
    if (isAborted()) return;
    if (answer === 'drop') throw Object.assign(new Error('other side closed'), { code: 'UND_ERR_SOCKET' });
    const named = Object.entries(answer.headers ?? {}).map(([name, value]) => [name.toLowerCase(), value] as const);
    handler.onResponseStart?.(controller, answer.status, Object.fromEntries(named));
    if (answer.body !== undefined && method !== 'HEAD') handler.onResponseData?.(controller, Buffer.from(answer.body));
    handler.onResponseEnd?.(controller, {});
  } catch (error) {
    handler.onResponseError?.(controller, error as Error);
  }
}

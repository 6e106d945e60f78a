import type { Dispatcher } from 'undici';
import type { Answer } from '../../../src/dev/emulator/answers.ts';

/** A request of undici that is under way. */
export class Controller implements Dispatcher.DispatchController {
  readonly paused = false;
  reason: Error | null = null;
  readonly #handler: Dispatcher.DispatchHandler;

  constructor(handler: Dispatcher.DispatchHandler) {
    this.#handler = handler;
  }

  get aborted(): boolean {
    return this.reason !== null;
  }

  abort(error: Error): void {
    if (this.reason) return;
    this.reason = error;
    queueMicrotask(() => this.#handler.onResponseError?.(this, error));
  }

  pause(): void {
    // Answers come whole.
  }

  resume(): void {
    // The same.
  }
}

/** Tells undici the answer to a request. */
export function respond(
  handler: Dispatcher.DispatchHandler,
  controller: Controller,
  method: string,
  answer: Answer | Error,
): void {
  if (answer instanceof Error) {
    handler.onResponseError?.(controller, answer);
    return;
  }
  const { status, headers = {}, body } = answer;
  const named = Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value] as const);
  handler.onResponseStart?.(controller, status, Object.fromEntries(named));
  if (body !== undefined && method !== 'HEAD') handler.onResponseData?.(controller, Buffer.from(body));
  handler.onResponseEnd?.(controller, {});
}

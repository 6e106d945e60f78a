import { DecoratorHandler, Dispatcher } from 'undici';
import { exchange } from './exchange.ts';
import type { Answers } from './server.ts';

/*
 * An embedded registry without sockets: the SDK, its pipeline and the HTTP client are the real ones, and only what has the
 * connections is another. A call costs a tenth of one over TLS.
 */

/** Sends every request to a registry of this process. */
export class InProcess extends Dispatcher {
  readonly #answers: Answers;

  constructor(answers: Answers) {
    super();
    this.#answers = answers;
  }

  override dispatch(options: Dispatcher.DispatchOptions, handler: Dispatcher.DispatchHandler): boolean {
    // `request` of undici still has handlers of its older interface, which this one translates.
    const told = handler.onRequestStart ? handler : new DecoratorHandler(handler);
    void exchange(this.#answers, new URL(options.origin ?? '').host, options, told);
    return true;
  }
}

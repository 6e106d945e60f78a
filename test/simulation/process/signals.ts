import { getEventListeners } from 'node:events';

/*
 * Signals that stand for several. Node holds each of them for as long as something listens to it and it may be aborted: in a
 * process that was killed that is for ever, and with it all that its story has made.
 */

let made: AbortSignal[] = [];

/** To be called before anything else is loaded: some modules keep what they find. */
export function replaceSignals(): void {
  const any = AbortSignal.any.bind(AbortSignal);
  AbortSignal.any = (signals) => {
    const signal = any(signals);
    if (!signal.aborted) made.push(signal);
    return signal;
  };
}

/** Lets go of the signals of stories that are over. */
export function forgetSignals(): void {
  for (const signal of made)
    for (const listener of getEventListeners(signal, 'abort')) signal.removeEventListener('abort', listener as never);
  made = [];
}

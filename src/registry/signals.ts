import { setMaxListeners } from 'node:events';
import type { PipelinePolicy, PipelineRequest } from '@azure/core-rest-pipeline';

const signals = new WeakMap<PipelineRequest, AbortSignal>();

/** The signal that stops a request, where it has one. */
export function signalOf(request: PipelineRequest): AbortSignal | undefined {
  return signals.get(request);
}

/**
 * Takes the signal to stop off a request, and keeps it. The SDK would give up what is under way, and not tell whether a
 * deletion was carried out. Here a read is given up at once, since reading changes nothing; of a change no further
 * attempt is begun, and the one under way is waited for.
 */
export function keepsSignal(): PipelinePolicy {
  return {
    name: 'acrRetentionSignal',
    sendRequest(request, next) {
      if (request.abortSignal instanceof AbortSignal) {
        // All calls of a run wait with the one signal of it: no leak that Node should warn people of.
        setMaxListeners(0, request.abortSignal);
        signals.set(request, request.abortSignal);
      }
      delete request.abortSignal;
      return next(request);
    },
  };
}

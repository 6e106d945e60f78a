import match from '../../../../src/engine/match-worker.ts';
import type { Matched, Matching } from '../../../../src/engine/matching.ts';

/** Matches in this thread, with a copy of what is asked, as a worker has it. A pattern that never ends is not ended. */
export const pool = {
  async run(matching: Matching, signal: AbortSignal): Promise<Matched> {
    await Promise.resolve();
    signal.throwIfAborted();
    return structuredClone(match(structuredClone(matching)));
  },
};

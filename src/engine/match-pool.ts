import { extname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Tinypool } from 'tinypool';
import type { Matched, Matching } from './matching.ts';

/*
 * The workers that match. A module of its own, imported when the first match is asked for: what matches nothing starts
 * no worker, and bundled it stands among the chunks, beside the code of its workers (see `bundle` in package.json).
 */

/** Sources, in tests, or built. */
const SELF = fileURLToPath(import.meta.url);

/** A worker that has nothing to do is ended after this. It does not keep the process alive before. */
const IDLE_MS = 60_000;

const workers = new Tinypool({
  filename: new URL(`./match-worker${extname(SELF)}`, import.meta.url).href,
  minThreads: 0,
  maxThreads: 2,
  idleTimeout: IDLE_MS,
});

export const pool = {
  /** Ends the worker where `signal` is aborted. */
  run: (matching: Matching, signal: AbortSignal): Promise<Matched> =>
    workers.run(matching, { signal }) as Promise<Matched>,
};

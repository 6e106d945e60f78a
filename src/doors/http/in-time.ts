import { setTimeout } from 'node:timers/promises';
import type { HttpResponseInit } from '@azure/functions';
import type { Log } from '../../report/log.ts';
import { acceptedResponse } from './responses.ts';
import { answer, type Negotiated, type Write } from './answer.ts';
import type { Client } from './handler.ts';
import { isExpected, logFault } from './problem.ts';
import type { Patience } from './prefer.ts';

/** What the work of an answer is given. */
export interface Waiting {
  /** Aborted when the client disconnects while it waits. After a 202 it may: the run continues. */
  readonly signal: AbortSignal;
  /** Takes a piece of the answer, and drops it once the client has had a 202. */
  readonly write: Write;
  /** To be called once the run is recorded: from then on a client can follow it. */
  readonly onBegin: (runId: string) => void;
}

export interface InTime {
  readonly negotiated: Negotiated;
  readonly client: Client;
  readonly patience: Patience;
  readonly log: Log;
  /** Called after a 202. */
  readonly onLate?: (() => void) | undefined;
}

/** What a 202 says. True for every kind of ledger. */
const CONTINUES =
  'the dry run continues; look at run for how far it is, and at decisions for its result. ' +
  'Both are kept where RETENTION_STORAGE says; without it, until this instance ends';

/** The run takes longer than the client waits. */
class TooLate extends Error {
  override readonly name = 'TooLate';
  readonly runId: string;

  constructor(runId: string) {
    super('the run continues after the answer');
    this.runId = runId;
  }
}

/**
 * Answers with what `work` writes or, where that takes longer than the client is patient, with 202 and the address of
 * the run. The run then continues to its end, and its record has the result.
 *
 * @throws whatever `work` throws while the client waits
 */
export async function answerInTime(
  { negotiated, client, patience, log, onLate }: InTime,
  work: (waiting: Waiting) => Promise<void>,
): Promise<HttpResponseInit> {
  const gone = new AbortController();
  const leave = (): void => gone.abort(client.signal.reason);
  if (client.signal.aborted) leave();
  client.signal.addEventListener('abort', leave, { once: true });

  let sink: Write | undefined;
  let begun: (runId: string) => void = () => undefined;
  const begins = new Promise<string>((resolve) => (begun = resolve));
  const start = (): Promise<void> =>
    work({
      signal: gone.signal,
      onBegin: begun,
      async write(piece) {
        try {
          await sink?.(piece);
        } catch (error) {
          // Its file was closed while it took the piece.
          if (sink) throw error;
        }
      },
    });
  const acceptLate = (running: Promise<void>, runId: string): HttpResponseInit => {
    client.signal.removeEventListener('abort', leave);
    onLate?.();
    running.catch((error: unknown) => {
      // An error that a caller would have been told stands in the record.
      if (!isExpected(error)) logFault(log, error);
    });
    return accepted(runId, patience);
  };

  if (patience.milliseconds === 0) {
    const running = start();
    const runId = await Promise.race([begins, running.then(() => begins)]);
    return acceptLate(running, runId);
  }
  const answered = new AbortController();
  const tooLate = setTimeout(patience.milliseconds, undefined, { signal: answered.signal, ref: false }).then(
    async () => {
      // Not before the run is recorded: a client could not find it.
      const runId = await begins;
      sink = undefined;
      throw new TooLate(runId);
    },
  );
  // Where the work ends first, this rejection is not awaited.
  tooLate.catch(() => undefined);
  let running = Promise.resolve();
  try {
    const headers = { ...VARY, ...appliedHeader(patience.applied.result) };
    const work = (write: Write): Promise<void> => {
      sink = write;
      running = start();
      return Promise.race([running, tooLate]);
    };
    return await answer(negotiated, client, work, headers);
  } catch (error) {
    if (!(error instanceof TooLate)) throw error;
    return acceptLate(running, error.runId);
  } finally {
    answered.abort();
  }
}

/** RFC 7240: a cache must know which headers an answer depends on, whether the request had them or not. */
const VARY = { Vary: 'Accept, Accept-Encoding, Prefer' };

function appliedHeader(applied: string): Readonly<Record<string, string>> {
  return applied === '' ? {} : { 'Preference-Applied': applied };
}

function accepted(runId: string, { applied }: Patience): HttpResponseInit {
  return acceptedResponse(runId, { detail: CONTINUES }, { ...VARY, ...appliedHeader(applied.accepted) });
}

/** Places for work that is under way, or waits for its turn. */
export interface Places {
  /**
   * Takes a place, without awaiting: two requests at the same time do not take the same one.
   * @returns gives it back; `undefined` where none is free
   */
  readonly take: () => (() => void) | undefined;
}

export function newPlaces(most: number): Places {
  const taken = new Set<symbol>();
  return {
    take() {
      if (taken.size >= most) return undefined;
      const place = Symbol('place');
      taken.add(place);
      return () => void taken.delete(place);
    },
  };
}

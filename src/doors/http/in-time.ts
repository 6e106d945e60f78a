import { setTimeout } from 'node:timers/promises';
import type { HttpResponseInit } from '@azure/functions';
import type { Log } from '../../report/log.ts';
import { acceptedResponse } from './accepted.ts';
import { answer, type Negotiated, type Write } from './answer.ts';
import type { Client } from './client.ts';
import { isExpected, logFault } from './problem.ts';
import type { Patience } from './prefer.ts';

/** What a run is given that somebody waits for, until it takes too long. */
export interface Waiting {
  /** Aborted where the client goes away. Whoever has been told where to look may: the run goes on. */
  readonly signal: AbortSignal;
  /** Takes a piece of the answer. Nothing is kept of it once nobody waits for it. */
  readonly write: Write;
  /** To be told once the run is recorded: from then on it can be looked at. */
  readonly onBegin: (runId: string) => void;
}

export interface InTime {
  readonly negotiated: Negotiated;
  readonly client: Client;
  readonly patience: Patience;
  readonly log: Log;
  /** Called once nobody waits any more. */
  readonly onLate?: (() => void) | undefined;
}

/** What the client is told of a run that goes on without it. Holds whatever the ledger is. */
const GOES_ON =
  'the dry run goes on; look at run for how far it is, and at decisions for its result. ' +
  'Both are kept where RETENTION_STORAGE says; without it, until this instance ends';

/** The run takes longer than its client waits. */
class TooLate extends Error {
  override readonly name = 'TooLate';
  readonly runId: string;

  constructor(runId: string) {
    super('the run goes on after the answer');
    this.runId = runId;
  }
}

/**
 * Answers with what `work` writes or, where that takes longer than the client is patient, with 202 and where the run is
 * to be found. It then goes on to its end, and what becomes of it is in its record.
 *
 * @throws whatever `work` throws while somebody waits
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
  const goOn = (running: Promise<void>, runId: string): HttpResponseInit => {
    client.signal.removeEventListener('abort', leave);
    onLate?.();
    running.catch((error: unknown) => {
      // What a caller would have been told stands in the record.
      if (!isExpected(error)) logFault(log, error);
    });
    return accepted(runId, patience);
  };

  if (patience.milliseconds === 0) {
    const running = start();
    const runId = await Promise.race([begins, running.then(() => begins)]);
    return goOn(running, runId);
  }
  const answered = new AbortController();
  const tooLate = setTimeout(patience.milliseconds, undefined, { signal: answered.signal, ref: false }).then(
    async () => {
      // Not before there is something to be found.
      const runId = await begins;
      sink = undefined;
      throw new TooLate(runId);
    },
  );
  // Where the work ends first, nobody waits for this.
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
    return goOn(running, error.runId);
  } finally {
    answered.abort();
  }
}

/** RFC 7240: a cache must know what an answer depends on, whether it was asked for or not. */
const VARY = { Vary: 'Accept, Accept-Encoding, Prefer' };

function appliedHeader(applied: string): Readonly<Record<string, string>> {
  return applied === '' ? {} : { 'Preference-Applied': applied };
}

function accepted(runId: string, { applied }: Patience): HttpResponseInit {
  return acceptedResponse(runId, { detail: GOES_ON }, { ...VARY, ...appliedHeader(applied.accepted) });
}

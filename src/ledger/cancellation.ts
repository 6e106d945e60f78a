import { parse } from './parse.ts';
import { pathsOf } from './paths.ts';
import { cancellationSchema } from './schemas.ts';
import { ConflictError, type Store } from './store/store.ts';
import { type Cancellation, cancelStop, type RunRecord } from './records.ts';

/*
 * Whoever cancels a run need not be the process that works on it, and only that one may write the run's record. So a
 * cancellation is a file of its own beside the record. It holds from the moment that it is there: whoever reads the
 * record reads it along, whether the run has noticed it, ends for another reason before it does, or its process dies.
 */

export async function cancellationIn(store: Store, id: string): Promise<Cancellation | undefined> {
  const path = pathsOf(id).cancellation;
  const file = await store.read(path);
  return file && parse(store, path, cancellationSchema, file.text);
}

/** Writes it down, where nobody has done so before. */
export async function writeCancellation(store: Store, id: string, cancellation: Cancellation): Promise<void> {
  try {
    await store.write(pathsOf(id).cancellation, `${JSON.stringify(cancellation)}\n`, 'absent');
  } catch (error) {
    if (!(error instanceof ConflictError)) throw error;
  }
}

/** Whether nothing could go on with a run any more, so that there is nothing to cancel. */
export function isFinal({ state }: Pick<RunRecord, 'state'>): boolean {
  return state === 'done' || state === 'waiting' || state === 'failed';
}

/** A record, with what was asked of its run since it was written. */
export function withCancellation(record: RunRecord, cancellation: Cancellation | undefined): RunRecord {
  if (!cancellation || isFinal(record)) return record;
  const cancelled = { ...record, cancelled: cancellation };
  if (record.state === 'running') return cancelled;
  return { ...cancelled, state: 'stopped', stopped: cancelStop(record, cancellation) };
}

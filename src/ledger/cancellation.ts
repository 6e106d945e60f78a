import { parse } from './parse.ts';
import { pathsOf } from './paths.ts';
import { cancellationSchema } from './schemas.ts';
import { ConflictError, type Store } from './store/store.ts';
import { commandInWords } from './command.ts';
import type { Cancellation, RunRecord, Stop } from './records.ts';

/*
 * A run may be cancelled by another process than the one that works on it, which is the only one to write its record. So
 * a cancellation is a file of its own beside the record. It holds as soon as it is written: every reader of the record
 * reads it along, whether or not the run has noticed it before it ended.
 */

export async function cancellationIn(store: Store, id: string): Promise<Cancellation | undefined> {
  const path = pathsOf(id).cancellation;
  const file = await store.read(path);
  return file && parse(store, path, cancellationSchema, file.text);
}

/** Records a cancellation, where there is none yet. */
export async function writeCancellation(store: Store, id: string, cancellation: Cancellation): Promise<void> {
  try {
    await store.write(pathsOf(id).cancellation, `${JSON.stringify(cancellation)}\n`, 'absent');
  } catch (error) {
    if (!(error instanceof ConflictError)) throw error;
  }
}

/** Whether a run has ended and cannot be resumed, so that there is nothing to cancel. */
export function isFinal({ state }: Pick<RunRecord, 'state'>): boolean {
  return state === 'done' || state === 'waiting' || state === 'failed';
}

/** A record, with the cancellation that was asked for since it was written. */
export function withCancellation(record: RunRecord, cancellation: Cancellation | undefined): RunRecord {
  if (!cancellation || isFinal(record)) return record;
  const cancelled = { ...record, cancelled: cancellation };
  if (record.state === 'running') return cancelled;
  return { ...cancelled, state: 'stopped', stopped: cancelStop(record, cancellation) };
}

/** Why a cancelled run ended, for its record. */
export function cancelStop(
  run: Pick<RunRecord, 'id' | 'progress' | 'sources' | 'evidence' | 'archive'>,
  cancellation: Cancellation,
): Stop {
  const { done, of } = run.progress;
  const far =
    of === 0 ? 'the repositories had not been listed yet' : `${done} of ${of} repositories done, ${of - done} left`;
  const next = `to resume it all the same: ${commandInWords('resume', run)}`;
  return { by: 'cancel', detail: `${cancelledInWords(cancellation)}: ${far}; ${next}` };
}

/** The part of a sentence behind "stopped: ". */
export function cancelledInWords({ at, askedBy, by, actor }: Cancellation): string {
  if (actor) return `it was cancelled by ${actor.name} at ${at}`;
  const who = askedBy === 'request' ? 'by a request' : 'on the command line';
  const whose = askedBy === 'request' ? 'invocation ' : '';
  return `it was cancelled ${who}${by === undefined ? '' : ` (${whose}${by})`} at ${at}`;
}

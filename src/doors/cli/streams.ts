import { redact } from '../../ledger/redact/redact.ts';

type Stream = 'stdout' | 'stderr';
type Done = (error?: Error | null) => void;

const NAMES: Readonly<Record<Stream, string>> = { stdout: 'standard output', stderr: 'standard error' };

/** Standard output, or standard error, cannot be written any more. */
export class OutputLost extends Error {
  override readonly name = 'OutputLost';
  /** The reader has closed it, as `head` does, and need not be told. */
  readonly closed: boolean;

  constructor(stream: Stream, error: NodeJS.ErrnoException) {
    const closed = error.code === 'EPIPE';
    const why = closed ? 'was closed by its reader' : `cannot be written: ${error.message}`;
    super(`${NAMES[stream]} ${why}`, { cause: error });
    this.closed = closed;
  }
}

const lost = new AbortController();

/** Aborted with `OutputLost` when an output cannot be written any more: what is under way ends as on SIGTERM. */
export const outputLost: AbortSignal = lost.signal;

/**
 * Wraps standard output and standard error for everything that writes to them: secrets are redacted, and an output that
 * cannot be written ends the command in order instead of the process in the middle.
 */
export function guardStreams(): void {
  for (const name of ['stdout', 'stderr'] as const) {
    const stream = process[name];
    const write = stream.write.bind(stream) as (chunk: unknown, encoding: unknown, done: unknown) => boolean;
    const lose = (error: Error): void => lost.abort(new OutputLost(name, error));
    stream.on('error', lose);
    stream.write = (chunk: string | Uint8Array, encoding?: BufferEncoding | Done, done?: Done): boolean => {
      try {
        return write(typeof chunk === 'string' ? redact(chunk) : chunk, encoding, done);
      } catch (error) {
        // A file is written at once, and its errors may be thrown.
        lose(error as Error);
        const told = typeof encoding === 'function' ? encoding : done;
        if (told) process.nextTick(told, error);
        return true;
      }
    };
  }
}

/** Waits until everything is written, and says whether that is so. */
export async function allWritten(): Promise<boolean> {
  for (const name of ['stdout', 'stderr'] as const)
    await new Promise<void>((resolve) => process[name].write('', () => resolve()));
  return !outputLost.aborted;
}

import { setImmediate as nextTurn } from 'node:timers/promises';
import { printable } from '../../report/escape.ts';
import { outputOf } from '../../report/output.ts';
import { styleOf } from '../../report/style.ts';
import { renderSummary } from '../../report/text.ts';
import { type Display, accountHere } from './flags.ts';
import { showProgress } from './progress.ts';
import { outputLost } from './streams.ts';
import { write } from './write.ts';
import { type Decisions, type RunOptions, type RunSummary, StopReason } from '../../index.ts';

/** How long after a run that was stopped the process may take to end by itself. */
const EXIT_MS = 1_000;

export interface OutputOptions extends Pick<Display, 'output'>, Partial<Omit<Display, 'output'>> {
  /** The record ends with the process: no plan can be carried out later. */
  readonly passing?: boolean;
  /** A source of findings is asked: a table has columns for them. */
  readonly withFindings?: boolean;
}

/** What a run is given to show itself and to be stopped by. */
export type Shown = Pick<RunOptions, 'signal' | 'watch' | 'onDecisions' | 'startedBy' | 'by' | 'actor' | 'log'>;

/**
 * Shows a run while it works, and ends it between deletions at the first Ctrl-C. Without a summary, nothing is shown at
 * the end.
 */
export async function show<T extends RunSummary | undefined>(
  { output: form, listed = 'none', style, passing = false, withFindings = false, log }: OutputOptions,
  stdout: NodeJS.WriteStream,
  work: (shown: Shown) => Promise<T>,
): Promise<T> {
  const stop = new AbortController();
  const interrupt = (signal: NodeJS.Signals): void => {
    // With what the run rests on, its summary says the command: without that it is refused.
    const later = passing ? '' : ' How to resume the run is said at its end.';
    process.stderr.write(`Stopping: what is under way is finished, nothing else is begun.${later}\n`);
    stop.abort(new StopReason('signal', `it was told to stop (${signal})`));
  };
  // Deletions could not be shown: the run ends as it does on SIGTERM.
  const withoutOutput = (): void =>
    stop.abort(new StopReason('signal', (outputLost.reason as Error | undefined)?.message ?? 'its output was lost'));
  if (outputLost.aborted) withoutOutput();
  outputLost.addEventListener('abort', withoutOutput, { once: true });
  process.once('SIGINT', interrupt).once('SIGTERM', interrupt);
  const output = outputOf(form, listed, style, withFindings);
  const progress = showProgress(process.stderr);
  try {
    const summary = await work({
      startedBy: 'command line',
      ...accountHere(),
      signal: stop.signal,
      watch: progress.watch,
      onDecisions: async (decisions: Decisions) => {
        for (const piece of output.decisions(decisions)) {
          await write(piece, stdout).catch(lostOnly);
          // A write to a file ends at once, and the next piece would follow in the same turn of the event loop.
          await nextTurn();
        }
      },
      ...(log && { log }),
    });
    progress.stop();
    if (summary) await write(output.end(passing ? withoutPlan(summary) : summary), stdout).catch(lostOnly);
    // A table of decisions has no place for the summary.
    if (summary && form === 'csv')
      process.stderr.write(
        renderSummary(passing ? withoutPlan(summary) : summary, styleOf(process.stderr, process.env)),
      );
    // The text says them itself, and so does the log.
    for (const warning of form === 'text' || form === 'csv' || log ? [] : (summary?.warnings ?? []))
      process.stderr.write(`Warning: ${printable(warning)}\n`);
    return summary;
  } finally {
    progress.stop();
    process.off('SIGINT', interrupt).off('SIGTERM', interrupt);
    outputLost.removeEventListener('abort', withoutOutput);
    // Reads whose results are not awaited any more, and their retries, would keep the process.
    if (stop.signal.aborted) setTimeout(() => process.exit(), EXIT_MS).unref();
  }
}

/** A run whose output is lost has been told to stop, and closes its record. */
async function lostOnly(error: unknown): Promise<void> {
  // The stream reports it as well, in a moment.
  await new Promise((resolve) => setImmediate(resolve));
  if (!outputLost.aborted) throw error;
}

function withoutPlan(summary: RunSummary): RunSummary {
  const { plan, ...others } = summary;
  return plan ? others : summary;
}

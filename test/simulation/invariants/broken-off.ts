import type { Told } from './told.ts';

/** What began a run that broke off, and why it did: its process lives on, and nothing was wrong with the ledger. */
export interface BrokenOff {
  /** As records of runs name it. */
  readonly by: string;
  readonly message: string;
}

/** Runs that broke off, and whose records do not say so: they seem to run, or to have lost their process. */
export function unsaid(runs: readonly Told[], broken: readonly BrokenOff[]): readonly string[] {
  return broken.flatMap(({ by, message }) =>
    runs.flatMap(({ run }) => {
      const starts = [run.by, ...(run.resumed ?? []).map((one) => one.by)];
      if (!starts.includes(by) || run.cancelled) return [];
      const what = `${run.id} (${run.kind}, ${run.state}) broke off: ${message}`;
      if (starts.at(-1) !== by) return [`${what}; and it was resumed as if its process had ended`];
      return run.state === 'failed' && run.error ? [] : [`${what}; and its record does not say so`];
    }),
  );
}

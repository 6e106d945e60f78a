import type { Told } from './told.ts';

/*
 * Whether records of runs say what those were told who had begun them.
 */

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

/** What began a run was told that it has ended. */
export interface Answered {
  readonly id: string;
  /** As records of runs name it. */
  readonly by: string;
  /** All was done. */
  readonly succeeded: boolean;
}

/** Runs that were written over since they ended: by a process that did not know that another one had resumed them. */
export function writtenOver(runs: readonly Told[], answered: readonly Answered[]): readonly string[] {
  return answered.flatMap(({ id, by, succeeded }) => {
    const run = runs.find((one) => one.run.id === id)?.run;
    if (!run) return [`${by} was told of the run ${id}, which has no record`];
    const what = `${run.id} (${run.kind}, ${run.state})`;
    const starts = [run.by, ...(run.resumed ?? []).map((one) => one.by)];
    if (!starts.includes(by)) return [`${what} has forgotten that it was resumed by ${by}`];
    return succeeded && run.state !== 'done' ? [`${what} was done, as ${by} was told`] : [];
  });
}

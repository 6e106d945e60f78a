import { parseDuration } from './duration.ts';
import { PolicyError } from './errors.ts';

/** How long a run may take, before it is stopped between deletions. */
export interface TimeBudget {
  /** As it was given, for people. */
  readonly text: string;
  readonly milliseconds: number;
}

/** A timer of Node's counts to no more; nobody means a longer run. */
const LONGEST_DAYS = 24;

/**
 * Reads a time budget: a duration as `--ago` takes it, e.g. `25m`, `1h30m`.
 * @param name the flag or setting that it is the value of
 * @throws {PolicyError}
 */
export function parseTimeBudget(text: string, name: string): TimeBudget {
  if (/^\s*-/.test(text)) throw new PolicyError(name, text, 'must be longer than 0, e.g. 25m');
  const { milliseconds } = parseDuration(text, name);
  if (milliseconds === 0) throw new PolicyError(name, text, 'must be longer than 0, e.g. 25m');
  if (milliseconds > LONGEST_DAYS * 86_400_000) throw new PolicyError(name, text, `must be at most ${LONGEST_DAYS}d`);
  return { text: text.trim(), milliseconds };
}

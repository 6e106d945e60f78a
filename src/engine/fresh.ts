import type { Clock } from '../registry/clock.ts';
import { StoppedError } from '../registry/errors.ts';

/** Asked again after that: a run may take hours. */
const FRESH_MILLISECONDS = 10 * 60_000;

/** Asks, or gives the answer of less than ten minutes ago. @param key tells what is asked from everything else */
export type Fresh<T> = (key: string, ask: () => Promise<T>, signal: AbortSignal) => Promise<T>;

/**
 * Remembers answers for all that asks in a process.
 * @param since `asked`: an answer is as old as its question. `answered`: one that took long to come counts for as long as
 * others, so that a source that lets a run wait does so once in a while, and not for each repository.
 */
export function newFresh<T>(clock: Clock, since: 'asked' | 'answered' = 'answered'): Fresh<T> {
  const known = new Map<string, { readonly answer: Promise<T>; until: number }>();
  return (key, ask, signal) => {
    const before = known.get(key);
    if (before && clock.ticks() <= before.until) return before.answer;
    const answer = ask();
    const one = { answer, until: since === 'asked' ? clock.ticks() + FRESH_MILLISECONDS : Infinity };
    known.set(key, one);
    const forget = (): void => {
      if (known.get(key) === one) known.delete(key);
    };
    // What was given up because one run was stopped says nothing to another one.
    answer.then(() => {
      if (since === 'answered') one.until = clock.ticks() + FRESH_MILLISECONDS;
      if (signal.aborted) forget();
    }, forget);
    return answer;
  };
}

/** Asks again where it was another run, or another worker, that was stopped while it asked for both. */
export async function unlessStopped<T>(ask: () => Promise<T>, signal: AbortSignal): Promise<T> {
  for (;;)
    try {
      return await ask();
    } catch (error) {
      if (!(error instanceof StoppedError) || signal.aborted) throw error;
    }
}

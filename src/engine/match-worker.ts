import { systemClock } from '../registry/clock.ts';
import { captureAll, matchAll } from '../policy/regex/regex.ts';
import type { Matched, Matching } from './matching.ts';

/** Matches each pattern against each value, in a worker: it may never return. */
export default function match({ patterns, values, at, isFirst = false, group }: Matching): Matched {
  const milliseconds: number[] = [];
  let captures: readonly string[] = [];
  /** The places of the values that no pattern has matched so far. */
  let left = values.map((_, index) => index);
  const answers = patterns.map((expressions, nth) => {
    const began = systemClock.ticks();
    at[0] = nth;
    const answer = values.map(() => false);
    const some = left.map((index) => values[index] ?? '');
    const found = matchAll(expressions, some, (index) => (at[1] = left[index] ?? 0));
    for (const [place, index] of left.entries()) answer[index] = found[place] ?? false;
    if (isFirst) left = left.filter((index) => answer[index] !== true);
    if (group !== undefined) captures = captureAll(expressions, group, values, (index) => (at[1] = index));
    milliseconds.push(systemClock.ticks() - began);
    return answer;
  });
  return { answers, captures, milliseconds };
}

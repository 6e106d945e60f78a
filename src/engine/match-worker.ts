import { systemClock } from '../registry/clock.ts';
import { matchAll } from '../policy/regex/regex.ts';
import type { Matched, Matching } from './matching.ts';

/** Matches each pattern against each value, in a worker: it may never return. */
export default function match({ patterns, values, at }: Matching): Matched {
  const milliseconds: number[] = [];
  const answers = patterns.map((expressions, nth) => {
    const began = systemClock.ticks();
    at[0] = nth;
    const answer = matchAll(expressions, values, (index) => (at[1] = index));
    milliseconds.push(systemClock.ticks() - began);
    return answer;
  });
  return { answers, milliseconds };
}

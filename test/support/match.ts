import { captureAll, type CompiledRegex, type Match } from '../../src/policy/regex/regex.ts';

/** Matches in this thread: for patterns of a test's own. */
export const matchHere: Match = Object.assign(
  (patterns: readonly CompiledRegex[], values: readonly string[], first?: 'first') => {
    const seen = new Set<string>();
    const answers = patterns.map((pattern) => {
      const matched = pattern.test(values).map((is, place) => is && !seen.has(values[place] ?? ''));
      if (first) for (const [place, value] of values.entries()) if (matched[place]) seen.add(value);
      return matched;
    });
    return Promise.resolve(answers);
  },
  {
    captures: ({ expressions }: CompiledRegex, group: string, values: readonly string[]) =>
      Promise.resolve(captureAll(expressions, group, values)),
  },
);

import { describe, expect, test } from 'vitest';

/** A rule, tried: what it says of a story that keeps it, and of one like it that breaks it. */
export interface TriedRule {
  readonly right: () => readonly string[];
  readonly wrong: () => readonly string[];
  readonly because: RegExp;
}

/** Tries each. @param isAlone what breaks one of them breaks nothing else */
export function describeRules(rules: Readonly<Record<string, TriedRule>>, isAlone = false): void {
  describe.each(Object.entries(rules))('%s', (_, { right, wrong, because }) => {
    test('is found to hold where it does', () => {
      expect(right()).toEqual([]);
    });

    test('is found to be broken where it is', () => {
      const problems = wrong();
      expect(problems.filter((problem) => because.test(problem))).toHaveLength(1);
      if (isAlone) expect(problems).toHaveLength(1);
    });
  });
}

import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { PolicyError } from '../../src/policy/errors.ts';
import { splitFilter } from '../../src/policy/filter.ts';
import { compileRegex } from '../../src/policy/regex/regex.ts';

/** A filter as `acr purge` (March 2026, regexp2 1.11.5) reads it: a 1 for each name that it matches, or a refusal. */
interface Recorded {
  readonly filter: string;
  readonly repositories?: string;
  readonly tags?: string;
  readonly refused?: true;
}

const [names, ...recorded] = readFileSync(new URL('filters.ndjson', import.meta.url), 'utf8')
  .trim()
  .split('\n')
  .map((line) => JSON.parse(line) as unknown) as [
  { readonly repositories: readonly string[]; readonly tags: readonly string[] },
  ...(readonly Recorded[]),
];

/** How many of the filters that `acr purge` takes may be refused. They are far-fetched ones; it must not grow. */
const MOST_REFUSED = 52;

function matches(pattern: string, values: readonly string[]): string {
  const regex = compileRegex(pattern, { flag: '--filter' });
  return regex
    .test(values)
    .map((answer) => (answer ? '1' : '0'))
    .join('');
}

function read(filter: string): { readonly repositories: string; readonly tags: string } | undefined {
  try {
    const { repositoryPattern, tagPattern } = splitFilter(filter);
    return {
      repositories: matches(`^${repositoryPattern}$`, names.repositories),
      tags: matches(tagPattern, names.tags),
    };
  } catch (error) {
    if (error instanceof PolicyError) return undefined;
    throw error;
  }
}

test('a filter matches what acr purge matches with it, or is refused', () => {
  const different: string[] = [];
  const refused: string[] = [];
  for (const { filter, ...expected } of recorded) {
    const actual = read(filter);
    if (actual === undefined && expected.refused !== true) refused.push(filter);
    if (actual === undefined) continue;
    if (actual.repositories !== expected.repositories || actual.tags !== expected.tags) different.push(filter);
  }
  expect(recorded).toHaveLength(1500);
  expect(different).toEqual([]);
  expect(refused.length, refused.join('\n')).toBeLessThanOrEqual(MOST_REFUSED);
});

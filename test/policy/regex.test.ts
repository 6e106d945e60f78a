import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { PolicyError } from '../../src/policy/errors.ts';
import { compileRegex } from '../../src/policy/regex/regex.ts';

const options = { flag: '--filter' };

function matching(pattern: string, values: readonly string[]): readonly string[] {
  const answers = compileRegex(pattern, options).test(values);
  return values.filter((_, index) => answers[index] === true);
}

function refusal(action: () => unknown): string {
  try {
    action();
  } catch (error) {
    if (error instanceof PolicyError) return error.message;
    throw error;
  }
  return 'accepted';
}

/**
 * Recorded with Go's github.com/dlclark/regexp2 (option RE2; Debian's 1.4.0 with the changes up to 1.11.5, which answers
 * as recorded of acr purge to each line of conformance/filters.ndjson): for each pattern, which of the values in the
 * first line it matches, or its error; `refused` marks what it accepts and we do not.
 */
const [{ values }, ...rows] = readFileSync(new URL('regexp2.ndjson', import.meta.url), 'utf8')
  .trim()
  .split('\n')
  .map((line) => JSON.parse(line) as unknown) as [
  { values: readonly string[] },
  ...{ pattern: string; matches?: readonly string[]; error?: string; refused?: true }[],
];

describe('as recorded of regexp2', () => {
  test.each(rows.filter((row) => row.matches && !row.refused))('$pattern', ({ pattern, matches }) => {
    expect(matching(pattern, values)).toEqual(matches);
  });

  test.each(rows.filter((row) => row.error))('$pattern is refused', ({ pattern }) => {
    expect(refusal(() => compileRegex(pattern, options))).toMatch(/^--filter "/);
  });

  test.each(rows.filter((row) => row.refused))('$pattern is refused here', ({ pattern }) => {
    expect(refusal(() => compileRegex(pattern, options))).toMatch(/^--filter "/);
  });
});

describe('a refusal says what is wrong and where', () => {
  test.each([
    ['a++', 'follows another one (as in a++)'],
    ['(a', 'a ( is not closed'],
    ['[a', '[ is not closed'],
    ['(?<a>x)(?<b-a>y)', 'balancing groups'],
    ['(?:(a)|b)\\1', 'may not have taken part'],
    ['(?(?=a)b|c)', 'a condition (?(…)yes|no) is not supported; write lookaheads'],
    ['\\p\u001b', 'no category of characters that is known here'],
  ])('%j', (pattern, problem) => {
    const message = refusal(() => compileRegex(pattern, options));
    expect(message).toContain(problem);
    expect(message).not.toMatch(/\p{Cc}/u);
  });
});

describe('what is quick for regexp2 is quick here: repetitions of repetitions, and branches of one character', () => {
  const sources = (pattern: string) => compileRegex(pattern, options).expressions.map(({ source }) => source);

  test.each([
    ['^(?:[a-z]+)*$', '^[a-z]*$'],
    ['^(?:a{2,4}){3}$', '^a{6,12}$'],
    ['^(?:a??)+?$', '^a*?$'],
    ['^(?:a|[ab]|\\d)+$', '^[ab\\d]+$'],
    ['^(?:a|b|cd|e|f)$', '^(?:[ab]|cd|[ef])$'],
  ])('%s is %s', (pattern, same) => {
    expect(sources(pattern)).toEqual(sources(same));
  });

  test.each([
    ['^(?:a{2,3}){2}$', '^a{4,6}$'],
    ['^(?:a{2,}){0,1}$', '^a{0,}$'],
    ['^(?:a+?)*$', '^a*$'],
  ])('%s is not %s', (pattern, other) => {
    expect(sources(pattern)).not.toEqual(sources(other));
  });
});

describe('values', () => {
  test('with anything but printable ASCII never match', () => {
    expect(matching('', ['', 'a', 'a\n', 'é', '\u0000', '\ud800', '\u212a'])).toEqual(['', 'a']);
    expect(matching('(?i)k|[^a]', ['k', '\u212a', '\u017f'])).toEqual(['k']);
  });

  test('may match one of several patterns, as if these were joined', () => {
    const pattern = ['(?i)^a', 'b$', '(?-i)c'];
    const values = ['A', 'xB', 'C', 'c', 'x'];
    expect(compileRegex(pattern, options).test(values)).toEqual([true, true, false, true, false]);
    expect(compileRegex(pattern.join('|'), options).test(values)).toEqual([true, true, false, true, false]);
  });

  test('are answered in order', () => {
    expect(compileRegex('^b', options).test(['a', 'b', '\t', 'bb', 'c'])).toEqual([false, true, false, true, false]);
  });
});

describe('hostile patterns', () => {
  test.each([
    ['a long one', 'a'.repeat(10_001)],
    ['deep groups', '('.repeat(4000) + ')'.repeat(4000)],
    ['open groups', '('.repeat(10_000)],
    ['deep subtractions', '[a-'.repeat(3000)],
    ['a huge count', 'a{2147483647}'],
    ['a huge least count', 'a{2147483647,}'],
    ['a count beyond numbers', `a{${'9'.repeat(400)}}`],
    ['counts of counts', '((a{1000}){1000}){1000}'],
  ])('%s is refused', (_, pattern) => {
    expect(refusal(() => compileRegex(pattern, options))).not.toBe('accepted');
  });

  test.each([
    ['many groups', '(a)|'.repeat(2400) + 'b'],
    ['many repetitions', 'a?'.repeat(5000)],
    ['many classes', '[a-z]'.repeat(2000)],
    ['nested repetitions', '(?:'.repeat(90) + 'a?b?' + ')?'.repeat(90)],
    ['large counts', '(?:[a-z]-?){1000}'.repeat(4)],
    ['many lookbehinds', '(?<=a[b-c]{3})x'.repeat(600)],
    ['many atomic groups', '(?>a|ab)'.repeat(1200)],
    ['many references', '(a)' + '\\1b'.repeat(2000)],
  ])('%s is compiled in time', (_, pattern) => {
    const before = performance.now();
    compileRegex(pattern, options).test(['a', 'b']);
    expect(performance.now() - before).toBeLessThan(5000);
  });

  test('no pattern throws anything but PolicyError', () => {
    const pieces = fc.constantFrom(
      ...'ab1-.^$|()[]{}?*+\\<>=!:#, kPpdwsxunim&é\u0000'.split(''),
      '(?',
      '[^',
      '\\1',
      '(?<',
      '{2,}',
    );
    fc.assert(
      fc.property(fc.array(pieces, { maxLength: 15 }), (parts) => {
        const pattern = parts.join('');
        expect(typeof refusal(() => compileRegex(pattern, options).test(['a', 'ab']))).toBe('string');
      }),
      { numRuns: 2000 },
    );
  });
});

test('100,000 tags are matched in well under a second', () => {
  const tags = Array.from({ length: 100_000 }, (_, index) => `feature-${index}-0123456789abcdef`);
  const regex = compileRegex('^feature-\\d+5-', options);
  const before = performance.now();
  expect(regex.test(tags).filter(Boolean)).toHaveLength(9_999);
  expect(performance.now() - before).toBeLessThan(2000);
});

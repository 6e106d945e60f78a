import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { parseDuration } from '../../src/policy/duration.ts';
import { PolicyError } from '../../src/policy/errors.ts';
import { compileFilters, lintFilter, splitFilter } from '../../src/policy/filter.ts';
import { matchHere } from '../support/match.ts';

const compile = (...texts: readonly string[]) => compileFilters(texts.map(splitFilter));

function refusal(action: () => unknown): string {
  try {
    action();
  } catch (error) {
    if (error instanceof PolicyError && error.flag === '--filter') return error.message;
    throw error;
  }
  return 'accepted';
}

/** The tags that some filters of one repository select together. */
async function selected(tagPatterns: readonly string[], tags: readonly string[]): Promise<readonly string[]> {
  const filters = tagPatterns.map((pattern) => ({
    text: `app:${pattern}`,
    repositoryPattern: 'app',
    tagPattern: pattern,
  }));
  const { selected: answers } = await compileFilters(filters).tags(filters).matches(tags, matchHere);
  return tags.filter((_, index) => answers[index]);
}

describe('splitFilter', () => {
  test.each([
    ['app:.*', 'app', '.*'],
    ['app:^$', 'app', '^$'],
    ['a(?:b|c):.*', 'a(?:b|c)', '.*'],
    ['(?i)APP:.*', '(?i)APP', '.*'],
    ['app:(?i:V1)', 'app', '(?i:V1)'],
    ['app:(?imsU-:V1)', 'app', '(?imsU-:V1)'],
    ['app:[[:alpha:]]+', 'app', '[[:alpha:]]+'],
    ['app:[^:]+', 'app', '[^:]+'],
    ['app:[:]', 'app', '[:]'],
    ['[[:alpha:]]:v', '[[:alpha:]]', 'v'],
    ['app:[^[^:]', 'app', '[^[^:]'],
    ['app:x:]', 'app', 'x:]'],
  ])('%s', (text, repositoryPattern, tagPattern) => {
    expect(splitFilter(text)).toEqual({ text, repositoryPattern, tagPattern });
  });

  test.each([
    ['app', 'no colon'],
    ['', 'no colon'],
    ['app:a:b', 'more than one colon'],
    ['app:[a-z:x]+', 'more than one colon'],
    ['app:(?imsU-i:a)', 'more than one colon'],
    ['app:', 'tags after the colon are missing; write e.g. "app:.*"'],
    [':.*', 'repository before the colon is missing; write e.g. ".*:.*"'],
    [':', 'repository before'],
    ['app\r\n:a', 'no control characters'],
    ['app:\u001b[2J', 'no control characters'],
    [`app:${'a'.repeat(10_000)}`, 'limited to 10000'],
  ])('%j is refused', (text, problem) => {
    expect(refusal(() => splitFilter(text))).toContain(problem);
  });

  test('gives back the text, or refuses it', () => {
    const pieces = fc.constantFrom('a', ':', '[', '[^', ']', '(?', 'i', '-', ')', '.*');
    fc.assert(
      fc.property(fc.array(pieces, { maxLength: 10 }), (parts) => {
        const text = parts.join('');
        if (refusal(() => splitFilter(text)) !== 'accepted') return;
        const { repositoryPattern, tagPattern } = splitFilter(text);
        expect(`${repositoryPattern}:${tagPattern}`).toBe(text);
      }),
    );
  });
});

describe('compileFilters', () => {
  test.each(['app:(', '(:.*', 'app:[', 'app:a++', 'app:(?<n', 'a{3,2}:x', 'app:\\1'])('finds %s at once', (text) => {
    expect(refusal(() => compile(text))).toMatch(/^--filter "/);
  });

  test('puts the repository part between ^ and $ as text', async () => {
    const names = ['app', 'app2', 'my-web', 'web', 'xappx'];
    const matched = async (text: string) =>
      (await compile(text).repositoryFilters(names, matchHere)).flatMap((list, index) =>
        list.length > 0 ? [names[index]] : [],
      );
    expect(await matched('app:.*')).toEqual(['app']);
    expect(await matched('app|web:.*')).toEqual(['app', 'app2', 'my-web', 'web']);
    expect(await matched('(app|web):.*')).toEqual(['app', 'web']);
    expect(await matched('^app$:.*')).toEqual(['app']);
    expect(await matched('App:.*')).toEqual([]);
    expect(await matched('(?i)APP:.*')).toEqual(['app']);
  });

  test('tells for each repository its filters, in the order given', async () => {
    const texts = ['app:b', '.*:a', 'web:c', 'app:a'];
    const answer = await compile(...texts).repositoryFilters(['web', 'app', 'x'], matchHere);
    expect(answer.map((list) => list.map((filter) => filter.text))).toEqual([
      ['.*:a', 'web:c'],
      ['app:b', '.*:a', 'app:a'],
      ['.*:a'],
    ]);
  });

  test('matches anywhere in a tag', async () => {
    expect(await selected(['1'], ['v1', '21', 'v2'])).toEqual(['v1', '21']);
    expect(await selected(['^v1$'], ['v1', 'v11'])).toEqual(['v1']);
  });

  test('joins filters as text, so that flags carry over', async () => {
    expect(await selected(['^v1$', '^v2$'], ['v1', 'v2', 'v3'])).toEqual(['v1', 'v2']);
    expect(await selected(['(?i)a', 'b'], ['B', 'A', 'c'])).toEqual(['B', 'A']);
    expect(await selected(['b', '(?i)a'], ['B', 'A', 'c'])).toEqual(['A']);
  });

  test('refuses at once what would change its meaning beside another filter for the repository', () => {
    const [reference, ofAnother] = [
      'of the filters for one repository',
      'a back reference, which would be to a group of',
    ];
    expect(refusal(() => compile('app:(v)\\1', '.*:(x)'))).toContain(`--filter "(v)\\\\1": ${reference}`);
    expect(refusal(() => compile('app:x', 'app:(v)\\1'))).toContain(ofAnother);
    expect(refusal(() => compile('app:(?x) v #', 'app:b'))).toContain('the flag x');
    expect(refusal(() => compile('app:(?i)v', 'app:\\p{Lu}'))).toContain('a category');
    expect(refusal(() => compile('app:(?:|a)*?$', 'app:(b)'))).toContain('a lazy repetition');
    expect(refusal(() => compile('app:(?:a|b)*?$', 'app:\\b*?(b)'))).toBe('accepted');
    expect(refusal(() => compile('app:(v)\\1', 'web:(x)\\1'))).toBe('accepted');
    expect(refusal(() => compile('app:(?i:v)', 'app:\\pL'))).toBe('accepted');
  });

  test('what compiles, matches, whichever filters meet in a repository', async () => {
    const pieces = 'a,B,(?i),(?-i),(?n),(?x),#,(b),(?<n>c),\\1,\\k<n>,\\p{Lu},\\PL,|,(?:|a)*?,[^\\W],(?i:é)'.split(',');
    const pattern = fc.array(fc.constantFrom(...pieces), { minLength: 1, maxLength: 4 }).map((parts) => parts.join(''));
    const some = fc.tuple(fc.constantFrom('app', 'web', '.*'), pattern, fc.boolean());
    await fc.assert(
      fc.asyncProperty(fc.array(some, { minLength: 1, maxLength: 4 }), async (parts) => {
        const filters = parts.map(([repository, tag]) => splitFilter(`${repository}:${tag}`));
        if (refusal(() => compileFilters(filters)) !== 'accepted') return;
        const compiled = compileFilters(filters);
        const together = filters.filter((filter, at) => parts[at]?.[2] === true && filter.repositoryPattern !== 'web');
        const names = ['a', 'A', 'b', 'é', '#'];
        const { selected: answers } = await compiled.tags(together).matches(names, matchHere);
        if (together.length === 0) return;
        // Joined to one text, as acr purge does it.
        const joined = splitFilter(`app:${compiled.tags(together).pattern}`);
        expect(answers).toEqual((await compile(joined.text).tags([joined]).matches(names, matchHere)).selected);
      }),
      { numRuns: 500 },
    );
  });

  test('any number of filters, however long they are together', async () => {
    const branches = (index: number) => `name-${index}-[a-z]{3}|`.repeat(300);
    const filters = Array.from({ length: 8 }, (_, index) => splitFilter(`.*:^(?:${branches(index)}x${index})$`));
    const matcher = compileFilters(filters).tags(filters);
    expect(matcher.pattern.length).toBeGreaterThan(30_000);
    const { selected: answers } = await matcher.matches(
      ['name-0-abc', 'name-7-abc', 'name-8-abc', 'x5', 'x8'],
      matchHere,
    );
    expect(answers).toEqual([true, true, false, true, false]);
  });

  test('of a filter whose tags are not looked at, the repository is all that must be sound', async () => {
    const untagged = (text: string) => compileFilters([splitFilter(text)], { tags: false });
    const lists = await untagged('app:[').repositoryFilters(['app', 'web'], matchHere);
    expect(lists.map((list) => list.length)).toEqual([1, 0]);
    expect(refusal(() => untagged('[:app'))).toContain('--filter');
  });

  test('no filter selects no tag', async () => {
    expect(await selected([], ['', 'v1'])).toEqual([]);
  });

  test('names the first filter that selects a tag by itself', async () => {
    const filters = ['app:(?i)^a', 'app:b', 'app:c'].map(splitFilter);
    const matcher = compileFilters(filters).tags(filters);
    expect(matcher.pattern).toBe('(?i)^a|b|c');
    const { selected, which, effective } = await matcher.matches(['a', 'xb', 'abc', 'C', 'z', 'c'], matchHere);
    expect(selected).toEqual([true, true, true, true, false, true]);
    expect(['a', 'xb', 'abc', 'C', 'z', 'c'].map((tag) => which(tag)?.text)).toEqual([
      'app:(?i)^a',
      'app:b',
      'app:(?i)^a',
      undefined,
      undefined,
      'app:c',
    ]);
    expect(effective).toEqual(new Set(filters));
    const { effective: some } = await matcher.matches(['C', 'xb'], matchHere);
    expect([...some].map(({ text }) => text)).toEqual(['app:b']);
  });

  test('explains with the filter of the repository at hand', async () => {
    const filters = ['app:^v1', 'web:^v1'].map(splitFilter);
    const compiled = compileFilters(filters);
    for (const filter of filters) {
      const { which, effective } = await compiled.tags([filter]).matches(['v1', 'x'], matchHere);
      expect(which('v1')).toBe(filter);
      expect(which('x')).toBeUndefined();
      expect(effective).toEqual(new Set([filter]));
    }
  });

  test('names the repositories when every filter names one', () => {
    expect(compile('app:a', 'team/web-1_x:b', 'app:c').literalRepositories()).toEqual(['app', 'team/web-1_x']);
    expect(compile('app:a', 'app.x:b').literalRepositories()).toBeUndefined();
    expect(compile('.*:a').literalRepositories()).toBeUndefined();
    expect(compile().literalRepositories()).toEqual([]);
  });
});

describe('lintFilter', () => {
  test.each([
    ['app:.*', []],
    ['(app|web):(dev|pr)-\\d+', []],
    ['app:[a-z]|\\[x|y\\]', [expect.stringContaining('the alternative "\\\\[x" can never match')]],
    ['app:[|]', [expect.stringContaining('can never match')]],
    [
      'app:[^F|f]eature[-0-9]*$',
      ['[^F|f] is a negated character class: it matches any character EXCEPT "F", "|", "f"; write [Ff]'],
    ],
    ['app:[F|f]eature', ['[F|f] is a character class: it matches any one of "F", "|", "f", the bar too; write [Ff]']],
    ['app:[^F|f]eature|x', [expect.stringContaining('EXCEPT "F", "|", "f"; write [Ff]')]],
    ['app:([^F|f]eature)+', [expect.stringContaining('EXCEPT "F", "|", "f"; write [Ff]')]],
    ['app:(?i)[^F|f]eature', [expect.stringContaining('EXCEPT "F", "|", "f"; write [Ff]')]],
    // Matched, this would take for ever.
    [`app:[^a|b]${'a'.repeat(60)}(a+)+x`, [expect.stringContaining('negated character class')]],
    ['app:[dev|pr]', [expect.stringContaining('write (dev|pr)')]],
    ['app:[^dev|pr]', [expect.stringContaining('write ^(?!dev|pr)')]],
    ['app|web:.*', [expect.stringContaining('matches whatever starts with "app" or ends with "web"; write (app|web)')]],
    ['a|b|c:.*', [expect.stringContaining('starts with "a" or ends with "c"; write (a|b|c)')]],
    ['app:dev|', [expect.stringContaining('empty alternative, which matches everything')]],
    ['app:|dev', [expect.stringContaining('empty alternative')]],
    ['app:(-rc|)$', [expect.stringContaining('matches every tag')]],
    ['app:\\d\\w\\.\\_', []],
    [
      'app:\\Qdev\\E\\Q',
      ['\\Q has no meaning to acr purge: it is the letter Q', '\\E has no meaning to acr purge: it is the letter E'],
    ],
  ])('%s', (text, warnings) => {
    expect(lintFilter(splitFilter(text))).toEqual(warnings);
  });
});

describe('recorded of acr purge', () => {
  interface Recorded {
    readonly name: string;
    readonly args: readonly string[];
    readonly acrPurge: { readonly exitCode: number };
  }
  const cases = readFileSync(new URL('../conformance/cases.ndjson', import.meta.url), 'utf8')
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as Recorded);

  /** Ages that acr purge takes for something else than is written, refused on purpose. */
  const STRICTER = new Set(['-1d', '+1d', 'abc', '1.5d', '1 d', 'd', '2d-3h', '1h1d']);

  test.each(cases)('$name: $args', ({ args, acrPurge }) => {
    const valuesOf = (flag: string) => args.flatMap((arg, index) => (args[index - 1] === flag ? [arg] : []));
    let problem: string | undefined;
    try {
      compile(...valuesOf('--filter'));
      for (const ago of valuesOf('--ago')) parseDuration(ago);
    } catch (error) {
      if (!(error instanceof PolicyError)) throw error;
      problem = error.message;
    }
    const refused = acrPurge.exitCode !== 0 || args.some((arg) => STRICTER.has(arg));
    expect(problem === undefined).toBe(!refused);
  });
});

import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { PolicyError } from '../../../src/policy/errors.ts';
import { compileGlob } from '../../../src/policy/file/glob.ts';

const selected = (glob: string, kind: 'tags' | 'repositories', names: readonly string[]): readonly string[] => {
  const answers = compileGlob(glob, kind).test(names);
  return names.filter((_, index) => answers[index]);
};

const REPOSITORIES = ['base', 'base/dotnet', 'base/dotnet/8', 'shop/web', 'shop/deep/api', 'shopping', 'web'];

describe('repositories', () => {
  test.each([
    ['*', ['base', 'shopping', 'web']],
    ['**', REPOSITORIES],
    ['base/**', ['base/dotnet', 'base/dotnet/8']],
    ['shop/*', ['shop/web']],
    ['**/web', ['shop/web', 'web']],
    ['shop*', ['shopping']],
    ['shop/**/api', ['shop/deep/api']],
    ['{base,web}', ['base', 'web']],
    ['sho?ping', ['shopping']],
    ['[!sb]*', ['web']],
    ['base[!x]dotnet', []],
  ])('%s', (glob, names) => {
    expect(selected(glob, 'repositories', REPOSITORIES)).toEqual(names);
  });
});

const TAGS = ['latest', 'v1.2', 'v12', 'stable-1', 'unstable-1', '_x', 'V1.2'];

describe('tags', () => {
  test.each([
    ['*', TAGS],
    ['**', TAGS],
    ['latest', ['latest']],
    ['stable-*', ['stable-1']],
    ['v1.?', ['v1.2']],
    ['v1.*', ['v1.2']],
    ['v1{,2,.2}', ['v1.2', 'v12']],
    ['[vV]1.2', ['v1.2', 'V1.2']],
    ['{latest,*stable-*}', ['latest', 'stable-1', 'unstable-1']],
    ['*.2', ['v1.2', 'V1.2']],
  ])('%s', (glob, names) => {
    expect(selected(glob, 'tags', TAGS)).toEqual(names);
  });
});

describe('refused, because it could match nothing or something else', () => {
  test.each([
    ['', 'is empty'],
    ['x'.repeat(513), 'limited to 512 characters'],
    ['^v[0-9]+$', 'looks like a regular expression; write { regex: "^v[0-9]+$" }'],
    ['@(a|b)', 'looks like a regular expression'],
    ['!latest', 'cannot exclude'],
    ['[a', 'must be closed'],
    ['[]', 'must be closed'],
    ['a]', 'must be closed'],
    ['[z-a]', 'this is no glob'],
    ['shop/web', 'no tag has a /'],
    ['web:v1', 'no name has a colon'],
    ['pull request', 'can match nothing'],
    ['{a', 'braces are written {a,b}'],
    ['{a}', 'braces'],
    ['a,b', 'braces'],
    ['{,a}', 'can match nothing'],
    ['{a,b}'.repeat(9), 'stand for more than 256 globs'],
    ['{1..3}', 'braces'],
    ['stable-**', '** stands alone'],
    ['**{a*,?}', '** stands alone'],
    ['***', '** stands alone'],
    ['{a,{b,c}}', 'braces'],
    ['tag\u001b', 'can match nothing'],
  ])('%j', (glob, said) => {
    expect(() => compileGlob(glob, 'tags')).toThrow(PolicyError);
    expect(() => compileGlob(glob, 'tags')).toThrow(said);
  });

  test.each([
    ['Shop/*', 'a-z, 0-9'],
    ['contoso.azurecr.io/shop/*', 'names the registry'],
    ['/shop', 'begins or ends with a /'],
    ['shop/', 'begins or ends with a /'],
    ['a//b', 'begins or ends with a /'],
    ['contoso.azurecr.io:443/*', 'no name has a colon'],
  ])('%j', (glob, said) => {
    expect(() => compileGlob(glob, 'repositories')).toThrow(said);
  });
});

/* A second implementation, as simple as the words of docs/policy-file.md, to hold the library's against. */

/** The parts of a path, in each of the alternatives. */
function alternatives(glob: string): readonly (readonly string[])[] {
  return glob
    .split('/')
    .map((part) => (part === '**' ? [ACROSS] : expanded(part)))
    .reduce<readonly (readonly string[])[]>(
      (before, part) => before.flatMap((one) => part.map((next) => [...one, next])),
      [[]],
    );
}

/** Each of the alternatives of `{a,b}`. */
function expanded(glob: string): readonly string[] {
  const [braces, inner = ''] = /\{([^{}]*)\}/.exec(glob) ?? [];
  return braces === undefined ? [glob] : inner.split(',').flatMap((one) => expanded(glob.replace(braces, one)));
}

function partMatches(pattern: string, text: string): boolean {
  const [first = ''] = pattern;
  if (pattern === '') return text === '';
  if (first === '*')
    return Array.from({ length: text.length + 1 }, (_, at) => text.slice(at)).some((rest) =>
      partMatches(pattern.slice(1), rest),
    );
  const [letter] = text;
  if (letter === undefined) return false;
  const [, not, letters] = /^\[(!?)([^\]]+)\]/.exec(pattern) ?? [];
  if (letters !== undefined) {
    const length = letters.length + (not ?? '').length + 2;
    return letters.includes(letter) === (not === '') && partMatches(pattern.slice(length), text.slice(1));
  }
  return (first === '?' || first === letter) && partMatches(pattern.slice(1), text.slice(1));
}

function pathMatches([pattern, ...patterns]: readonly string[], parts: readonly string[]): boolean {
  if (pattern === undefined) return parts.length === 0;
  if (pattern === ACROSS) {
    // At the end it is what is under the path; between parts it may be nothing.
    if (patterns.length === 0) return parts.length > 0;
    return [...parts.keys(), parts.length].some((count) => pathMatches(patterns, parts.slice(count)));
  }
  const [part, ...rest] = parts;
  return part !== undefined && partMatches(pattern, part) && pathMatches(patterns, rest);
}

/** `**` as it is written: of `*{,b}*` it is none. */
const ACROSS = '**/';

const matchesSimply = (glob: string, name: string): boolean =>
  alternatives(glob).some((one) => pathMatches(one, name.split('/')));

test('a glob means what a second implementation says', () => {
  const piece = fc.constantFrom('a', 'b', '-', '.x', '*', '?', '[ab]', '[!a]', '{a,b-}', '{,b}', '{a*,?}', '{*,b}');
  const part = fc
    .array(piece, { minLength: 1, maxLength: 4 })
    .map((all) => all.join(''))
    .filter((one) => !expanded(one).includes('') && !one.includes('**'));
  const glob = fc
    .array(fc.oneof(part, fc.constant('**')), { minLength: 1, maxLength: 3 })
    .map((parts) => parts.join('/'))
    // No more alternatives than a glob may have.
    .filter((one) => one.split('{').length <= 8);
  const word = fc
    .array(fc.constantFrom('a', 'b', 'c', '-', 'x', 'a.x'), { minLength: 1, maxLength: 4 })
    .map((all) => all.join(''));
  const name = fc.array(word, { minLength: 1, maxLength: 4 }).map((parts) => parts.join('/'));
  let matched = 0;
  fc.assert(
    fc.property(glob, fc.array(name, { minLength: 5, maxLength: 20 }), (pattern, names) => {
      const found = compileGlob(pattern, 'repositories').test(names);
      expect(found).toEqual(names.map((one) => matchesSimply(pattern, one)));
      matched += found.filter(Boolean).length;
    }),
    { numRuns: 1000, seed: 1 },
  );
  expect(matched).toBeGreaterThan(500);
});

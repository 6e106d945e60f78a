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
    ['{1..3}', 'braces'],
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

import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { parsePolicyFile } from '../../../src/policy/file/parse.ts';
import { isNameOfRepository, isNameOfTag, proposePolicy, shapeOf } from '../../../src/policy/file/propose.ts';

const RULE = { repository: 'shop/web', severity: 'critical', olderThan: '30d' } as const;

describe('a proposed policy', () => {
  test('is one that the parser reads, with each tag as a name and not as a number', () => {
    const rules = [
      { ...RULE, tags: { names: ['1.0', '2', 'null', '1e3', 'v1_x-rc.1'] } },
      { ...RULE, tags: { regex: '^pr-[0-9]+$' } },
      { ...RULE, repository: `${'a'.repeat(200)}/b`, tags: { names: ['x'] } },
    ];
    const text = proposePolicy(rules);
    expect(text.split('\n').slice(0, 4).join('\n')).toBe(
      'version: 1\nrules:\n  - name: critical findings in shop/web\n    repositories:',
    );
    const { rules: read, warnings } = parsePolicyFile(text);
    expect(read.map(({ name }) => name)).toEqual([
      'critical findings in shop/web',
      'critical findings in shop/web (2)',
      `critical findings in ${'a'.repeat(78)}…`,
    ]);
    expect(read.map(({ olderThan, findings }) => [olderThan?.text, findings])).toMatchObject(
      rules.map(() => ['30d', { severity: 'critical' }]),
    );
    expect(warnings).toEqual([]);
  });

  test('owns exactly the tags that it names, whatever these are', () => {
    const tag = fc.stringMatching(/^[A-Za-z0-9_][A-Za-z0-9._-]{0,20}$/);
    fc.assert(
      fc.property(fc.uniqueArray(tag, { minLength: 1, maxLength: 8 }), tag, (names, other) => {
        const [rule] = parsePolicyFile(proposePolicy([{ ...RULE, tags: { names } }])).rules;
        const { tags } = rule ?? {};
        if (tags?.kind !== 'globs') throw new Error('names are globs');
        const owned = (name: string) => tags.patterns.some((pattern) => pattern.test([name])[0]);
        expect(names.every(owned)).toBe(true);
        expect(owned(other)).toBe(names.includes(other));
      }),
    );
  });
});

test.each([
  ['pr-12', '^pr-[0-9]+$'],
  ['dev-1.2', '^dev-[0-9]+\\.[0-9]+$'],
  ['build.7-3f9a0c1', '^build\\.[0-9]+-[0-9a-f]{7,40}$'],
  ['main-20261124', '^main-[0-9]+$'],
  // Too little is left to know them by.
  ['1.4.2', undefined],
  ['v1.4.2', undefined],
  ['3f9a0c1b', undefined],
  ['latest', undefined],
])('tags that are named like %s', (tag, shape) => {
  expect(shapeOf(tag)).toBe(shape);
});

test('a shape matches the tag that it is made of, and nothing around it', () => {
  fc.assert(
    fc.property(fc.stringMatching(/^[a-z]{2,4}[._-]?[0-9]{1,5}[._-]?[0-9a-f]{0,10}$/), (tag) => {
      const shape = shapeOf(tag);
      if (shape === undefined) return;
      const pattern = new RegExp(shape);
      expect(pattern.test(tag)).toBe(true);
      for (const other of [`x${tag}`, `${tag}-x`, `${tag}\n`, tag.toUpperCase()])
        expect(pattern.test(other)).toBe(false);
    }),
  );
});

test.each(['Shop', 'shop/', '/shop', 'a b', '../x', '', 'a'.repeat(256), 'x:y', 'shop{a,b}', '*'])(
  'no rule names the repository %j',
  (name) => expect(isNameOfRepository(name)).toBe(false),
);
test.each(['-x', '.x', 'a b', '*', 'a*', 'x'.repeat(129), 'a/b', 'é', 'a\n'])('no rule names the tag %j', (name) =>
  expect(isNameOfTag(name)).toBe(false),
);

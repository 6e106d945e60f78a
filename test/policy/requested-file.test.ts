import { expect, test } from 'vitest';
import { parseRequestedFile } from '../../src/policy/requested-file.ts';

const rule = (name: number, rest: object) => ({ name: `rule ${name}`, olderThan: '14d', ...rest });
const written = (policy: object) => JSON.stringify({ version: 1, ...policy }, undefined, 1);

test('a policy file is read as elsewhere, and every mistake has its line and column', () => {
  const { name, retention } = parseRequestedFile(
    "version: 1\nrules:\n  - name: old\n    tags: ['pr-*']\n    olderThan: 14d\n",
  );
  expect(name).toBe('request.yaml');
  expect(retention.rules).toMatchObject([{ name: 'old', olderThan: { text: '14d' } }]);
  expect(() =>
    parseRequestedFile('version: 1\nrules:\n  - name: old\n    oldrThan: 14d\n    keep: { newest: -1 }\n'),
  ).toThrow(/request\.yaml:4:5: [\s\S]*request\.yaml:5:21: /);
});

test('there is no file beside it: what to write instead of tagsFrom', () => {
  const text = written({ protect: [{ tagsFrom: 'keep.txt' }], rules: [rule(1, {})] });
  expect(() => parseRequestedFile(text)).toThrow(/request\.yaml:5:16: tagsFrom .*write the tags as names/);
});

test('what curl -d leaves of a file is refused with the option to use', () => {
  expect(() => parseRequestedFile('version: 1rules:  - name: old')).toThrow('--data-binary');
  expect(() => parseRequestedFile(`{ version: 1, rules: [{ name: old, olderThan: 1d }] }`)).not.toThrow();
});

test('more rules or patterns than a request may have are refused before they are compiled, also where aliases stand for them', () => {
  const rules = (count: number) => Array.from({ length: count }, (_, n) => rule(n, { tags: [`v${n}-*`] }));
  expect(() => parseRequestedFile(written({ rules: rules(100) }))).not.toThrow();
  expect(() => parseRequestedFile(written({ rules: rules(101) }))).toThrow(/:3:2: rules: has 101 entries; .*100/);
  const protect = Array.from({ length: 101 }, () => ({ tags: ['('] }));
  expect(() => parseRequestedFile(written({ protect, rules: rules(1) }))).toThrow(/protect: has 101 entries/);
  const globs = Array.from({ length: 999 }, (_, n) => `v${n}-*`);
  expect(() => parseRequestedFile(written({ protect: [{ tags: globs }], rules: rules(1) }))).not.toThrow();
  expect(() => parseRequestedFile(written({ protect: [{ tags: globs }], rules: rules(2) }))).toThrow(/rules: .*1000/);
  const names = globs.map((_, n) => `v${n}`);
  expect(() => parseRequestedFile(written({ protect: [{ tags: globs, names }], rules: rules(1) }))).not.toThrow();
  const aliased = `version: 1\nprotect:\n  - tags: &all [${globs.slice(0, 600).join(', ')}]\n  - tags: *all\nrules: [{ name: a, olderThan: 1d }]\n`;
  expect(() => parseRequestedFile(aliased)).toThrow(/request\.yaml:4:5: protect: .*1000/);
});

import { describe, expect, test } from 'vitest';
import { parsePolicyFile } from '../../../src/policy/file/parse.ts';

/** The warnings of a file, without its name. */
const warnings = (text: string): readonly string[] =>
  parsePolicyFile(`version: 1\n${text}`, { file: 'f' }).warnings.map((one) => one.replace(/^f:/, ''));

const rules = (...all: readonly string[]): string => ['rules:', ...all.map((one) => `  - { ${one} }`)].join('\n');

test('a policy in which nothing is amiss', () => {
  expect(
    warnings(`protect: [{ tags: [latest] }]
${rules(
  "name: a, repositories: ['shop/*'], olderThan: 7d, keep: { newest: 3 }, onlyIfMoreThan: 4",
  "name: b, tags: ['pr-*'], olderThan: 7d, keep: { within: 1d }, notPulledWithin: 7d",
  "name: c, tags: { regex: '^v[0-9]+$' }, olderThan: 7d",
)}`),
  ).toEqual([]);
});

describe('a rule that never owns a tag', () => {
  test.each([
    ['', ''],
    ['', "tags: ['pr-*'],"],
    ["tags: ['*'],", "repositories: ['a/*'],"],
    ["tags: ['**'],", "tags: { semver: '*' },"],
    ["repositories: ['**'],", "repositories: ['a/*'],"],
    ["repositories: ['a/*', 'b'],", "repositories: ['b'],"],
    ["repositories: ['a/*'],", "repositories: ['a/web'], tags: [x],"],
    ["tags: ['pr-*'],", "tags: [pr-1], repositories: ['a/*'],"],
    ["tags: ['x', 'pr-*'],", "tags: ['pr-*'],"],
    ["tags: { regex: '^a' },", "tags: { regex: '^a' },"],
    ["tags: { regex: '.*' },", "tags: ['x'],"],
    ["tags: { semver: '>=1' },", "tags: { semver: '^1.2' },"],
    ["repositories: { regex: '.*' },", "repositories: ['x'],"],
  ])('%s before %s', (first, second) => {
    const text = `protect: [{ tags: [latest] }]\n${rules(`name: one, ${first} olderThan: 1d`, `name: two, ${second} olderThan: 1d`)}`;
    expect(warnings(text)).toEqual(['5:5: the rule "two" never owns a tag: "one" before it owns them all']);
  });

  test.each([
    ["tags: ['pr-*'],", ''],
    ["repositories: ['*'],", ''],
    ["repositories: ['*'],", "repositories: ['a/b'],"],
    ["repositories: ['a/*'],", "repositories: ['a/**'],"],
    ["repositories: ['a/*'], tags: ['x*'],", "repositories: ['a/*'], tags: ['y'],"],
    ["tags: { semver: '^1.2' },", "tags: { semver: '>=1' },"],
    ["tags: { semver: '*' },", "tags: ['*'],"],
    ["tags: { regex: 'a' },", "tags: ['a'],"],
    ["tags: { regex: '^$|b' },", "tags: ['a'],"],
    ["tags: ['a*b*c*d*e*'],", "tags: ['abcde'],"],
    ["tags: ['a{,b}'],", "tags: ['ab'],"],
  ])('%s before %s is another one, or not known', (first, second) => {
    const text = `protect: [{ tags: [latest] }]\n${rules(`name: one, ${first} olderThan: 1d`, `name: two, ${second} olderThan: 1d`)}`;
    expect(warnings(text)).toEqual([]);
  });
});

test('a rule that asks for findings owns what it keeps, and is warned of where it may delete what is new', () => {
  const protect = 'protect: [{ tags: [latest] }]';
  const findings = 'findings: { severity: high }';
  expect(warnings(`${protect}\n${rules(`name: one, olderThan: 1d, ${findings}`, 'name: two, olderThan: 9d')}`)).toEqual(
    ['5:5: the rule "two" never owns a tag: "one" before it owns them all, also what it keeps because of its findings'],
  );
  expect(warnings(`${protect}\n${rules(`name: one, olderThan: 0d, ${findings}`)}`)).toEqual([
    '4:29: olderThan "0d": deletes also what was pushed a moment ago, before something could use it; write e.g. 30d',
  ]);
});

describe('latest', () => {
  const said = (place: string): string =>
    `${place}: ${place === '3:22' ? 'tags: ' : ''}the rule "a" may delete latest, which moves from image to image; to keep it write - tags: [latest] under protect:`;
  test.each([
    ['', '3:5'],
    ["tags: ['*'],", '3:22'],
    ["tags: ['la*t'],", '3:22'],
    ["tags: { regex: '.*' },", '3:22'],
  ])('%s', (tags, place) => {
    expect(warnings(rules(`name: a, ${tags} olderThan: 1d`))).toEqual([said(place)]);
  });

  test.each(['tags: [latest],', "tags: ['pr-*'],", "tags: { semver: '*' },", "tags: { regex: '^l' },"])(
    '%s',
    (tags) => {
      expect(warnings(rules(`name: a, ${tags} olderThan: 1d`))).toEqual([]);
    },
  );

  test.each([
    ['{ tags: [latest] }', true],
    ["{ tags: ['la*'] }", true],
    ['{ names: [latest] }', true],
    ["{ tags: [latest], repositories: ['shop/*'] }", true],
    ["{ tags: [latest], repositories: ['tools/*'] }", false],
    ['{ names: [shop/web:latest] }', false],
    ['{ tags: [latest], pulledWithin: 1d }', false],
  ])('protected by %s: %s', (entry, isKept) => {
    const found = warnings(`protect: [${entry}]\n${rules("name: a, repositories: ['shop/*'], olderThan: 1d")}`);
    expect(found).toEqual(isKept ? [] : [said('4:5')]);
  });

  test('owned by a rule that names it', () => {
    expect(warnings(rules('name: a, tags: [latest], keep: { newest: 1 }', 'name: b, olderThan: 1d'))).toEqual([]);
  });
});

describe('what changes nothing', () => {
  const tags = "name: a, tags: ['x-*'],";
  test.each([
    ['', `${tags} olderThan: 0d`, '3:42: olderThan "0d": deletes all that the rule owns, at any age'],
    ['', `${tags} olderThan: 0d, keep: { daily: 1 }`, '3:42: olderThan "0d": means at any age, as without it'],
    [
      '',
      `${tags} olderThan: 7d, keep: { within: 7d }`,
      '3:42: olderThan "7d": changes nothing: what is not 7d old is kept in any case',
    ],
    [
      '',
      `${tags} keep: { newest: 5 }, onlyIfMoreThan: 5`,
      '3:68: onlyIfMoreThan "5": changes nothing: the newest 5 are kept in any case',
    ],
    [
      '',
      `${tags} olderThan: 1d, notPulledWithin: 0d`,
      '3:63: notPulledWithin "0d": changes nothing: nothing was pulled within no time',
    ],
    [
      'protect: [{ pulledWithin: 30d }]\n',
      `${tags} olderThan: 1d, notPulledWithin: 7d`,
      '4:63: notPulledWithin "7d": changes nothing: what was pulled within 30d is protected',
    ],
    ['', `${tags} olderThan: 300000d`, '3:42: olderThan "300000d": an age longer than 150 years is read as 150 years'],
  ])('%s%s', (before, rule, said) => expect(warnings(before + rules(rule))).toEqual([said]));

  test('a protection of other repositories says nothing of the rule', () => {
    const protect = "protect: [{ pulledWithin: 30d, repositories: ['shop/*'] }]\n";
    expect(warnings(protect + rules(`${tags} olderThan: 1d, notPulledWithin: 7d`))).toEqual([]);
  });
});

describe('a rule that deletes nothing', () => {
  const said = '4:5: the rule "a" deletes nothing: an entry of protect keeps all that it owns';
  test.each([
    ["{ tags: ['pr-*'] }", "tags: ['pr-*'],", true],
    ["{ repositories: ['shop/**'] }", "repositories: ['shop/**'], tags: [x],", true],
    ["{ repositories: ['shop/*'], tags: ['pr-*'] }", "tags: ['pr-*'],", false],
    ["{ tags: ['pr-*'], pulledWithin: 1d }", "tags: ['pr-*'],", false],
    ["{ tags: ['pr-*'], names: [pr-1] }", "tags: ['pr-*'],", false],
  ])('%s and %s: %s', (entry, rule, isAll) => {
    const found = warnings(`protect: [${entry}]\n${rules(`name: a, ${rule} olderThan: 1d`)}`);
    expect(found.includes(said)).toBe(isAll);
  });
});

describe('a regular expression for repositories', () => {
  const repositories = (regex: string) =>
    warnings(rules(`name: a, tags: [x], olderThan: 1d, repositories: { regex: '${regex}' }`));
  test.each(['^shop/', '^(shop|web)/', '.*', '.*/web$', '^a|^b'])('%s', (regex) => {
    expect(repositories(regex)).toEqual([]);
  });
  test.each(['shop/', 'shop/.*', '^a|b'])('%s', (regex) => {
    expect(repositories(regex)).toEqual([
      `3:65: regex "${regex}": matches in the middle of a name, too, unlike the repository of --filter; write ^ before it`,
    ]);
  });
  test('a class that looks like alternatives', () => {
    expect(repositories('^[a|b]')).toEqual([expect.stringContaining('is a character class')]);
  });
});

describe('protections', () => {
  test.each([
    ['{ tags: [a], names: [b] }', '2:11: protects only what tags and the list both match'],
    ["{ tags: ['*'] }", '2:11: protects every tag of every repository: nothing is ever deleted'],
    ["{ repositories: ['**'] }", '2:11: protects every tag of every repository'],
    [
      "{ tags: { regex: 'pr-*' } }",
      '2:28: regex "pr-*": "pr-*" is a regular expression, in which * repeats the "-" before it',
    ],
  ])('%s', (entry, said) => {
    expect(warnings(`protect: [${entry}]\nuntagged: { olderThan: 1d }`)).toEqual([expect.stringContaining(said)]);
  });
});

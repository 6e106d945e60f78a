import { describe, expect, test } from 'vitest';
import { InvalidPolicy } from '../../../src/policy/errors.ts';
import { parsePolicyFile, type PolicyFileOptions } from '../../../src/policy/file/parse.ts';
import type { RetentionPolicy } from '../../../src/policy/file/types.ts';

const FILE = 'retention.yaml';
const read = (text: string, options: PolicyFileOptions = {}): RetentionPolicy =>
  parsePolicyFile(text, { file: FILE, ...options });

/** The mistakes of a text, a line each. */
function mistakes(text: string, options: PolicyFileOptions = {}): readonly string[] {
  try {
    read(text, options);
  } catch (error) {
    if (error instanceof InvalidPolicy) return error.problems.map(({ message }) => message);
    throw error;
  }
  return [];
}

/** Named by what is said: some texts are long. */
const table = (rows: readonly (readonly [text: string, said: string])[]) =>
  rows.map(([text, said]) => ({ text, said }));

/** The file of the issue. */
const WHOLE = `
version: 1
protect:                              # always wins
  - tags: [latest, main, 'stable-*']
    because: moving tags
  - repositories: ['base/**']
  - tagsFrom: keep.txt                # a list
  - pulledWithin: 30d
rules:
  - name: releases
    repositories: ['shop/*']
    tags: { semver: '>=1.0.0' }
    keep: { newest: 3, per: minor }
    olderThan: 180d
  - name: branches
    tags: { regex: '^(?<branch>.+)-[0-9]+$' }
    keep: { newest: 5, per: branch }
    olderThan: 7d
  - name: nightlies
    tags: ['nightly-*']
    keep: { daily: 7, weekly: 4, monthly: 6, within: 3d }
  - name: pull requests
    tags: ['pr-*']
    olderThan: 14d
    notPulledWithin: 7d
    onlyIfMoreThan: 50
untagged:
  olderThan: 7d
  keep: { newest: 2 }
  referenced: keep
  orphanedReferrers: delete
`;
const readFile = (): string => '# what stays\nv1\n\nshop/web:v1 # pinned\r\n';
/** The least that a rule needs, on the lines 3 and on. */
const ruled = (lines: string): string => `version: 1\nrules:\n  - name: a\n${lines.replaceAll(/^/gm, '    ')}\n`;

describe('what is read', () => {
  test('the file of the issue, whole', () => {
    const { protect, rules, untagged, warnings } = read(WHOLE, { readFile });
    // It is so in the issue.
    expect(warnings).toEqual([
      'retention.yaml:25:22: notPulledWithin "7d": changes nothing: what was pulled within 30d is protected',
    ]);
    expect(protect).toMatchObject([
      { tags: { kind: 'globs', patterns: [{ pattern: 'latest' }, {}, { pattern: 'stable-*', dialect: 'glob' }] } },
      { repositories: [{ pattern: 'base/**' }], tags: undefined, names: undefined },
      { names: new Set(['v1', 'shop/web:v1']) },
      { pulledWithin: { text: '30d', milliseconds: 30 * 86_400_000 } },
    ]);
    expect(protect.map(({ because }) => because)).toEqual(['moving tags', undefined, undefined, undefined]);
    expect(rules).toMatchObject([
      { name: 'releases', tags: { kind: 'semver' }, keep: { newest: 3, per: 'minor' }, olderThan: { text: '180d' } },
      { tags: { kind: 'regex', groups: ['branch'] }, keep: { newest: 5, per: { group: 'branch' } } },
      { keep: { newest: undefined, per: 'repository', daily: 7, weekly: 4, monthly: 6, within: { text: '3d' } } },
      { name: 'pull requests', olderThan: { text: '14d' }, notPulledWithin: { text: '7d' }, onlyIfMoreThan: 50 },
    ]);
    expect(untagged).toEqual({
      olderThan: { text: '7d', milliseconds: 7 * 86_400_000 },
      newest: 2,
      of: 'all',
      referenced: 'keep',
      orphanedReferrers: 'delete',
    });
  });

  test('the text has the names in the place of the list, and means the same without the list', () => {
    const { text, warnings, ...first } = read(WHOLE, { readFile });
    expect(text).toContain('names:\n      - v1\n      - shop/web:v1\n');
    expect(text).not.toContain('tagsFrom');
    expect(text).toContain('# always wins');
    const { text: again, warnings: elsewhere, ...second } = read(text);
    expect(elsewhere).toHaveLength(warnings.length);
    expect(again).toBe(text);
    expect(JSON.stringify(second)).toBe(JSON.stringify(first));
  });

  test('a file without lists is recorded as it is written', () => {
    const text = ruled('olderThan: 7d   # a week');
    expect(read(text).text).toBe(text);
  });

  test('the group that per names is one of the expression, and no other', () => {
    const [rule] = read(ruled("tags: { regex: '^(?<a>x)-(?<b>[a-z]+)' }\nkeep: { newest: 1, per: b }")).rules;
    const [expression] = rule?.tags?.kind === 'regex' ? rule.tags.pattern.expressions : [];
    expect(expression?.exec('x-yz1')?.groups).toEqual({ b: 'yz' });
  });

  test('a group of the regex may be called minor', () => {
    const [rule] = read(ruled("tags: { regex: '^(?<minor>[0-9]+[.][0-9]+)' }\nkeep: { newest: 1, per: minor }")).rules;
    expect(rule?.keep.per).toEqual({ group: 'minor' });
  });

  test('what a rule asks of an image besides its age', () => {
    const asked = (lines: string) => read(ruled(`olderThan: 30d\n${lines}`)).rules[0];
    expect(asked('findings: { severity: high }')).toMatchObject({ findings: { severity: 'high', fixable: false } });
    expect(asked('findings: { severity: critical, fixable: true }\nendOfLife: past')).toMatchObject({
      findings: { severity: 'critical', fixable: true },
      endOfLife: 'past',
    });
    const { findings, endOfLife } = asked('') ?? {};
    expect([findings, endOfLife]).toEqual([undefined, undefined]);
  });

  test('an anchor and its aliases', () => {
    const text = `version: 1
rules:
  - &one { name: a, repositories: &team ['shop/*'], olderThan: 1d }
  - { name: b, repositories: *team, tags: [x], olderThan: 1d }
`;
    expect(read(text).rules.map(({ repositories }) => repositories?.map(({ pattern }) => pattern))).toEqual([
      ['shop/*'],
      ['shop/*'],
    ]);
  });
});

describe('refused, with the place and what to write', () => {
  test.each(
    table([
      ['', '1:1: the policy: is empty; a policy begins with version: 1'],
      ['[]', '1:1: the policy: is no object; a policy begins with version: 1'],
      ['rules: [', '1:9: YAML: '],
      ['version: 1\n', '1:1: the policy: deletes nothing'],
      ['rules: [{ name: a, olderThan: 1d }]', '1:1: version: is missing; write version: 1'],
      ['version: 2\nuntagged: { olderThan: 1d }', '1:10: version "2": must be 1'],
      ['version: 1\nuntagged:', '2:10: untagged: has no value'],
      ['version: 1\nuntagged: {}', '2:11: untagged: says neither keep nor olderThan'],
      ['version: 1\nrules:\n  - olderThan: 1d', '3:5: name: is missing'],
      [ruled('older_than: 1d'), '4:5: older_than: there is no such key; did you mean olderThan?'],
      [ruled('ago: 1d'), '4:5: ago: there is no such key; did you mean olderThan?'],
      ...['findings: { severity: low }', 'endOfLife: past'].map((lines): readonly [string, string] => [
        ruled(`keep: { newest: 1 }\n${lines}`),
        `5:5: ${lines.split(':')[0] ?? ''}: needs olderThan: what was pushed a short while ago may be about to be used`,
      ]),
      [ruled('olderThan: 1d\nfindings: critical'), '5:15: findings "critical": must be an object: write findings: {'],
      [ruled('olderThan: 1d\nfindings: { fixable: true }'), '5:15: severity: is missing; write severity: critical or'],
      [
        ruled('olderThan: 1d\nfindings: { severity: unknown }'),
        '5:27: severity "unknown": must be critical or high or medium or low',
      ],
      [ruled('olderThan: 1d\nfindings: { severity: low, fixable: yes }'), '5:41: fixable "yes": must be true or false'],
      [ruled('olderThan: 1d\nfindings: { severity: low, fix: true }'), '5:32: fix: there is no such key; '],
      [
        ruled('olderThan: 1d\nvulnerabilities: {}'),
        '5:5: vulnerabilities: there is no such key; did you mean findings',
      ],
      [ruled('olderThan: 1d\nendOfLife: 2026-01-01'), '5:16: endOfLife "2026-01-01": must be past'],
      [ruled('olderThan: 1d\neol: past'), '5:5: eol: there is no such key; did you mean endOfLife?'],
      [
        'version: 1\nuntagged: { olderThan: 7d, findings: { severity: critical } }',
        '2:28: findings: does not belong here, but under rules:',
      ],
      [
        ruled('keep_last: 3\nolderThan: 1d'),
        '4:5: keep_last: there is no such key; did you mean newest, under rules: keep:?',
      ],
      [
        ruled('exclude: []\nolderThan: 1d'),
        '4:5: exclude: there is no such key; did you mean protect, at the beginning of a line?',
      ],
      ['$schema: x\nversion: 1\nuntagged: { olderThan: 1d }', '1:1: $schema: is written as a comment'],
      [ruled('newest: 3'), '4:5: newest: does not belong here, but under rules: keep:'],
      [ruled('zzz: 3\nolderThan: 1d'), '4:5: zzz: there is no such key; here may be name, repositories, tags'],
      [ruled('tags: [x]'), '3:5: rules: the rule says neither keep nor olderThan'],
      [ruled('keep: {}'), '4:11: keep: keeps nothing'],
      [ruled('keep: { newest: 0 }'), '4:21: newest "0": must be at least 1'],
      [ruled('keep: { newest: 1.5 }'), '4:21: newest "1.5": must be a whole number'],
      [ruled('keep: { per: repository }'), '4:18: per "repository": says where is counted'],
      [ruled('keep: { within: 1d, per: repository }'), '4:30: per "repository": says where is counted'],
      [ruled('keep: { newest: 1, per: minor }'), '4:29: per "minor": needs versions'],
      [ruled('keep: { newest: 1, per: branch }'), '4:29: per "branch": must be repository, major or minor'],
      [
        ruled("keep: { newest: 1, per: branch }\ntags: { regex: '(?<b>x)' }"),
        '4:29: per "branch": the regex has no group of that name; it has b',
      ],
      [
        ruled("keep: { newest: 1, per: b }\ntags: { regex: '(?<b>x)|(?<b>y)' }"),
        '5:20: regex "(?<b>x)|(?<b>y)": the name of the group "b" is that of two',
      ],
      [ruled('olderThan: 30'), `4:16: olderThan "30": a number needs a unit; write 30d for days`],
      [
        ruled('olderThan: 1.5d'),
        '4:16: olderThan "1.5d": days come first, as a whole number, then h, m and s; write 1d12h',
      ],
      [ruled("tags: { semver: 'latest' }\nolderThan: 1d"), '4:21: semver "latest": is no range of versions'],
      [ruled("tags: { semver: '' }\nolderThan: 1d"), '4:21: semver: is empty'],
      [ruled("tags: { regex: 'a', semver: '1' }\nolderThan: 1d"), '4:11: tags: has regex and semver'],
      [ruled('tags: {}\nolderThan: 1d'), '4:11: tags: says nothing'],
      [ruled("tags: { regexp: 'a' }\nolderThan: 1d"), '4:13: regexp: there is no such key here; write { regex: … }'],
      [ruled("tags: { regex: '(' }\nolderThan: 1d"), '4:20: regex "(": '],
      [ruled('tags: pr-*\nolderThan: 1d'), `4:11: tags "pr-*": must be a list of globs; write ['pr-*']`],
      [
        ruled('tags: [1.10]\nolderThan: 1d'),
        `4:12: tags "1.10": YAML reads a number here, and not a text; write '1.10'`,
      ],
      [ruled('tags: []\nolderThan: 1d'), '4:11: tags: is empty'],
      [ruled('tags: [*-rc]\nolderThan: 1d'), `4:12: YAML: in YAML a * at the beginning refers to an anchor`],
      [ruled('tags: [!x]\nolderThan: 1d'), '4:12: YAML: in YAML a ! at the beginning is a tag'],
      [ruled('olderThan: !!str 1d'), '4:22: YAML: in YAML a ! at the beginning is a tag'],
      [ruled('olderThan: 1d\nolderThan: 2d'), '5:5: YAML: the key olderThan stands here twice'],
      [ruled('olderThan: 1d\n<<: {}'), '5:5: <<: a policy has no merge keys'],
      [ruled('olderThan: 1d\n__proto__: {}'), '5:5: __proto__: there is no such key'],
      [`${ruled('olderThan: 1d')}---\na: b`, 'YAML: a policy is one document'],
      [`%YAML 1.1\n---\n${ruled('olderThan: 1d')}`, '1:1: YAML: leave lines that begin with % away'],
      [`${ruled('olderThan: 1d')}  - name: a\n    olderThan: 1d`, '5:11: name "a": two rules have this name'],
      [ruled('olderThan: 1d').replace('name: a', 'name: "a\\nb"'), '3:11: name "a\\nb": must be one line of text'],
      [
        `version: 1\nrules:\n${Array.from({ length: 501 }, (_, index) => `  - { name: r${index}, olderThan: 1d }\n`).join('')}`,
        '3:3: rules: is limited to 500 entries',
      ],
      ['version: 1\nuntagged: { olderThan: 1d }\nprotect: [{}]', '3:11: protect: protects nothing'],
      ['version: 1\nuntagged: { olderThan: 1d }\nprotect: [{ because: x }]', '3:11: protect: protects nothing'],
      ['version: 1\nuntagged: { olderThan: 1d, referenced: no }', '2:40: referenced "no": must be keep or delete'],
      [
        'version: 1\nuntagged: { olderThan: 1d }\nprotect: [{ pulledWithin: 0d }]',
        '3:27: pulledWithin "0d": protects nothing',
      ],
      ['version: 1\nuntagged: { olderThan: 1d }\nprotect: [{ names: ["x*"] }]', '3:21: names "x*": is a glob'],
      ['version: 1\nuntagged: { olderThan: 1d }\nprotect: [{ tagsFrom: a }]', '3:23: tagsFrom "a": there is no file'],
      [`version: 1 # ${'x'.repeat(262_144)}`, '1:1: the policy: is longer than 256 KiB'],
      ['['.repeat(100_000), 'YAML: is nested too deeply'],
      ['a: &a [*a]', '1:8: YAML: an alias stands for what it is in'],
      [
        [
          'a: &a [x,x,x,x,x,x,x,x,x]',
          ...Array.from('bcdefg').map(
            (name, index) =>
              `${name}: &${name} [${Array(9)
                .fill(`*${'abcdef'.charAt(index)}`)
                .join()}]`,
          ),
        ].join('\n'),
        'YAML: the aliases stand for too much',
      ],
    ]),
  )('$said', ({ text, said }) => {
    const [first = '', ...others] = mistakes(text);
    expect(first.startsWith(`${FILE}:`)).toBe(true);
    expect(first).toContain(said);
    if (!said.includes('YAML: ') && !text.startsWith('[')) expect(others).toEqual([]);
  });

  test('every mistake of every rule at once, from the first line to the last', () => {
    const text = `version: 1
rules:
  - { name: a, olderThan: soon }
  - { name: b, oldrThan: 1d, keep: { newest: -1 } }
  - { name: c, tags: ['^x'], keep: { newest: 1, per: minor } }
protect:
  - { tagsFrom: keep.txt }
`;
    expect(mistakes(text).map((one) => one.split(': ')[0])).toEqual([
      'retention.yaml:3:27',
      'retention.yaml:4:16',
      'retention.yaml:4:46',
      'retention.yaml:5:23',
      'retention.yaml:5:54',
      'retention.yaml:7:17',
    ]);
  });

  test('behind an alias: where the anchor is', () => {
    const text = `${ruled("tags: &a ['a b']\nolderThan: 1d")}  - { name: b, tags: *a, olderThan: x }`;
    expect(mistakes(text).map((one) => one.split(': ')[0])).toEqual([
      'retention.yaml:4:15',
      'retention.yaml:4:15',
      'retention.yaml:6:37',
    ]);
  });

  test('no more than fifty are named', () => {
    const rules = Array.from({ length: 80 }, (_, index) => `  - { name: r${index}, olderThan: x }`);
    const found = mistakes(['version: 1', 'rules:', ...rules].join('\n'));
    expect(found).toHaveLength(51);
    expect(found.at(-1)).toContain('and 30 more mistakes');
  });

  test('what is repeated of the file and its name cannot repaint a terminal', () => {
    const [said = ''] = mistakes('version: 1\nrules: [{ name: a, "\\e[2J\\n": 1 }]', { file: 'a\u001b[2J\n' });
    expect(said).toMatch(/^[\x20-\x7e…]*$/);
    expect(said).toContain('a\\u001b[2J\\n:2:20: ');
  });
});

describe('lists of tags', () => {
  const text = 'version: 1\nuntagged: { olderThan: 1d }\nprotect: [{ tagsFrom: keep.txt }]';
  test.each(
    table([
      ['', 'has no name in it, and would protect nothing'],
      ['# nothing\n', 'has no name in it'],
      ['v1\nshop/web@sha256:0', 'line 2, "shop/web@sha256:0", names a manifest'],
      ['contoso.azurecr.io/shop/web:v1', 'names a registry; write shop/web:v1'],
      ['a.azurecr.'.repeat(20_000), 'is longer than any tag'],
      ['v1 v2', 'line 1, "v1 v2", is no tag, and no repository:tag'],
      ['x\n'.repeat(140_000), 'is longer than 256 KiB'],
      [
        Array.from({ length: 24_000 }, (_, index) => `v0.0.${index}`).join('\n'),
        'with its lists is longer than 256 KiB',
      ],
    ]),
  )('$said', ({ text: list, said }) => {
    const [first = ''] = mistakes(text, { readFile: () => list });
    expect(first).toContain('retention.yaml:3:23: tagsFrom "keep.txt": ');
    expect(first).toContain(said);
  });

  test('a file that cannot be read is a mistake, with its cause', () => {
    const fail = (): never => {
      throw new Error('ENOENT: no such file\n');
    };
    expect(mistakes(text, { readFile: fail })).toEqual([
      'retention.yaml:3:23: tagsFrom "keep.txt": cannot be read: ENOENT: no such file\\n',
    ]);
  });

  test.each(['/etc/passwd', 'C:\\keep.txt', 'https://x/keep.txt'])('%s is no path relative to the file', (name) => {
    expect(mistakes(text.replace('keep.txt', `'${name}'`), { readFile })).toEqual([
      expect.stringContaining('must be a path relative to the policy file'),
    ]);
  });
});

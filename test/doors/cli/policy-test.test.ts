import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { differences } from '../../../src/dev/policy-case/compare.ts';
import { testCommand } from '../../../src/doors/cli/policy-test.ts';
import { InvalidPolicy } from '../../../src/policy/errors.ts';

const root = mkdtempSync(join(tmpdir(), 'acr-retention-cases-'));
afterAll(() => rmSync(root, { recursive: true }));
let count = 0;

/** Writes files to a new folder, and returns its path. */
function folderOf(files: Readonly<Record<string, string>>): string {
  const folder = join(root, String(count++));
  mkdirSync(folder);
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, name)), { recursive: true });
    writeFileSync(join(folder, name), text);
  }
  return folder;
}

interface Ran {
  readonly written: string;
  readonly code: number | undefined;
  readonly error: Error | undefined;
}

async function run(...args: readonly string[]): Promise<Ran> {
  let written = '';
  let code: number | undefined;
  const command = testCommand(
    (exitCode) => (code = exitCode),
    (text) => void (written += text),
  );
  try {
    await command.parseAsync(args, { from: 'user' });
    return { written, code, error: undefined };
  } catch (error) {
    return { written, code, error: error as Error };
  }
}

/** The mistakes of a case, with paths as its folder shows them. */
async function mistakes(files: Readonly<Record<string, string>>): Promise<readonly string[]> {
  const folder = folderOf({ 'policy.yaml': POLICY, ...files });
  const { error, written, code } = await run(folder);
  expect(error).toBeInstanceOf(InvalidPolicy);
  expect([written, code]).toEqual(['', undefined]);
  return (error?.message ?? '').replaceAll(`${folder}/`, '').split('\n');
}

const POLICY = `version: 1
protect: [{ tags: [latest], because: it moves }]
rules:
  - { name: releases, tags: { semver: '*' }, keep: { newest: 1 }, olderThan: 30d }
  - { name: pull requests, tags: ['pr-*'], olderThan: 14d }
untagged: { olderThan: 7d, orphanedReferrers: delete }
`;

const REGISTRY = `repositories:
  shop/web:
    v1.2.0: { age: 40d, platforms: [amd64, linux/arm64], referrers: [sbom], cosign: [sig] }
    v1.1.0: { age: 90d, platforms: [amd64], referrers: [sbom], cosign: [sig] }
    latest: { age: 1d, same-as: v1.2.0 }
    pr-{20..1}: { age: 1d, every: 1d }
    '@old': 40d
    '@sbom': { age: 40d, orphan: referrer }
    '@sig': { age: 40d, orphan: cosign }
`;

const EXPECT = `kept:
  shop/web: { latest: protected, v1.2.0: kept-newest by releases, 'pr-{20..7}': too-young }
deleted:
  shop/web: { v1.1.0: rule-matched, 'pr-{6..1}': by pull requests, '@old': , '@sbom': , '@sig': }
`;

const CASE = { 'policy.yaml': POLICY, 'registry.yaml': REGISTRY, 'expect.yaml': EXPECT };

test('a case that comes out as expected: what belongs to an image follows it', async () => {
  expect(await run(folderOf({ ...CASE, 'notes/read.me': '' }))).toMatchObject({
    code: 0,
    written: expect.stringMatching(/^ok {3}\S+: 16 kept, 10 deleted\n\n1 case, all as expected\n$/) as string,
  });
});

test('every difference is said with what was expected, what is decided, and why', async () => {
  const differing = EXPECT.replace('protected', 'kept-newest')
    .replace('kept-newest by releases', 'by pull requests')
    .replace('pr-{20..7}', 'pr-{20..6}')
    .replace('pr-{6..1}', 'pr-{5..1}');
  const folder = folderOf({
    'same/registry.yaml': REGISTRY,
    'same/expect.yaml': EXPECT,
    'other/registry.yaml': REGISTRY,
    'other/expect.yaml': `policy: ../deeper/p.yaml\n${differing}`,
    'deeper/p.yaml': POLICY,
  });
  const { written, code } = await run(folder, '--policy', join(folder, 'deeper/p.yaml'));
  expect(code).toBe(1);
  expect(written).toBe(`FAIL other: 16 kept, 10 deleted
     shop/web:v1.2.0: expected kept (rule pull requests); is kept (kept-newest, rule releases): 1st of 1 newest
     shop/web:latest: expected kept (kept-newest); is kept (protected): it moves
     shop/web:pr-6: expected kept (too-young); is deleted (rule-matched, rule pull requests): kept by no count, and 15 days old (2025-12-31), older than 14d
ok   same: 16 kept, 10 deleted

2 cases, 1 not as expected
`);
});

test('the same for a program', async () => {
  const { written, code } = await run(
    folderOf({ ...CASE, 'expect.yaml': 'others: kept\ndeleted: { shop/web: [v1.1.0] }\n' }),
    '--output',
    'json',
  );
  expect(code).toBe(1);
  const said = JSON.parse(written) as { readonly cases: readonly { readonly differences: readonly object[] }[] };
  expect(said).toMatchObject({ passed: false, cases: [{ passed: false, kept: 16, deleted: 10 }] });
  expect(said.cases[0]?.differences).toHaveLength(9);
  expect(said.cases[0]?.differences[0]).toEqual({
    artifact: 'shop/web:pr-6',
    expected: { action: 'keep' },
    got: expect.objectContaining({ action: 'delete', reason: 'rule-matched', rule: 'pull requests' }) as object,
  });
});

describe('nothing passes because it was left out', () => {
  test('a tag or an image that is not named is a difference, with what is decided on it', async () => {
    const { written, code } = await run(folderOf({ ...CASE, 'expect.yaml': EXPECT.replace(', v1.2.0: kept-newest by releases', '').replace(", '@old': ", '') })); // prettier-ignore
    expect(code).toBe(1);
    expect(written.split('\n').slice(1, 3)).toEqual([
      '     shop/web:v1.2.0: expect.yaml does not name it; is kept (kept-newest, rule releases): 1st of 1 newest',
      expect.stringMatching(/^ {5}shop\/web@old: expect.yaml does not name it; is deleted \(untagged-and-expired, /),
    ]);
  });

  test('others and all are expectations as well', async () => {
    const others = await run(folderOf({ ...CASE, 'expect.yaml': 'others: deleted\n' }));
    expect(others.written.match(/expected deleted; is kept/g)).toHaveLength(16);
    const all = await run(folderOf({ ...CASE, 'expect.yaml': 'kept: { shop/web: all }\n' }));
    expect(all.written.match(/expected kept; is deleted/g)).toHaveLength(10);
  });

  test('what belongs to an image is expected to follow it, and is named where it does not', () => {
    const item = { repository: 'a', follows: [], isNamed: true };
    const items = [
      { ...item, name: 'v1', key: ':v1' },
      { ...item, name: 'v2', key: ':v2' },
      { ...item, name: '@v1', key: '@1', follows: ['v1', 'v2'], isNamed: false },
      { ...item, name: 'v1/sbom', key: '@2', follows: ['@v1'], isNamed: false },
    ];
    const got = (action: 'keep' | 'delete') => ({ action, reason: 'r', detail: '' });
    const all = (...actions: readonly ('keep' | 'delete')[]) =>
      new Map(items.map(({ key }, index) => [`a ${key}`, got(actions[index] ?? 'keep')]));
    const expected = (action: 'keep' | 'delete') => ({ action, reason: undefined, rule: undefined });
    const named = new Map([['a v1', expected('delete')]]);
    const found = (decisions: ReturnType<typeof all>, more: readonly (readonly [string, 'keep' | 'delete'])[] = []) =>
      differences(
        { items },
        {
          policy: undefined,
          named: new Map([...named, ...more.map(([name, action]) => [name, expected(action)] as const)]),
          others: 'delete',
        },
        decisions,
      ).map(({ artifact }) => artifact);
    expect(found(all('delete', 'delete', 'delete', 'delete'))).toEqual([]);
    expect(found(all('delete', 'keep', 'keep', 'keep'))).toEqual(['a:v2']);
    expect(found(all('delete', 'delete', 'keep', 'keep'))).toEqual(['a@v1']);
    expect(found(all('delete', 'delete', 'delete', 'keep'))).toEqual(['a:v1/sbom']);
    expect(found(all('delete', 'delete', 'delete', 'keep'), [['a v1/sbom', 'keep']])).toEqual([]);
  });

  test('a repository that no rule is about is kept', async () => {
    const files = {
      'policy.yaml': 'version: 1\nrules: [{ name: a, repositories: [a], olderThan: 1d }]\n',
      'registry.yaml': 'repositories: { a: { v1: 9d }, b: { v1: 9d } }\n',
      'expect.yaml': 'deleted: { a: all }\nkept: { b: { v1: no-rule } }\n',
    };
    expect(await run(folderOf(files))).toMatchObject({ code: 0 });
  });
});

describe('a time', () => {
  const calendar = 'version: 1\nrules: [{ name: all, keep: { monthly: 2 } }]\n';
  const registry = 'repositories: { a: { "v{0..2}": { age: 0d, every: 15d }, odd: { age: unknown } } }\n';
  test('is that of the case', async () => {
    const files = { 'policy.yaml': calendar, 'registry.yaml': `now: 2026-03-20T00:00:00Z\n${registry}` };
    expect(
      await run(folderOf({ ...files, 'expect.yaml': 'kept: { a: [v0, v2, odd] }\ndeleted: { a: [v1] }\n' })),
    ).toMatchObject({ code: 0 });
  });
  test('is always the same where the case says none', async () => {
    const files = { 'policy.yaml': calendar, 'registry.yaml': registry };
    expect(
      await run(folderOf({ ...files, 'expect.yaml': 'kept: { a: { v0: , v1: , odd: unknown-time } }\ndeleted: { a: [v2] }\n' })), // prettier-ignore
    ).toMatchObject({ code: 0 });
  });
});

test('pulls are those of the case: what says none was never pulled', async () => {
  const files = {
    'policy.yaml': `version: 1
protect: [{ tags: [v*], pulledWithin: 10d }]
rules: [{ name: all, olderThan: 5d, notPulledWithin: 7d }]
`,
    'registry.yaml': `repositories:
  a:
    v1: { age: 40d, pulled: 9d }
    v2: { age: 40d, pulled: 11d }
    v3: 40d
    x1: { age: 40d, pulled: 6d }
    x2: { age: 40d, pulled: 8d }
`,
    'expect.yaml': 'kept: { a: { v1: pulled-recently, x1: pulled-recently by all } }\ndeleted: { a: [v2, v3, x2] }\n',
  };
  expect(await run(folderOf(files))).toMatchObject({ code: 0 });
});

describe('files that are wrong', () => {
  test('each mistake has its place, those of all cases at once', async () => {
    expect(
      await mistakes({
        'registry.yaml': `now: yesterday
repositories:
  Shop: { v1: 1d }
  a:
    v1: { age: 1x, every: 1d, platfroms: [amd64] }
    v2: { platforms: amd64, locked: 'yes' }
    v3: { age: 1d, same-as: v9, cosign: [sign] }
    .v4: 1d
    v5: 1
    pr-{1..99999}: 1d
    v6: { age: 1d, orphan: referrer }
`,
        'expect.yaml': 'kept: { a: 5 }\nother: kept\n',
        'policy.yaml': 'version: 2\n',
      }),
    ).toEqual([
      'registry.yaml:1:6: now "yesterday": must be a time in UTC, such as 2026-01-15T12:00:00Z',
      'registry.yaml:3:3: Shop: is no name a repository can have',
      expect.stringMatching(/^registry.yaml:5:16: age "1x": /),
      'registry.yaml:5:27: every "1d": is for several: write the name as build-{1..20}',
      expect.stringMatching(/^registry.yaml:5:31: platfroms: there is no such key; here may be age, /),
      'registry.yaml:6:9: v2: has no age; write e.g. { age: 40d }',
      'registry.yaml:6:22: platforms "amd64": must be a list',
      'registry.yaml:6:37: locked "yes": must be true or false',
      'registry.yaml:7:29: same-as "v9": there is no such tag or image in this repository',
      'registry.yaml:7:42: cosign "sign": must be one of sig, att, sbom',
      "registry.yaml:8:5: .v4: is neither a tag, such as v1, nor an image without one, such as '@old'",
      'registry.yaml:9:9: v5 "1": must be an object: keys with values',
      'registry.yaml:10:5: pr-{1..99999}: is more than 10000 tags',
      'registry.yaml:11:28: orphan "referrer": is for what has no tag of its own; write the name as \'@signature\'',
      'expect.yaml:1:12: a "5": must be a list of tags, or an object: tags with reasons; or all',
      'expect.yaml:2:1: other: there is no such key; here may be policy, kept, deleted, others',
      'policy.yaml:1:1: the policy: deletes nothing, because it has neither rules nor untagged',
      'policy.yaml:1:10: version "2": must be 1',
    ]);
  });

  test.each([
    ['{}', ['expect.yaml:1:1: the case: expects nothing; write kept:, deleted: or others:']],
    ['others: gone', ['expect.yaml:1:9: others "gone": must be kept or deleted']],
    [
      'kept: { shop/wep: all }',
      ['expect.yaml:1:9: shop/wep: registry.yaml has no such repository; did you mean shop/web?'],
    ],
    [
      'kept: { shop/web: [v1.3.0] }',
      ['expect.yaml:1:20: shop/web "v1.3.0": registry.yaml has no v1.3.0 in shop/web; did you mean v1.2.0?'],
    ],
    [
      'kept: { shop/web: [latest] }\ndeleted: { shop/web: [latest] }',
      ['expect.yaml:2:23: shop/web "latest": latest is expected twice'],
    ],
    [
      'kept: { shop/web: { latest: protectd } }',
      [
        'expect.yaml:1:29: latest "protectd": there is no such reason here; did you mean protected?; a rule is written: by protectd',
      ],
    ],
    [
      'deleted: { shop/web: { latest: protected } }',
      ['expect.yaml:1:32: latest "protected": there is no such reason here; a rule is written: by protected'],
    ],
    [
      'policy: p.yaml\nothers: kept',
      [
        'expect.yaml:1:9: policy "p.yaml": there is a policy.yaml beside it; leave one of them away',
        expect.stringContaining('there is no such file'),
      ],
    ],
  ])('expect.yaml: %s', async (text, expected) => {
    expect(await mistakes({ 'registry.yaml': REGISTRY, 'expect.yaml': `${text}\n` })).toEqual(expected);
  });

  test('a case without one of its files, or without a policy', async () => {
    expect(await mistakes({ 'registry.yaml': REGISTRY })).toEqual([expect.stringContaining('there is no such file')]);
    const { error } = await run(folderOf({ 'registry.yaml': REGISTRY, 'expect.yaml': EXPECT }));
    expect(error?.message).toContain('expect.yaml:1:1: the case: there is no policy; write policy: and its path');
  });

  test('a folder without a case, and none', async () => {
    expect((await run(folderOf({ 'a/b': '' }))).error?.message).toContain('has no case');
    expect((await run(join(root, 'none'))).error?.message).toContain('there is no such folder');
  });
});

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { checkCommand } from '../../../src/doors/cli/policy-check.ts';
import { InvalidPolicy, PolicyError } from '../../../src/policy/errors.ts';

const folder = mkdtempSync(join(tmpdir(), 'acr-retention-policy-'));
afterAll(() => rmSync(folder, { recursive: true }));

/** Writes a file of the folder, and returns its path. */
const file = (name: string, content: string | Uint8Array): string => {
  writeFileSync(join(folder, name), content);
  return join(folder, name);
};

interface Ran {
  readonly written: string;
  readonly error: Error | undefined;
}

async function check(args: readonly string[], input: readonly (string | Uint8Array)[] = []): Promise<Ran> {
  let written = '';
  // eslint-disable-next-line @typescript-eslint/require-await -- as a stream is read
  async function* stdin() {
    yield* input;
  }
  try {
    await checkCommand({ stdin: stdin(), write: (text) => void (written += text) }).parseAsync(args, { from: 'user' });
    return { written, error: undefined };
  } catch (error) {
    return { written, error: error as Error };
  }
}

const VALID = `version: 1
protect: [{ tagsFrom: lists/../keep.txt }]
rules: [{ name: a, tags: ['pr-*'], olderThan: 0d }]
`;

test('a valid file: what it means, and what is hardly meant', async () => {
  file('keep.txt', 'v1 # pinned\n');
  const path = file('valid.yaml', VALID.replace('lists/../', './'));
  expect(await check([path])).toEqual({
    error: undefined,
    written: `${path} is valid.

Never deleted
- In every repository: the tag "v1".

Rules, in order: the first that matches a tag owns it
1. a. In every repository: the tags "pr-*". They are deleted, whatever their age.

Everything else
- A tag that no rule owns is kept.
- What has no tag is kept. An image all of whose tags are deleted is deleted with them.

Warning: ${path}:3:47: olderThan "0d": deletes all that the rule owns, at any age
`,
  });
});

test('the same for a program', async () => {
  const path = file('one.yaml', 'version: 1\nuntagged: { olderThan: 1d }\n');
  const { written, error } = await check([path, '--output', 'json']);
  expect(error).toBeUndefined();
  expect(written.split('\n')).toHaveLength(2);
  expect(JSON.parse(written)).toMatchObject({ valid: true, warnings: [], protect: [], rules: [] });
});

describe('a file that is not valid', () => {
  const path = (): string => file('wrong.yaml', 'version: 1\nuntagged: { oldrThan: 1d, keep: { newest: 0 } }\n');

  test('is said to be none, and each mistake is in the error', async () => {
    const { written, error } = await check([path()]);
    expect(written).toBe(`${path()} is not valid.\n`);
    expect(error).toBeInstanceOf(InvalidPolicy);
    expect(error?.message.split('\n')).toEqual([
      `${path()}:2:13: oldrThan: there is no such key; did you mean olderThan?`,
      `${path()}:2:43: newest "0": must be at least 1`,
    ]);
  });

  test('for a program', async () => {
    const { written, error } = await check([path(), '--output', 'json']);
    expect(error).toBeInstanceOf(InvalidPolicy);
    expect(JSON.parse(written)).toEqual({
      valid: false,
      errors: [
        expect.objectContaining({ file: path(), line: 2, column: 13, key: 'oldrThan' }),
        {
          file: path(),
          line: 2,
          column: 43,
          key: 'newest',
          text: '0',
          problem: 'must be at least 1',
          message: `${path()}:2:43: newest "0": must be at least 1`,
        },
      ],
    });
  });
});

describe('the standard input', () => {
  test('is a file like any other', async () => {
    const { written } = await check(['-'], ['version: 1\n', Buffer.from('untagged: { keep: { newest: 1 } }')]);
    expect(written).toContain('- is valid.');
  });

  test('mistakes in it', async () => {
    const { error } = await check(['-'], ['version: 3\nuntagged: { olderThan: 1d }']);
    expect(error?.message).toBe('standard input:1:10: version "3": must be 1');
  });

  test('a letter in two pieces', async () => {
    const bytes = Buffer.from('version: 1 # é\nuntagged: { keep: { newest: 1 } }');
    expect((await check(['-'], [bytes.subarray(0, 14), bytes.subarray(14)])).error).toBeUndefined();
  });

  test.each([
    [[Buffer.from([0xff])], 'is no text in UTF-8'],
    [Array.from({ length: 300 }, () => Buffer.alloc(1024, ' ')), 'is longer than 256 KiB'],
  ])('%#', async (input, said) => {
    const { error, written } = await check(['-'], input);
    expect(error).toBeInstanceOf(PolicyError);
    expect(error?.message).toContain(said);
    expect(written).toBe('');
  });
});

describe('what cannot be read', () => {
  test.each([
    ['a file that is not there', () => join(folder, 'none.yaml'), 'there is no such file'],
    ['a folder', () => folder, 'is a folder'],
    ['bytes', () => file('bytes', Buffer.from([0x80])), 'is no text in UTF-8'],
    ['a long file', () => file('long', ' '.repeat(262_145)), 'is longer than 256 KiB'],
    [
      'a list that is not there',
      () => file('list.yaml', VALID.replace('lists/../keep.txt', 'no.txt')),
      'list.yaml:2:23: tagsFrom "no.txt": cannot be read: there is no such file',
    ],
  ])('%s', async (_, path, said) => {
    const { error } = await check([path()]);
    expect(error?.message).toContain(said);
  });
});

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { convertCommand } from '../../../src/doors/cli/policy-convert.ts';
import { parsePolicyFile } from '../../../src/policy/file/parse.ts';

const folder = mkdtempSync(join(tmpdir(), 'acr-retention-convert-'));
afterAll(() => rmSync(folder, { recursive: true }));

async function convert(...args: readonly string[]): Promise<string> {
  let written = '';
  await convertCommand((text) => void (written += text)).parseAsync(args, { from: 'user' });
  return written;
}

/** What is no comment. */
const bare = (text: string): string => text.replace(/^ *#.*\n/gm, '');

test('flags as a policy file: filters of the same repositories are one rule, and other repositories are left alone', async () => {
  const text = await convert(
    ...['--', '--filter', 'app:^dev', '--filter', 'app:^pr', '--filter', 'team/.*:.*', '--ago', '1d12h', '--untagged'],
    ...['--protect', '**:latest', '--protect', 'app:prod', '--include-locked', '--dry-run'],
  );
  expect(bare(text)).toBe(`version: 1
protect:
  - repositories: { regex: '^(?!.*(?:^app$|^team/.*$))' }
    because: no filter names the repository
  - { tags: [latest] }
  - { repositories: [app], tags: [prod] }
rules:
  - name: 'app:^dev, app:^pr'
    repositories: [app]
    tags: { regex: '^dev|^pr' }
    olderThan: 1d12h
  - name: 'team/.*:.*'
    repositories: { regex: '^team/.*$' }
    olderThan: 1d12h
untagged:
  olderThan: 1d12h
`);
  expect(text).toContain('# --include-locked is no part of a policy');
  expect(text).toContain('# --dry-run is no part of a policy');
  expect(text).not.toContain('Without --untagged');
  expect(parsePolicyFile(text).rules).toHaveLength(2);
});

test('--keep counts what is old enough, and so does the policy', async () => {
  const text = await convert('--', 'acr', 'purge', '--filter', '.*:^v', '--ago', '30d', '--keep', '3', '--untagged');
  expect(bare(text)).toBe(`version: 1
rules:
  - name: '.*:^v'
    tags: { regex: '^v' }
    keep: { newest: 3, of: old }
    olderThan: 30d
untagged:
  olderThan: 30d
  keep: { newest: 3, of: old }
`);
  expect(text).toContain('acr purge counts signature tags as well');
  expect(parsePolicyFile(text).rules).toHaveLength(1);
});

test('--keep-at-least is keep: newest, and --untagged-only has no rule', async () => {
  expect(bare(await convert('--', '--filter', 'app:.*', '--ago', '30d', '--keep-at-least', '3'))).toBe(`version: 1
rules:
  - name: 'app:.*'
    repositories: [app]
    keep: { newest: 3 }
    olderThan: 30d
`);
  expect(bare(await convert('--', '--untagged-only'))).toBe('version: 1\nuntagged:\n  olderThan: 0d\n');
});

describe('an ACR Task', () => {
  const task = (...commands: readonly string[]): string => {
    const path = join(folder, 'task.yaml');
    writeFileSync(path, `version: v1.1.0\nsteps:\n${commands.map((one) => `  - cmd: ${one}\n`).join('')}`);
    return path;
  };

  test('of several commands: what is said of their order, and of what has no tag', async () => {
    const text = await convert(
      '--task',
      task('acr purge --filter a:^dev --ago 90d --untagged', 'acr purge --filter b:.* --ago 30d'),
    );
    expect(bare(text)).toBe(`version: 1
rules:
  - name: '1. a:^dev'
    repositories: [a]
    tags: { regex: '^dev' }
    olderThan: 90d
  - name: '2. b:.*'
    repositories: [b]
    olderThan: 30d
`);
    for (const said of [
      'One command after the other',
      'Without --untagged',
      'Left out: not every command has --untagged',
    ])
      expect(text).toContain(said);
  });

  test('one age for what has no tag: the longest', async () => {
    const text = await convert(
      '--task',
      task('acr purge --untagged-only --ago 3d', 'acr purge --untagged-only --ago 9d'),
    );
    expect(bare(text)).toBe('version: 1\nuntagged:\n  olderThan: 9d\n');
    expect(text).toContain('The longest of several ages');
  });
});

test.each([
  [[], /^flags: say what to convert: /],
  [['--task', 'none.yaml'], /^--task "none.yaml": there is no such file$/],
  [['--task', 'x', '--', '--untagged-only'], /^--task: cannot stand beside flags/],
  [['--', '--filter', '', '--ago', '1d'], /^--filter "": no colon separates the repository from the tags/],
  [['--', '--filter', 'app:.*'], /^--ago "": is required/],
  [['--', 'docker', 'prune'], /^command "docker prune": is not acr purge$/],
])('%j', async (args, message) => {
  await expect(convert(...args)).rejects.toThrow(message);
});

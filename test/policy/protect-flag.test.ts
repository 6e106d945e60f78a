import { describe, expect, test } from 'vitest';
import { parsePurgeCommand, parsePurgeCommands, parsePurgeFields } from '../../src/policy/purge-command.ts';
import { parseProtection } from '../../src/policy/protect-flag.ts';
import { parseTaskFile } from '../../src/policy/task-file.ts';
import { parsePolicyFile } from '../../src/policy/file/parse.ts';
import { createPolicy } from '../../src/policy/purge-policy.ts';

const FLAGS = { filter: ['.*:^dev-'], ago: '30d' };
const protecting = (...protect: readonly string[]) => createPolicy({ ...FLAGS, protect });

describe('--protect', () => {
  test('both parts are globs, and the tags * stand for all of the repository', () => {
    const [tag, team] = protecting('**:v1.*', 'team/**:*').protect;
    expect(tag?.tags.test(['v1.2', 'v12', 'v1.'])).toEqual([true, false, true]);
    expect(tag?.repositories.test(['app', 'team/app'])).toEqual([true, true]);
    expect(team?.repositories.test(['app', 'team/app', 'team'])).toEqual([false, true, false]);
    expect([tag?.isWhole, team?.isWhole]).toEqual([false, true]);
    expect(parseProtection('app:[^a]*').tags.test(['b1', 'a1'])).toEqual([true, false]);
  });

  test.each([
    ['@keep.txt', 'only the command line reads one'],
    ['latest', 'write "**:latest"'],
    [':latest', 'write "**:latest"'],
    ['app:', 'write "app:*"'],
    ['contoso.azurecr.io/shop/web:v1', 'write "shop/web:v1"'],
    ['app@sha256:00', 'names a manifest'],
    ['app:v1:v2', 'more than one colon'],
    ['app:^v1', 'looks like a regular expression'],
    ['.+:v1', 'looks like a regular expression'],
    ['app:!v1', 'cannot exclude'],
    ['app:v/1', 'no tag has a /'],
    ['App:v1', 'can match nothing'],
    ['', 'no colon'],
  ])('%j is refused, with what to write instead', (text, problem) => {
    expect(() => protecting(text)).toThrow(problem);
    expect(() => protecting(text)).toThrow(/^--protect /);
  });

  test('every mistake is named, and what names nothing or everything is warned of', () => {
    expect(() => protecting('latest', 'app:^v1')).toThrow(/latest[\s\S]*\^v1/);
    expect(protecting('*:latest', '**:*').warnings).toEqual([
      '--protect "*:latest" names repositories without a / alone; ** names every one',
      '--protect "**:*" names every repository: nothing is ever deleted',
    ]);
    const only = { untaggedOnly: true, protect: ['app:v1', 'app:*'], keepAtLeast: '3' };
    expect(createPolicy(only).warnings).toEqual([
      '--keep-at-least changes nothing beside --untagged-only, which deletes no tags',
      '--protect "app:v1" changes nothing beside --untagged-only, which deletes no tags',
    ]);
    expect(() => protecting(...Array.from({ length: 1_001 }, (_, n) => `app:v${n}`))).toThrow('tagsFrom');
  });
});

test('they stand in PURGE_COMMAND, in a task, and in a request, and are recorded', () => {
  const text = "acr purge --filter '.*:^dev-' --ago 30d --protect '**:latest' --protect app:* --keep-at-least 5";
  for (const { policy } of [
    ...parsePurgeCommands(text),
    ...parseTaskFile(`steps:\n  - cmd: ${text}\n`).commands,
    parsePurgeFields({ filter: '.*:^dev-', ago: '30d', protect: ['**:latest', 'app:*'], 'keep-at-least': 5 }),
  ]) {
    expect(policy.protect.map((one) => one.text)).toEqual(['**:latest', 'app:*']);
    expect(policy.keepAtLeast).toBe(5);
    expect(parsePurgeCommand(policy.text).policy.text).toBe(policy.text);
  }
  for (const read of [
    () => parsePurgeCommands(`${text} --protect @keep.txt`),
    () => parseTaskFile(`steps:\n  - cmd: ${text} --protect @keep.txt\n`),
    () => parsePurgeFields({ filter: '.*:^dev-', ago: '30d', protect: '@keep.txt' }),
  ])
    expect(read).toThrow(/--protect "@keep.txt": names a list; only the command line reads one/);
  const many = { ...FLAGS, protect: Array.from({ length: 101 }, (_, n) => `app:v${n}`) };
  expect(() => parsePurgeFields(many, { filters: 100 })).toThrow('--protect: is given 101 times');
});

test('a policy file says both itself', () => {
  const retention = parsePolicyFile('version: 1\nrules: [{ name: old, olderThan: 30d }]\n');
  const both = { protect: ['app:v1'], keepAtLeast: '3' };
  expect(() => createPolicy({ ...both, file: { name: 'retention.yaml', retention } })).toThrow(
    /--protect: cannot stand beside --policy; [\s\S]*--keep-at-least: cannot stand beside --policy/,
  );
  expect(() => createPolicy({ ...FLAGS, keepAtLeast: '-1' })).toThrow('--keep-at-least');
});

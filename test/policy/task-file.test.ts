import { describe, expect, test } from 'vitest';
import { InvalidPolicy } from '../../src/policy/errors.ts';
import { parseTaskFile } from '../../src/policy/task-file.ts';
import { TALK_TASK } from '../support/talk.ts';

test("the talk's task is taken as it is", () => {
  const { commands, timeLimitSeconds } = parseTaskFile(TALK_TASK);
  expect(timeLimitSeconds).toBe(3600);
  expect(commands).toHaveLength(1);
  expect(commands[0]?.policy).toMatchObject({ keep: 1, untagged: true, dryRun: true });
  expect(commands[0]?.policy.filters.map(({ text }) => text)).toEqual(['^.*:[^F|f]eature[-0-9]*$']);
});

test('several steps, folded lines, and what changes nothing', () => {
  const { commands, timeLimitSeconds } = parseTaskFile(`
version: v1.1.0
stepTimeout: 600
steps:
  - id: dev
    cmd: >-
      mcr.microsoft.com/acr/acr-cli:0.17 purge -r {{.Run.Registry}}
      --filter 'app:^dev-'
      --ago 7d
    when: ['-']
    ignoreErrors: true
  - cmd: |
      acr purge --untagged-only --ago 1d
    timeout: 60
`);
  expect(commands.map(({ policy }) => policy.ago)).toEqual(['--ago 7d', '--ago 1d']);
  expect(timeLimitSeconds).toBe(660);
});

test('without a timeout on each step there is no limit', () => {
  const step = '- cmd: acr purge --untagged-only';
  expect(parseTaskFile(`steps:\n${step}\n${step}\n  timeout: 60\n`).timeLimitSeconds).toBeUndefined();
});

describe('refused, with the place', () => {
  test.each([
    ['steps: [', 'is no YAML'],
    ['steps:\n- cmd: acr purge --untagged-only\n  when: *first\n', 'is no YAML'],
    ['[]', 'has no steps'],
    ['steps: []', 'has no steps'],
    ['', 'has no steps'],
    ['steps:\n- build: -t app .', 'step 1: ACR_TASK_FILE "build"'],
    ['steps:\n- cmd: docker ps', 'step 1: command "docker ps"'],
    ['steps:\n- cmd: acr purge --untagged-only\n- cmd: acr purge --ago 1.5d --untagged-only', 'step 2: --ago'],
    ['steps:\n- cmd: acr purge --untagged-only\n  entryPoint: sh', 'step 1: ACR_TASK_FILE "entryPoint"'],
    ['steps:\n- cmd: acr purge --untagged-only\n  timeout: soon', 'timeout of step 1'],
    ['alias: {values: {acr: x}}\nsteps:\n- cmd: acr purge --untagged-only', 'the task: ACR_TASK_FILE "alias"'],
  ])('%j', (yaml, said) => {
    expect(() => parseTaskFile(yaml)).toThrow(InvalidPolicy);
    expect(() => parseTaskFile(yaml)).toThrow(said);
  });
});

import { CommanderError } from 'commander';
import { describe, expect, test } from 'vitest';
import { scheduleCommand } from '../../../src/doors/cli/schedule.ts';
import { PolicyError } from '../../../src/policy/errors.ts';

const FROM = ['--from', '2026-11-24T00:00:00Z'];

/** What the command writes, or the error with which it ends. */
function run(...args: readonly string[]): string | Error {
  let written = '';
  const command = scheduleCommand((text) => (written += text))
    .exitOverride()
    .configureOutput({ outputError: () => undefined });
  try {
    command.parse(args, { from: 'user' });
    return written;
  } catch (error) {
    return error as Error;
  }
}

test('says when in words, and the next five runs in UTC', () => {
  expect(run('0 1 * * Sun', ...FROM)).toBe(
    `At 01:00, only on Sunday (UTC)

The next 5 runs, in UTC:
  Sun 2026-11-29T01:00:00Z
  Sun 2026-12-06T01:00:00Z
  Sun 2026-12-13T01:00:00Z
  Sun 2026-12-20T01:00:00Z
  Sun 2026-12-27T01:00:00Z
`,
  );
});

test('json: one document on one line', () => {
  const json = run('0 1 * * Sun', ...FROM, '--count', '2', '--output', 'json');
  expect(json).toBe(
    '{"expression":"0 1 * * Sun","description":"At 01:00, only on Sunday (UTC)",' +
      '"next":["2026-11-29T01:00:00Z","2026-12-06T01:00:00Z"]}\n',
  );
});

test('says where there are fewer runs, or one', () => {
  expect(run('0 0 29 2 1', ...FROM)).toContain(
    'The next run, in UTC (there are no more before 2060):\n  Mon 2044-02-29',
  );
  expect(run('0 0 29 2 1', '--from', '2050-01-01T00:00:00Z')).toContain('There is no run before 2060.');
  expect(run('* * * * *', ...FROM, '--count', '1')).toContain('The next run, in UTC:\n  Tue 2026-11-24T00:01:00Z\n');
});

test('--from: any time of RFC 3339; now, where it is not given', () => {
  for (const from of ['2026-11-24T02:00:00+02:00', '2026-11-24t00:00:00z', '2026-11-24 00:00:00.000000001Z']) {
    expect(run('* * * * *', '--from', from, '--count', '1')).toContain('2026-11-24T00:01:00Z');
  }
  const before = Date.now();
  const json = JSON.parse(String(run('* * * * * *', '--output', 'json'))) as { readonly next: readonly string[] };
  expect(Date.parse(json.next[0] ?? '')).toBeGreaterThan(before);
  expect(Date.parse(json.next[0] ?? '')).toBeLessThanOrEqual(Date.now() + 1000);
});

test('--count up to 1000', () => {
  expect(String(run('* * * * * *', ...FROM, '--count', '1000')).match(/^ {2}Tue /gm)).toHaveLength(1000);
});

describe('refused', () => {
  test.each([
    [['0 22-2 * * *'], 'schedule "0 22-2 * * *": ', 'list both parts, as in 22-23,0-2'],
    [['@daily'], 'schedule "@daily": ', 'e.g. 0 1 * * Sun for Sundays at 01:00 UTC'],
    [[''], 'schedule "": ', 'no schedule is given'],
    [['0', '1', '*', '*', 'Sun'], 'schedule "0 1 * * Sun": ', "write acr-retention schedule '0 1 * * Sun'"],
    [['5', '1', 'README.md', 'src', 'Sun'], 'schedule "5 1 README.md src Sun": ', "schedule '0 1 * * Sun'"],
    [['* * * * *', '--count', '0'], '--count "0": ', '1 to 1000'],
    [['* * * * *', '--count', '1001'], '--count "1001": ', '1 to 1000'],
    [['* * * * *', '--count', '1e2'], '--count "1e2": ', '1 to 1000'],
    [['* * * * *', '--from', 'tomorrow'], '--from "tomorrow": ', '2026-11-24T00:00:00Z'],
    [['* * * * *', '--from', '2026-11-24'], '--from "2026-11-24": ', '2026-11-24T00:00:00Z'],
    [['* * * * *', '--from', '2026-02-30T00:00:00Z'], '--from "2026-02-30T00:00:00Z": ', 'no time'],
    [['* * * * *', '--from', '2026-02-20T24:00:00Z'], '--from "2026-02-20T24:00:00Z": ', 'no time'],
    [['* * * * *', '--from', '2026-02-20T00:00:00'], '--from "2026-02-20T00:00:00": ', 'no time'],
    [['* * * * *', '--from', '2060-01-01T00:00:00Z'], '--from "2060-01-01T00:00:00Z": ', 'an earlier time'],
  ])('%j', (args, begin, end) => {
    const error = run(...args);
    expect(error).toBeInstanceOf(PolicyError);
    const { message } = error as PolicyError;
    expect(message.startsWith(begin)).toBe(true);
    expect(message).toContain(end);
  });

  test.each([[[]], [['* * * * *', '--output', 'xml']], [['* * * * *', '--utc']]])('%j', (args) => {
    expect(run(...args)).toBeInstanceOf(CommanderError);
  });
});

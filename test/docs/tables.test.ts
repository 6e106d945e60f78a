import { globSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { DELETE_REASONS, KEEP_REASONS } from '../../src/planner/decision.ts';
import { RESTORE_REASONS } from '../../src/planner/restore.ts';
import { codeIn, rowsUnder } from './markdown.ts';

const root = fileURLToPath(new URL('../../', import.meta.url));
const firstCells = (path: string, heading: string): readonly string[] =>
  rowsUnder(path, heading).flatMap(([cell = '']) => codeIn(cell));

test('each reason is explained, and whether the artifact is deleted or kept', () => {
  const rows = rowsUnder('docs/safety.md', 'Reasons').map(([reason, what]) => [reason, what]);
  expect(rows).toEqual([
    ...DELETE_REASONS.map((one) => [`\`${one}\``, 'delete']),
    ...KEEP_REASONS.map((one) => [`\`${one}\``, 'keep']),
  ]);
});

test('each reason of a restore is explained', () =>
  expect(firstCells('docs/restore.md', 'Reasons')).toEqual([...RESTORE_REASONS]));

test('each event of the log is explained', () => {
  const sources = globSync('src/**/*.ts', { cwd: root }).map((file) => readFileSync(`${root}${file}`, 'utf8'));
  const events = [...sources.join('\n').matchAll(/\bevent: '([a-z-]+)'/g)].map(([, event]) => event);
  expect(new Set(firstCells('docs/operations.md', 'Events'))).toEqual(new Set(events));
  expect(events.length).toBeGreaterThan(4);
});

describe('the messages that the troubleshooting quotes', () => {
  const source = globSync('src/**/*.{ts,tsx}', { cwd: root })
    .concat(globSync('functions/*.ts', { cwd: root }))
    .map((file) => readFileSync(`${root}${file}`, 'utf8'))
    .join('\n');
  const sections = [
    'Signing in and permissions',
    'Nothing is deleted, or less than expected',
    'Plans, runs and the record',
  ];
  const quoted = [
    ...sections.flatMap((section) => rowsUnder('docs/operations.md', section)),
    ...rowsUnder('docs/in-use.md', 'What to do about a message'),
    ...rowsUnder('docs/pulls.md', 'What to do about a message about pulls'),
  ]
    .flatMap(([cell = '']) => codeIn(cell))
    // What a command and a path are named is no message.
    .filter((code) => code.includes(' ') && !/^(?:azd|\d)/.test(code));

  test('are many', () => expect(quoted.length).toBeGreaterThan(15));
  test.each(quoted)('%s', (message) => expect(source).toContain(message));
});

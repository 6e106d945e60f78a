import { globSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { DELETE_REASONS, KEEP_REASONS } from '../../src/planner/decision.ts';
import { SETTINGS } from '../../src/policy/settings.ts';
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

test('each app setting is explained', () => {
  expect(firstCells('docs/settings.md', 'All settings').toSorted()).toEqual(SETTINGS.toSorted());
});

test('each event of the log is explained', () => {
  const sources = globSync('src/**/*.ts', { cwd: root }).map((file) => readFileSync(`${root}${file}`, 'utf8'));
  const events = [...sources.join('\n').matchAll(/\bevent: '([a-z-]+)'/g)].map(([, event]) => event);
  expect(new Set(firstCells('docs/operations.md', 'Events'))).toEqual(new Set(events));
  expect(events.length).toBeGreaterThan(4);
});

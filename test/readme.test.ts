import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { DELETE_REASONS, KEEP_REASONS } from '../src/planner/decision.ts';
import { purgeCommand } from '../src/policy/flags.ts';

const readme = readFileSync(new URL('../README.md', import.meta.url), 'utf8');

/** The first cell of each row of the table under a heading. */
function firstCells(heading: string): readonly string[] {
  const section = readme.split(`\n## ${heading}\n`)[1]?.split('\n## ')[0] ?? '';
  return [...section.matchAll(/^\| (`.*?`) *\|/gm)].map(([, cell = '']) => cell);
}

test('the README lists every reason, and says of each whether the artifact goes or stays', () => {
  const rows = [...readme.matchAll(/^\| `([a-z-]+)` *\| (goes|stays) *\|/gm)].map(([, reason, what]) => [reason, what]);
  const expected = [...DELETE_REASONS.map((one) => [one, 'goes']), ...KEEP_REASONS.map((one) => [one, 'stays'])];
  expect(rows).toEqual(expected);
});

test('the README lists every flag', () => {
  const named = firstCells('Flags').flatMap((cell) => [...cell.matchAll(/`(--?[a-z-]+)`/g)].map(([, flag]) => flag));
  const flags = purgeCommand().options.flatMap((option) => [option.long, ...(option.short ? [option.short] : [])]);
  expect(new Set(named)).toEqual(new Set([...flags, '--output']));
});

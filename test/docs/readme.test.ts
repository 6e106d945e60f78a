import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { DELETE_REASONS, KEEP_REASONS } from '../../src/planner/decision.ts';
import { purgeCommand } from '../../src/policy/flags.ts';
import { SETTINGS } from '../../src/policy/settings.ts';

const readme = readFileSync(new URL('../../README.md', import.meta.url), 'utf8');

/** The first cell of each row of the table under a heading, `## …` or `### …`. */
function firstCells(heading: string): readonly string[] {
  const section = new RegExp(`\\n##+ ${heading}\\n([^]*?)\\n##+ `).exec(readme)?.[1] ?? '';
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

test('the README lists every app setting', () => {
  const named = firstCells('Settings').flatMap((cell) => [...cell.matchAll(/`([A-Z_]+)`/g)].map(([, name]) => name));
  expect(named.toSorted()).toEqual(SETTINGS.toSorted());
});

test('the README lists every event of the log', () => {
  const sources = [
    'report/log.ts',
    'http/problem.ts',
    'configured.ts',
    'scheduled.ts',
    'each-registry.ts',
    'watch.ts',
  ].map((file) => readFileSync(new URL(`../src/${file}`, import.meta.url), 'utf8'));
  const events = [...sources.join('\n').matchAll(/event: '([a-z-]+)'/g)].map(([, event]) => event);
  const named = firstCells('The log').map((cell) => cell.replaceAll('`', ''));
  expect(new Set(named.slice(1))).toEqual(new Set(events));
  expect(events.length).toBeGreaterThan(4);
});

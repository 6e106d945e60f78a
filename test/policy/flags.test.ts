import { expect, test } from 'vitest';
import { flagsTable, purgeCommand } from '../../src/policy/flags.ts';
import { withGuards } from '../../src/policy/guards.ts';

test('the table for the documentation has every flag, with its argument, short form and default', () => {
  const command = withGuards(purgeCommand());
  const table = flagsTable(command);
  expect(table.map(({ name }) => name.replace(/ .*/, ''))).toEqual(command.options.map(({ long }) => long));
  expect(table).toContainEqual({
    name: '--keep <n>',
    description: 'keep the newest n of what would be deleted, in each repository',
    default: '0',
  });
  expect(table.find(({ name }) => name === '--filter <repository:tag>')?.short).toBe('-f');
  expect(table.find(({ name }) => name === '--untagged')?.default).toBe('off');
  for (const { description } of table) expect(description).not.toContain('default');
});

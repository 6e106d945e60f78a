import { expect, test } from 'vitest';
import { parsePurgeCommand } from '../../src/policy/purge-command.ts';
import { guardsInFields, guardsOfAll, settingOfGuard, withoutGuards } from '../../src/policy/guards.ts';

test.each([
  [{ maxDeletions: 3, filter: 'a:b' }, { maxDeletions: 3 }, ['filter']],
  [{ 'max-deletion-percent': '50', 'keep-last-tag': '' }, { maxDeletionPercent: 50, keepLastTag: true }, []],
  [{ keepLastTag: false, maxMedianFactor: '0' }, { keepLastTag: false, maxMedianFactor: Infinity }, []],
  [{ ago: '30d' }, {}, ['ago']],
])('the guards of the fields %j are %j, and the rest is left', (fields, guards, rest) => {
  expect(guardsInFields(fields)).toEqual(guards);
  expect(Object.keys(withoutGuards(fields))).toEqual(rest);
});

test.each([
  [{ maxDeletions: -1 }, /--max-deletions.*negative/],
  [{ maxDeletions: [1, 2] }, /--max-deletions.*once/],
  [{ maxDeletions: 1, 'max-deletions': 2 }, /--max-deletions.*once/],
  [{ maxDeletions: { a: 1 } }, /--max-deletions.*must be/],
  [{ maxDeletionPercent: 101, keepLastTag: 'maybe' }, /--max-deletion-percent.*100[\s\S]*--keep-last-tag/],
])('%j is refused, with every mistake', (fields, why) => {
  expect(() => guardsInFields(fields)).toThrow(why);
});

test('a command says its guards only where it may, and else is told the setting', () => {
  const text = '-f a:b --ago 1d --max-deletions 2 --keep-last-tag=false';
  expect(parsePurgeCommand(text, { guards: true }).guards).toEqual({ maxDeletions: 2, keepLastTag: false });
  expect(parsePurgeCommand('-f a:b --ago 1d', { guards: true }).guards).toEqual({});
  expect(() => parsePurgeCommand('-f a:b --ago 1d --max-deletions 2')).toThrow('set MAX_DELETIONS');
  expect(settingOfGuard('--keep-last-tag')).toBe('KEEP_LAST_TAG');
  expect(settingOfGuard('--keep')).toBeUndefined();
});

test('several commands of a request share their guards, and must not contradict one another', () => {
  expect(guardsOfAll([{ maxDeletions: 1 }, {}, { maxDeletions: 1, keepLastTag: true }])).toEqual({
    maxDeletions: 1,
    keepLastTag: true,
  });
  expect(() => guardsOfAll([{ maxDeletions: 1 }, { maxDeletions: 2 }])).toThrow('--max-deletions');
});

import { setImmediate as nextTurn } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { matchOf, newMatch, secondsOf } from '../../src/engine/matching.ts';
import { PolicyError } from '../../src/policy/errors.ts';
import { createPolicy } from '../../src/policy/purge-policy.ts';
import { compileRegex } from '../../src/policy/regex/regex.ts';
import { matchHere } from '../support/match.ts';
import { ruledBy } from '../support/registry.ts';

const compiled = (...patterns: readonly string[]) =>
  patterns.map((pattern) => compileRegex(pattern, { flag: '--filter' }));

const slow = `${'a'.repeat(60)}!`;

test('a worker answers as this thread does, however many there are', async () => {
  const patterns = compiled('^b', '(?i)A$', '^$', 'é|1');
  const values = [
    'a',
    'b',
    '\t',
    'bB',
    'c',
    '',
    'é',
    'xa',
    ...Array.from({ length: 60_000 }, (_, nth) => `dev-${nth}`),
  ];
  expect(await newMatch(5)(patterns, values)).toEqual(await matchHere(patterns, values));
  expect(await newMatch(5)([], values)).toEqual([]);
  expect(await newMatch(5)(patterns, [])).toEqual([[], [], [], []]);
});

test('a pattern that takes too long is given up and named, and everything else is done meanwhile', async () => {
  let turns = 0;
  const over = new AbortController();
  const matching = newMatch(0.3)(compiled('b', '^(a+)+$', 'c'), ['aa', slow, 'b']).finally(() => over.abort());
  const others = (async () => {
    for (; !over.signal.aborted; turns++) await nextTurn();
  })();
  await expect(matching).rejects.toThrow(PolicyError);
  await expect(matching).rejects.toThrow(
    `--filter "^(a+)+$": matching it against "${slow}" took longer than --filter-timeout-seconds (0.3); simplify`,
  );
  await others;
  expect(turns).toBeGreaterThan(10);
  // The next run has another worker, and its own time.
  expect(await newMatch(5)(compiled('^a'), ['a', 'b'])).toEqual([[true, false]]);
});

test('a pattern of a policy file is named as such, without a word of filters', async () => {
  const policy = ruledBy('version: 1\nrules: [{ name: old, olderThan: 1d }]\n');
  const matching = matchOf([{ ...policy, filterTimeoutSeconds: 0.3 }])(compiled('^(a+)+$'), [slow]);
  await expect(matching).rejects.toThrow(
    `pattern "^(a+)+$": matching it against "${slow}" took longer than 0.3 seconds; simplify`,
  );
});

test('the time is that of all matching of a run together', async () => {
  const match = newMatch(0.5);
  // Each of them takes some hundredths of a second.
  const matching = (async () => {
    for (let nth = 0; nth < 1000; nth++) await match(compiled('^(a+)+$'), [`${'a'.repeat(22)}!${nth}`]);
  })();
  await expect(matching).rejects.toThrow('longer than --filter-timeout-seconds (0.5)');
});

test('of several commands the one that allows most time says how much there is', () => {
  const policies = [{}, { filterTimeoutSeconds: '9' }, { filterTimeoutSeconds: '0' }].map((flags) =>
    createPolicy({ filter: ['a:b'], ago: '1d', ...flags }),
  );
  expect(secondsOf(policies)).toBe(9);
  expect(policies.map((policy) => secondsOf([policy]))).toEqual([5, 9, 5]);
});

import { expect, test } from 'vitest';
import { retentionOf } from '../../src/engine/retention.ts';
import { parsePolicyFile } from '../../src/policy/file/parse.ts';
import { newMatch } from '../../src/engine/matching.ts';
import type { Match } from '../../src/policy/regex/regex.ts';
import { toInstant } from '../../src/registry/time.ts';
import { matchHere } from '../support/match.ts';

const NOW = new Date('2026-11-24T00:00:00Z');

const retained = async (policy: object, tags: readonly string[], match: Match = matchHere) => {
  const { retention } = await retentionOf(parsePolicyFile(JSON.stringify({ version: 1, ...policy })), {
    repository: 'app',
    tags: tags.map((name) => ({ name, digest: 'sha256:1', lastUpdated: toInstant(NOW), locked: false })),
    now: NOW,
    match,
  });
  return retention;
};

test('protects a signature tag that protect names, and no rule owns it', async () => {
  const signature = `sha256-${'a'.repeat(64)}.sig`;
  const policy = { protect: [{ tags: ['*.sig'] }], rules: [{ name: 'all', olderThan: '1d' }] };
  const { owned, protected: found } = await retained(policy, ['v1', signature]);
  expect([...found.keys()]).toEqual([signature]);
  expect([...owned.keys()]).toEqual(['v1']);
});

test.each([
  ['rule "branches"', { rules: [{ name: 'branches', tags: { regex: '^(a|a?)+$' }, olderThan: '1d' }] }],
  ['protect', { protect: [{ tags: { regex: '^(a|a?)+$' } }], rules: [{ name: 'all', olderThan: '1d' }] }],
])('a pattern that takes too long is named, and what it stands in: %s', async (of, policy) => {
  // The time to start a worker is not the pattern's.
  await retained({ rules: [{ name: 'all', olderThan: '1d' }] }, ['v1'], newMatch(60));
  await expect(retained(policy, [`${'a'.repeat(60)}b`], newMatch(1))).rejects.toThrow(
    `${of} "^(a|a?)+$": matching it against "${'a'.repeat(60)}b" took longer than --filter-timeout-seconds (1)`,
  );
});

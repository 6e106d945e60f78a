import { expect, test } from 'vitest';
import { retentionOf } from '../../src/engine/retention.ts';
import { parsePolicyFile } from '../../src/policy/file/parse.ts';
import { toInstant } from '../../src/registry/time.ts';
import { matchHere } from '../support/match.ts';

const NOW = new Date('2026-11-24T00:00:00Z');

const retained = async (policy: object, ...tags: readonly string[]) => {
  const { retention } = await retentionOf(parsePolicyFile(JSON.stringify({ version: 1, ...policy })), {
    repository: 'app',
    tags: tags.map((name) => ({ name, digest: 'sha256:1', lastUpdated: toInstant(NOW), locked: false })),
    now: NOW,
    match: matchHere,
  });
  return retention;
};

test('protects a signature tag that protect names, and no rule owns it', async () => {
  const signature = `sha256-${'a'.repeat(64)}.sig`;
  const policy = { protect: [{ tags: ['*.sig'] }], rules: [{ name: 'all', olderThan: '1d' }] };
  const { owned, protected: found } = await retained(policy, 'v1', signature);
  expect([...found.keys()]).toEqual([signature]);
  expect([...owned.keys()]).toEqual(['v1']);
});

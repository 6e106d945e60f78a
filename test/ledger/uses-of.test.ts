import { expect, test } from 'vitest';
import type { UsedImage } from '../../src/ledger/in-use.ts';
import { usesOf } from '../../src/ledger/uses-of.ts';
import type { Decision } from '../../src/planner/decision.ts';
import { ledgerOf, recordOf } from '../support/review.ts';

const digest = (digit: string): string => `sha256:${digit.repeat(64)}`;
const tag = (name: string, of: string): Decision => ({
  repository: 'app',
  kind: 'tag',
  tag: name,
  digest: of,
  action: 'keep',
  reason: 'in-use',
  detail: '',
  beyondAcrPurge: true,
});
const used = (over: Partial<UsedImage>, last = '2026-11-24T01:00:00.000Z'): UsedImage => ({
  repository: 'app',
  source: 'kube',
  where: 'namespace shop, deployment api',
  first: '2026-11-01T01:00:00.000Z',
  last,
  ...over,
});

test('an image is found by its tag and by the digest of that, and by a digest; the last seen first', async () => {
  const [old, now, other] = ['a', 'b', 'c'].map(digest) as [string, string, string];
  const byTag = used({ tag: 'v1' }, '2026-11-23T01:00:00.000Z');
  const byDigest = used({ digest: now });
  const reader = ledgerOf(
    [
      recordOf('2026-11-24T11:00:00.000Z', [tag('v1', now), tag('v2', other)]),
      // The tag has moved since.
      recordOf('2026-11-20T11:00:00.000Z', [tag('v1', old)]),
    ],
    [],
    [byTag, byDigest, used({ digest: old }), used({ tag: 'v2' }), used({ repository: 'web', tag: 'v1' })],
  );
  const registry = 'contoso.azurecr.io';
  expect(await usesOf(reader, { repository: 'app', tag: 'v1' })).toEqual([
    { registry, ...byDigest },
    { registry, ...byTag },
  ]);
  expect(await usesOf(reader, { repository: 'app', digest: old })).toEqual([{ registry, ...used({ digest: old }) }]);
  expect(await usesOf(reader, { repository: 'app', tag: 'v3' })).toEqual([]);
  expect(await usesOf(ledgerOf([]), { repository: 'app', tag: 'v1' })).toEqual([]);
});

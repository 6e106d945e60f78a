import { expect, test } from 'vitest';
import { nothingKnown, recall, rememberKnown } from '../../src/engine/recall.ts';
import type { ManifestFacts, ManifestListing, ManifestRecord } from '../../src/registry/types.ts';
import { newLedger } from '../support/ledger.ts';

const holding = (...children: readonly string[]): ManifestFacts & { readonly state: 'read' } => ({
  state: 'read',
  children: children.map((digest) => ({ digest, index: false })),
  subject: undefined,
});

function listing(...digests: readonly string[]): ManifestListing {
  const record = (digest: string): ManifestRecord => ({
    digest,
    lastUpdated: undefined,
    mediaType: undefined,
    kind: 'plain',
    mayRefer: false,
    looksRunnable: false,
    size: undefined,
    created: undefined,
    tags: [],
    locked: false,
  });
  return { byDigest: new Map(digests.map((digest) => [digest, record(digest)])), newest: undefined };
}

const file = () => newLedger().manifestCache('registry.example', 'app');

/** So many are gone: their parts are, too. */
const gone = (count: number) =>
  Array.from({ length: count }, (_, at) => [`gone ${at}`, holding(`part of gone ${at}`)] as const);

test('an index that may be hidden and need something that is there is not forgotten for those that are gone', async () => {
  const cache = file();
  const facts = new Map([['hidden', holding('platform')] as const, ...gone(1200)]);
  await rememberKnown(cache, 'app', { facts, remembered: new Map() }, undefined);
  const known = nothingKnown();
  await recall(cache, { repository: 'app', tags: [], manifests: listing('platform') }, known);
  expect(known.remembered.get('hidden')).toEqual(holding('platform'));
  expect(known.remembered.size).toBe(1000);
  // The newest of the others.
  expect(known.remembered.has('gone 201')).toBe(true);
  expect(known.remembered.has('gone 200')).toBe(false);
});

test('what is not found, or cannot be read, is remembered as it was; what was read anew is forgotten last', async () => {
  const cache = file();
  const remembered = new Map(['hidden', 'missing', 'unreadable'].map((digest) => [digest, holding('part')] as const));
  const facts = new Map<string, ManifestFacts>([
    ['missing', { state: 'missing' }],
    ['hidden', holding('part')],
    ['unreadable', { state: 'unreadable', why: '503' }],
    ['never read', { state: 'missing' }],
  ]);
  await rememberKnown(cache, 'app', { facts, remembered }, new Map([['more', holding('other')]]));
  const known = nothingKnown();
  await recall(cache, { repository: 'app', tags: [], manifests: listing() }, known);
  expect([...known.remembered]).toEqual([
    ['missing', holding('part')],
    ['unreadable', holding('part')],
    ['hidden', holding('part')],
    ['more', holding('other')],
  ]);
});

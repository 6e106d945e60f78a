import { expect, test } from 'vitest';
import type { KnownPulls, RememberedPull } from '../../src/ledger/pulls.ts';
import { newLedger } from '../support/ledger.ts';

const REGISTRY = 'contoso.azurecr.io';
const day = (of: number): string => new Date(Date.UTC(2026, 9, of)).toISOString();
const pull = (of: number, tag = 'v1'): RememberedPull => ({ repository: 'app', tag, last: day(of) });
const seen = (since: number, until: number, ...pulls: readonly RememberedPull[]): KnownPulls => ({
  covers: { since: day(since), until: day(until) },
  ignored: [],
  pulls,
});
const NEVER = day(-1_000);

test('what a log says again and again is joined, and the newest pull of each image counts', async () => {
  const ledger = newLedger();
  await ledger.rememberPulls(REGISTRY, seen(1, 10, pull(2), pull(3, 'v2')), NEVER);
  const known = await ledger.rememberPulls(REGISTRY, seen(8, 20, pull(12)), NEVER);
  expect(known.covers).toEqual({ since: day(1), until: day(20) });
  expect(known.pulls).toEqual(expect.arrayContaining([pull(12), pull(3, 'v2')]));
  expect(known.pulls).toHaveLength(2);
  // An answer that is older than one before it takes nothing back.
  const older = await ledger.rememberPulls(REGISTRY, seen(5, 15, pull(11)), NEVER);
  expect(older.covers).toEqual({ since: day(1), until: day(20) });
  expect(older.pulls).toEqual(expect.arrayContaining([pull(12), pull(3, 'v2')]));
});

test('where the log does not reach back to it, it does not count as known, and what was pulled still does', async () => {
  const ledger = newLedger();
  await ledger.rememberPulls(REGISTRY, seen(1, 10, pull(2)), NEVER);
  const known = await ledger.rememberPulls(REGISTRY, seen(11, 20), NEVER);
  expect(known).toMatchObject({ covers: { since: day(11), until: day(20) }, pulls: [pull(2)] });
});

test('where pulls were left out that count now, it does not count as known', async () => {
  const ledger = newLedger();
  await ledger.rememberPulls(REGISTRY, { ...seen(1, 10), ignored: ['trivy', 'grype'] }, NEVER);
  const fewer = await ledger.rememberPulls(REGISTRY, { ...seen(8, 20), ignored: ['trivy'] }, NEVER);
  expect(fewer.covers).toEqual({ since: day(8), until: day(20) });
  const more = await ledger.rememberPulls(REGISTRY, { ...seen(15, 25), ignored: ['trivy', 'grype'] }, NEVER);
  expect(more.covers).toEqual({ since: day(8), until: day(25) });
});

test('what is forgotten is not known any more', async () => {
  const ledger = newLedger();
  await ledger.rememberPulls(REGISTRY, seen(1, 20, pull(2), pull(12, 'v2')), day(10));
  expect(await ledger.rememberPulls(REGISTRY, seen(15, 21), day(10))).toMatchObject({
    covers: { since: day(10), until: day(21) },
    pulls: [pull(12, 'v2')],
  });
});

test('of very many, the newest are remembered, and only since then everything is known', async () => {
  const ledger = newLedger();
  const many = Array.from({ length: 50_001 }, (_, n) => ({
    ...pull(1, `v${n}`),
    last: new Date(Date.UTC(2026, 9, 2) + n * 1000).toISOString(),
  }));
  const first = await ledger.rememberPulls(REGISTRY, seen(1, 20, ...many), NEVER);
  expect(first.pulls).toHaveLength(50_001);
  const known = await ledger.rememberPulls(REGISTRY, seen(15, 21), NEVER);
  expect(known.pulls).toHaveLength(50_000);
  expect(known.pulls.some(({ tag }) => tag === 'v0')).toBe(false);
  expect(known.covers).toEqual({ since: '2026-10-02T00:00:00.001Z', until: day(21) });
});

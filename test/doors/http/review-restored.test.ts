import { expect, test } from 'vitest';
import { reviewPage } from '../../../src/doors/http/review/review.ts';
import type { Restored } from '../../../src/planner/decision.ts';
import { HOSTILE, ledgerOf, NOW, recordOf } from '../../support/review.ts';

const digest = `sha256:${'a'.repeat(64)}`;
const about = { repository: 'shop/web', action: 'restore', beyondAcrPurge: false, digest } as const;
const decisions: readonly Restored[] = [
  { ...about, kind: 'tag', tag: 'v1', reason: 'soft-deleted', outcome: 'restored', detail: HOSTILE[0] ?? '' },
  { ...about, kind: 'manifest', size: 1_000, reason: 'no-copy', outcome: 'impossible', detail: 'it was 1000 bytes' },
];
const recorded = recordOf('2026-11-24T10:00:00.000Z', decisions, {
  kind: 'restore',
  state: 'failed',
  restores: { run: '20261123T010000Z-3f9a0c', force: true },
});

async function page(query: string): Promise<string> {
  return (await reviewPage(ledgerOf([recorded]), new URLSearchParams(query), NOW)).body as string;
}

test('the page of a restore says what came back, what not and why, and leads to the run that deleted it', async () => {
  const html = await page(`run=${recorded.run.id}`);
  expect(html).toContain('Restore, contoso, 24 Nov 10:00');
  expect(html).toContain('Restored 1 tag and 0 manifests');
  expect(html).toContain('cannot be brought back: there is no copy');
  expect(html).toMatch(/<dt>Tags restored<\/dt><dd>1<\/dd>/);
  expect(html).toContain('run=20261123T010000Z-3f9a0c');
  expect(html).toContain('<span class="badge bad">impossible</span>');
  expect(html).not.toMatch(/can be undone|is unknown|Tags deleted<|acr-retention resume/);
});

test('its decisions can be searched, and are escaped', async () => {
  const html = await page(`run=${recorded.run.id}&view=decisions&action=restore&reason=soft-deleted`);
  expect(html).toContain('shop/web:v1');
  expect(html).toContain('&lt;script>alert(1)');
  expect(html).not.toContain('<script>alert(1)');
});

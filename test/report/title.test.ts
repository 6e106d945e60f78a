import { expect, test } from 'vitest';
import { titleOf, whenOfId } from '../../src/report/title.ts';

const NOW = new Date('2026-11-30T12:00:00Z');
const started = '2026-11-29T15:04:59.000Z';
const registry = 'contoso.azurecr.io';

test.each([
  [{ kind: 'scheduled', dryRun: true, registry, started }, 'Scheduled dry run, contoso, 29 Nov 15:04'],
  [{ kind: 'scheduled', dryRun: false, registry, started }, 'Scheduled run, contoso, 29 Nov 15:04'],
  [{ kind: 'dry-run', dryRun: true, registry, started }, 'Dry run, contoso, 29 Nov 15:04'],
  [{ kind: 'purge', dryRun: false, registry, started }, 'Purge, contoso, 29 Nov 15:04'],
  [{ kind: 'apply', dryRun: false, registry: 'Contoso.azurecr.cn', started }, 'Apply of a plan, Contoso, 29 Nov 15:04'],
  [{ kind: 'dry-run', dryRun: true, registry: 'localhost:5001', started }, 'Dry run, localhost:5001, 29 Nov 15:04'],
  [{ kind: 'scheduled', dryRun: false, registries: ['a', 'b'], started }, 'Scheduled run, 2 registries, 29 Nov 15:04'],
  [{ kind: 'purge', dryRun: false, registry, started: '2025-02-01T00:00:00Z' }, 'Purge, contoso, 1 Feb 2025 00:00'],
  [{ kind: 'purge', dryRun: false, registry, started: 'soon' }, 'Purge, contoso, soon'],
] as const)('%j is called %s', (run, title) => {
  expect(titleOf(run, NOW)).toBe(title);
});

test('a run is known by its time where only its id is', () => {
  expect(whenOfId('20261129T150459Z-3f9a0c', NOW)).toBe('29 Nov 15:04');
  expect(whenOfId('none', NOW)).toBe('none');
});

import { expect, test } from 'vitest';
import { type CheckKind, checksIn, MOST_FINDINGS, type RegistryCheck } from '../../src/ledger/checks.ts';
import { memoryStore } from '../../src/ledger/store/memory.ts';
import { DamagedError } from '../../src/ledger/store/store.ts';

const PATH = 'checks/contoso.azurecr.io.json';
const finding = (n: number, kind: CheckKind = 'hidden') => ({
  kind,
  state: 'left over' as const,
  repository: `app${n}`,
  says: 'it is hidden',
  todo: 'show it',
});
const check: RegistryCheck = {
  registry: 'contoso.azurecr.io',
  at: '2026-11-24T12:00:00.000Z',
  repositories: { checked: 1, of: 2 },
  counts: { hidden: 2 },
  findings: [finding(0), { ...finding(1), tag: 'v1', digest: 'sha256:ab', since: '2026-11-01T00:00:00Z' }],
};

test('the last check of a registry is kept, and read back as it was', async () => {
  const checks = checksIn(memoryStore());
  expect(await checks.lastCheck('contoso.azurecr.io')).toBeUndefined();
  await checks.keepCheck({ ...check, counts: {} });
  await checks.keepCheck(check);
  expect(await checks.lastCheck('contoso.azurecr.io')).toEqual(check);
  expect(await checks.lastCheck('fabrikam.azurecr.io')).toBeUndefined();
});

test('the worst findings are kept, and their texts shortened; the others are counted', async () => {
  const checks = checksIn(memoryStore());
  const findings = Array.from({ length: MOST_FINDINGS + 5 }, (_, n) => ({ ...finding(n), says: 'x'.repeat(5_000) }));
  const kept = await checks.keepCheck({ ...check, counts: { hidden: findings.length }, findings });
  expect(kept.findings).toHaveLength(MOST_FINDINGS);
  expect(kept.findings[0]?.says).toHaveLength(1_000);
  expect(kept.counts).toEqual({ hidden: findings.length });
  expect(await checks.lastCheck(check.registry)).toEqual(kept);
});

test.each([
  ['no JSON', '{"format":1,'],
  ['a kind that is not known', JSON.stringify({ format: 1, ...check, findings: [finding(0, 'odd' as CheckKind)] })],
  ['a number that is none', JSON.stringify({ format: 1, ...check, counts: { hidden: -1 } })],
  ['another format', JSON.stringify({ ...check, format: 2 })],
])('a damaged file is said (%s), and the next check replaces it', async (_, damaged) => {
  const store = memoryStore();
  await store.write(PATH, damaged);
  const checks = checksIn(store);
  await expect(checks.lastCheck(check.registry)).rejects.toThrow(DamagedError);
  await expect(checks.lastCheck(check.registry)).rejects.toThrow(PATH);
  await checks.keepCheck(check);
  expect(await checks.lastCheck(check.registry)).toEqual(check);
});

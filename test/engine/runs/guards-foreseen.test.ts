import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { Guards } from '../../../src/policy/guards.ts';
import { dryRun, purge, readOnly, type Registry } from '../../../src/index.ts';
import { renderSummary } from '../../../src/report/text.ts';
import { images, repositoryOf } from '../../support/contents.ts';
import { newLedger } from '../../support/ledger.ts';
import { repository } from '../../support/random-registry.ts';
import { connectTo, policyOf, run, withEmulator } from '../../support/registry.ts';

const RUNS = Number(process.env['FC_RUNS'] ?? 15);
const PURGE = ['-f', '.*:.*', '--ago', '30d', '--untagged'];

const someGuards: fc.Arbitrary<Guards> = fc.record(
  {
    maxDeletions: fc.nat(12),
    maxDeletionPercent: fc.nat(100),
    keepLastTag: fc.boolean(),
    maxMedianFactor: fc.nat(3),
  },
  { requiredKeys: [] },
);

const optionsOf = (now: Date, guards: Guards) => ({
  policies: [policyOf(PURGE)],
  now,
  ledger: newLedger(),
  guards,
  onDecisions: () => undefined,
});

test('a dry run foresees what guards hold back in the purge, and plans the same with and without them', async () => {
  const registry = fc.record({ app: repository, 'team/app': repository, other: repository });
  await fc.assert(
    fc.asyncProperty(registry, someGuards, async (repositories, guards) => {
      await withEmulator({ repositories }, async (emulator) => {
        const now = new Date(emulator.start.getTime() + 1);
        const foreseen = await dryRun(readOnly(connectTo(emulator)), optionsOf(now, guards));
        const { summary: unguarded } = await run(emulator, [...PURGE, '--dry-run']);
        expect(foreseen.totals).toEqual(unguarded.totals);
        expect(foreseen.plan?.deletions).toBe(unguarded.plan?.deletions);
        expect(foreseen.succeeded).toBe(unguarded.succeeded);

        const purged = await purge(connectTo(emulator), optionsOf(now, guards));
        expect(foreseen.breakers).toEqual(purged.breakers);
      });
    }),
    { numRuns: RUNS },
  );
});

test('it says what, by which guard, and how to delete it all the same; its record is done, and does not wait', async () => {
  const repositories = { portal: repositoryOf(...images('portal', 2, 'v')) };
  await withEmulator({ repositories }, async (emulator) => {
    const options = optionsOf(new Date(emulator.start.getTime() + 1), { keepLastTag: true, maxDeletions: 1 });
    const summary = await dryRun(readOnly(connectTo(emulator)), options);
    const text = renderSummary(summary);
    expect(text).toContain('WOULD BE HELD BACK: portal: all 2 tags');
    expect(text).toContain('(guard keep-last-tag)');
    expect(text).toContain('would hold back 4 of 4 deletions');
    expect(text).toMatch(/acr-retention apply \S+ --approve [0-9a-f]{12}\n/);
    expect(await Array.fromAsync(options.ledger.runs())).toMatchObject([
      { state: 'done', dryRun: true, plan: { state: 'open' }, breakers: [{ breaker: 'no-tag-left' }] },
    ]);
    expect(await Array.fromAsync(options.ledger.decisions(summary.runId, { action: 'delete' }))).toMatchObject(
      Array(4).fill({ outcome: 'planned' }),
    );
  });
});

test('where the rest of the registry cannot be counted, the plan is shown all the same, and that is said', async () => {
  const repositories = { app: repositoryOf(...images('app', 4)), other: repositoryOf(...images('other', 4, 'v')) };
  await withEmulator({ repositories, faults: { forbiddenRepositories: ['other'] } }, async (emulator) => {
    const summary = await dryRun(readOnly(connectTo(emulator)), {
      ...optionsOf(new Date(emulator.start.getTime() + 1), { maxDeletionPercent: 50 }),
      policies: [policyOf(['-f', 'app:.*', '--ago', '30d', '--untagged'])],
    });
    expect(summary).toMatchObject({ succeeded: true, breakers: [{ breaker: 'max-deletion-percent', found: 100 }] });
    expect(summary.warnings.join()).toContain('the guard max-deletion-percent was asked about the 1 repositories');
  });
});

test('the compiler does not let a registry that can delete into a dry run', () => {
  const refused = (registry: Registry, options: Parameters<typeof dryRun>[1]) =>
    // @ts-expect-error -- it could delete
    dryRun(registry, options);
  expect(refused).toBeTypeOf('function');
  expect(Object.keys(readOnly({} as Registry)).filter((method) => /delete|lock|hide|show|^look$/.test(method))).toEqual(
    [],
  );
});

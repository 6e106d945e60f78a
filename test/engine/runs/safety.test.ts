import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { RegistryState } from '../../../src/dev/emulator/index.ts';
import { broken } from '../../support/invariants.ts';
import { flags, repository } from '../../support/random-registry.ts';
import { reference, run, withEmulator, withServedEmulator } from '../../support/registry.ts';

/** `FC_RUNS=5000 npx vitest run test/engine/runs/safety.test.ts` searches longer. */
const RUNS = Number(process.env['FC_RUNS'] ?? 200);

const registry: fc.Arbitrary<RegistryState> = fc.record({ app: repository, 'team/app': repository });

test.each([
  ['in this process', withEmulator, RUNS],
  ['over sockets', withServedEmulator, 20],
])(
  'whatever the registry, %s, nothing that stays is broken, and each decision is what happened',
  async (_, serve, numRuns) => {
    await fc.assert(
      fc.asyncProperty(registry, flags, async (repositories, args) => {
        await serve({ repositories }, async (emulator) => {
          const planned = await run(emulator, [...args, '--dry-run']);
          const counts = emulator.counts();
          expect(
            counts['delete-tag'] + counts['delete-manifest'] + counts['update-tag'] + counts['update-manifest'],
          ).toBe(0);

          const had = [...emulator.tagsLeft(), ...emulator.manifestsLeft()];
          const { summary, decisions } = await run(emulator, args);
          const left = new Set([...emulator.tagsLeft(), ...emulator.manifestsLeft()]);
          expect(broken(repositories, emulator.repositories(), args.includes('--include-locked'))).toEqual([]);
          expect(summary.succeeded).toBe(true);

          const gone = decisions.filter((decision) => decision.action === 'delete').map(reference);
          expect(gone.toSorted()).toEqual(had.filter((one) => !left.has(one)).toSorted());
          expect(new Set(decisions.map(reference)).size).toBe(decisions.length);
          expect(planned.decisions.map(summaryOf).toSorted()).toEqual(decisions.map(summaryOf).toSorted());
        });
      }),
      { numRuns },
    );
  },
);

function summaryOf(decision: Parameters<typeof reference>[0]): string {
  return `${decision.action} ${reference(decision)} ${decision.reason} ${String(decision.beyondAcrPurge)}`;
}

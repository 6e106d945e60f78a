import { NO_QUARANTINES } from '../support/no-quarantine.ts';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { matchHere } from '../support/match.ts';
import { planTask } from '../../src/engine/inventory.ts';
import { openLedger } from '../../src/ledger/ledger.ts';
import type { RegistryReader } from '../../src/registry/types.ts';
import { flags, repository } from '../support/random-registry.ts';
import { connectTo, policyOf, withEmulator } from '../support/registry.ts';
import { newShelf } from '../support/shelf.ts';

const RUNS = Number(process.env['FC_RUNS'] ?? 25);

/** Answers what was asked for last first, of what is asked for at the same time. */
function lastFirst(reader: RegistryReader): RegistryReader {
  const waiting: (() => void)[] = [];
  return {
    ...reader,
    manifest: async (name, digest) => {
      await new Promise<void>((resolve) => {
        waiting.push(resolve);
        setImmediate(() => waiting.pop()?.());
      });
      return reader.manifest(name, digest);
    },
  };
}

test('the same registry is planned the same, reasons and details, in whatever order it answers', async () => {
  await fc.assert(
    fc.asyncProperty(repository, flags, async (app, command) => {
      await withEmulator({ repositories: { app } }, async (emulator) => {
        const registry = connectTo(emulator, 4);
        const policy = policyOf(command);
        const planned = await Promise.all(
          [registry, lastFirst(registry)].map(async (reader) => {
            const ledger = openLedger(newShelf(() => 0).store);
            const planning = {
              reader,
              now: new Date(emulator.start.getTime() + 1),
              preview: false,
              matched: new Set<never>(),
              match: matchHere,
              quarantine: NO_QUARANTINES,
              facts: (name: string) => ledger.manifestCache(emulator.loginServer, name),
            };
            return planTask(planning, 'app', { policy, filters: policy.filters });
          }),
        );
        const [first, second] = planned.map((one) => [...(one?.plan.decisions ?? [])]);
        expect(second).toEqual(first);
      });
    }),
    { numRuns: RUNS, endOnFailure: true },
  );
});

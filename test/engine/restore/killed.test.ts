import fc from 'fast-check';
import { expect, test } from 'vitest';
import { openLedger } from '../../../src/ledger/ledger.ts';
import { memoryStore } from '../../../src/ledger/store/memory.ts';
import { flags, repository } from '../../support/random-registry.ts';
import { connectTo, run, withEmulator } from '../../support/registry.ts';
import { process } from './process.ts';
import { contentsOf, restored } from './restored.ts';

test(
  'killed after any change, and done again: all is back, and no run is left open',
  { timeout: 240_000 },
  async () => {
    let kills = 0;
    await fc.assert(
      fc.asyncProperty(
        repository,
        flags,
        fc.array(fc.integer({ min: 1, max: 16 }), { minLength: 1, maxLength: 3 }),
        async (app, given, points) => {
          await withEmulator({ repositories: { app }, softDelete: { retentionDays: 7 } }, async (emulator) => {
            const before = contentsOf(emulator.repositories());
            const store = memoryStore();
            const { summary } = await run(emulator, given, undefined, openLedger(store));
            for (const point of points) {
              const one = process(point);
              const again = restored(emulator, openLedger(one.store(store)), summary.runId, {
                registry: one.registry(connectTo(emulator)),
              });
              await again.catch((error: unknown) => expect(one.isKilled(), String(error)).toBe(true));
              if (one.isKilled()) kills += 1;
            }
            const ledger = openLedger(store);
            const came = await restored(emulator, ledger, summary.runId);
            expect(came.summary.succeeded).toBe(true);
            expect(contentsOf(emulator.repositories())).toEqual(before);
            expect(await ledger.unfinished(emulator.loginServer)).toEqual([]);
            const records = await Array.fromAsync(ledger.runs({ kinds: ['restore'] }));
            expect(records.filter(({ state }) => state === 'running')).toEqual([]);
            // Everything that any of them says it brought back is there, and none says that it is under way.
            for (const { id } of records)
              for await (const decision of ledger.decisions(id))
                expect(decision).not.toMatchObject({
                  error: { message: expect.stringContaining('under way') as unknown },
                });
          });
        },
      ),
      { numRuns: 120 },
    );
    expect(kills).toBeGreaterThan(30);
  },
);

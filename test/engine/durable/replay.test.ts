import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { comesTo } from '../../support/comes-to.ts';
import { goOn } from '../../support/slices.ts';
import { aCase, certain, durably, recorded, throughout, WAYS } from '../../support/durably.ts';

/** `FC_RUNS=500 npx vitest run test/engine/durable/replay.test.ts` searches longer. */
const RUNS = Number(process.env['FC_RUNS'] ?? 10);
/** Where something is recovered, each run waits two seconds for the registry. */
const TIMEOUT = 60_000 + RUNS * 5_000;
describe('whatever the task hub does: any order, twice, lost, killed in the middle, failed', () => {
  test.each(WAYS)(
    '$name comes to the same as in one process',
    async (way) => {
      await fc.assert(
        fc.asyncProperty(aCase([way]), async (about) => {
          await durably(about, async ({ durable, came, problems, ledger, id }) => {
            expect(problems).toEqual([]);
            const names = await recorded(ledger, id);
            expect(new Set(names).size).toBe(names.length);
            expect(certain(came, about), durable.trace().join('\n')).toEqual(certain(await throughout(about), about));
          });
        }),
        { numRuns: RUNS, endOnFailure: true },
      );
    },
    TIMEOUT,
  );
});

describe('and whenever the run is cancelled', () => {
  test.each(WAYS)(
    '$name: what was done is recorded, what was not says so, and it can be gone on with',
    async (way) => {
      await fc.assert(
        fc.asyncProperty(aCase([way]), fc.integer({ min: 1, max: 80 }), async (about, cancelAfter) => {
          await durably(
            about,
            async ({ emulator, durable, came, problems, ledger, id }) => {
              const trace = durable.trace().join('\n');
              expect(problems, trace).toEqual([]);
              if (came.stopped !== undefined) {
                expect(await ledger.run(id)).toMatchObject({
                  state: 'stopped',
                  stopped: { by: 'cancel', detail: expect.stringContaining(`acr-retention resume ${id}`) as unknown },
                  cancelled: { by: 'test' },
                });
                const selected = (await ledger.selected(id)) ?? [];
                expect((await recorded(ledger, id)).toSorted()).toEqual(
                  selected.map(({ repository: name }) => name).toSorted(),
                );
                // By one process, as the command line has it.
                await goOn(emulator, ledger, id);
              }
              const after = await comesTo(emulator, ledger, id);
              expect(certain(after, about), trace).toEqual(certain(await throughout(about), about));
            },
            { cancelAfter },
          );
        }),
        { numRuns: RUNS, endOnFailure: true },
      );
    },
    TIMEOUT,
  );
});

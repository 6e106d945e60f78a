import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { RunSummary } from '../../../src/ledger/summary.ts';
import { newLedger } from '../../support/ledger.ts';
import { withEmulator } from '../../support/registry.ts';
import { begin, goOn, isDeletion, several, stopAfter, type Way } from '../../support/slices.ts';

const RUNS = Number(process.env['FC_RUNS'] ?? 12);
const DEV = ['-f', '.*:^dev', '--ago', '30d', '--untagged', '--concurrency', '2'];

/** What the sentence of a stopped run says: how many repositories are done, of how many, and how many are left. */
function toldIn({ stopped }: RunSummary): readonly number[] {
  const [, done, of, left] = /(\d+) of (\d+) repositories done, (\d+) left/.exec(stopped?.detail ?? '') ?? [];
  return [done, of, left].map(Number);
}

test('wherever a run is stopped, and stopped again, its repositories, its progress and its sentence count the same', async () => {
  const way = fc.constantFrom<Way>('purge', 'guarded purge', 'apply');
  const moment = fc.integer({ min: 1, max: 20 });
  await fc.assert(
    fc.asyncProperty(way, moment, fc.nat(20), fc.boolean(), async (how, first, second, isRefusing) => {
      await withEmulator({ repositories: several(4, 5) }, async (emulator) => {
        let deletions = 0;
        if (isRefusing)
          emulator.faults({
            failing: ({ kind }) => (kind === 'delete-manifest' && ++deletions % 3 === 0 ? 405 : undefined),
          });
        const ledger = newLedger();
        const check = async (summary: RunSummary): Promise<boolean> => {
          const record = await ledger.run(summary.runId);
          const stopped = summary.repositories.filter(({ state }) => state === 'stopped').length;
          const { done, of } = record?.progress ?? { done: 0, of: 0 };
          expect(of - done).toBe(stopped);
          expect(record?.state === 'stopped').toBe(stopped > 0);
          if (stopped > 0) expect(toldIn(summary)).toEqual([done, of, stopped]);
          for (const { state, tags, manifests } of summary.repositories)
            if (state === 'done' && !isRefusing) expect(tags.notAttempted + manifests.notAttempted).toBe(0);
          return stopped > 0;
        };
        const options = { signal: stopAfter(emulator, first, isDeletion) };
        const summary = await begin(emulator, { way: how, commands: [DEV], ledger, options });
        if (!(await check(summary))) return;
        const again = { signal: second === 0 ? AbortSignal.abort() : stopAfter(emulator, second, isDeletion) };
        await check(await goOn(emulator, ledger, summary.runId, again));
      });
    }),
    {
      numRuns: RUNS,
      examples: [
        ['purge', 4, 0, true],
        ['guarded purge', 12, 0, true],
      ],
    },
  );
});

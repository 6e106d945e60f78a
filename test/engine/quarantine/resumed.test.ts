import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { RegistryState } from '../../../src/dev/emulator/index.ts';
import { DAY, ledgerOnAClock, unreadable, waitingIn } from '../../support/quarantine.ts';
import { repository } from '../../support/random-registry.ts';
import { withEmulator } from '../../support/registry.ts';
import { begin, goOn, leftIn, said, stopAfter, type Way } from '../../support/slices.ts';

/** A run with a quarantine that is stopped and resumed, on random registries. */

const numRuns = Number(process.env['FC_RUNS'] ?? 25);

const isChange = (kind: string): boolean => kind.startsWith('update-') || kind.startsWith('delete-');

/** Ages in decisions are the same then. */
const START = new Date(Date.now() - 60_000);

interface Case {
  readonly repositories: RegistryState;
  readonly args: readonly string[];
  readonly way: Way;
  readonly patchMovesTime: boolean;
  /** What an earlier run put into quarantine is deleted. */
  readonly isOver: boolean;
}

/** Runs, stopped after each so many changes, and resumed until it is done. */
function inSlices({ repositories, args, way, patchMovesTime, isOver }: Case, changes: number) {
  return withEmulator({ repositories, start: START, patchMovesTime }, async (emulator) => {
    const { ledger, later } = ledgerOnAClock();
    const commands = [[...args, '--quarantine', '14d']];
    if (isOver) {
      await begin(emulator, { way: 'purge', commands, ledger });
      later(15 * DAY);
    }
    const signal = (): AbortSignal => stopAfter(emulator, changes, isChange);
    let slices = 1;
    let summary = await begin(emulator, { way, commands, ledger, options: { signal: signal() } });
    for (; summary.stopped; slices += 1) {
      // Each slice changes something, or finds that there is nothing left.
      expect(slices).toBeLessThan(100);
      expect(await waitingIn(ledger, emulator)).toEqual(unreadable(emulator));
      summary = await goOn(emulator, ledger, summary.runId, { signal: signal() });
    }
    emulator.onRequest(undefined);
    expect(await waitingIn(ledger, emulator)).toEqual(unreadable(emulator));
    const came = {
      left: leftIn(emulator),
      unreadable: unreadable(emulator),
      said: await said(ledger, summary.runId),
      succeeded: summary.succeeded,
    };
    return { slices, came };
  });
}

test.each(['purge', 'guarded purge'] as const)(
  'a %s that is stopped, and resumed, comes to the same as one that ran through',
  { timeout: 120_000 },
  async (way) => {
    let resumed = 0;
    await fc.assert(
      fc.asyncProperty(
        fc.record({ app: repository }),
        fc.constantFrom('0d', '0d', '3d'),
        fc.integer({ min: 1, max: 2 }),
        fc.boolean(),
        fc.boolean(),
        async (repositories, ago, changes, patchMovesTime, isOver) => {
          const args = ['--filter', '.*:.*', '--ago', ago, '--untagged'];
          const one = { repositories, args, way, patchMovesTime, isOver };
          const sliced = await inSlices(one, changes);
          if (sliced.slices > 1) resumed += 1;
          expect(sliced.came).toEqual((await inSlices(one, Infinity)).came);
        },
      ),
      { numRuns },
    );
    expect(resumed).toBeGreaterThan(numRuns / 5);
  },
);

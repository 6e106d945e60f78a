import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { Emulator, RegistryState } from '../../../src/dev/emulator/index.ts';
import type { RunOptions } from '../../../src/index.ts';
import { type Ledger, openLedger } from '../../../src/ledger/ledger.ts';
import { memoryStore, newMemory } from '../../../src/ledger/store/memory.ts';
import { realSystem } from '../../../src/ledger/store/system.ts';
import { dying } from '../../support/dying.ts';
import { flags, repository } from '../../support/random-registry.ts';
import { run, withEmulator } from '../../support/registry.ts';
import { unreadableIn } from '../../support/unreadable.ts';

/*
 * A process that ends at any step of the quarantine, as far as its ledger goes: nothing is unreadable that the ledger does not
 * know of, and after the next run both say the same. `FC_RUNS=5000` searches longer.
 */

const numRuns = Number(process.env['FC_RUNS'] ?? 40);
const DAY = 86_400_000;

async function entriesIn(ledger: Ledger, emulator: Emulator) {
  const all = await Array.fromAsync(ledger.quarantines(emulator.loginServer));
  return all.flatMap(({ repository: name, entries }) =>
    entries.map(({ kind, tag = '', digest, state }) => ({
      name: kind === 'tag' ? `${name}:${tag}` : `${name}@${digest}`,
      state,
    })),
  );
}

/** A cluster that runs everything. */
function everything(emulator: Emulator): Pick<RunOptions, 'evidence'> {
  const facts = emulator.manifestsLeft().map((one) => {
    const [name = '', digest = ''] = one.split('@');
    return { repository: name, digest, where: 'namespace shop' };
  });
  const source = {
    name: 'kube',
    read: () =>
      Promise.resolve({
        ...{ source: 'kube', scope: 'all namespaces', observedAt: new Date().toISOString() },
        ...{ complete: true, problems: [], facts },
      }),
  };
  return { evidence: { sources: [source], rememberMilliseconds: DAY } };
}

const registry: fc.Arbitrary<RegistryState> = fc.record({ app: repository, 'team/app': repository });

test.each(['quarantine', 'release', 'delete'] as const)('at any step of a run that is to %s', async (phase) => {
  let killed = 0;
  await fc.assert(
    fc.asyncProperty(registry, flags, fc.boolean(), fc.nat({ max: 24 }), async (repositories, args, isMoved, last) => {
      await withEmulator({ repositories, patchMovesTime: isMoved }, async (emulator) => {
        let ahead = 0;
        const { clock } = realSystem;
        // What is waited for is over at once.
        const sleep = (milliseconds: number): Promise<void> => {
          ahead += milliseconds;
          return Promise.resolve();
        };
        const system = { ...realSystem, clock: { ...clock, now: () => clock.now() + ahead, sleep } };
        const memory = newMemory();
        const store = memoryStore(memory, undefined, system);
        const ledger = openLedger(store);
        const wanted = [...args, '--quarantine', '14d'];
        if (phase !== 'quarantine') await run(emulator, wanted, undefined, ledger);
        const waited = unreadableIn(emulator);
        if (phase === 'delete') ahead += 15 * DAY;
        const more = phase === 'release' ? everything(emulator) : {};

        let operations = 0;
        const mortal = openLedger(dying(store, () => (operations += 1) > last));
        const isKilled = await run(emulator, wanted, undefined, mortal, more).then(
          () => false,
          () => true,
        );
        if (isKilled) killed += 1;
        const known = (await entriesIn(ledger, emulator)).map(({ name }) => name);
        expect(unreadableIn(emulator).filter((name) => !known.includes(name))).toEqual([]);

        const { summary } = await run(emulator, wanted, undefined, ledger, more);
        expect(summary.succeeded).toBe(true);
        const left = await entriesIn(ledger, emulator);
        expect(left.map(({ name }) => name).toSorted()).toEqual(unreadableIn(emulator));
        expect(left.filter(({ state }) => state !== 'quarantined')).toEqual([]);
        // What only the run after a deletion may delete comes into quarantine by now.
        if (phase !== 'quarantine') expect(left.filter(({ name }) => waited.includes(name))).toEqual([]);
        if (phase === 'release') expect(left).toEqual([]);
        const told = new Set<string>();
        for await (const { id } of ledger.runs())
          for await (const { repository: name, kind, tag = '', digest = '', ...one } of ledger.decisions(id))
            if (one.action === 'delete' && one.outcome === 'quarantined')
              told.add(kind === 'tag' ? `${name}:${tag}` : `${name}@${digest}`);
        expect(unreadableIn(emulator).filter((name) => !told.has(name))).toEqual([]);
      });
    }),
    { numRuns },
  );
  expect(killed).toBeGreaterThan(numRuns / 10);
});

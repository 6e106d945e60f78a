import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { RegistryState } from '../../../src/dev/emulator/index.ts';
import type { Decision } from '../../../src/planner/decision.ts';
import { broken } from '../../support/invariants.ts';
import { DAY, ledgerOnAClock, unreadable, waitingIn } from '../../support/quarantine.ts';
import { flags, repository } from '../../support/random-registry.ts';
import { reference, run, withEmulator } from '../../support/registry.ts';

/*
 * The two steps of a deletion where quarantine is on, over random registries. `FC_RUNS=5000` searches longer.
 */

const numRuns = Number(process.env['FC_RUNS'] ?? 60);

const registry: fc.Arbitrary<RegistryState> = fc.record({ app: repository, 'team/app': repository });

function inWords(decisions: readonly Decision[]): readonly string[] {
  return decisions.map((one) => `${reference(one)} ${one.action} ${one.reason}`).toSorted();
}

test('what a run would delete is unreadable first, and is deleted once its time is over, and nothing else', async () => {
  await fc.assert(
    fc.asyncProperty(registry, flags, fc.boolean(), async (repositories, args, isMoved) => {
      await withEmulator({ repositories, patchMovesTime: isMoved }, async (emulator) => {
        const { ledger, later } = ledgerOnAClock();
        const had = [...emulator.tagsLeft(), ...emulator.manifestsLeft()];
        const without = await run(emulator, [...args, '--dry-run']);
        const wanted = without.decisions.filter(({ action }) => action === 'delete').map(reference);

        const dry = await run(emulator, [...args, '--quarantine', '14d', '--dry-run'], undefined, ledger);
        expect(unreadable(emulator)).toEqual([]);
        const first = await run(emulator, [...args, '--quarantine', '14d'], undefined, ledger);
        expect(first.summary).toMatchObject({ succeeded: true });
        expect([...emulator.tagsLeft(), ...emulator.manifestsLeft()]).toEqual(had);
        const quarantined = first.decisions.filter((one) => one.action === 'delete' && one.outcome === 'quarantined');
        expect(quarantined.map(reference).toSorted()).toEqual(wanted.toSorted());
        expect(inWords(dry.decisions)).toEqual(inWords(first.decisions));
        const hidden = unreadable(emulator);
        expect(await waitingIn(ledger, emulator)).toEqual(hidden);

        later(13 * DAY);
        const second = await run(emulator, [...args, '--quarantine', '14d'], undefined, ledger);
        expect(second.summary).toMatchObject({ succeeded: true });
        expect(unreadable(emulator)).toEqual(hidden);
        expect([...emulator.tagsLeft(), ...emulator.manifestsLeft()]).toEqual(had);
        expect(second.decisions.filter(({ action }) => action === 'delete')).toEqual([]);

        later(2 * DAY);
        const third = await run(emulator, [...args, '--quarantine', '14d'], undefined, ledger);
        expect(third.summary).toMatchObject({ succeeded: true });
        const left = new Set([...emulator.tagsLeft(), ...emulator.manifestsLeft()]);
        expect(had.filter((one) => !left.has(one)).toSorted()).toEqual(wanted.toSorted());
        expect(broken(repositories, emulator.repositories(), args.includes('--include-locked'))).toEqual([]);
        expect(unreadable(emulator)).toEqual([]);
        expect(await waitingIn(ledger, emulator)).toEqual([]);
      });
    }),
    { numRuns },
  );
});

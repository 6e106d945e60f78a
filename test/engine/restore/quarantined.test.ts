import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { RegistryState } from '../../../src/dev/emulator/index.ts';
import { digestOf } from '../../../src/dev/emulator/manifests.ts';
import { DAY, ledgerOnAClock, waitingIn } from '../../support/quarantine.ts';
import { flags, repository } from '../../support/random-registry.ts';
import { run, withEmulator } from '../../support/registry.ts';
import { contentsOf, restored } from './restored.ts';

/** What was in quarantine, was deleted, and is brought back: soft delete keeps it as it was then, unreadable. */

/** The same registry, and these (`app:v1`, `app@sha256:…`) cannot be pulled. */
function withUnreadable(state: RegistryState, names: readonly string[]): RegistryState {
  const isNamed = new Set(names);
  const hidden = <T extends { readonly locked?: object }>(one: T, name: string): T =>
    isNamed.has(name) ? { ...one, locked: { ...one.locked, readEnabled: false } } : one;
  return Object.fromEntries(
    Object.entries(state).map(([name, { manifests, tags }]) => [
      name,
      {
        manifests: manifests.map((one) => hidden(one, `${name}@${digestOf(one.body)}`)),
        tags: tags.map((one) => hidden(one, `${name}:${one.name}`)),
      },
    ]),
  );
}

const numRuns = Number(process.env['FC_RUNS'] ?? 60);

test(
  'quarantine, deletion, restore: the registry is what it was, and all that came back can be pulled',
  { timeout: 120_000 },
  async () => {
    let restores = 0;
    await fc.assert(
      fc.asyncProperty(repository, flags, fc.boolean(), async (app, given, patchMovesTime) => {
        const options = { repositories: { app }, softDelete: { retentionDays: 7 }, patchMovesTime };
        await withEmulator(options, async (emulator) => {
          const { ledger, later } = ledgerOnAClock();
          const before = emulator.repositories();
          const args = [...given, '--quarantine', '14d'];
          await run(emulator, args, undefined, ledger);
          later(15 * DAY);
          const { summary } = await run(emulator, args, undefined, ledger);
          // What only this run put there is not in the way of what comes back.
          const waits = await waitingIn(ledger, emulator);
          const came = await restored(emulator, ledger, summary.runId);
          if (came.decisions.some(({ outcome }) => outcome === 'restored')) restores += 1;
          expect(came.summary.succeeded).toBe(true);
          expect(contentsOf(emulator.repositories())).toEqual(contentsOf(withUnreadable(before, waits)));
        });
      }),
      { numRuns },
    );
    expect(restores).toBeGreaterThan(numRuns / 4);
  },
);

import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { Emulator } from '../../../src/dev/emulator/index.ts';
import { newLedger } from '../../support/ledger.ts';
import { flags, repository } from '../../support/random-registry.ts';
import { run, withEmulator } from '../../support/registry.ts';
import { contentsOf, restored } from './restored.ts';

const softDelete = { retentionDays: 7 };

/** What is pushed between the purge and the restore: a tag that the purge may have deleted, on what is new. */
const pushes = fc.array(fc.constantFrom('dev0', 'dev1', 'v1', 'pr-3', 'new'), { maxLength: 2 });

function push(emulator: Emulator, tags: readonly string[]): void {
  for (const tag of tags) {
    const body = JSON.stringify({ schemaVersion: 2, mediaType: 'application/vnd.oci.image.manifest.v1+json', tag });
    emulator.push('app', body, { tag });
  }
}

test(
  'purge, then restore: the registry is what it was, but for what was pushed since',
  { timeout: 120_000 },
  async () => {
    let restores = 0;
    await fc.assert(
      fc.asyncProperty(repository, flags, pushes, fc.boolean(), async (app, given, pushed, force) => {
        await withEmulator({ repositories: { app }, softDelete }, async (emulator) => {
          const ledger = newLedger();
          const before = emulator.repositories();
          const { summary } = await run(emulator, given, undefined, ledger);
          const purged = new Set(emulator.tagsLeft());
          push(emulator, pushed);
          const came = await restored(emulator, ledger, summary.runId, { force });
          if (came.decisions.some(({ outcome }) => outcome === 'restored')) restores += 1;
          expect(came.decisions.filter(({ outcome }) => ['failed', 'refused', 'impossible'].includes(outcome))).toEqual(
            [],
          );
          // The same, pushed over a registry that was never purged: a tag that is not to be replaced wins.
          const after = emulator.repositories();
          await withEmulator({ repositories: before }, (other) => {
            push(other, pushed);
            for (const { name, digest } of before['app']?.tags ?? [])
              if (force && pushed.some((tag) => tag === name) && !purged.has(`app:${name}`))
                other.tag('app', name, digest);
            expect(contentsOf(after)).toEqual(contentsOf(other.repositories()));
            return Promise.resolve();
          });
        });
      }),
      { numRuns: 150 },
    );
    expect(restores).toBeGreaterThan(50);
  },
);

test('with faults it says what is not back, and another restore brings it back', { timeout: 120_000 }, () =>
  fc.assert(
    fc.asyncProperty(repository, flags, fc.nat(), async (app, given, seed) => {
      await withEmulator({ repositories: { app }, softDelete }, async (emulator) => {
        const ledger = newLedger();
        const before = contentsOf(emulator.repositories());
        const { summary } = await run(emulator, given, undefined, ledger);
        let calls = seed;
        emulator.faults({
          // What is refused is not tried again by the connection.
          failing: ({ kind }) =>
            (kind === 'restore-deleted' || kind === 'put-manifest') && (calls += 1) % 3 === 0 ? 400 : undefined,
        });
        const came = await restored(emulator, ledger, summary.runId);
        const isBack = JSON.stringify(contentsOf(emulator.repositories())) === JSON.stringify(before);
        expect(came.summary.succeeded).toBe(isBack);
        emulator.faults({});
        const again = await restored(emulator, ledger, summary.runId);
        expect(again.summary.succeeded).toBe(true);
        expect(contentsOf(emulator.repositories())).toEqual(before);
      });
    }),
    { numRuns: 60 },
  ),
);

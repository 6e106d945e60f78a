import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { Call, RegistryState } from '../../../src/dev/emulator/index.ts';
import { broken } from '../../support/invariants.ts';
import { flags, repository } from '../../support/random-registry.ts';
import { reference, run, withEmulator, withServedEmulator } from '../../support/registry.ts';

/** `FC_RUNS=5000 npx vitest run test/engine/runs/safety.test.ts` searches longer. */
const RUNS = Number(process.env['FC_RUNS'] ?? 300);

const registry: fc.Arbitrary<RegistryState> = fc.record({ app: repository, 'team/app': repository });

/** Where the moment counts: of two repositories, one would be deleting while the other is still being planned. */
const alone: fc.Arbitrary<RegistryState> = fc.record({ app: repository });

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

test('nor when single manifests cannot be read, or deletions are refused', async () => {
  await fc.assert(
    fc.asyncProperty(
      registry,
      flags,
      fc.array(fc.nat(40)),
      fc.array(fc.nat(20)),
      async (repositories, args, unread, undeleted) => {
        await withEmulator({ repositories }, async (emulator) => {
          emulator.faults({ failing: failing(unread, undeleted) });
          const { decisions } = await run(emulator, args);
          expect(broken(repositories, emulator.repositories(), args.includes('--include-locked'))).toEqual([]);
          const left = new Set([...emulator.tagsLeft(), ...emulator.manifestsLeft()]);
          for (const decision of decisions) {
            const isGone = decision.action === 'delete' && ['deleted', 'already-gone'].includes(decision.outcome);
            expect({ [reference(decision)]: left.has(reference(decision)) }).toEqual({
              [reference(decision)]: !isGone,
            });
          }
        });
      },
    ),
    { numRuns: RUNS },
  );
});

test('nor when manifests are tagged, or pushed that need others, before the deleting begins', async () => {
  await fc.assert(
    fc.asyncProperty(alone, flags, fc.nat(), fc.nat(), fc.boolean(), async (repositories, args, when, which, push) => {
      await withEmulator({ repositories }, async (emulator) => {
        const { length: reads } = (await run(emulator, [...args, '--dry-run']), emulator.requests());
        let moment = when % (reads + 1);
        let tagged: string | undefined;
        emulator.onRequest(() => {
          if (moment-- !== 0) return;
          const [repositoryAndDigest] = emulator.manifestsLeft().slice(which % emulator.manifestsLeft().length);
          const [name = '', digest = ''] = repositoryAndDigest?.split('@') ?? [];
          if (push) {
            const manifests = [{ mediaType: 'application/vnd.oci.image.manifest.v1+json', digest, size: 2 }];
            const body = JSON.stringify({
              schemaVersion: 2,
              mediaType: 'application/vnd.oci.image.index.v1+json',
              manifests,
            });
            emulator.push(name, body, { tag: 'new' });
          } else emulator.tag(name, 'new', digest);
          tagged = repositoryAndDigest;
        });
        await run(emulator, args);
        expect(broken(repositories, emulator.repositories(), args.includes('--include-locked'))).toEqual([]);
        if (tagged !== undefined) expect(emulator.manifestsLeft()).toContain(tagged);
      });
    }),
    { numRuns: RUNS },
  );
});

/** Refuses the reads and deletions of these numbers, counted as they come. */
function failing(unread: readonly number[], undeleted: readonly number[]): (call: Call) => number | undefined {
  const counts = { read: 0, deletion: 0 };
  return ({ kind }) => {
    if (kind === 'read-manifest' || kind === 'referrers') return unread.includes(counts.read++) ? 403 : undefined;
    if (kind === 'delete-manifest' || kind === 'delete-tag')
      return undeleted.includes(counts.deletion++) ? 405 : undefined;
    return undefined;
  };
}

function summaryOf(decision: Parameters<typeof reference>[0]): string {
  return `${decision.action} ${reference(decision)} ${decision.reason} ${String(decision.beyondAcrPurge)}`;
}

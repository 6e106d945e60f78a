import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { Emulator } from '../../../src/dev/emulator/index.ts';
import type { Decision } from '../../../src/planner/decision.ts';
import { DAY, ledgerOnAClock, unreadable, waitingIn } from '../../support/quarantine.ts';
import { flags, repository } from '../../support/random-registry.ts';
import { reference, run, withEmulator } from '../../support/registry.ts';

/*
 * Quarantines of random registries that other clients change between the runs, and during them. `FC_RUNS=1000` searches
 * longer.
 */

const numRuns = Number(process.env['FC_RUNS'] ?? 25);

const OCI_INDEX = 'application/vnd.oci.image.index.v1+json';
const OCI_IMAGE = 'application/vnd.oci.image.manifest.v1+json';

/** What another client may do with a manifest and a tag. */
const CHANGES: readonly ((emulator: Emulator, digest: string, tag: string) => void)[] = [
  (emulator, digest) => {
    emulator.lock('app', digest, { deleteEnabled: false });
  },
  (emulator, digest) => {
    emulator.tag('app', 'dev7', digest);
  },
  (emulator, digest) => {
    emulator.lock('app', digest, { readEnabled: true });
  },
  (emulator, _, tag) => {
    emulator.lock('app', tag, { readEnabled: true });
  },
  (emulator, _, tag) => {
    emulator.untag('app', tag);
  },
  (emulator, digest) => {
    const manifests = [{ mediaType: OCI_IMAGE, digest, size: 2 }];
    emulator.push('app', JSON.stringify({ schemaVersion: 2, mediaType: OCI_INDEX, manifests }), { tag: 'new' });
  },
  (emulator, digest) => {
    emulator.remove('app', digest);
  },
  (emulator, digest) => {
    emulator.lock('app', digest, { listEnabled: false });
  },
];

interface Change {
  readonly what: number;
  readonly manifest: number;
  readonly tag: number;
}

const change: fc.Arbitrary<Change> = fc.record({
  what: fc.nat(CHANGES.length - 1),
  manifest: fc.nat(20),
  tag: fc.nat(20),
});

/** Nothing, where there is no such thing any more. */
function make(emulator: Emulator, { what, manifest, tag }: Change): void {
  const [digests, tags] = [emulator.manifestsLeft(), emulator.tagsLeft()];
  const digest = digests[manifest % digests.length]?.replace('app@', '');
  const name = tags[tag % tags.length]?.replace('app:', '');
  if (digest !== undefined && name !== undefined) CHANGES[what]?.(emulator, digest, name);
}

/** What is, or would be, done with each artifact. */
function words(decisions: readonly Decision[]): readonly string[] {
  const stepOf = (one: Decision): string => {
    if (one.action === 'keep') return one.release ? 'released' : '';
    if (one.outcome !== 'planned') return one.outcome;
    return one.quarantine ? 'quarantined' : 'deleted';
  };
  return decisions.map((one) => `${reference(one)} ${one.action} ${one.reason} ${stepOf(one)}`).toSorted();
}

test('a dry run changes nothing, and says what a run does then', { timeout: 120_000 }, () =>
  fc.assert(
    fc.asyncProperty(
      repository,
      flags,
      fc.boolean(),
      fc.array(fc.array(change, { maxLength: 2 }), { minLength: 4, maxLength: 4 }),
      async (app, given, patchMovesTime, visits) => {
        await withEmulator({ repositories: { app }, patchMovesTime }, async (emulator) => {
          const { ledger, later } = ledgerOnAClock();
          const args = [...given, '--quarantine', '14d'];
          for (const changes of visits) {
            for (const one of changes) make(emulator, one);
            const before = [emulator.repositories(), await waitingIn(ledger, emulator)];
            const dry = await run(emulator, [...args, '--dry-run'], undefined, ledger);
            expect([emulator.repositories(), await waitingIn(ledger, emulator)]).toEqual(before);
            const real = await run(emulator, args, undefined, ledger);
            expect(words(real.decisions)).toEqual(words(dry.decisions));
            expect(await waitingIn(ledger, emulator)).toEqual(unreadable(emulator));
            later(8 * DAY);
          }
        });
      },
    ),
    { numRuns },
  ),
);

/** What is wrong with some of the first changes that a run asks for, and what another client does meanwhile. */
const fault = fc.record({
  what: fc.constantFrom<number | 'cut' | 'drop' | undefined>(500, 'cut', 'drop', 403, 429, undefined, undefined),
  // What makes it readable is one of the promises below.
  change: fc.option(fc.record({ what: fc.constantFrom(0, 1, 5), manifest: fc.nat(20), tag: fc.nat(20) })),
});

test(
  'with faults, stops and changes in the middle, nothing is unreadable that the ledger does not know of, and what can be pulled is not deleted',
  {
    timeout: 120_000,
  },
  () =>
    fc.assert(
      fc.asyncProperty(
        repository,
        flags,
        fc.boolean(),
        fc.array(fc.record({ faults: fc.array(fault, { maxLength: 5 }), stopAt: fc.nat(60) }), { maxLength: 4 }),
        async (app, given, patchMovesTime, visits) => {
          await withEmulator({ repositories: { app }, patchMovesTime }, async (emulator) => {
            const { ledger, later } = ledgerOnAClock();
            const args = [...given, '--quarantine', '14d'];
            const wrong: string[] = [];
            for (const { faults, stopAt } of visits) {
              const left = [...faults];
              emulator.faults({
                failing({ kind }) {
                  if (!/^(?:update|delete)-/.test(kind)) return undefined;
                  const next = left.shift();
                  if (next?.change) queueMicrotask(make.bind(undefined, emulator, next.change));
                  return next?.what;
                },
              });
              const stop = new AbortController();
              let calls = 0;
              emulator.onRequest(({ kind, path }) => {
                if ((calls += 1) === stopAt) stop.abort();
                const [digest = ''] = /sha256:[0-9a-f]{64}/.exec(decodeURIComponent(path)) ?? [];
                const isThere = emulator.manifestsLeft().includes(`app@${digest}`);
                if (kind === 'delete-manifest' && isThere && !unreadable(emulator).includes(`app@${digest}`))
                  wrong.push(`${digest} is deleted, and can be pulled`);
              });
              await run(emulator, args, stop.signal, ledger);
              emulator.onRequest(undefined);
              const known = await waitingIn(ledger, emulator);
              expect([...wrong, ...unreadable(emulator).filter((name) => !known.includes(name))]).toEqual([]);
              later(8 * DAY);
            }
            emulator.faults({});
            await run(emulator, args, undefined, ledger);
            expect(await waitingIn(ledger, emulator)).toEqual(unreadable(emulator));
          });
        },
      ),
      { numRuns },
    ),
);

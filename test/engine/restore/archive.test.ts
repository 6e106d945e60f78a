import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Emulator } from '../../../src/dev/emulator/index.ts';
import { cosignTag } from '../../../src/dev/emulator/manifests.ts';
import { registryKey } from '../../../src/ledger/paths.ts';
import { openLedger } from '../../../src/ledger/ledger.ts';
import { memoryStore } from '../../../src/ledger/store/memory.ts';
import { newArchive } from '../../support/archives.ts';
import { repositoryOf } from '../../support/contents.ts';
import { newLedger } from '../../support/ledger.ts';
import { type Packed, packedImage, packedIndex, packedReferrer } from '../../support/packed.ts';
import { connectTo, run, withEmulator, withServedEmulator } from '../../support/registry.ts';
import { process } from './process.ts';
import { contentsOf, restored } from './restored.ts';

const multi = packedIndex('multi', { layerSize: 5_000_000 });
const docker = packedIndex('docker', { docker: true });
const [top] = multi;
const signature = packedImage('signature');
const sbom = packedReferrer(top);
const plain = packedImage('plain', { docker: true });
const LOCKED = { deleteEnabled: false, writeEnabled: false };

const manifests = [
  { built: top, tags: ['v1', 'v1.0'] },
  ...multi.slice(1).map((built) => ({ built })),
  { built: signature, tags: [cosignTag(top)] },
  { built: sbom },
  { built: docker[0], tags: ['docker'] },
  ...docker.slice(1).map((built) => ({ built })),
  { built: plain, tags: ['plain', 'locked'], locked: LOCKED, lockedTags: LOCKED },
];
const CONTENTS = {
  repositories: { 'team/app': repositoryOf(...manifests.map((one) => ({ ...one, days: 90 }))) },
  blobs: { 'team/app': manifests.flatMap(({ built }) => built.blobs) },
  requireBlobs: true,
};
const PURGE = ['--filter', 'team/app:.*', '--ago', '30d', '--untagged', '--include-locked'];

const state = (emulator: Emulator) => ({ ...contentsOf(emulator.repositories()), blobs: emulator.blobsLeft() });

describe('from the archive', () => {
  test.each([
    ['in this process', withEmulator],
    ['over sockets', withServedEmulator],
  ])('a run comes back byte for byte: layers, then manifests, then tags and locks: %s', (_, serve) =>
    serve(CONTENTS, async (emulator) => {
      const { archive } = newArchive();
      const ledger = newLedger();
      const before = state(emulator);
      const { summary } = await run(emulator, PURGE, undefined, ledger, { archive });
      expect(summary.failures).toEqual([]);
      expect([emulator.manifestsLeft(), emulator.blobsLeft()]).toEqual([[], []]);

      const without = await restored(emulator, ledger, summary.runId, { dryRun: true });
      expect(new Set(without.decisions.map(({ reason }) => reason))).toEqual(new Set(['no-copy']));
      expect(without.decisions[0]?.detail).toContain('the run archived it in the archive, which is not named now');

      const came = await restored(emulator, ledger, summary.runId, { archive });
      expect(came.decisions.filter(({ outcome }) => outcome !== 'restored')).toEqual([]);
      expect(came.summary.succeeded).toBe(true);
      expect(state(emulator)).toEqual(before);
    }),
  );

  test('an image by its name comes back also where no run is recorded any more', () =>
    withEmulator(CONTENTS, async (emulator) => {
      const { archive } = newArchive();
      await run(emulator, PURGE, undefined, newLedger(), { archive });
      const came = await restored(emulator, newLedger(), `${emulator.loginServer}/team/app:v1`, { archive });
      expect(came.summary.succeeded).toBe(true);
      expect(emulator.tagsLeft()).toEqual(['team/app:v1']);
      expect(emulator.manifestsLeft()).toHaveLength(multi.length);
    }));

  test('what soft delete has comes from there, and the archive is not read', () =>
    withEmulator({ ...CONTENTS, softDelete: { retentionDays: 7 } }, async (emulator) => {
      const { archive } = newArchive();
      const ledger = newLedger();
      const before = state(emulator);
      const { summary } = await run(emulator, PURGE, undefined, ledger, { archive });
      const came = await restored(emulator, ledger, summary.runId, { archive });
      expect(came.summary.succeeded).toBe(true);
      expect(state(emulator)).toEqual(before);
      expect(emulator.counts()['upload-blob']).toBe(0);
    }));

  test('what is damaged there is not pushed, and fails alone; the rest comes back', () =>
    withEmulator(CONTENTS, async (emulator) => {
      const { archive, store } = newArchive();
      const ledger = newLedger();
      const { summary } = await run(emulator, PURGE, undefined, ledger, { archive });
      const layer = /"digest":"(sha256:[0-9a-f]+)","size":\d+}]/.exec(plain.body)?.[1] ?? '';
      const folder = `${registryKey(emulator.loginServer)}/team/app/_oci/blobs/`;
      await store.write(`${folder}${layer.replace(':', '/')}`, 'something else');
      const came = await restored(emulator, ledger, summary.runId, { archive });
      const failed = came.decisions.filter(({ outcome }) => outcome === 'failed');
      expect(failed.map(({ digest }) => digest)).toEqual([plain.digest]);
      expect(failed[0]?.error?.message).toMatch(/what was read is not what the digest names/);
      expect(came.outcomes).toContain('team/app:plain not-attempted');
      expect(came.outcomes).toContain('team/app:v1 restored');
      expect(emulator.manifestsLeft()).toHaveLength(manifests.length - 1);
      expect(came.summary.succeeded).toBe(false);
    }));
});

test('killed after each of its changes, and done again: byte for byte what it was', { timeout: 120_000 }, async () => {
  const [small] = packedIndex('small');
  const some = [
    { built: small, tags: ['v1', 'v2'], locked: LOCKED, lockedTags: LOCKED },
    ...packedIndex('small')
      .slice(1)
      .map((built) => ({ built })),
    { built: packedReferrer(small) },
    { built: packedImage('other'), tags: ['other', 'more'], locked: LOCKED },
  ];
  const contents = {
    repositories: { 'team/app': repositoryOf(...some.map((one) => ({ ...one, days: 90 }))) },
    blobs: { 'team/app': some.flatMap(({ built }) => built.blobs) },
    requireBlobs: true,
  };
  let points = 0;
  for (let isOver = false; !isOver;) {
    points += 1;
    isOver = await withEmulator(contents, async (emulator) => {
      const { archive } = newArchive();
      const store = memoryStore();
      const before = state(emulator);
      const { summary } = await run(emulator, PURGE, undefined, openLedger(store), { archive });
      const one = process(points);
      const first = restored(emulator, openLedger(one.store(store)), summary.runId, {
        archive,
        registry: one.registry(connectTo(emulator)),
      });
      await first.catch((error: unknown) => expect(one.isKilled(), String(error)).toBe(true));
      const ledger = openLedger(store);
      const came = await restored(emulator, ledger, summary.runId, { archive });
      expect([points, came.summary.succeeded]).toEqual([points, true]);
      expect([points, state(emulator)]).toEqual([points, before]);
      expect(await ledger.unfinished(emulator.loginServer)).toEqual([]);
      return !one.isKilled();
    });
  }
  expect(points).toBeGreaterThan(25);
});

/** Images, indexes of them, and what refers to them, with what is shared among them. */
const random = fc
  .array(
    fc.record({
      kind: fc.constantFrom('image', 'index', 'referrer'),
      of: fc.nat(20),
      tags: fc.uniqueArray(fc.constantFrom('dev1', 'dev2', 'v1', 'v2', 'pr-1'), { maxLength: 2 }),
      days: fc.constantFrom(1, 40, 90),
    }),
    { minLength: 1, maxLength: 8 },
  )
  .map((drafts) => {
    const tagged = new Set<string>();
    const all: { readonly built: Packed; readonly days: number; readonly tags: readonly string[] }[] = [];
    drafts.forEach(({ kind, of, tags, days }, n) => {
      const mine = tags.filter((tag) => !tagged.has(tag));
      for (const tag of mine) tagged.add(tag);
      const subject = all[of % Math.max(all.length, 1)]?.built;
      const made: readonly Packed[] =
        kind === 'index'
          ? packedIndex(`random/${n % 3}`)
          : kind === 'referrer' && subject
            ? [packedReferrer(subject)]
            : [packedImage(`random/${n}`)];
      made.forEach((built, place) => {
        if (!all.some((one) => one.built.digest === built.digest))
          all.push({ built, days, tags: place === 0 ? mine : [] });
      });
    });
    return all;
  });

test(
  'on random registries: purge with an archive, then restore: byte for byte what it was',
  { timeout: 120_000 },
  async () => {
    let restores = 0;
    await fc.assert(
      fc.asyncProperty(random, fc.constantFrom('.*:.*', '.*:^dev', '.*:^(?!v)'), async (all, filter) => {
        const contents = {
          repositories: { app: repositoryOf(...all) },
          blobs: { app: all.flatMap(({ built }) => built.blobs) },
          requireBlobs: true,
        };
        await withEmulator(contents, async (emulator) => {
          const { archive } = newArchive();
          const ledger = newLedger();
          const before = state(emulator);
          const { summary } = await run(
            emulator,
            ['--filter', filter, '--ago', '30d', '--untagged'],
            undefined,
            ledger,
            { archive },
          );
          const came = await restored(emulator, ledger, summary.runId, { archive });
          expect(came.decisions.filter(({ outcome }) => outcome !== 'restored')).toEqual([]);
          if (came.decisions.some(({ reason }) => reason === 'archived')) restores += 1;
          expect(state(emulator)).toEqual(before);
        });
      }),
      { numRuns: 60 },
    );
    expect(restores).toBeGreaterThan(15);
  },
);

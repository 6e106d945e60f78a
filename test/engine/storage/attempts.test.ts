import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { Emulator } from '../../../src/dev/emulator/index.ts';
import { image, index } from '../../../src/dev/emulator/manifests.ts';
import { collecting, noteLayers } from '../../../src/engine/storage/layers.ts';
import { storedBy } from '../../../src/engine/storage/storage.ts';
import { systemClock } from '../../../src/registry/clock.ts';
import type { RegistryReader } from '../../../src/registry/types.ts';
import { repositoryOf, type Stored } from '../../support/contents.ts';
import { newLedger } from '../../support/ledger.ts';
import { connectTo, run, withEmulator } from '../../support/registry.ts';
import { bytesOf, contentOf, sharedLayers } from '../../support/shared-layers.ts';
import { begin, goOn, isDeletion, stopAfter } from '../../support/slices.ts';

const storage = {};
const TWO = [
  ['--filter', '.*:^old', '--ago', '30d', '--untagged'],
  ['--filter', '.*:^new', '--ago', '20d', '--untagged'],
];

test('what a run frees that was stopped and resumed is what a naive count finds gone, however it deletes', () =>
  fc.assert(
    fc.asyncProperty(
      sharedLayers,
      fc.constantFrom('purge', 'guarded purge', 'apply'),
      fc.constantFrom(1, 2),
      fc.integer({ min: 1, max: 6 }),
      (repositories, way, count, after) =>
        withEmulator({ repositories }, async (emulator) => {
          const before = contentOf(emulator.repositories());
          const ledger = newLedger();
          const signal = stopAfter(emulator, after, isDeletion);
          const options = { storage, signal };
          let summary = await begin(emulator, { way, commands: TWO.slice(0, count), ledger, options });
          emulator.onRequest(undefined);
          if (summary.stopped) summary = await goOn(emulator, ledger, summary.runId, { storage });
          expect(summary.stopped).toBeUndefined();
          if (before.size === 0 || summary.totals.storage === undefined) return;
          const { unique, frees, ...doubts } = summary.totals.storage;
          const gone = bytesOf(before) - bytesOf(contentOf(emulator.repositories()));
          // Stopped after its last deletion a run cannot list the repositories; a plan is applied only where it deletes.
          const { repositoriesNotListed, repositoriesNotRead, ...others } = doubts;
          expect(others).toEqual({});
          // Where both are so, nothing tells the run that there are repositories which it has not read, nor how many: it
          // says that it does not know which there are. They may hold what it deleted elsewhere, so it frees at most that.
          const isUnaware = repositoriesNotListed === true && way === 'apply';
          if (repositoriesNotRead === undefined && !isUnaware)
            expect({ unique, frees }).toEqual({ unique: bytesOf(before), frees: gone });
          else expect(frees).toBeGreaterThanOrEqual(gone);
          expect(repositoriesNotListed ?? true).toBe(true);
        }),
    ),
    { numRuns: 15 },
  ));

const platform = { ...image('amd64'), architecture: 'amd64', os: 'linux' };
const pushedLater = { ...image('arm64'), architecture: 'arm64', os: 'linux' };
const multi = index([platform, pushedLater]);

test('a platform that was missing, and is pushed later, is counted', () => {
  const repository = (...all: readonly Stored[]) => ({ repositories: { app: repositoryOf(...all) } });
  const there: readonly Stored[] = [
    { built: platform, days: 9 },
    { built: multi, days: 9, tags: ['v1'] },
  ];
  const ledger = newLedger();
  const none = ['--filter', 'none:.*', '--ago', '1d', '--dry-run'];
  const all = ['--filter', 'app:^x', '--ago', '1d', '--dry-run'];
  return withEmulator(repository(...there), (emulator) =>
    withEmulator(repository(...there, { built: pushedLater, days: 9 }), async (later) => {
      const first = await run(emulator, all, undefined, ledger, { storage });
      // The same registry, some days on.
      const reader = { ...connectTo(later), loginServer: emulator.loginServer };
      const file = (name: string) => ledger.layers(emulator.loginServer, name);
      const about = { repository: 'app', deletes: [], gone: [], concurrency: 2, clock: systemClock };
      await noteLayers(
        collecting(reader),
        { file, failures: { count: 0 } },
        { ...about, tags: [], manifests: undefined },
      );
      const { summary } = await run(emulator, none, undefined, ledger, { storage });
      const size = bytesOf(contentOf(later.repositories()));
      expect(first.summary.totals.storage?.unique).toBe(bytesOf(contentOf(emulator.repositories())));
      expect(summary.totals.storage?.unique).toBe(size);
    }),
  );
});

test('a registry that answers nothing is not asked for each manifest', async () => {
  const digests = Array.from({ length: 200 }, (_, n) => image(String(n)).digest);
  let asked = 0;
  const reader: Pick<RegistryReader, 'attributes' | 'manifest' | 'manifests'> = {
    attributes: () => Promise.resolve(undefined),
    manifests: () => Promise.resolve(undefined),
    manifest: () => {
      asked += 1;
      return Promise.resolve({ state: 'unreadable', why: 'too many requests', status: 429 });
    },
  };
  await withEmulator({ repositories: { app: repositoryOf({ built: platform, days: 1 }) } }, async (emulator) => {
    const listing = await connectTo(emulator).manifests('app');
    const [record] = [...(listing?.byDigest.values() ?? [])];
    if (!record) throw new Error('it is listed');
    const byDigest = new Map(digests.map((digest) => [digest, { ...record, digest }]));
    const ledger = newLedger();
    const reads = { file: (name: string) => ledger.layers('r', name), failures: { count: 0 } };
    const about = { deletes: digests.slice(0, 50), gone: [], tags: [], concurrency: 4, clock: systemClock };
    const manifests = { byDigest, newest: undefined };
    for (const repository of ['one', 'two'])
      await noteLayers(collecting({ ...connectTo(emulator), ...reader }), reads, { ...about, repository, manifests });
  });
  expect(asked).toBeLessThan(20);
});

test('what cannot be asked once a run has ended ends no run', () =>
  withEmulator({ repositories: { app: repositoryOf({ built: platform, days: 1 }) } }, async (emulator) => {
    const ledger = newLedger();
    const args = ['--filter', 'app:^x', '--ago', '1d', '--dry-run'];
    const { summary } = await run(emulator, args, undefined, ledger, { storage });
    const record = await ledger.run(summary.runId);
    if (!record) throw new Error('it is recorded');
    const catalog = (): never => {
      throw new Error('the app does not serve it any more');
    };
    const records = await Array.fromAsync(ledger.repositories(record.id));
    const stored = await storedBy({ ledger, record, asks: { catalog, used: catalog } }, records);
    expect(stored.totals.storage).toMatchObject({ frees: 0, repositoriesNotListed: true });
  }));

/** What a dry run records that looks at `app` alone, and deletes what has no tag there. */
async function recordedIn(emulator: Emulator) {
  const ledger = newLedger();
  const args = ['--filter', 'app:^x', '--ago', '1d', '--untagged', '--dry-run'];
  const { summary } = await run(emulator, args, undefined, ledger, { storage });
  const record = await ledger.run(summary.runId);
  if (!record) throw new Error('it is recorded');
  return { ledger, record, records: await Array.fromAsync(ledger.repositories(record.id)) };
}

test('what a repository holds that was never read may be counted as freed, and it is said why, listed or not', async () => {
  const same = { built: platform, days: 40 };
  const repositories = { app: repositoryOf(same), other: repositoryOf({ ...same, days: 1, tags: ['v1'] }) };
  await withEmulator({ repositories }, async (emulator) => {
    const { ledger, record, records } = await recordedIn(emulator);
    const bytes = bytesOf(contentOf({ app: repositories.app }));
    const saidOf = async (catalog: readonly string[] | undefined) => {
      const asks = { catalog: () => Promise.resolve(catalog) };
      return (await storedBy({ ledger, record, asks }, records)).totals.storage;
    };
    expect(await saidOf(undefined)).toEqual({ unique: bytes, frees: bytes, repositoriesNotListed: true });
    expect(await saidOf(['app', 'other'])).toEqual({ unique: bytes, frees: bytes, repositoriesNotRead: 1 });
  });
});

test('of a deleted manifest that is not remembered it is said that it is not known', () =>
  withEmulator(
    {
      repositories: {
        app: repositoryOf({ built: platform, days: 40 }, { built: image('kept'), days: 1, tags: ['v1'] }),
      },
    },
    async (emulator) => {
      const { ledger, record, records } = await recordedIn(emulator);
      await ledger.layers(emulator.loginServer, 'app').write([{ format: 1, repository: 'app' }]);
      const asks = { catalog: () => Promise.resolve(['app']) };
      const stored = await storedBy({ ledger, record, asks }, records);
      expect(stored.totals.storage).toEqual({ unique: 0, frees: 0, unreadDeleted: 1 });
      expect(stored.records[0]?.summary.storage).toEqual({ unique: 0, frees: 0, unreadDeleted: 1 });
    },
  ));

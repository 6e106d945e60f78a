import { describe, expect, test } from 'vitest';
import { image, index, referrer } from '../../../src/dev/emulator/manifests.ts';
import { whatToRelease } from '../../../src/engine/quarantine/release-at.ts';
import { whatToRestore } from '../../../src/engine/restore/restore.ts';
import { newArchive } from '../../support/archives.ts';
import { newLedger } from '../../support/ledger.ts';
import { repositoryOf } from '../../support/contents.ts';
import { packedImage } from '../../support/packed.ts';
import { run, withEmulator } from '../../support/registry.ts';
import { contentsOf, restored } from './restored.ts';

const softDelete = { retentionDays: 7 };
const one = image('one');
const two = image('two');
const PURGE = ['--filter', 'app:.*', '--ago', '30d', '--untagged'];

describe('a tag', () => {
  test('that another client pushes when the registry is asked to restore it is left alone', () =>
    withEmulator(
      { repositories: { app: repositoryOf({ built: one, days: 40, tags: ['v1', 'v2'] }) }, softDelete },
      async (emulator) => {
        const ledger = newLedger();
        const { summary } = await run(emulator, PURGE, undefined, ledger);
        let pushed: string | undefined;
        emulator.onRequest(({ kind }) => {
          // The first call brings the manifest back with a tag of it.
          if (kind === 'restore-deleted' && emulator.tagsLeft().length === 1)
            pushed ??= emulator.push('app', two.body, { tag: 'v2' });
        });
        const came = await restored(emulator, ledger, summary.runId);
        expect(came.outcomes).toEqual(['app:v1 restored', 'app:v2 not-attempted', `app@${one.digest} restored`]);
        expect(came.decisions.find(({ tag }) => tag === 'v2')).toMatchObject({ reason: 'pushed-since' });
        expect(emulator.repositories()['app']?.tags.find(({ name }) => name === 'v2')?.digest).toBe(pushed);
      },
    ));

  test('that the registry keeps no more comes back with its manifest, which it keeps still', () =>
    withEmulator(
      { repositories: { app: repositoryOf({ built: one, days: 40, tags: ['v1'] }) }, softDelete },
      async (emulator) => {
        const ledger = newLedger();
        const before = contentsOf(emulator.repositories());
        const { summary } = await run(emulator, PURGE, undefined, ledger);
        let asked = 0;
        emulator.faults({ failing: ({ kind }) => (kind === 'restore-deleted' && asked++ === 0 ? 404 : undefined) });
        const came = await restored(emulator, ledger, summary.runId);
        expect(came.summary.succeeded).toBe(true);
        expect(contentsOf(emulator.repositories())).toEqual(before);
      },
    ));
});

test('what refers to what refers to an image comes back after that, also where no run has read to what it refers', () => {
  const chain = [one];
  for (let nth = 0; nth < 5; nth += 1) chain.push(referrer(chain[nth] ?? one, 'application/example', String(nth)));
  // A run asks the registry what refers to what it deletes. It reads none of that where it is too young to be deleted by itself.
  const contents = chain.map((built, nth) => ({ built, days: nth === 0 ? 40 : 1 }));
  return withEmulator({ repositories: { app: repositoryOf(...contents) }, softDelete }, async (emulator) => {
    const ledger = newLedger();
    const before = contentsOf(emulator.repositories());
    const { summary } = await run(emulator, PURGE, undefined, ledger);
    expect(emulator.manifestsLeft()).toEqual([]);
    const came = await restored(emulator, ledger, summary.runId);
    expect(came.summary.succeeded).toBe(true);
    expect(contentsOf(emulator.repositories())).toEqual(before);
  });
});

test.each(['shop.azurecr.io/shop:v1', 'webshop.azurecr.io/shop:v1', 'azurecr.azurecr.io/azurecr.io:v1'])(
  '%s is an image of the registry that it names, though its repository has the same words',
  async (text) => {
    const [host] = text.split('/');
    expect(await whatToRestore(newLedger(), text, undefined)).toMatchObject({ registry: host });
    expect(whatToRelease(text)).toMatchObject({ host });
  },
);

const multi = index([
  { ...one, architecture: 'arm64', os: 'linux' },
  { ...two, architecture: 'amd64', os: 'linux' },
]);

describe('an index', () => {
  // As if the time of the other one were over.
  const app = repositoryOf({ built: one, days: 40 }, { built: multi, days: 40, tags: ['v1'] });

  test.each([
    ['a run', true],
    ['an image', false],
  ])('of which a platform is gone, and nothing knows why, is said not to be whole, each time: by %s', (_, byRun) =>
    withEmulator({ repositories: { app }, softDelete }, async (emulator) => {
      const ledger = newLedger();
      const { summary } = await run(emulator, PURGE, undefined, ledger);
      const named = byRun ? summary.runId : `${emulator.loginServer}/app@${multi.digest}`;
      for (const outcome of ['restored', 'already-there']) {
        const came = await restored(emulator, byRun ? ledger : newLedger(), named);
        expect(came.outcomes).toContain(`app@${multi.digest} ${outcome}`);
        expect(came.summary.warnings).toEqual([
          `app@${multi.digest} is not whole: it names ${two.digest}, of which there is neither the manifest nor a copy, nor a run that deleted it`,
        ]);
      }
    }),
  );

  test('that is back and cannot be read does not count as whole; restored again it is, with its platforms', () =>
    withEmulator(
      {
        repositories: {
          app: repositoryOf(
            { built: one, days: 40 },
            { built: two, days: 40 },
            { built: multi, days: 40, tags: ['v1'] },
          ),
        },
        softDelete,
      },
      async (emulator) => {
        for (const { digest } of [multi, one, two]) emulator.remove('app', digest);
        const named = `${emulator.loginServer}/app@${multi.digest}`;
        emulator.faults({
          failing: ({ method, path }) => (method === 'GET' && path.includes('/v2/app/manifests/') ? 400 : undefined),
        });
        const first = await restored(emulator, newLedger(), named);
        expect(first.outcomes).toEqual([`app@${multi.digest} failed`]);
        expect(first.decisions[0]?.error?.message).toBe(
          'it is back, and cannot be read: whether it is whole is not known',
        );
        emulator.faults({});
        const again = await restored(emulator, newLedger(), named);
        expect(again.summary.succeeded).toBe(true);
        expect(emulator.manifestsLeft()).toHaveLength(3);
      },
    ));
});

test('a manifest is not locked while one of its tags is not back: the registry would not take it', () => {
  const packed = packedImage('locked');
  const locked = { deleteEnabled: false, writeEnabled: false };
  return withEmulator(
    {
      repositories: { app: repositoryOf({ built: packed, days: 40, tags: ['v1', 'v2'], locked }) },
      blobs: { app: packed.blobs },
    },
    async (emulator) => {
      const ledger = newLedger();
      const { archive } = newArchive();
      const before = contentsOf(emulator.repositories());
      const { summary } = await run(emulator, [...PURGE, '--include-locked'], undefined, ledger, { archive });
      emulator.faults({
        failing: ({ kind, path }) => (kind === 'put-manifest' && path.endsWith('/v2') ? 400 : undefined),
      });
      const first = await restored(emulator, ledger, summary.runId, { archive });
      expect(first.outcomes).toEqual(['app:v1 restored', 'app:v2 refused', `app@${packed.digest} failed`]);
      expect(first.decisions.find(({ kind }) => kind === 'manifest')?.error?.message).toMatch(
        /is back without its lock/,
      );
      emulator.faults({});
      const again = await restored(emulator, ledger, summary.runId, { archive });
      expect(again.summary.succeeded).toBe(true);
      expect(contentsOf(emulator.repositories())).toEqual(before);
    },
  );
});

test('what is in quarantine was not deleted: how it becomes readable again is said, and nothing is recorded', () =>
  withEmulator({ repositories: { app: repositoryOf({ built: one, days: 40, tags: ['v1'] }) } }, async (emulator) => {
    const ledger = newLedger();
    const { summary } = await run(emulator, [...PURGE, '--quarantine', '14d'], undefined, ledger);
    const hosts = [emulator.loginServer];
    await expect(restored(emulator, ledger, summary.runId)).rejects.toThrow(
      `has deleted nothing; what it put into quarantine is made readable again by acr-retention release ${summary.runId}`,
    );
    for (const name of ['app:v1', `app@${one.digest}`])
      await expect(restored(emulator, ledger, name, { hosts })).rejects.toThrow(
        `${name} is in quarantine, and was not deleted; it is made readable again by acr-retention release ${name}`,
      );
    expect(await Array.fromAsync(ledger.runs())).toHaveLength(1);
  }));

import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { RegistryState } from '../../../src/dev/emulator/index.ts';
import { newLedger } from '../../support/ledger.ts';
import { run, withEmulator } from '../../support/registry.ts';
import { bytesOf, contentOf, manifestOf, sharedLayers } from '../../support/shared-layers.ts';
import { digestOf, packedImage, packedIndex, packedRegistry } from '../../support/packed.ts';

const EVERYTHING = ['--filter', '.*:^old', '--ago', '20d', '--untagged'];
const storage = {};

const repository = (...images: readonly (readonly [name: string, blobs: readonly number[], tag?: string])[]) => {
  const built = images.map(([name, blobs, tag]) => ({ tag, body: manifestOf(name, blobs) }));
  return {
    manifests: built.map(({ body }) => ({ body, age: 40 * 86_400 })),
    tags: built.flatMap(({ body, tag }) =>
      tag === undefined ? [] : [{ name: tag, digest: digestOf(body), age: 40 * 86_400 }],
    ),
  };
};

test('what a run frees is what a naive count finds gone, in any registry', () =>
  fc.assert(
    fc.asyncProperty(sharedLayers, fc.boolean(), (repositories, isDry) =>
      withEmulator({ repositories }, async (emulator) => {
        const before = contentOf(emulator.repositories());
        const ledger = newLedger();
        const more = { storage };
        const planned = isDry && (await run(emulator, [...EVERYTHING, '--dry-run'], undefined, ledger, more));
        const { summary } = await run(emulator, EVERYTHING, undefined, ledger, more);
        const after = contentOf(emulator.repositories());
        if (Object.values(repositories).every(({ manifests }) => manifests.length === 0)) return;
        const expected = { unique: bytesOf(before), frees: bytesOf(before) - bytesOf(after) };
        expect(summary.totals.storage).toEqual(expected);
        if (planned) expect(planned.summary.totals.storage).toEqual(expected);
        for (const { repository, storage: own } of summary.repositories) {
          const state = repositories[repository];
          const content = contentOf(state ? { [repository]: state } : {});
          const gone = new Map([...content].filter(([digest]) => !after.has(digest)));
          expect({ repository, own }).toEqual({
            repository,
            own: { unique: bytesOf(content), frees: bytesOf(gone) },
          });
        }
        // What it deleted is not there any more for the next run.
        const next = await run(emulator, ['--filter', 'none:.*', '--ago', '0d', '--dry-run'], undefined, ledger, more);
        expect(next.summary.totals.storage).toEqual(
          after.size === 0 ? undefined : { unique: bytesOf(after), frees: 0 },
        );
      }),
    ),
    { numRuns: 60 },
  ));

describe('a run', () => {
  const repositories: RegistryState = {
    app: repository(['one', [1, 2, 3], 'old'], ['two', [4, 2], 'new']),
    base: repository(['three', [5, 3], 'new']),
  };

  test('keeps the layers of a repository that only an earlier run has read', () =>
    withEmulator({ repositories }, async (emulator) => {
      const ledger = newLedger();
      const first = await run(emulator, ['--filter', 'app:^none', '--ago', '1d'], undefined, ledger, { storage });
      expect(first.summary.totals.storage).toMatchObject({ frees: 0, repositoriesNotRead: 1 });
      await run(emulator, ['--filter', 'base:^none', '--ago', '1d'], undefined, ledger, { storage });
      const { summary } = await run(
        emulator,
        ['--filter', 'app:^old', '--ago', '1d', '--untagged'],
        undefined,
        ledger,
        {
          storage,
        },
      );
      // Its configuration and its manifest: the second layer stays with `two`, the third with `three`.
      const own = Buffer.byteLength(manifestOf('one', [1, 2, 3])) + 1007;
      expect(summary.totals.storage).toEqual({
        unique: bytesOf(contentOf(repositories)),
        frees: own,
      });
      expect(summary.repositories[0]?.storage).toMatchObject({ frees: own });
    }));

  test('says how many manifests it could not read, kept and deleted', () =>
    withEmulator({ repositories }, async (emulator) => {
      emulator.faults({
        failing: ({ kind, path }) =>
          kind === 'read-manifest' && path.includes(digestOf(manifestOf('two', [4, 2]))) ? 403 : undefined,
      });
      const { summary } = await run(emulator, EVERYTHING, undefined, newLedger(), { storage });
      expect(summary.succeeded).toBe(true);
      expect(summary.totals.storage).toMatchObject({ unread: 1 });
      expect(summary.totals.storage).not.toHaveProperty('unreadDeleted');
    }));

  test('counts a manifest that no listing shows as one that is not known, and one that an index names as known', () =>
    withEmulator(
      {
        repositories: {
          app: {
            ...repository(['one', [1, 2], 'old'], ['two', [3], 'new']),
          },
        },
      },
      async (emulator) => {
        emulator.lock('app', digestOf(manifestOf('two', [3])), { listEnabled: false });
        emulator.lock('app', 'new', { listEnabled: false });
        const { summary } = await run(emulator, EVERYTHING, undefined, newLedger(), { storage });
        expect(summary.totals.storage).toMatchObject({ unread: 1 });
      },
    ));

  test('reads no manifest twice, and none again in the next run', () => {
    const [index, ...children] = packedIndex('app');
    const single = packedImage('single');
    const registry = packedRegistry('app', [index, ...children, single], { v1: index, old: single }, 40 * 86_400);
    return withEmulator(registry, async (emulator) => {
      const ledger = newLedger();
      const about = [undefined, ledger, { storage }] as const;
      const read = (): number => emulator.counts()['read-manifest'];
      await run(emulator, [...EVERYTHING, '--dry-run'], ...about);
      expect(read()).toBe(4);
      await run(emulator, [...EVERYTHING, '--dry-run'], ...about);
      expect(read()).toBe(4);
    });
  });

  test('says nothing of it where it is not asked', () =>
    withEmulator({ repositories }, async (emulator) => {
      const ledger = newLedger();
      const { summary } = await run(emulator, [...EVERYTHING, '--dry-run'], undefined, ledger);
      expect(summary.totals).not.toHaveProperty('storage');
      expect(await Array.fromAsync(ledger.allLayers(emulator.loginServer))).toEqual([]);
    }));

  test('frees nothing yet by what it puts into quarantine, and all of it later', () =>
    withEmulator({ repositories }, async (emulator) => {
      const ledger = newLedger();
      const { summary } = await run(emulator, [...EVERYTHING, '--quarantine', '7d'], undefined, ledger, { storage });
      expect(summary.totals.manifests.quarantined).toBe(1);
      expect(summary.totals.storage).toMatchObject({ frees: 0 });
      expect(summary.totals.storage).not.toHaveProperty('unread');
    }));
});

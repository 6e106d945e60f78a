import { describe, expect, test } from 'vitest';
import type { RequestKind } from '../../src/dev/emulator/index.ts';
import { image, index } from '../../src/dev/emulator/manifests.ts';
import { images, repositoryOf } from '../support/contents.ts';
import { behindProxy } from '../support/proxy.ts';
import { connectTo, run, USER, withServedEmulator } from '../support/registry.ts';
import { connectAs, entra, runOn } from '../support/run-as.ts';

const child = { ...image('amd64'), architecture: 'amd64', os: 'linux' };
const repositories = {
  app: repositoryOf(
    { built: child, days: 90 },
    { built: index([child]), days: 90, tags: ['v1'] },
    { built: image('stale'), days: 90 },
    ...images('app', 8, 'dev'),
  ),
};
const PURGE = ['--filter', '.*:dev', '--ago', '30d', '--untagged'];

describe('a run ends right', () => {
  test.each([1, 2, 3])('where calls fail and connections break (seed %i)', async (seed) => {
    await withServedEmulator({ repositories, faults: { errorRate: 0.1, dropRate: 0.1, seed } }, async (emulator) => {
      // One call at a time, so that the seed says which of them fail.
      const registry = connectAs(emulator, { kind: 'basic', ...USER }, 1);
      const { summary } = await runOn(registry, [...PURGE, '--concurrency', '1']);
      expect(emulator.requests().filter(({ status }) => status === 503 || status === 0).length).toBeGreaterThan(0);
      expect(summary.failures).toEqual([]);
      expect(summary.succeeded).toBe(true);
      expect(emulator.tagsLeft()).toEqual(['app:v1']);
      expect(emulator.manifestsLeft()).toHaveLength(2);
    });
  });

  test.each<RequestKind>(['exchange', 'token'])(
    'where it is a call for tokens that fails first (%s)',
    async (failed) => {
      await withServedEmulator({ repositories }, async (emulator) => {
        const answers = [503, 'drop', 429] as const;
        let asked = 0;
        emulator.faults({ failing: ({ kind }) => (kind === failed ? answers[asked++] : undefined) });
        expect((await runOn(connectAs(emulator, entra(emulator)), PURGE)).summary.succeeded).toBe(true);
        expect(asked).toBeGreaterThan(3);
        expect(emulator.tagsLeft()).toEqual(['app:v1']);
      });
    },
  );

  test.each([
    ['the first of all', '/_catalog'],
    ['a listing', '/_manifests'],
    ['a manifest', '/manifests/'],
  ])('where an answer breaks off in the middle: %s', async (_, path) => {
    await withServedEmulator({ repositories }, async (emulator) => {
      const cut: string[] = [];
      await behindProxy(
        emulator,
        (asked) => (asked.path.includes(path) && cut.length < 2 && cut.push(asked.path) ? 'cut off' : undefined),
        async (proxy) => {
          expect((await run(proxy, PURGE)).summary.succeeded).toBe(true);
          expect(cut).toHaveLength(2);
          expect(emulator.tagsLeft()).toEqual(['app:v1']);
          expect(emulator.manifestsLeft()).toHaveLength(2);
        },
      );
    });
  });

  test('where the answer to a deletion is lost, and the manifest turns out to be gone', async () => {
    await withServedEmulator({ repositories }, async (emulator) => {
      const lost: string[] = [];
      await behindProxy(
        emulator,
        ({ method, path }) => (method === 'DELETE' && lost.length < 1 && lost.push(path) ? 'cut off' : undefined),
        async (proxy) => {
          const { summary } = await run(proxy, PURGE);
          expect(lost).toHaveLength(1);
          expect(summary.succeeded).toBe(true);
          // The attempt whose answer was lost did it, and nobody else.
          expect(summary.totals.manifests).toMatchObject({ deleted: 9, alreadyGone: 0, failed: 0 });
          expect(emulator.manifestsLeft()).toHaveLength(2);
        },
      );
    });
  });
});

describe('429 Too Many Requests', () => {
  test('is waited out as long as Retry-After says', async () => {
    const app = repositoryOf(...images('app', 10));
    await withServedEmulator({ repositories: { app }, faults: { deletesPerSecond: 4 } }, async (emulator) => {
      const { summary } = await run(emulator, ['--untagged-only']);
      expect(summary.succeeded).toBe(true);
      expect(emulator.manifestsLeft()).toEqual([]);
      // Four go in the first second, six are refused; of these four go in the next, and two are refused once more.
      // Who came back sooner would be refused more often.
      const refused = emulator.requests().filter(({ status }) => status === 429).length;
      expect(refused).toBeGreaterThan(0);
      expect(refused).toBeLessThanOrEqual(8);
    });
  });

  test('is waited out once for all: of many that begin together, all go and few are refused', async () => {
    const names = ['app', 'team/app', 'web'];
    const many = Object.fromEntries(names.map((name) => [name, repositoryOf(...images(name, 24))]));
    await withServedEmulator({ repositories: many, faults: { deletesPerSecond: 24 } }, async (emulator) => {
      const { summary } = await run(emulator, ['--untagged-only', '--concurrency', '3']);
      expect(summary.totals.manifests).toMatchObject({ deleted: 72, failed: 0 });
      expect(emulator.manifestsLeft()).toEqual([]);
      // Each by itself, those that were refused would all have come again, and most been refused, two times more.
      const refused = emulator.requests().filter(({ status }) => status === 429).length;
      expect(refused).toBeLessThanOrEqual(24);
    });
  });

  test('is met with more patience than a failure', async () => {
    await withServedEmulator({ repositories }, async (emulator) => {
      let asked = 0;
      await behindProxy(
        emulator,
        ({ path }) =>
          path.includes('_tags') && ++asked <= 20 ? { status: 429, headers: { 'retry-after': '0' } } : undefined,
        async (proxy) => {
          expect(await connectTo(proxy).tags('app')).toHaveLength(9);
          expect(asked).toBe(21);
        },
      );
    });
  });
});

test.each([400, 403, 405, 501])('what would be answered the same again is asked once (%i)', async (status) => {
  await withServedEmulator({ repositories, faults: { failing: () => status } }, async (emulator) => {
    await expect(connectTo(emulator).repositories(100)).rejects.toMatchObject({ name: 'RegistryError', status });
    expect(emulator.counts().catalog).toBe(1);
  });
});

import { describe, expect, test, vi } from 'vitest';
import { connect } from '../../src/registry/client.ts';
import { images, repositoryOf } from '../support/contents.ts';
import { behindProxy } from '../support/proxy.ts';
import { connectTo, run, USER, withServedEmulator } from '../support/registry.ts';

/** Ages differ, so that an order by time is one. */
function aged(count: number) {
  return repositoryOf(...images('app', count, 'dev').map((one, n) => ({ ...one, days: 40 + n })));
}

describe('a listing', () => {
  test('of pages that are cut short is followed to its end', async () => {
    const names = Array.from({ length: 7 }, (_, n) => `team/app-${n}`);
    const repositories = Object.fromEntries(names.map((name) => [name, aged(10)]));
    await withServedEmulator({ repositories, pageSizeLimit: 3 }, async (emulator) => {
      const registry = connectTo(emulator);
      expect(await registry.repositories(100)).toEqual(names);
      const tags = await registry.tags('team/app-4');
      expect(tags?.map(({ name }) => name)).toEqual(Array.from({ length: 10 }, (_, n) => `dev-${n}`));
      const manifests = await registry.manifests('team/app-4');
      expect(manifests?.byDigest.size).toBe(10);
      expect(manifests?.newest).toBe(tags?.[0]?.lastUpdated);
      // Seven, ten and ten entries, by threes.
      expect(emulator.counts()).toMatchObject({ catalog: 3, 'list-tags': 4, 'list-manifests': 4 });
    });
  });

  test('asks again for pages of 100 where pages of 1,000 are refused, and from then on at once', async () => {
    await withServedEmulator({ repositories: { app: aged(250) }, refusePageSizeAbove: 100 }, async (emulator) => {
      const registry = connectTo(emulator);
      expect(await registry.tags('app')).toHaveLength(250);
      expect((await registry.manifests('app'))?.byDigest.size).toBe(250);
      const sizes = emulator.requests().map(({ kind, path }) => `${kind} ${/[?&]n=(\d+)/.exec(path)?.[1] ?? ''}`);
      expect(sizes).toEqual([
        'list-tags 1000',
        ...Array<string>(3).fill('list-tags 100'),
        ...Array<string>(3).fill('list-manifests 100'),
      ]);
    });
  });

  test('has its next page under way while one is used, where all of it is wanted', async () => {
    await withServedEmulator({ repositories: { app: aged(9) }, pageSizeLimit: 3 }, async (emulator) => {
      const { sdk, list } = connect({
        endpoint: new URL(emulator.url),
        certificate: emulator.certificate,
        concurrency: 8,
        credentials: { kind: 'basic', ...USER },
      });
      const manifests = (ahead: boolean) =>
        list({
          asked: 'list the manifests',
          key: 'manifests',
          pageSize: 3,
          ahead,
          start: (observed) => sdk.getRepository('app').listManifestProperties({ ...observed }),
        });
      const pages = manifests(true);
      expect((await pages.next()).value).toHaveLength(3);
      await vi.waitFor(() => expect(emulator.counts()['list-manifests']).toBe(2));
      expect((await pages.next()).value).toHaveLength(3);
      await vi.waitFor(() => expect(emulator.counts()['list-manifests']).toBe(3));
      // None further ahead, and none where one page may be enough.
      expect((await manifests(false).next()).value).toHaveLength(3);
      await connectTo(emulator).manifestCount('app');
      expect(emulator.counts()['list-manifests']).toBe(4);
    });
  });

  test('of a repository that is not there is no error', async () => {
    await withServedEmulator({ repositories: { app: aged(1) } }, async (emulator) => {
      const registry = connectTo(emulator);
      expect(await registry.tags('missing')).toBeUndefined();
      expect(await registry.manifests('missing')).toBeUndefined();
    });
  });
});

test.each(['tags', 'manifests'] as const)(
  'empty pages of %s whose links go round in circles are an error',
  async (kind) => {
    await withServedEmulator({ repositories: { app: aged(3) } }, (emulator) =>
      behindProxy(
        emulator,
        ({ path }) =>
          path.includes(`/_${kind}`)
            ? { headers: { link: `</acr/v1/app/_${kind}?last=zzz&n=3>; rel="next"` } }
            : undefined,
        async (proxy) => {
          await expect(connectTo(proxy)[kind]('app')).rejects.toThrow('the links to the next page go round in circles');
        },
      ),
    );
  },
);

describe('nothing of a repository is deleted', () => {
  const repositories = { app: aged(10), other: aged(2) };
  const args = ['--filter', '.*:dev', '--ago', '30d', '--untagged'];
  const left = ['app failed', 'other done'];

  test.each([
    ['tags', '/app/_tags', '</acr/v1/app/_tags?last=dev-5&n=3&orderby=>; rel="next"'],
    ['manifests', '/app/_manifests', '</acr/v1/app/_manifests?last=sha256%3A0&n=3>; rel="next"'],
  ])('where the pages of its %s go round in circles', async (kind, path, link) => {
    await withServedEmulator({ repositories }, (emulator) =>
      behindProxy(
        emulator,
        (asked) => (asked.path.includes(path) ? { headers: { link } } : undefined),
        async (proxy) => {
          const { summary } = await run(proxy, args);
          expect(summary.repositories.map(({ repository, state }) => `${repository} ${state}`)).toEqual(left);
          expect(summary.repositories[0]?.error?.message).toMatch(`list the ${kind} of app: `);
          expect(summary.repositories[0]?.error?.message).toContain('go round in circles');
          expect(emulator.tagsLeft()).toHaveLength(10);
        },
      ),
    );
  });

  test.each(['list-tags', 'list-manifests'])('where a later page of it fails (%s)', async (failed) => {
    await withServedEmulator({ repositories, pageSizeLimit: 3 }, async (emulator) => {
      emulator.faults({
        failing: ({ kind, repository, path }) =>
          kind === failed && repository === 'app' && path.includes('last=') ? 403 : undefined,
      });
      const { summary } = await run(emulator, args);
      expect(summary.repositories.map(({ repository, state }) => `${repository} ${state}`)).toEqual(left);
      expect(summary.repositories[0]?.error).toMatchObject({ status: 403, code: 'DENIED' });
      expect(summary.repositories[0]?.error?.correlationId).toMatch(/^[0-9a-f-]{36}$/);
      expect(emulator.tagsLeft()).toHaveLength(10);
    });
  });
});

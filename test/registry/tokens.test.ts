import { DefaultAzureCredential } from '@azure/identity';
import { describe, expect, onTestFinished, test, vi } from 'vitest';
import type { Emulator, RegistryState, RequestKind } from '../../src/dev/emulator/index.ts';
import { image, index, referrer } from '../../src/dev/emulator/manifests.ts';
import type { RegistryCredentials } from '../../src/registry/auth.ts';
import { PUBLIC_AUDIENCE } from '../../src/registry/identity.ts';
import { openRegistry, type Registry } from '../../src/index.ts';
import { call, form, identityToken, parsed } from '../dev/emulator/support.ts';
import { images, repositoryOf } from '../support/contents.ts';
import { behindProxy, withStranger } from '../support/proxy.ts';
import { run, USER, withServedEmulator } from '../support/registry.ts';
import { connectAs, entra, runOn } from '../support/run-as.ts';

const PURGE = ['--filter', '.*:^dev', '--ago', '30d', '--untagged'];

/** A repository in which a purge lists, reads, asks for referrers, and deletes tags and manifests. */
function busy(name: string): RegistryState[string] {
  const child = { ...image(`${name}/amd64`), architecture: 'amd64', os: 'linux' };
  const kept = index([child]);
  const stale = image(`${name}/stale`);
  return repositoryOf(
    { built: child, days: 90 },
    { built: kept, days: 90, tags: ['v1', 'dev-of-kept'] },
    { built: stale, days: 90, tags: ['dev-1'] },
    { built: referrer(stale, 'application/spdx+json', name), days: 90 },
    ...images(name, 3),
  );
}

const BUSY: RegistryState = { app: busy('app'), 'team/app': busy('team/app'), 'team/shop/manifests': busy('shop') };

function expectPurged(emulator: Emulator): void {
  expect(emulator.tagsLeft()).toEqual(['app:v1', 'team/app:v1', 'team/shop/manifests:v1']);
  expect(emulator.manifestsLeft()).toHaveLength(6);
}

describe('an Entra identity', () => {
  test('costs one challenge and one exchange a run, and a token for each repository and kind of action', async () => {
    await withServedEmulator({ repositories: BUSY }, async (emulator) => {
      const { summary } = await runOn(connectAs(emulator, entra(emulator)), PURGE);
      expect(summary.succeeded).toBe(true);
      expectPurged(emulator);
      const { challenge, exchange, identity, token, ...data } = emulator.counts();
      expect(data['read-manifest'] + data.referrers).toBeGreaterThanOrEqual(6);
      expect(data['delete-manifest']).toBeGreaterThanOrEqual(6);
      expect(data['delete-tag']).toBe(3);
      // The catalog, and for each of three repositories one token to read and one to delete.
      expect({ challenge, exchange, identity, token }).toEqual({ challenge: 1, exchange: 1, identity: 1, token: 7 });
    });
  });

  test('needs one more token for each repository in which something is unlocked', async () => {
    const locked = images('app', 2, 'dev').map((one) => ({ ...one, lockedTags: { deleteEnabled: false } }));
    await withServedEmulator({ repositories: { app: repositoryOf(...locked) } }, async (emulator) => {
      await runOn(connectAs(emulator, entra(emulator)), ['--filter', 'app:dev', '--ago', '1d', '--include-locked']);
      expect(emulator.tagsLeft()).toEqual([]);
      const { challenge, exchange, token, 'update-tag': unlocked } = emulator.counts();
      expect({ challenge, exchange, token, unlocked }).toEqual({ challenge: 1, exchange: 1, token: 3, unlocked: 2 });
    });
  });

  test('is taken from the environment of a Function app', async () => {
    await withServedEmulator({ repositories: BUSY }, async (emulator) => {
      for (const [name, value] of Object.entries(emulator.environment)) vi.stubEnv(name, value);
      onTestFinished(() => void vi.unstubAllEnvs());
      const credential = new DefaultAzureCredential();
      const registry = connectAs(emulator, { kind: 'entra', credential, audience: PUBLIC_AUDIENCE });
      expect((await runOn(registry, PURGE)).summary.succeeded).toBe(true);
      expectPurged(emulator);
      expect(emulator.counts().identity).toBe(1);
    });
  });

  test('works where attributes control access, and so no wildcard scope is given', async () => {
    await withServedEmulator({ repositories: BUSY, abac: true }, async (emulator) => {
      expect((await runOn(connectAs(emulator, entra(emulator)), PURGE)).summary.succeeded).toBe(true);
      expectPurged(emulator);
    });
  });

  test('that the registry does not take is an error that says so, and is not tried again', async () => {
    await withServedEmulator({ repositories: BUSY }, async (emulator) => {
      const credential = { getToken: () => Promise.resolve({ token: 'a.b.c', expiresOnTimestamp: Infinity }) };
      const registry = connectAs(emulator, { kind: 'entra', credential, audience: PUBLIC_AUDIENCE });
      await expect(runOn(registry, PURGE)).rejects.toThrow(/exchange the identity's token .*: 401 UNAUTHORIZED/);
      expect(emulator.counts().exchange).toBe(1);
    });
  });
});

describe('a token', () => {
  test('that lives a second is renewed as often as a run needs it', async () => {
    const repositories = { app: repositoryOf(...images('app', 24)) };
    await withServedEmulator({ repositories, tokenLifeSeconds: 1, faults: { latencyMs: 100 } }, async (emulator) => {
      const { summary } = await runOn(connectAs(emulator, entra(emulator), 1), ['--untagged-only', '--ago', '30d']);
      expect(summary.succeeded).toBe(true);
      expect(emulator.manifestsLeft()).toEqual([]);
      const { exchange, token } = emulator.counts();
      expect(exchange).toBe(1);
      // Twenty-four deletions, one by one, take more than two seconds: a token to list, and three and more to delete.
      expect(token).toBeGreaterThan(3);
    });
  });

  test.each<RequestKind>(['catalog', 'list-tags', 'list-manifests', 'read-manifest', 'delete-tag', 'delete-manifest'])(
    'that is refused in the middle is renewed once (%s)',
    async (refused) => {
      await withServedEmulator({ repositories: BUSY }, async (emulator) => {
        let asked = 0;
        emulator.faults({ failing: ({ kind }) => (kind === refused && ++asked === 1 ? 401 : undefined) });
        const { summary } = await runOn(connectAs(emulator, entra(emulator)), PURGE);
        expect(asked).toBeGreaterThan(1);
        expect(summary.succeeded).toBe(true);
        expectPurged(emulator);
        expect(emulator.counts()).toMatchObject({ challenge: 1, exchange: 1, token: 8 });
      });
    },
  );

  test('that is refused again fails the repository at once, and no other', async () => {
    await withServedEmulator(
      { repositories: BUSY, faults: { unauthorizedRepositories: ['app'] } },
      async (emulator) => {
        const { summary } = await runOn(connectAs(emulator, entra(emulator)), PURGE);
        expect(summary.repositories.map(({ repository, state }) => [repository, state])).toEqual([
          ['app', 'failed'],
          ['team/app', 'done'],
          ['team/shop/manifests', 'done'],
        ]);
        expect(summary.repositories[0]?.error).toMatchObject({ status: 401, code: 'UNAUTHORIZED' });
        expect(summary.succeeded).toBe(false);
        // The first of all calls, and twice the one that fails.
        expect(emulator.counts().challenge).toBe(3);
      },
    );
  });
});

test('a refresh token is taken as the password of the user 00000000-0000-0000-0000-000000000000', async () => {
  await withServedEmulator({ repositories: BUSY }, async (emulator) => {
    const grant = { grant_type: 'access_token', service: emulator.loginServer };
    const exchanged = form({ ...grant, access_token: await identityToken(emulator) });
    const { refresh_token: password } = parsed(await call(emulator, '/oauth2/exchange', exchanged)) as {
      refresh_token: string;
    };
    const registry = await openRegistry({
      endpoint: new URL(emulator.url),
      certificate: emulator.certificate,
      concurrency: 8,
      username: '00000000-0000-0000-0000-000000000000',
      password,
    });
    expect((await runOn(registry, PURGE)).summary.succeeded).toBe(true);
    expectPurged(emulator);
    expect(emulator.counts()).toMatchObject({ exchange: 1, identity: 1, challenge: 1, token: 7 });
  });
});

test('a wrong password is an error that does not show it', async () => {
  await withServedEmulator({ repositories: BUSY }, async (emulator) => {
    const registry = connectAs(emulator, { kind: 'basic', username: USER.username, password: 'wr0ng-s3cret' });
    const failure = await runOn(registry, PURGE).catch((error: unknown) => String(error));
    expect(failure).toMatch(/list the repositories: 401 UNAUTHORIZED/);
    expect(failure).not.toContain('wr0ng-s3cret');
    expect(emulator.counts()).toMatchObject({ challenge: 1, token: 0 });
  });
});

describe('nothing is sent to another origin', () => {
  const nothing = { status: 200, headers: {}, body: '{}' };
  const basic = (): RegistryCredentials => ({ kind: 'basic', ...USER });

  test.each<[string, string, typeof entra, (registry: Registry) => Promise<unknown>]>([
    ['repositories', '/_catalog', entra, (registry) => registry.repositories(100)],
    ['tags', '/_tags', basic, (registry) => registry.tags('app')],
    ['manifests', '/_manifests', entra, (registry) => registry.manifests('app')],
    ['referrers', '/referrers/', basic, (registry) => registry.referrers('app', `sha256:${'0'.repeat(64)}`)],
  ])('to which the link to the next page of %s leads', async (_, path, credentials, list) => {
    await withServedEmulator({ repositories: BUSY }, (emulator) =>
      withStranger(nothing, (stranger) =>
        behindProxy(
          emulator,
          (asked) =>
            asked.path.includes(path) ? { headers: { link: `<${stranger.url}${asked.path}>; rel="next"` } } : undefined,
          async (proxy) => {
            await expect(list(connectAs(proxy, credentials(proxy)))).rejects.toThrow('leads elsewhere');
            expect(stranger.asked).toEqual([]);
          },
        ),
      ),
    );
  });

  test('to which an answer redirects, and it is not followed', async () => {
    await withServedEmulator({ repositories: BUSY }, (emulator) =>
      withStranger(nothing, (stranger) =>
        behindProxy(
          emulator,
          ({ path }) => (path.includes('_tags') ? { status: 307, headers: { location: stranger.url } } : undefined),
          async (proxy) => {
            const { summary } = await run(proxy, PURGE);
            expect(summary.repositories.map(({ state }) => state)).toEqual(['failed', 'failed', 'failed']);
            expect(stranger.asked).toEqual([]);
          },
        ),
      ),
    );
  });
});

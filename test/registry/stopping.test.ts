import { describe, expect, test } from 'vitest';
import type { Emulator } from '../../src/dev/emulator/index.ts';
import { StoppedError } from '../../src/registry/errors.ts';
import { checksFirst } from '../../src/registry/request.ts';
import { images, repositoryOf } from '../support/contents.ts';
import { behindProxy, withSilence } from '../support/proxy.ts';
import type { Registry, Sending } from '../../src/registry/types.ts';
import { connectTo, run, withServedEmulator } from '../support/registry.ts';

const repositories = { app: repositoryOf(...images('app', 12)) };

const DIGEST = `sha256:${'0'.repeat(64)}`;

const LISTINGS: readonly [string, string, (registry: Registry, signal: AbortSignal) => Promise<unknown>][] = [
  ['the repositories', '/_catalog', (registry, signal) => registry.repositories(100, signal)],
  ['tags', '/_tags', (registry, signal) => registry.tags('app', signal)],
  ['manifests', '/_manifests', (registry, signal) => registry.manifests('app', signal)],
  ['referrers', '/referrers/', (registry, signal) => registry.referrers('app', DIGEST, signal)],
];

describe('a listing that is stopped', () => {
  test.each(LISTINGS)('asks for no other page of %s, where the links never repeat', async (_, path, list) => {
    await withServedEmulator({ repositories }, (emulator) => {
      const stop = new AbortController();
      let pages = 0;
      return behindProxy(
        emulator,
        (asked) => {
          if (!asked.path.includes(path)) return undefined;
          pages += 1;
          if (pages === 5) stop.abort();
          const listing = asked.path.split('?', 1)[0] ?? '';
          return { status: 200, body: '{}', headers: { link: `<${listing}?last=${pages}>; rel="next"` } };
        },
        async (proxy) => {
          await expect(list(connectTo(proxy), stop.signal)).rejects.toThrow(StoppedError);
          expect(pages).toBe(5);
          await expect(list(connectTo(proxy), stop.signal)).rejects.toThrow(StoppedError);
          expect(pages).toBe(5);
        },
      );
    });
  });

  test.each(LISTINGS)('does not wait for a page of %s', async (_, path, list) => {
    const stop = new AbortController();
    await withSilence(
      (asked) => {
        if (asked.includes(path)) stop.abort();
      },
      (silent) => expect(list(connectTo(silent), stop.signal)).rejects.toThrow(StoppedError),
    );
  });
});

function digestsOf(emulator: Emulator): readonly string[] {
  return emulator.manifestsLeft().map((manifest) => manifest.replace('app@', ''));
}

describe('a run that is stopped', () => {
  test('begins no deletion that waits for the registry, and ends those at once', async () => {
    // So few that they would take for ever.
    await withServedEmulator({ repositories, faults: { deletesPerSecond: 1 } }, async (emulator) => {
      const digests = digestsOf(emulator);
      const stop = new AbortController();
      const registry = connectTo(emulator, 4);
      const sending = await sendingAt(registry, stop.signal);
      const results = await Promise.all(
        digests.map(async (digest) => {
          const result = await registry.deleteManifest('app', digest, sending);
          if (result.state === 'deleted') stop.abort();
          return [digest, result.state] as const;
        }),
      );
      const left = digestsOf(emulator);
      expect(left.length).toBeGreaterThan(0);
      for (const [digest, state] of results)
        expect(left.includes(digest) ? ['not-attempted', 'again'] : ['deleted']).toContain(state);
      // What was refused was sent once, and the others not at all.
      expect(emulator.counts()['delete-manifest']).toBeLessThanOrEqual(8);
    });
  });

  test('does not send again what failed, and says that it failed', async () => {
    await withServedEmulator({ repositories }, async (emulator) => {
      const stop = new AbortController();
      const failing = ({ kind }: { readonly kind: string }) => {
        if (kind !== 'delete-manifest') return undefined;
        stop.abort();
        return 503;
      };
      emulator.faults({ failing });
      const { decisions } = await run(emulator, ['--untagged-only'], stop.signal);
      expect(decisions.filter((one) => one.action === 'delete' && one.outcome === 'not-attempted')).toHaveLength(11);
      expect(emulator.counts()['delete-manifest']).toBe(1);
    });
  });

  test('finds out what became of a deletion whose answer was lost', async () => {
    await withServedEmulator({ repositories }, async (emulator) => {
      const stop = new AbortController();
      await behindProxy(
        emulator,
        ({ method }) => {
          if (method !== 'DELETE') return undefined;
          stop.abort();
          return 'cut off';
        },
        async (proxy) => {
          const { summary } = await run(proxy, ['--untagged-only'], stop.signal);
          expect(summary.totals.manifests).toMatchObject({ deleted: 1, alreadyGone: 0, failed: 0, notAttempted: 11 });
        },
      );
      expect(emulator.counts()['delete-manifest']).toBe(1);
      expect(digestsOf(emulator)).toHaveLength(11);
    });
  });

  test('waits for the answer to what was sent', async () => {
    await withServedEmulator({ repositories, faults: { latencyMs: 50 } }, async (emulator) => {
      const stop = new AbortController();
      const [digest = ''] = digestsOf(emulator);
      const registry = connectTo(emulator);
      const sending = await sendingAt(registry, stop.signal);
      emulator.onRequest(() => stop.abort());
      expect(await registry.deleteManifest('app', digest, sending)).toEqual({ state: 'deleted' });
    });
  });
});

describe('what makes something readable', () => {
  test('is not sent again once the run is stopped', async () => {
    await withServedEmulator({ repositories }, async (emulator) => {
      const stop = new AbortController();
      const failing = () => {
        stop.abort();
        return 503;
      };
      const [digest = ''] = digestsOf(emulator);
      const registry = connectTo(emulator);
      emulator.faults({ failing });
      expect(await registry.show('app', digest, stop.signal)).toMatchObject({ state: 'failed' });
      expect(await registry.show('app', digest, stop.signal)).toMatchObject({ state: 'not-attempted' });
      expect(emulator.counts()['update-manifest']).toBe(1);
    });
  });
});

describe('a process that stood still, and has not heard from its timers yet', () => {
  test('sends no change any more', async () => {
    await withServedEmulator({ repositories }, async (emulator) => {
      const stop = new AbortController();
      const [digest = ''] = digestsOf(emulator);
      const registry = connectTo(emulator);
      const sending = await sendingAt(registry, stop.signal);
      checksFirst(stop.signal, () => stop.abort());
      const results = [
        await registry.deleteManifest('app', digest, { ...sending, signal: stop.signal }),
        await registry.hide('app', digest, sending),
        await registry.show('app', digest, stop.signal),
      ];
      expect(results.map(({ state }) => state)).toEqual(['not-attempted', 'not-attempted', 'not-attempted']);
      expect(emulator.counts()['update-manifest']).toBe(0);
      expect(digestsOf(emulator)).toHaveLength(12);
    });
  });
});

/** As after a look. */
async function sendingAt(registry: Registry, signal: AbortSignal): Promise<Sending> {
  const { since } = await registry.look('app', { tags: [], tagCount: 0 });
  return { since, reservation: await registry.reserve(1), signal };
}

import { describe, expect, test } from 'vitest';
import type { RegistryState } from '../../src/dev/emulator/index.ts';
import { images, repositoryOf } from '../support/contents.ts';
import { run, USER, withEmulator } from '../support/registry.ts';
import { connectAs, runOn } from '../support/run-as.ts';

const UNTAGGED = ['--untagged-only', '--ago', '30d'];

describe('a run that is stopped', () => {
  test('begins no further repository, and says of everything that it was not attempted', async () => {
    const repositories: RegistryState = {
      a: repositoryOf(...images('a', 40)),
      b: repositoryOf(...images('b', 2)),
    };
    await withEmulator({ repositories }, async (emulator) => {
      const stop = new AbortController();
      emulator.onRequest(({ kind }) => {
        if (kind === 'delete-manifest') stop.abort();
      });
      const { decisions, summary } = await run(emulator, [...UNTAGGED, '--concurrency', '1'], stop.signal);
      const became = decisions.map((one) => (one.action === 'keep' ? 'kept' : one.outcome));
      // The calls in flight are finished; of the rest nothing is begun.
      const deleted = became.filter((outcome) => outcome === 'deleted').length;
      expect(deleted).toBeGreaterThan(0);
      expect(deleted).toBeLessThanOrEqual(8);
      expect(became.filter((outcome) => outcome === 'not-attempted')).toHaveLength(40 - deleted);
      expect(emulator.manifestsLeft()).toHaveLength(42 - deleted);
      expect(summary.repositories.map(({ repository, state }) => `${repository} ${state}`)).toEqual([
        // Part of it was not tried: it is not done, whatever of it is.
        'a stopped',
        'b stopped',
      ]);
      expect(summary.repositories[1]?.error?.message).toContain('stopped');
      expect(summary.succeeded).toBe(false);
    });
  });

  test.each([
    ['deletes no further tag', 'delete-tag', 'delete-tag', [], 1],
    ['deletes no further manifest', 'delete-manifest', 'delete-manifest', ['--untagged'], 1],
    // And locks it again.
    ['unlocks no further tag', 'update-tag', 'update-tag', ['--include-locked'], 2],
    ['deletes nothing that it has unlocked', 'update-tag', 'delete-tag', ['--include-locked'], 0],
  ] as const)('%s', async (_, stopping, kind, more, calls) => {
    const locked = images('app', 20, 'dev').map((one) => ({ ...one, lockedTags: { deleteEnabled: false } }));
    const contents = stopping === 'update-tag' ? locked : images('app', 20, 'dev');
    await withEmulator({ repositories: { app: repositoryOf(...contents) } }, async (emulator) => {
      const stop = new AbortController();
      emulator.onRequest((request) => {
        if (request.kind === stopping) stop.abort();
      });
      // One call at a time: one is under way when it is stopped.
      const registry = connectAs(emulator, { kind: 'basic', ...USER }, 1);
      const args = ['--filter', 'app:dev', '--ago', '30d', ...more];
      const { decisions, summary } = await runOn(registry, args, stop.signal);
      expect(emulator.counts()[kind]).toBe(calls);
      const given = decisions.filter((one) => one.action === 'delete' && one.outcome === 'not-attempted');
      expect(given[0]).toMatchObject({ error: { message: expect.stringContaining('the run was stopped') as unknown } });
      expect(summary.totals.tags).toMatchObject({ failed: 0, alreadyGone: 0 });
      expect(summary.succeeded).toBe(false);
    });
  });

  test.each(['update-manifest', 'update-tag'] as const)('leaves nothing without its lock (%s)', async (kind) => {
    const locked = { deleteEnabled: false };
    const contents = images('app', 40, 'dev').map((one) => ({ ...one, locked, lockedTags: locked }));
    await withEmulator({ repositories: { app: repositoryOf(...contents) } }, async (emulator) => {
      const stop = new AbortController();
      emulator.onRequest((request) => {
        if (request.kind === kind) stop.abort();
      });
      const more = kind === 'update-tag' ? [] : ['--untagged'];
      await run(emulator, ['--filter', 'app:dev', '--ago', '30d', '--include-locked', ...more], stop.signal);
      const left = emulator.repositories()['app'];
      expect(left?.tags.filter((tag) => tag.locked?.deleteEnabled !== false)).toEqual([]);
      expect(left?.manifests.filter((manifest) => manifest.locked?.deleteEnabled !== false)).toEqual([]);
      expect(left?.manifests.length).toBeGreaterThan(0);
    });
  });

  test('before it begins changes nothing', async () => {
    await withEmulator({ repositories: { app: repositoryOf(...images('app', 5)) } }, async (emulator) => {
      const { decisions, summary } = await run(emulator, UNTAGGED, AbortSignal.abort());
      expect(decisions).toEqual([]);
      expect(summary.succeeded).toBe(false);
      expect(emulator.manifestsLeft()).toHaveLength(5);
    });
  });
});

import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { image, index, referrer } from '../../../src/dev/emulator/manifests.ts';
import type { Emulator, RegistryState } from '../../../src/dev/emulator/index.ts';
import { checkRegistry } from '../../../src/engine/check/check-registry.ts';
import { countOf, isFine, renderRegistryCheck } from '../../../src/report/check-registry.ts';
import { repositoryOf } from '../../support/contents.ts';
import { newLedger } from '../../support/ledger.ts';
import { connectTo, run, withEmulator } from '../../support/registry.ts';
import { sharedLayers } from '../../support/shared-layers.ts';

const YEAR = 365 * 86_400_000;

function check(emulator: Emulator, ledger = newLedger(), repositories: readonly string[] = []) {
  return checkRegistry(connectTo(emulator), { ledger, repositories, lockedOlderThan: YEAR, concurrency: 4 });
}

const platform = { ...image('amd64'), architecture: 'amd64', os: 'linux' };
const missing = { ...image('arm64'), architecture: 'arm64', os: 'linux' };
const multi = index([platform, missing]);
const gone = image('gone');
const sbom = referrer(gone, 'application/spdx+json', 'sbom');
const locked = { deleteEnabled: false };

const repositories: RegistryState = {
  app: repositoryOf(
    { built: platform, days: 9 },
    { built: multi, days: 9, tags: ['v1'] },
    { built: sbom, days: 9 },
    { built: image('signature'), days: 9, tags: [`${gone.digest.replace(':', '-')}.sig`] },
    { built: image('old'), days: 800, tags: ['old'], locked },
  ),
  fine: repositoryOf({ built: image('fine'), days: 1, tags: ['v1'] }),
};

describe('a check of a registry', () => {
  test('finds each kind of what is broken or left over, the worst first, and says what to do', () =>
    withEmulator({ repositories }, async (emulator) => {
      emulator.lock('fine', undefined, locked);
      emulator.lock('app', platform.digest, { readEnabled: false });
      const ledger = newLedger();
      const found = await check(emulator, ledger);
      expect(found.counts).toEqual({
        'platform-missing': 1,
        unreadable: 1,
        'referrer-without-image': 1,
        'signature-without-image': 1,
        'locked-and-old': 1,
        'repository-locked': 1,
      });
      expect(found.findings[0]).toMatchObject({ kind: 'platform-missing', state: 'broken', digest: multi.digest });
      expect(found.repositories).toEqual({ checked: 2, of: 2 });
      expect(isFine(found)).toBe(false);
      const text = renderRegistryCheck(found);
      expect(text).toMatch(/^BROKEN {2}platform-missing: 1$/m);
      expect(text).toContain('2 broken, 0 not known, 4 left over.');
      // What an earlier check has read is not read again.
      const before = emulator.counts()['read-manifest'];
      const again = await check(emulator, ledger);
      expect(again.counts).toEqual(found.counts);
      expect(emulator.counts()['read-manifest'] - before).toBeLessThan(4);
    }));

  test('finds what no listing shows: what an index names, what a tag names, and the number of the others', () =>
    withEmulator(
      {
        repositories: {
          app: repositoryOf(
            { built: platform, days: 9 },
            { built: missing, days: 9 },
            { built: multi, days: 9, tags: ['v1'] },
            { built: image('alone'), days: 9 },
          ),
        },
      },
      async (emulator) => {
        emulator.lock('app', missing.digest, { listEnabled: false });
        emulator.lock('app', image('alone').digest, { listEnabled: false });
        const found = await check(emulator);
        expect(found.counts).toEqual({ hidden: 2 });
        expect(found.findings.map(({ digest }) => digest)).toEqual([missing.digest, undefined]);
        expect(isFine(found)).toBe(true);
      },
    ));

  test('is not fine where something could not be looked at', () =>
    withEmulator({ repositories: { app: repositoryOf({ built: multi, days: 9, tags: ['v1'] }) } }, async (emulator) => {
      emulator.faults({ failing: ({ kind }) => (kind === 'read-manifest' ? 403 : undefined) });
      const found = await check(emulator);
      expect(countOf(found, 'not known')).toBeGreaterThan(0);
      expect(countOf(found, 'broken')).toBe(0);
      expect(isFine(found)).toBe(false);
    }));

  test('does not take for broken what a run has put into quarantine', () =>
    withEmulator({ repositories: { fine: repositories['fine'] ?? { manifests: [], tags: [] } } }, async (emulator) => {
      const ledger = newLedger();
      await run(
        emulator,
        ['--filter', 'fine:.*', '--ago', '0d', '--untagged', '--quarantine', '7d'],
        undefined,
        ledger,
      );
      expect((await check(emulator, ledger)).counts).toEqual({});
      expect((await check(emulator)).counts).toEqual({ unreadable: 1 });
    }));

  test('names a repository in which there is nothing', () =>
    withEmulator({ repositories }, async (emulator) => {
      const reader = {
        ...connectTo(emulator),
        repositories: () => Promise.resolve(['empty']),
        attributes: () => Promise.resolve({ locked: false, tags: 0, manifests: 0 }),
        tags: () => Promise.resolve([]),
        manifests: () => Promise.resolve({ byDigest: new Map(), newest: undefined }),
      };
      const found = await checkRegistry(reader, { ledger: newLedger(), lockedOlderThan: YEAR, concurrency: 1 });
      expect(found.counts).toEqual({ 'repository-empty': 1 });
    }));

  test('looks only at the repositories that are named', () =>
    withEmulator({ repositories }, async (emulator) => {
      expect((await check(emulator, newLedger(), ['f*'])).repositories).toEqual({ checked: 1, of: 1 });
    }));

  test('after a purge of any registry nothing is broken that was not broken before', () =>
    fc.assert(
      fc.asyncProperty(sharedLayers, (registry) =>
        withEmulator({ repositories: registry }, async (emulator) => {
          const ledger = newLedger();
          const before = await check(emulator, ledger);
          await run(emulator, ['--filter', '.*:^old', '--ago', '20d', '--untagged'], undefined, ledger);
          const after = await check(emulator, ledger);
          const broken = (some: typeof before) =>
            some.findings.filter(({ state }) => state === 'broken').map(({ says }) => says);
          expect(broken(before)).toEqual(expect.arrayContaining(broken(after)));
          expect(countOf(after, 'not known')).toBe(0);
        }),
      ),
      { numRuns: 30 },
    ));
});

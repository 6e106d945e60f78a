import { describe, expect, test } from 'vitest';
import { image, index, referrer } from '../../../src/dev/emulator/manifests.ts';
import { newLedger } from '../../support/ledger.ts';
import { repositoryOf } from '../../support/contents.ts';
import { run, withEmulator } from '../../support/registry.ts';
import { contentsOf, restored } from './restored.ts';

const softDelete = { retentionDays: 7 };
const arm = image('arm');
const amd = image('amd');
const multi = index([
  { ...arm, architecture: 'arm64', os: 'linux' },
  { ...amd, architecture: 'amd64', os: 'linux' },
]);
const other = image('other');
const sbom = referrer(multi, 'application/spdx+json', 'sbom');
const signature = image('signature');
const SIGNED = `${multi.digest.replace(':', '-')}.sig`;
const app = repositoryOf(
  { built: arm, days: 40 },
  { built: amd, days: 40 },
  { built: multi, days: 40, tags: ['v1', 'also'] },
  { built: sbom, days: 40 },
  { built: signature, days: 40, tags: [SIGNED] },
  { built: other, days: 1, tags: ['new'] },
);
const PURGE = ['--filter', 'app:.*', '--ago', '30d', '--untagged'];

describe('a run that deleted a multi-arch image', () => {
  test('comes back whole: its platforms before the index, then its signature and what refers to it, each with its tags', () =>
    withEmulator({ repositories: { app }, softDelete }, async (emulator) => {
      const ledger = newLedger();
      const before = contentsOf(emulator.repositories());
      const purged = await run(emulator, PURGE, undefined, ledger);
      expect(emulator.manifestsLeft()).toEqual([`app@${other.digest}`]);

      const dry = await restored(emulator, ledger, purged.summary.runId, { dryRun: true });
      expect(emulator.manifestsLeft()).toEqual([`app@${other.digest}`]);
      expect(new Set(dry.decisions.map(({ outcome }) => outcome))).toEqual(new Set(['planned']));

      const came = await restored(emulator, ledger, purged.summary.runId);
      expect(came.summary.succeeded).toBe(true);
      expect(contentsOf(emulator.repositories())).toEqual(before);
      const order = emulator
        .requests()
        .filter(({ kind }) => kind === 'restore-deleted')
        .map(({ path }) => path);
      const at = (digest: string) => order.findIndex((path) => path.includes(digest));
      expect(Math.max(at(arm.digest), at(amd.digest))).toBeLessThan(at(multi.digest));
      expect(at(multi.digest)).toBeLessThan(Math.min(at(sbom.digest), at(signature.digest)));
      expect(came.summary.totals).toMatchObject({ tags: { restored: 3 }, manifests: { restored: 5 } });
      expect(await ledger.run(came.summary.runId)).toMatchObject({
        kind: 'restore',
        state: 'done',
        restores: { run: purged.summary.runId },
      });
      expect(await ledger.unfinished(emulator.loginServer)).toEqual([]);
    }));

  test('is kept by the next run, which would delete it again', () =>
    withEmulator({ repositories: { app }, softDelete }, async (emulator) => {
      const ledger = newLedger();
      const before = contentsOf(emulator.repositories());
      const { summary } = await run(emulator, PURGE, undefined, ledger);
      const came = await restored(emulator, ledger, summary.runId);
      const again = await run(emulator, PURGE, undefined, ledger);
      expect(contentsOf(emulator.repositories())).toEqual(before);
      const kept = again.decisions.find(({ tag }) => tag === 'v1');
      expect(kept).toMatchObject({ action: 'keep', reason: 'released' });
      expect(kept?.detail).toContain(`restored by the run ${came.summary.runId} at `);
      // By another ledger, that knows nothing of it, it goes as before.
      await run(emulator, PURGE);
      expect(emulator.manifestsLeft()).toEqual([`app@${other.digest}`]);
    }));

  test('and once more: everything is there, and nothing is changed', () =>
    withEmulator({ repositories: { app }, softDelete }, async (emulator) => {
      const ledger = newLedger();
      const { summary } = await run(emulator, PURGE, undefined, ledger);
      await restored(emulator, ledger, summary.runId);
      const { length } = emulator.requests().filter(({ method }) => method !== 'GET');
      const again = await restored(emulator, ledger, summary.runId);
      expect(again.summary.succeeded).toBe(true);
      expect(new Set(again.decisions.map(({ outcome }) => outcome))).toEqual(new Set(['already-there']));
      expect(emulator.requests().filter(({ method }) => method !== 'GET')).toHaveLength(length);
    }));

  test('by the name of the image: it, its platforms, its signature and its referrers, and nothing else', () =>
    withEmulator(
      {
        repositories: { app: repositoryOf(...[{ built: image('alone'), days: 40, tags: ['alone'] }]), more: app },
        softDelete,
      },
      async (emulator) => {
        const ledger = newLedger();
        await run(emulator, ['--filter', '.*:.*', '--ago', '30d', '--untagged'], undefined, ledger);
        const came = await restored(emulator, ledger, `${emulator.loginServer}/more:v1`);
        expect(came.summary.succeeded).toBe(true);
        expect(emulator.tagsLeft()).toEqual(['more:also', 'more:new', `more:${SIGNED}`, 'more:v1'].toSorted());
        expect(emulator.manifestsLeft()).toHaveLength(6);
        expect(emulator.repositories()['app']).toBeUndefined();
      },
    ));
});

const single = repositoryOf({ built: other, days: 40, tags: ['v1', 'v2', 'keep'] });
const TAGS = ['--filter', 'app:^v', '--ago', '30d'];

describe('a tag whose manifest is there', () => {
  test('is set again by pushing the manifest under it, byte for byte, also without soft delete', () =>
    withEmulator({ repositories: { app: single } }, async (emulator) => {
      const ledger = newLedger();
      const before = contentsOf(emulator.repositories());
      const { summary } = await run(emulator, TAGS, undefined, ledger);
      expect(emulator.tagsLeft()).toEqual(['app:keep']);
      const came = await restored(emulator, ledger, summary.runId);
      expect(came.outcomes).toEqual(['app:v1 restored', 'app:v2 restored']);
      expect(came.decisions.map(({ reason }) => reason)).toEqual(['manifest-is-there', 'manifest-is-there']);
      expect(contentsOf(emulator.repositories())).toEqual(before);
    }));

  test('that names another one now is left alone and said; --force sets it back', () =>
    withEmulator({ repositories: { app: single } }, async (emulator) => {
      const ledger = newLedger();
      const { summary } = await run(emulator, TAGS, undefined, ledger);
      const pushed = emulator.push('app', arm.body, { tag: 'v1' });
      const came = await restored(emulator, ledger, summary.runId);
      expect(came.outcomes).toEqual(['app:v1 not-attempted', 'app:v2 restored']);
      expect(came.summary).toMatchObject({ succeeded: false });
      expect((await ledger.run(came.summary.runId))?.progress).toEqual({ done: 1, of: 1 });
      expect(came.decisions[0]).toMatchObject({
        reason: 'pushed-since',
        error: { message: `names ${pushed} now, which was pushed since; --force sets it back` },
      });
      const forced = await restored(emulator, ledger, summary.runId, { force: true });
      expect(forced.outcomes).toEqual(['app:v1 restored', 'app:v2 already-there']);
      expect(forced.summary.succeeded).toBe(true);
      expect((await ledger.run(forced.summary.runId))?.restores).toEqual({ run: summary.runId, force: true });
    }));

  test('that moves between the look at the repository and its own is left alone', () =>
    withEmulator({ repositories: { app: single } }, async (emulator) => {
      const ledger = newLedger();
      const { summary } = await run(emulator, TAGS, undefined, ledger);
      let moved = '';
      emulator.onRequest(({ kind }) => {
        // The look right before it is set.
        if (kind === 'tag-properties' && moved === '') moved = emulator.push('app', arm.body, { tag: 'v1' });
      });
      const came = await restored(emulator, ledger, summary.runId);
      expect(came.outcomes).toContain('app:v1 not-attempted');
      expect(emulator.repositories()['app']?.tags.find(({ name }) => name === 'v1')?.digest).toBe(moved);
    }));
});

describe('without a copy', () => {
  test('it says so, with what is known of it, and asks nothing of the registry', () =>
    withEmulator({ repositories: { app } }, async (emulator) => {
      const ledger = newLedger();
      const { summary } = await run(emulator, PURGE, undefined, ledger);
      const came = await restored(emulator, ledger, summary.runId);
      expect(came.summary).toMatchObject({ succeeded: false, totals: { reasons: { 'no-copy': 8 } } });
      expect(new Set(came.decisions.map(({ outcome }) => outcome))).toEqual(new Set(['impossible']));
      const { detail = '' } =
        came.decisions.find(({ digest, kind }) => kind === 'manifest' && digest === arm.digest) ?? {};
      expect(detail).toMatch(
        /^deleted by the run \S+ of \d{4}-\d\d-\d\d; it is not among what the registry keeps of what was deleted \(soft delete\); no archive is named \(--archive, ARCHIVE\); it was application\/vnd\.oci\.image\.manifest\.v1\+json, \d+ bytes, pushed at /,
      );
      expect(emulator.requests().filter(({ kind }) => kind === 'restore-deleted' || kind === 'put-manifest')).toEqual(
        [],
      );
      expect(came.summary.failures).toHaveLength(8);
    }));

  test('and a person who may not ask for it is told which rights that needs', () =>
    withEmulator({ repositories: { app }, softDelete }, async (emulator) => {
      const ledger = newLedger();
      const { summary } = await run(emulator, PURGE, undefined, ledger);
      emulator.faults({ failing: ({ kind }) => (kind.startsWith('list-deleted') ? 403 : undefined) });
      const came = await restored(emulator, ledger, summary.runId);
      expect(came.decisions[0]?.detail).toContain('Microsoft.ContainerRegistry/registries/deleted/read');
      expect(came.summary.succeeded).toBe(false);
    }));

  test('once one is forbidden, the others are not tried', () =>
    withEmulator({ repositories: { app }, softDelete }, async (emulator) => {
      const ledger = newLedger();
      const { summary } = await run(emulator, PURGE, undefined, ledger);
      emulator.faults({ failing: ({ kind }) => (kind === 'restore-deleted' ? 403 : undefined) });
      const came = await restored(emulator, ledger, summary.runId);
      const refused = came.decisions.filter(({ outcome }) => outcome === 'refused');
      expect(refused.length).toBeGreaterThan(0);
      // No more than are under way at once.
      expect(refused.length).toBeLessThan(4);
      expect(came.decisions.filter(({ outcome }) => outcome === 'not-attempted')).toHaveLength(8 - refused.length);
    }));
});

describe('what is asked for', () => {
  test('an image that no run has deleted may be among what the registry keeps', () =>
    withEmulator({ repositories: { app }, softDelete }, async (emulator) => {
      emulator.remove('app', multi.digest);
      const came = await restored(emulator, newLedger(), `${emulator.loginServer}/app:v1`);
      expect(came.outcomes).toEqual([`app:v1 restored`, `app@${multi.digest} restored`].toSorted());
    }));

  test('platforms that nothing has recorded come back with their index', () =>
    withEmulator({ repositories: { app }, softDelete }, async (emulator) => {
      for (const { digest } of [multi, arm, amd]) emulator.remove('app', digest);
      const came = await restored(emulator, newLedger(), `${emulator.loginServer}/app:v1`);
      expect(came.summary.succeeded).toBe(true);
      expect(emulator.manifestsLeft()).toEqual(
        expect.arrayContaining([arm, amd, multi].map(({ digest }) => `app@${digest}`)),
      );
    }));

  test('platforms that a later run deleted come back with the run that deleted the index', () =>
    withEmulator({ repositories: { app }, softDelete }, async (emulator) => {
      const ledger = newLedger();
      for (const { digest } of [arm, amd]) emulator.lock('app', digest, { deleteEnabled: false });
      const { summary } = await run(emulator, PURGE, undefined, ledger);
      for (const { digest } of [arm, amd]) emulator.lock('app', digest, { deleteEnabled: true });
      await run(emulator, PURGE, undefined, ledger);
      expect(emulator.manifestsLeft()).toEqual([`app@${other.digest}`]);
      const came = await restored(emulator, ledger, summary.runId);
      expect(came.summary.succeeded).toBe(true);
      expect(emulator.manifestsLeft()).toHaveLength(6);
    }));

  test.each([
    ['20260101T000000Z-000000', /^there is no run 20260101T000000Z-000000 in /],
    ['app', /^app is neither the id of a run nor an image/],
    ['app:v9', /^no run has deleted app:v9, and there is no copy: v9 is not among what was deleted there/],
    ['other.azurecr.io/app:v1', /^other\.azurecr\.io\/app:v1 is an image of other\.azurecr\.io, not of 127/],
  ])('%s is refused, and nothing is recorded', (text, why) =>
    withEmulator({ repositories: { app }, softDelete }, async (emulator) => {
      const ledger = newLedger();
      await expect(restored(emulator, ledger, text, { hosts: [emulator.loginServer] })).rejects.toThrow(why);
      expect(await Array.fromAsync(ledger.runs())).toEqual([]);
    }),
  );

  test('a dry run has deleted nothing', () =>
    withEmulator({ repositories: { app }, softDelete }, async (emulator) => {
      const ledger = newLedger();
      const { summary } = await run(emulator, [...PURGE, '--dry-run'], undefined, ledger);
      await expect(restored(emulator, ledger, summary.runId)).rejects.toThrow(/is a dry run, and has deleted nothing/);
    }));
});

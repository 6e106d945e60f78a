import { describe, expect, test } from 'vitest';
import { type Emulator, type RequestKind, sampleRegistry } from '../../src/dev/emulator/index.ts';
import { image, index, referrer } from '../../src/dev/emulator/manifests.ts';
import { beforeCall } from '../support/between.ts';
import { images, repositoryOf } from '../support/contents.ts';
import { reference, run, withEmulator } from '../support/registry.ts';

const TAGS = ['--filter', 'app:^dev', '--ago', '30d'];
const ALL = [...TAGS, '--untagged'];

const release = image('release');
const dev = image('dev');
const stray = image('stray');
const contents = repositoryOf(
  { built: release, days: 90, tags: ['v1'] },
  { built: dev, days: 90, tags: ['dev-1'] },
  { built: stray, days: 90 },
  { built: image('other'), days: 90, tags: ['dev-2'] },
);

const locked = { deleteEnabled: false };

describe('what changes between planning and deleting is kept', () => {
  test.each<[string, readonly string[], RequestKind, (emulator: Emulator) => void, string, RegExp]>([
    [
      'a tag that names another manifest now',
      TAGS,
      'list-tags',
      (emulator) => emulator.tag('app', 'dev-1', release.digest),
      'app:dev-1',
      new RegExp(`it names ${release.digest} now`),
    ],
    [
      'a tag that was pushed again, with the same manifest',
      TAGS,
      'list-tags',
      (emulator) => emulator.tag('app', 'dev-1', dev.digest),
      'app:dev-1',
      /it was pushed again/,
    ],
    [
      'such a tag, and its manifest',
      ALL,
      'list-manifests',
      (emulator) => emulator.tag('app', 'dev-1', dev.digest),
      'app:dev-1',
      /its tag dev-1 was pushed again/,
    ],
    [
      'a tag that was moved off the manifest that is deleted',
      ALL,
      'list-manifests',
      (emulator) => emulator.tag('app', 'dev-1', release.digest),
      'app:dev-1',
      new RegExp(`it does not name ${dev.digest} any more`),
    ],
    [
      'a tag that was locked',
      TAGS,
      'list-tags',
      (emulator) => emulator.lock('app', 'dev-1', locked),
      'app:dev-1',
      /it was locked/,
    ],
    [
      'a tag that was locked, and with it its manifest',
      ALL,
      'list-manifests',
      (emulator) => emulator.lock('app', 'dev-1', locked),
      'app:dev-1',
      /its tag dev-1 was locked/,
    ],
    [
      'a tag that was locked and hidden, and with it its manifest',
      ALL,
      'list-manifests',
      (emulator) => emulator.lock('app', 'dev-1', { ...locked, listEnabled: false }),
      'app:dev-1',
      /its tag dev-1 was hidden/,
    ],
    [
      'a manifest that was locked',
      ALL,
      'list-manifests',
      (emulator) => emulator.lock('app', stray.digest, { writeEnabled: false }),
      `app@${stray.digest}`,
      /it was locked/,
    ],
    [
      'a manifest that was tagged',
      ALL,
      'list-manifests',
      (emulator) => emulator.tag('app', 'rescued', stray.digest),
      `app@${stray.digest}`,
      /it is tagged rescued now/,
    ],
    [
      'a manifest that a new index needs',
      ALL,
      'list-manifests',
      (emulator) => emulator.push('app', index([{ ...stray, architecture: 'amd64', os: 'linux' }]).body, { tag: 'v2' }),
      `app@${stray.digest}`,
      /the index sha256:[0-9a-f]{64}, pushed since, needs it/,
    ],
    [
      'the subject of a new referrer that is tagged',
      ALL,
      'list-manifests',
      (emulator) => emulator.push('app', referrer(stray, 'application/spdx+json', 'new').body, { tag: 'sbom' }),
      `app@${stray.digest}`,
      /pushed since, refers to it/,
    ],
    [
      'the subject of a new referrer to which another refers that is tagged',
      ALL,
      'list-manifests',
      (emulator) => {
        const sbom = referrer(stray, 'application/spdx+json', 'new');
        emulator.push('app', sbom.body);
        emulator.push('app', referrer(sbom, 'application/vnd.cncf.notary.signature', 'its').body, { tag: 'signature' });
      },
      `app@${stray.digest}`,
      /pushed since, refers to it/,
    ],
    [
      'the subject of a new referrer that a new index needs',
      ALL,
      'list-manifests',
      (emulator) => {
        const sbom = referrer(stray, 'application/spdx+json', 'new');
        emulator.push('app', sbom.body);
        emulator.push('app', index([{ ...sbom, architecture: 'unknown', os: 'unknown' }]).body, { tag: 'v2' });
      },
      `app@${stray.digest}`,
      /pushed since, refers to it/,
    ],
    [
      'the subject of a hidden manifest that a new index needs',
      ALL,
      'list-manifests',
      (emulator) => {
        const sbom = referrer(stray, 'application/spdx+json', 'new');
        emulator.lock('app', emulator.push('app', sbom.body, { age: 90 * 86_400 }), { listEnabled: false });
        emulator.push('app', index([{ ...sbom, architecture: 'unknown', os: 'unknown' }]).body, { tag: 'v2' });
      },
      `app@${stray.digest}`,
      /would also delete a manifest that is not listed, and that sha256:[0-9a-f]{64}, pushed since, names/,
    ],
    [
      'a manifest that a hidden index needs, which a new index needs',
      ALL,
      'list-manifests',
      (emulator) => {
        const inner = {
          ...index([{ ...stray, architecture: 'amd64', os: 'linux' }]),
          architecture: 'any',
          os: 'linux',
        };
        emulator.lock('app', emulator.push('app', inner.body, { age: 90 * 86_400 }), { listEnabled: false });
        emulator.push('app', index([inner]).body, { tag: 'v2' });
      },
      `app@${stray.digest}`,
      /the index sha256:[0-9a-f]{64}, pushed since, needs it/,
    ],
    [
      'everything, where a hidden manifest that a new index needs cannot be read',
      ALL,
      'list-manifests',
      (emulator) => {
        const hidden = image('hidden');
        const unread = { listEnabled: false, readEnabled: false };
        emulator.lock('app', emulator.push('app', hidden.body, { age: 90 * 86_400 }), unread);
        emulator.push('app', index([{ ...hidden, architecture: 'amd64', os: 'linux' }]).body, { tag: 'v2' });
      },
      `app@${stray.digest}`,
      /^.*, which sha256:[0-9a-f]{64} names, cannot be read$/,
    ],
    [
      'everything, where what is new cannot be read',
      ALL,
      'list-manifests',
      (emulator) => {
        const { body } = index([]);
        emulator.lock('app', emulator.push('app', body, { tag: 'v2' }), { readEnabled: false });
      },
      `app@${stray.digest}`,
      /was pushed since, and cannot be read/,
    ],
  ])('%s', async (_, args, kind, change, changed, why) => {
    await withEmulator({ repositories: { app: contents } }, async (emulator) => {
      beforeCall(emulator, kind, 2, () => change(emulator));
      const { decisions, summary } = await run(emulator, args);
      expect([...emulator.tagsLeft(), ...emulator.manifestsLeft()]).toContain(changed);
      const decision = decisions.find((one) => reference(one) === changed);
      expect(decision).toMatchObject({ action: 'keep', reason: 'changed-since-plan', beyondAcrPurge: false });
      expect(decision?.detail).toMatch(why);
      // A change is no failure.
      expect(summary.succeeded).toBe(true);
    });
  });

  test('whether or not another client was faster with the rest', async () => {
    await withEmulator({ repositories: { app: contents } }, async (emulator) => {
      beforeCall(emulator, 'list-manifests', 2, () => {
        emulator.remove('app', stray.digest);
        emulator.untag('app', 'dev-1');
      });
      const { decisions, summary } = await run(emulator, ALL);
      const became = new Map(decisions.map((one) => [reference(one), one.action === 'delete' ? one.outcome : 'kept']));
      expect(became.get(`app@${stray.digest}`)).toBe('already-gone');
      expect(became.get('app:dev-1')).toBe('already-gone');
      expect(became.get(`app@${dev.digest}`)).toBe('deleted');
      expect(summary.succeeded).toBe(true);
    });
  });
});

test('a second run finds nothing more to do', async () => {
  const args = ['--filter', '.*:^([Ff]eature|pr|ci|dev|sha256)-', '--ago', '30d', '--untagged'];
  await withEmulator({ repositories: sampleRegistry() }, async (emulator) => {
    const deletions = () => emulator.requests().filter(({ method }) => method === 'DELETE').length;
    const first = await run(emulator, args);
    const made = deletions();
    expect(made).toBeGreaterThan(20);
    expect(first.decisions.filter(({ action }) => action === 'delete').length).toBeGreaterThan(made);
    const second = await run(emulator, args);
    expect(second.decisions.filter(({ action }) => action === 'delete')).toEqual([]);
    expect(deletions()).toBe(made);
  });
});

describe('--include-locked', () => {
  test('unlocks what is deleted, and nothing else', async () => {
    const child = { ...image('child'), architecture: 'amd64', os: 'linux' };
    const strayLocked = image('stray, locked');
    const repositories = {
      app: repositoryOf(
        { built: image('expired'), days: 90, tags: ['dev-expired'], locked, lockedTags: locked },
        { built: image('young'), days: 2, tags: ['dev-young'], locked, lockedTags: locked },
        { built: image('unmatched'), days: 90, tags: ['v1'], locked, lockedTags: locked },
        { built: index([child]), days: 90, tags: ['v2'] },
        { built: child, days: 90, locked },
        { built: strayLocked, days: 90, locked },
        ...images('app', 1, 'dev-unlocked'),
      ),
    };
    await withEmulator({ repositories }, async (emulator) => {
      const { summary } = await run(emulator, [...ALL, '--include-locked']);
      expect(summary.succeeded).toBe(true);
      expect(emulator.tagsLeft()).toEqual(['app:dev-young', 'app:v1', 'app:v2']);
      const unlocked = emulator
        .requests()
        .filter(({ method }) => method === 'PATCH')
        .map(({ path }) => decodeURIComponent(path.replace(/\?.*/, '').replace('/acr/v1/app/', '')));
      expect(unlocked.toSorted()).toEqual(
        [`_manifests/${image('expired').digest}`, `_manifests/${strayLocked.digest}`, '_tags/dev-expired'].toSorted(),
      );
    });
  });

  test('leaves a tag alone that it cannot unlock', async () => {
    const repositories = {
      app: repositoryOf({ ...images('app', 1, 'dev')[0], built: dev, days: 90, lockedTags: locked }),
    };
    await withEmulator({ repositories }, async (emulator) => {
      emulator.faults({ failing: ({ method }) => (method === 'PATCH' ? 403 : undefined) });
      const { summary, decisions } = await run(emulator, [...ALL, '--include-locked']);
      expect(emulator.tagsLeft()).toEqual(['app:dev-0']);
      expect(emulator.counts()['delete-manifest']).toBe(0);
      expect(summary.succeeded).toBe(false);
      expect(decisions.map((one) => one.action === 'delete' && [one.outcome, one.error?.status])).toEqual([
        ['refused', 403],
        ['refused', 403],
      ]);
    });
  });
});

import { describe, expect, test } from 'vitest';
import type { Emulator } from '../../src/dev/emulator/index.ts';
import { image, index } from '../../src/dev/emulator/manifests.ts';
import { beforeCall } from '../support/between.ts';
import { images, repositoryOf } from '../support/contents.ts';
import { reference, run, withEmulator } from '../support/registry.ts';

// A repository of more entries than a page holds: what is deleted is looked at one by one, what is new by its time.
const young = images('young', 140).map((one, n) => ({ ...one, days: 2 + n / 1000 }));
const old = images('old', 12);
const repositories = { app: repositoryOf(...young, ...old) };
const options = { repositories, refusePageSizeAbove: 100 };
const UNTAGGED = ['--untagged-only', '--ago', '30d'];

test.each([
  // The refused page, two pages to plan, and the newest page to see what is new.
  ['refuses larger pages', options, 4],
  ['cuts larger pages without a word', { repositories, pageSizeLimit: 100 }, 3],
])('each manifest that is deleted is looked at once where the registry %s', async (_, about, listed) => {
  await withEmulator(about, async (emulator) => {
    const { summary } = await run(emulator, UNTAGGED);
    expect(summary.succeeded).toBe(true);
    expect(emulator.manifestsLeft()).toHaveLength(140);
    const { 'delete-manifest': deleted, 'manifest-properties': looks, 'list-manifests': pages } = emulator.counts();
    expect({ deleted, looks, pages }).toEqual({ deleted: 12, looks: 12, pages: listed });
  });
});

test('each tag that is deleted is looked at once, and the rest is not listed again', async () => {
  const tagged = repositoryOf(...young.map((one, n) => ({ ...one, tags: [`v${n}`] })), ...images('dev', 12, 'dev'));
  await withEmulator({ ...options, repositories: { app: tagged } }, async (emulator) => {
    beforeCall(emulator, 'tag-properties', 1, () => {
      emulator.tag('app', 'dev-3', image('young/0', { docker: true }).digest);
      emulator.lock('app', 'dev-4', { deleteEnabled: false });
      emulator.untag('app', 'dev-5');
    });
    const { decisions } = await run(emulator, ['--filter', 'app:dev', '--ago', '30d']);
    const became = Object.fromEntries(
      decisions.map((one) => [reference(one), one.action === 'delete' ? one.outcome : one.reason]),
    );
    expect(became).toMatchObject({
      'app:dev-2': 'deleted',
      'app:dev-3': 'changed-since-plan',
      'app:dev-4': 'changed-since-plan',
      'app:dev-5': 'already-gone',
    });
    expect(emulator.tagsLeft()).toHaveLength(142);
    const { 'tag-properties': looks, 'list-tags': pages } = emulator.counts();
    expect({ looks, pages }).toEqual({ looks: 12, pages: 3 });
  });
});

test('what changed meanwhile is kept, as in a small one', async () => {
  await withEmulator(options, async (emulator) => {
    const [tagged, locked, needed, gone] = old.map(({ built }) => built.digest);
    const child = { ...image('old/2', { docker: true }), architecture: 'amd64', os: 'linux' };
    beforeCall(emulator, 'list-manifests', 4, () => {
      emulator.tag('app', 'rescued', tagged ?? '');
      emulator.lock('app', locked ?? '', { deleteEnabled: false });
      emulator.push('app', index([child]).body, { tag: 'v2' });
      emulator.remove('app', gone ?? '');
    });
    const { decisions, summary } = await run(emulator, UNTAGGED);
    const about = new Map(decisions.map((one) => [one.digest, one]));
    expect(about.get(tagged)).toMatchObject({ reason: 'changed-since-plan' });
    expect(about.get(tagged)?.detail).toContain('it is tagged rescued now');
    expect(about.get(locked)?.detail).toContain('it was locked');
    expect(about.get(needed)?.detail).toContain('pushed since, needs it');
    expect(about.get(gone)).toMatchObject({ outcome: 'already-gone' });
    expect(summary.totals.manifests).toMatchObject({ deleted: 8, alreadyGone: 1, failed: 0 });
    expect(emulator.manifestsLeft()).toHaveLength(140 + 3 + 1);
  });
});

describe('a tag that was locked meanwhile is not deleted with its manifest', () => {
  const dev = { built: image('old'), days: 90, tags: ['dev-1'] };
  const args = ['--filter', 'app:dev', '--ago', '30d', '--untagged'];
  const locks = (emulator: Emulator) => () => emulator.lock('app', 'dev-1', { deleteEnabled: false });

  test('where the manifests are many', async () => {
    await withEmulator({ ...options, repositories: { app: repositoryOf(...young, dev) } }, async (emulator) => {
      beforeCall(emulator, 'manifest-properties', 1, locks(emulator));
      await run(emulator, args);
      expect(emulator.tagsLeft()).toEqual(['app:dev-1']);
      // The refused page and one to plan, and one more: one page shows all tags.
      expect(emulator.counts()).toMatchObject({ 'list-tags': 3, 'tag-properties': 0 });
    });
  });

  test('where the tags are many', async () => {
    const tags = Array.from({ length: 140 }, (_, n) => `v${n}`);
    const app = repositoryOf({ built: image('release', { docker: true }), days: 90, tags }, dev);
    await withEmulator({ ...options, repositories: { app } }, async (emulator) => {
      beforeCall(emulator, 'list-manifests', 2, locks(emulator));
      await run(emulator, args);
      expect(emulator.tagsLeft()).toContain('app:dev-1');
      // The refused page and two to plan; then only what would be deleted is looked at.
      expect(emulator.counts()).toMatchObject({ 'list-tags': 3, 'tag-properties': 1 });
    });
  });
});

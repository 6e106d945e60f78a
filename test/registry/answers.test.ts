import { describe, expect, test } from 'vitest';
import { image, index } from '../../src/dev/emulator/manifests.ts';
import { toManifest, toTag } from '../../src/registry/answers.ts';
import { renderSummary } from '../../src/report/text.ts';
import { repositoryOf } from '../support/contents.ts';
import { type Answered, behindProxy } from '../support/proxy.ts';
import { reference, run, withServedEmulator } from '../support/registry.ts';

const child = { ...image('amd64'), architecture: 'amd64', os: 'linux' };
const needed = index([child]);
const stale = image('stale');
const contents = repositoryOf(
  { built: child, days: 90 },
  { built: needed, days: 90, tags: ['v1'] },
  { built: stale, days: 90 },
  { built: image('dev'), days: 90, tags: ['dev-1'] },
);
const PURGE = ['--filter', '.*:dev', '--ago', '30d', '--untagged'];

interface Listing {
  readonly manifests?: readonly object[];
  readonly tags?: readonly object[];
}

/** Replaces each entry of a listing of manifests or of tags. */
function withEntries(replace: (entry: object) => unknown): (body: string) => string {
  return (body) => {
    const { manifests, tags, ...rest } = JSON.parse(body) as Listing;
    return JSON.stringify({ ...rest, manifests: manifests?.map(replace), tags: tags?.map(replace) });
  };
}

/** Replaces some fields of each entry. */
function withFields(fields: object): (body: string) => string {
  return withEntries((entry) => ({ ...entry, ...fields }));
}

/** Replaces the digest of the index, and of nothing else. */
function withDigestOfIndex(digest: unknown): (body: string) => string {
  return (body) => body.replace(`"digest":"${needed.digest}"`, `"digest":${JSON.stringify(digest)}`);
}

describe('a repository of which this comes is left alone, and the others are done', () => {
  test.each<[string, string, (body: string) => string]>([
    ['manifests that are no JSON', '_manifests', () => '<html>Sign in to continue</html>'],
    ['manifests in JSON that is cut off', '_manifests', (body) => body.slice(0, -10)],
    ['no body at all for manifests', '_manifests', () => ''],
    ['manifests that are null', '_manifests', () => 'null'],
    ['manifests that are a list', '_manifests', () => '[]'],
    ['"manifests" that is no list', '_manifests', () => '{"manifests":{}}'],
    ['"manifests" that is a text', '_manifests', () => '{"manifests":"none"}'],
    ['tags that are no JSON', '_tags', () => '<html>Sign in to continue</html>'],
    ['"tags" that is no list', '_tags', () => '{"tags":{}}'],
    ['tags that are null', '_tags', () => 'null'],
    ['tags that are a list', '_tags', () => '[]'],
    ['tags that are texts, each', '_tags', withEntries(() => 'dev-1')],
    ['a tag without a name', '_tags', withFields({ name: null })],
    ['a tag whose name is a list', '_tags', withFields({ name: ['dev-1'] })],
    // In a path that is the repository.
    ['a tag called ".."', '_tags', withFields({ name: '..' })],
    ['manifests that are null, each', '_manifests', withEntries(() => null)],
    ['manifests that are lists, each', '_manifests', withEntries((entry) => [entry])],
    ['an index without a digest', '_manifests', withDigestOfIndex(null)],
    ['an index whose digest is a list', '_manifests', withDigestOfIndex([needed.digest])],
    ['an index whose digest is in capitals', '_manifests', withDigestOfIndex(needed.digest.toUpperCase())],
    // The SDK deletes what this tag names.
    ['an index whose digest is a tag', '_manifests', withDigestOfIndex('v1')],
    ['a manifest whose tags are a text', '_manifests', withFields({ tags: 'v1' })],
    ['a manifest whose tags are an object', '_manifests', withFields({ tags: { v1: true } })],
    ['a manifest of whose tags one is no text', '_manifests', withFields({ tags: ['v1', 7] })],
  ])('%s', async (_, path, alter) => {
    await withServedEmulator({ repositories: { app: contents, other: contents } }, (emulator) =>
      behindProxy(
        emulator,
        (asked, { body }) => (asked.path.includes(`/app/${path}`) ? { body: alter(body) } : undefined),
        async (proxy) => {
          const { summary, decisions } = await run(proxy, PURGE);
          expect(summary.succeeded).toBe(false);
          expect(summary.repositories.map(({ repository, state }) => [repository, state])).toEqual([
            ['app', 'failed'],
            ['other', 'done'],
          ]);
          expect(summary.repositories[0]?.error?.message).toMatch(/the (manifests|tags) of (app|sha256:)/);
          expect(decisions.every(({ repository }) => repository === 'other')).toBe(true);
          expect(emulator.tagsLeft()).toEqual(['app:dev-1', 'app:v1', 'other:v1']);
          expect(emulator.manifestsLeft().filter((one) => one.startsWith('app@'))).toHaveLength(4);
          expect(emulator.manifestsLeft().filter((one) => one.startsWith('other@'))).toHaveLength(2);
        },
      ),
    );
  });
});

test('a catalog that cannot be read ends the run with nothing deleted', async () => {
  await withServedEmulator({ repositories: { app: contents } }, (emulator) =>
    behindProxy(
      emulator,
      ({ path }) => (path.includes('_catalog') ? { body: '{"repositories":"app"}' } : undefined),
      async (proxy) => {
        await expect(run(proxy, PURGE)).rejects.toThrow('list the repositories: ');
        expect(emulator.manifestsLeft()).toHaveLength(4);
      },
    ),
  );
});

describe('a listing may be without', () => {
  test.each<[string, Partial<Answered>]>([
    ['the list', { body: '{}' }],
    ['anything in the list', { body: '{"repositories":null}' }],
  ])('%s', async (_, answered) => {
    await withServedEmulator({ repositories: {} }, (emulator) =>
      behindProxy(
        emulator,
        ({ path }) => (path.includes('_catalog') ? answered : undefined),
        async (proxy) => {
          expect((await run(proxy, PURGE)).summary).toMatchObject({ succeeded: true, repositories: [] });
        },
      ),
    );
  });
});

describe('a manifest is unreadable, and what it may need stays, where what comes', () => {
  test.each<[string, (body: string) => Partial<Answered>, RegExp, boolean]>([
    ['is not what the digest names', (body) => ({ body: `${body} ` }), /what came is not what the digest names/, true],
    ['is an empty index', () => ({ body: '{"manifests":[]}' }), /what came is not what the digest names/, true],
    // A right that is missing: the run did not do what it was for.
    ['is not allowed', () => ({ status: 403, body: '{}' }), /403/, false],
  ])('%s', async (_, alter, why, succeeded) => {
    await withServedEmulator({ repositories: { app: contents } }, (emulator) =>
      behindProxy(
        emulator,
        ({ path }, { body }) => (path.includes(`/manifests/${needed.digest}`) ? alter(body) : undefined),
        async (proxy) => {
          const before = emulator.manifestsLeft();
          const { summary, decisions } = await run(proxy, PURGE);
          expect(summary.succeeded).toBe(succeeded);
          expect(emulator.manifestsLeft()).toEqual(before);
          const kept = new Map(decisions.map((decision) => [reference(decision), decision]));
          for (const digest of [child.digest, stale.digest]) {
            expect(kept.get(`app@${digest}`)).toMatchObject({ action: 'keep', reason: 'unreadable' });
            expect(kept.get(`app@${digest}`)?.detail).toMatch(why);
            expect(kept.get(`app@${digest}`)?.detail).toContain(needed.digest);
          }
        },
      ),
    );
  });
});

describe('a lock that cannot be read is a lock', () => {
  test.each<[unknown]>([
    ['locked'],
    [[]],
    [null],
    [{ deleteEnabled: 'false' }],
    [{ writeEnabled: 0 }],
    [{ deleteEnabled: true, writeEnabled: null }],
  ])('%j', (changeableAttributes) => {
    expect(toManifest({ digest: stale.digest, changeableAttributes }).locked).toBe(true);
    expect(toTag({ name: 'v1', changeableAttributes }).locked).toBe(true);
  });

  test.each<[unknown]>([[undefined], [{}], [{ deleteEnabled: true, writeEnabled: true, readEnabled: false }]])(
    '%j is none',
    (changeableAttributes) => {
      expect(toManifest({ digest: stale.digest, changeableAttributes }).locked).toBe(false);
    },
  );

  test('and what has it stays', async () => {
    await withServedEmulator({ repositories: { app: contents } }, (emulator) =>
      behindProxy(
        emulator,
        (_, { body }) => ({ body: body.replaceAll('"deleteEnabled":true', '"deleteEnabled":"false"') }),
        async (proxy) => {
          await run(proxy, PURGE);
          expect(emulator.manifestsLeft()).toHaveLength(4);
          expect(emulator.tagsLeft()).toEqual(['app:dev-1', 'app:v1']);
        },
      ),
    );
  });
});

test('a size that is no number of bytes is none, and does not break the summary', async () => {
  for (const size of ['1e999', '-1', '0.5', '1e300', '"12"'])
    expect(toManifest(JSON.parse(`{"digest":"${stale.digest}","imageSize":${size}}`)).size).toBeUndefined();
  await withServedEmulator({ repositories: { app: contents } }, (emulator) =>
    behindProxy(
      emulator,
      ({ path }, { body }) =>
        path.includes('/_manifests') ? { body: body.replace(/"imageSize":\d+/g, '"imageSize":1e999') } : undefined,
      async (proxy) => {
        const { summary } = await run(proxy, [...PURGE, '--dry-run']);
        expect(summary.totals).toMatchObject({ manifests: { deleted: 2 }, bytes: 0 });
        expect(renderSummary(summary)).toContain('2 manifests (50 %) would be deleted, at most 0 B');
      },
    ),
  );
});

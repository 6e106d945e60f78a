import { describe, expect, test } from 'vitest';
import { image, index } from '../../src/emulator/manifests.ts';
import { repositoryOf } from '../support/contents.ts';
import { type Answered, behindProxy } from '../support/proxy.ts';
import { reference, run, withEmulator } from '../support/registry.ts';

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

/** Replaces some field of each manifest of a listing. */
function withFields(fields: object): (body: string) => string {
  return (body) => {
    const { manifests, ...rest } = JSON.parse(body) as { readonly manifests: readonly object[] };
    return JSON.stringify({ ...rest, manifests: manifests.map((one) => ({ ...one, ...fields })) });
  };
}

describe('a repository of which this comes is left alone, and the others are done', () => {
  test.each<[string, string, (body: string) => string]>([
    ['manifests that are no JSON', '_manifests', () => '<html>Sign in to continue</html>'],
    ['manifests in JSON that is cut off', '_manifests', (body) => body.slice(0, -10)],
    ['no body at all for manifests', '_manifests', () => ''],
    ['manifests that are null', '_manifests', () => 'null'],
    ['"manifests" that is no list', '_manifests', () => '{"manifests":{}}'],
    ['"manifests" that is a text', '_manifests', () => '{"manifests":"none"}'],
    ['tags that are no JSON', '_tags', () => '<html>Sign in to continue</html>'],
    ['"tags" that is no list', '_tags', () => '{"tags":{}}'],
    ['a manifest whose tags are a text', '_manifests', withFields({ tags: 'v1' })],
    ['a manifest whose tags are an object', '_manifests', withFields({ tags: { v1: true } })],
    ['a manifest of whose tags one is no text', '_manifests', withFields({ tags: ['v1', 7] })],
  ])('%s', async (_, path, alter) => {
    await withEmulator({ repositories: { app: contents, other: contents } }, (emulator) =>
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
  await withEmulator({ repositories: { app: contents } }, (emulator) =>
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
    await withEmulator({ repositories: {} }, (emulator) =>
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
  test.each<[string, (body: string) => Partial<Answered>, RegExp]>([
    ['is not what the digest names', (body) => ({ body: `${body} ` }), /what came is not what the digest names/],
    ['is an empty index', () => ({ body: '{"manifests":[]}' }), /what came is not what the digest names/],
    ['is not allowed', () => ({ status: 403, body: '{}' }), /403/],
  ])('%s', async (_, alter, why) => {
    await withEmulator({ repositories: { app: contents } }, (emulator) =>
      behindProxy(
        emulator,
        ({ path }, { body }) => (path.includes(`/manifests/${needed.digest}`) ? alter(body) : undefined),
        async (proxy) => {
          const before = emulator.manifestsLeft();
          const { summary, decisions } = await run(proxy, PURGE);
          expect(summary.succeeded).toBe(true);
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

import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { Emulator } from '../../../src/dev/emulator/index.ts';
import { image, index, mediaTypes, referrer } from '../../../src/dev/emulator/manifests.ts';
import { all, call, clientOf, emulatorOf, errorCode, images, parsed } from './support.ts';

interface Listing {
  registry?: string;
  imageName?: string;
  tags?: { name: string; lastUpdateTime?: string }[];
  manifests?: { digest: string; tags?: string[]; mediaType?: string; lastUpdateTime?: string }[];
}

async function list(emulator: Emulator, path: string): Promise<Listing & { next: string | undefined; link: string }> {
  const reply = await call(emulator, path);
  expect(reply.status, reply.body).toBe(200);
  const link = String(reply.headers['link']);
  return { ...(parsed(reply) as Listing), link, next: /^<([^>]+)>; rel="next"$/.exec(link)?.[1] };
}

/** Follows links to the end, calling `between` after each page. */
async function follow(emulator: Emulator, first: string, between?: (page: Listing) => void): Promise<string[]> {
  const found: string[] = [];
  for (let path: string | undefined = first; path !== undefined;) {
    const page: Awaited<ReturnType<typeof list>> = await list(emulator, path);
    found.push(...(page.tags ?? []).map(({ name }) => name), ...(page.manifests ?? []).map(({ digest }) => digest));
    between?.(page);
    path = page.next;
  }
  return found;
}

test('a link looks as recorded', async () => {
  const emulator = await emulatorOf({ 'library/hello-world': images(3), other: images(1) });
  expect((await list(emulator, '/acr/v1/library%2Fhello-world/_tags?n=1')).link).toBe(
    '</acr/v1/library%2Fhello-world/_tags?last=v0&n=1&orderby=>; rel="next"',
  );
  expect((await list(emulator, '/acr/v1/library/hello-world/_tags?n=2&last=v0')).link).toBe('undefined');
  expect((await list(emulator, '/acr/v1/_catalog?n=1')).link).toBe(
    '</acr/v1/_catalog?last=library%2Fhello-world&n=1&orderby=>; rel="next"',
  );
});

test('a cursor by time is ticks and name, percent-encoded in the link', async () => {
  // 2020-03-26T10:09:31.3938861Z is what the recorded cursor 8586163895140836946&12.04 stands for.
  const start = new Date('2020-03-26T10:09:31.393Z');
  const tag = { digest: image('a').digest, age: -0.000886 };
  const tags = ['12.04', '14.04'].map((name) => ({ name, ...tag }));
  const emulator = await emulatorOf({ ubuntu: { manifests: [{ body: image('a').body, age: 0 }], tags } }, { start });
  const { link, tags: [first] = [] } = await list(emulator, '/acr/v1/ubuntu/_tags?n=1&orderby=timedesc');
  expect(first?.lastUpdateTime).toMatch(/^2020-03-26T10:09:31\.393886\dZ$/);
  expect(link).toMatch(/^<\/acr\/v1\/ubuntu\/_tags\?last=858616389514083694\d%2612\.04&n=1&orderby=timedesc>;/);
});

const orders = ['', 'timeasc', 'timedesc'] as const;

test('every order gives everything once, whatever the page size', async () => {
  const { manifests, tags, digests } = images(23);
  const emulator = await emulatorOf({ app: { manifests, tags } });
  const names = tags.map(({ name }) => name);
  const expected = {
    '': { tags: names.toSorted(), manifests: digests.toSorted() },
    timeasc: { tags: names.toReversed(), manifests: digests.toReversed() },
    timedesc: { tags: names, manifests: digests },
  };
  for (const order of orders) {
    for (const n of [1, 7, 22, 23, 100]) {
      const query = `n=${n}&orderby=${order}`;
      expect(await follow(emulator, `/acr/v1/app/_tags?${query}`), query).toEqual(expected[order].tags);
      expect(await follow(emulator, `/acr/v1/app/_manifests?${query}`), query).toEqual(expected[order].manifests);
    }
  }
});

test('the SDK pages through tags, manifests and repositories', async () => {
  const { manifests, tags, digests } = images(11);
  const emulator = await emulatorOf({ 'team/app': { manifests, tags }, b: images(1), a: images(1) });
  const client = clientOf(emulator);
  const repository = client.getRepository('team/app');
  const pages = await all(
    repository.listManifestProperties({ order: 'LastUpdatedOnDescending' }).byPage({ maxPageSize: 4 }),
  );
  expect(pages.map((page) => page.length)).toEqual([4, 4, 3]);
  expect(pages.flat().map(({ digest }) => digest)).toEqual(digests);
  const tagPages = repository.getArtifact(String(digests[0])).listTagProperties({ order: 'LastUpdatedOnAscending' });
  const found = (await all(tagPages.byPage({ maxPageSize: 3 }))).flat();
  expect(found.map(({ name }) => name)).toEqual(tags.map(({ name }) => name).toReversed());
  expect((await all(client.listRepositoryNames().byPage({ maxPageSize: 2 }))).map((page) => [...page])).toEqual([
    ['a', 'b'],
    ['team/app'],
  ]);
});

test('ties in time go by name, ascending both ways', async () => {
  const { manifests, digests } = images(1);
  const tags = ['c', 'a', 'b'].map((name) => ({ name, digest: String(digests[0]), age: 60 }));
  const emulator = await emulatorOf({ app: { manifests, tags } });
  for (const order of ['timeasc', 'timedesc']) {
    expect(await follow(emulator, `/acr/v1/app/_tags?n=1&orderby=${order}`)).toEqual(['a', 'b', 'c']);
  }
});

test('what is deleted between pages makes nothing else appear twice or not at all', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.constantFrom(...orders),
      fc.integer({ min: 1, max: 5 }),
      fc.array(fc.integer({ min: 0, max: 3 }), { minLength: 1, maxLength: 20 }),
      fc.array(fc.nat(19), { maxLength: 12 }),
      async (order, n, ages, deletions) => {
        const { manifests, digests } = images(1);
        const tags = ages.map((age, at) => ({ name: `t${at}`, digest: String(digests[0]), age }));
        const emulator = await emulatorOf({ app: { manifests, tags } });
        const deleted = new Map<string, number>();
        const seen: string[][] = [];
        await follow(emulator, `/acr/v1/app/_tags?n=${n}&orderby=${order}`, (page) => {
          seen.push((page.tags ?? []).map(({ name }) => name));
          const name = `t${deletions.shift() ?? -1}`;
          if (!emulator.tagsLeft().includes(`app:${name}`)) return;
          emulator.untag('app', name);
          deleted.set(name, seen.length);
        });
        await emulator.close();
        const found = seen.flat();
        expect(new Set(found).size).toBe(found.length);
        for (const { name } of tags) {
          const page = seen.findIndex((names) => names.includes(name));
          const gone = deleted.get(name);
          // Listed, unless it was gone before its page came.
          if (gone === undefined) expect(page, name).toBeGreaterThanOrEqual(0);
          else if (page >= 0) expect(page, name).toBeLessThan(gone);
        }
      },
    ),
    { numRuns: 60 },
  );
});

test('a listing by name goes on after the last name, until an empty page, as acr purge asks', async () => {
  const emulator = await emulatorOf({ app: images(5) });
  const found: string[] = [];
  for (let last = ''; ; last = String(found.at(-1))) {
    const { tags } = await list(emulator, `/acr/v1/app/_tags?n=2&last=${last}`);
    if (tags === undefined) break;
    found.push(...tags.map(({ name }) => name));
    emulator.untag('app', String(found.at(-1)));
  }
  expect(found).toEqual(['v0', 'v1', 'v2', 'v3', 'v4']);
});

test('n: 100 where it is absent, cut or refused where it is large', async () => {
  const emulator = await emulatorOf({ app: images(120) }, { pageSizeLimit: 110, refusePageSizeAbove: 500 });
  expect((await list(emulator, '/acr/v1/app/_tags')).tags).toHaveLength(100);
  const cut = await list(emulator, '/acr/v1/app/_tags?n=119');
  expect([cut.tags?.length, cut.next]).toEqual([110, '/acr/v1/app/_tags?last=v9&n=110&orderby=']);
  for (const query of ['n=501', 'n=0', 'n=-1', 'n=x', 'n=1.5', 'orderby=name', 'orderby=timedesc&last=v3']) {
    expect((await call(emulator, `/acr/v1/app/_tags?${query}`)).status, query).toBe(400);
  }
});

test('digest lists the tags on one manifest, over pages', async () => {
  const { manifests, tags, digests } = images(2);
  const digest = String(digests[0]);
  const more = ['w1', 'w2'].map((name) => ({ name, digest, age: 5 }));
  const emulator = await emulatorOf({ app: { manifests, tags: [...tags, ...more] } });
  expect(await follow(emulator, `/acr/v1/app/_tags?n=2&digest=${digest}`)).toEqual(['v0', 'w1', 'w2']);
});

test('what is hidden is not listed, and does not shorten a page', async () => {
  const emulator = await emulatorOf({ app: images(5), hidden: images(1) });
  emulator.lock('app', 'v1', { listEnabled: false });
  emulator.lock('app', images(5).digests[2], { listEnabled: false });
  emulator.lock('hidden', undefined, { listEnabled: false });
  expect((await list(emulator, '/acr/v1/app/_tags?n=2')).tags?.map(({ name }) => name)).toEqual(['v0', 'v2']);
  expect(await follow(emulator, '/acr/v1/app/_manifests?n=1')).toHaveLength(4);
  expect(parsed(await call(emulator, '/acr/v1/_catalog'))).toEqual({ repositories: ['app'] });
  expect((await call(emulator, '/acr/v1/app/_tags/v1')).status).toBe(200);
});

test('a manifest is listed with what its document says', async () => {
  const amd64 = image('amd64', { docker: true });
  const list_ = index([{ ...amd64, architecture: 'arm', os: 'windows' }], { docker: true });
  const plain = image('plain');
  const sbom = referrer(plain, 'application/spdx+json', 'x');
  const manifests = [amd64, list_, plain, sbom].map(({ body }) => ({ body, age: 0, size: 7 }));
  const tags = ['b', 'a'].map((name) => ({ name, digest: plain.digest, age: 0 }));
  const emulator = await emulatorOf({ app: { manifests, tags } }, { start: new Date('2026-01-02T03:04:05.678Z') });
  const { manifests: found = [], registry, imageName } = await list(emulator, '/acr/v1/app/_manifests');
  expect([registry, imageName]).toEqual([emulator.loginServer, 'app']);
  const shown = new Map(found.map((one) => [one.digest, one]));
  const time = expect.stringMatching(/^2026-01-02T03:04:05\.678000[1-9]Z$/) as string;
  const common = {
    imageSize: 7,
    createdTime: time,
    lastUpdateTime: time,
    changeableAttributes: { deleteEnabled: true, writeEnabled: true, readEnabled: true, listEnabled: true },
  };
  expect(shown.get(amd64.digest)).toEqual({
    ...common,
    digest: amd64.digest,
    architecture: 'arm',
    os: 'windows',
    mediaType: mediaTypes.dockerImage,
    configMediaType: 'application/vnd.docker.container.image.v1+json',
  });
  expect(shown.get(list_.digest)).toEqual({ ...common, digest: list_.digest, mediaType: mediaTypes.dockerList });
  expect(shown.get(plain.digest)).toMatchObject({ architecture: 'amd64', os: 'linux', tags: ['a', 'b'] });
  expect(shown.get(sbom.digest)).not.toHaveProperty('architecture');
  expect(parsed(await call(emulator, `/acr/v1/app/_manifests/${list_.digest}`))).toMatchObject({
    manifest: { digest: list_.digest, references: [{ digest: amd64.digest, architecture: 'arm', os: 'windows' }] },
  });
});

test('a listing says what a state overrides, and leaves out what it says is absent', async () => {
  const [one, two] = [image('1'), image('2')];
  const emulator = await emulatorOf({
    app: {
      manifests: [
        { body: one.body, age: 0, mediaType: 'application/x', lastUpdateTime: '2020-01-01T00:00:00Z' },
        { body: two.body, age: 0, mediaType: null, lastUpdateTime: null },
      ],
      tags: [{ name: 'odd', digest: one.digest, age: 0, lastUpdateTime: 'yesterday' }],
    },
  });
  const { manifests = [] } = await list(emulator, '/acr/v1/app/_manifests?orderby=timeasc');
  expect(manifests[0]).toMatchObject({ digest: one.digest, mediaType: 'application/x' });
  expect(manifests[0]?.lastUpdateTime).toBe('2020-01-01T00:00:00Z');
  expect(Object.keys(manifests[1] ?? {})).not.toContain('mediaType');
  expect(Object.keys(manifests[1] ?? {})).not.toContain('lastUpdateTime');
  expect((await list(emulator, '/acr/v1/app/_tags')).tags?.[0]?.lastUpdateTime).toBe('yesterday');
});

test('nothing to list is no list', async () => {
  const emulator = await emulatorOf({ app: { ...images(1), tags: [] } });
  const reply = await call(emulator, '/acr/v1/app/_tags');
  expect(parsed(reply)).toEqual({ registry: emulator.loginServer, imageName: 'app' });
  expect(parsed(await call(emulator, '/acr/v1/app/_manifests'))).not.toHaveProperty('manifests.0.tags');
  expect(parsed(await call(await emulatorOf({}), '/acr/v1/_catalog'))).toEqual({ repositories: null });
  const missing = await call(emulator, '/acr/v1/none/_tags');
  expect([missing.status, errorCode(missing)]).toEqual([404, 'NAME_UNKNOWN']);
});

test('a repository is found under its encoded and its plain name', async () => {
  const emulator = await emulatorOf({ 'a/b/c': images(2) });
  for (const path of ['/acr/v1/a%2Fb%2Fc/_tags', '/acr/v1/a/b/c/_tags', '/v2/a/b/c/tags/list']) {
    expect((await list(emulator, path)).tags, path).toHaveLength(2);
  }
  expect((await call(emulator, '/acr/v1/%E0%A4%A/_tags')).status).toBe(400);
});

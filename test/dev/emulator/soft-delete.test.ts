import { expect, test } from 'vitest';
import { image, index, referrer } from '../../../src/dev/emulator/manifests.ts';
import type { Emulator } from '../../../src/dev/emulator/index.ts';
import { call, clientOf, emulatorOf, errorCode, images, parsed, type Reply } from './support.ts';

const app = images(3);
const [first = '', second = '', third = ''] = app.digests;
const softDelete = { retentionDays: 7 };
const DAY = 86_400_000;

/** As the Azure CLI restores: `force` in Python's words. */
function restore(emulator: Emulator, repository: string, digest: string, tag?: string, force = false): Promise<Reply> {
  return call(emulator, `/acr/v1/_deleted/${repository}/_manifests/${digest}?force=${force ? 'True' : 'False'}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ tag: tag ?? null }),
  });
}

test('what is deleted is listed with the time of it, and comes back as it was, one tag a call', async () => {
  let now = Date.parse('2026-05-01T10:00:00Z');
  const emulator = await emulatorOf({ 'team/app': app }, { softDelete, now: () => now });
  emulator.tag('team/app', 'also', first, 60);
  emulator.lock('team/app', 'v0', { writeEnabled: false });
  const before = emulator.repositories();
  now += 1000;
  expect((await call(emulator, `/v2/team/app/manifests/${first}`, { method: 'DELETE' })).status).toBe(202);

  const tags = parsed(await call(emulator, '/acr/v1/_deleted/team/app/_tags'));
  expect(tags).toMatchObject({
    imageName: 'team/app',
    tags: [
      { tag: 'also', digest: first, createdAt: '2026-05-01T09:59:00.0000004Z' },
      { tag: 'v0', digest: first, createdAt: '2026-05-01T10:00:00.0000001Z' },
    ],
  });
  expect(parsed(await call(emulator, '/acr/v1/_deleted/team/app/_manifests'))).toMatchObject({
    manifests: [{ digest: first, deletedAt: expect.stringMatching(/^2026-05-01T10:00:01/) as unknown }],
  });
  const reply = await restore(emulator, 'team/app', first, 'v0');
  expect([reply.status, parsed(reply)]).toEqual([200, { digest: first, tag: 'v0' }]);
  expect(emulator.tagsLeft()).toEqual(['team/app:v0', 'team/app:v1', 'team/app:v2']);
  expect((await restore(emulator, 'team/app', first, 'also')).status).toBe(200);
  expect(emulator.softDeleted()).toEqual({ manifests: [], tags: [] });
  expect(byDigest(emulator.repositories())).toEqual(byDigest(before));
  // Listed as ever, too: with its tags, by time.
  const listed = parsed(await call(emulator, `/acr/v1/team/app/_manifests?orderby=timedesc`)) as {
    manifests: { digest: string; tags: string[] }[];
  };
  expect(listed.manifests[0]).toMatchObject({ digest: first, tags: ['also', 'v0'] });
  expect(emulator.counts()).toMatchObject({
    'list-deleted-tags': 1,
    'list-deleted-manifests': 1,
    'restore-deleted': 2,
  });
});

test('without a tag the manifest comes back alone; with nothing to restore it is not found', async () => {
  const emulator = await emulatorOf({ app }, { softDelete });
  emulator.remove('app', first);
  const reply = await restore(emulator, 'app', first);
  expect([reply.status, parsed(reply)]).toEqual([200, { digest: first, tag: null }]);
  expect(emulator.tagsLeft()).toEqual(['app:v1', 'app:v2']);
  expect(emulator.softDeleted()).toEqual({ manifests: [], tags: [`app:v0@${first}`] });
  for (const [missing, code] of [
    [await restore(emulator, 'app', first), 'MANIFEST_UNKNOWN'],
    [await restore(emulator, 'app', `sha256:${'0'.repeat(64)}`, 'v0'), 'MANIFEST_UNKNOWN'],
    [await restore(emulator, 'app', first, 'never'), 'TAG_UNKNOWN'],
    [await restore(emulator, 'none', first, 'v0'), 'NAME_UNKNOWN'],
  ] as const) {
    expect([missing.status, errorCode(missing)]).toEqual([404, code]);
  }
});

test('a tag that exists is overwritten only with force, and is soft-deleted then', async () => {
  const emulator = await emulatorOf({ app }, { softDelete });
  emulator.untag('app', 'v0');
  emulator.tag('app', 'v0', second);
  const refused = await restore(emulator, 'app', first, 'v0');
  expect([refused.status, errorCode(refused)]).toEqual([409, 'CONFLICT']);
  expect((await restore(emulator, 'app', first, 'v0', true)).status).toBe(200);
  expect(emulator.repositories()['app']?.tags.find(({ name }) => name === 'v0')?.digest).toBe(first);
  expect(emulator.softDeleted()).toEqual({ manifests: [], tags: [`app:v0@${second}`] });

  // On the same manifest there is nothing to be lost.
  emulator.untag('app', 'v2');
  emulator.tag('app', 'v2', third);
  expect((await restore(emulator, 'app', third, 'v2', true)).status).toBe(200);
  expect(emulator.softDeleted().tags).toEqual([`app:v0@${second}`]);
});

test('a name that was deleted several times is listed with the newest deletion last, in pages', async () => {
  let now = Date.parse('2026-05-01T10:00:00Z');
  const emulator = await emulatorOf({ app }, { softDelete, now: () => now });
  for (const digest of [third, first, second]) {
    now += 60_000;
    emulator.tag('app', 'latest', digest);
    emulator.untag('app', 'latest');
  }
  emulator.untag('app', 'v1');
  const digests: string[] = [];
  let path: string | undefined = '/acr/v1/_deleted/app/_tags?n=1';
  for (let pages = 0; path !== undefined && pages < 10; pages++) {
    const reply: Reply = await call(emulator, path);
    const { tags } = parsed(reply) as { tags: { tag: string; digest: string }[] };
    expect(tags).toHaveLength(1);
    digests.push(...tags.map(({ tag, digest }) => `${tag}@${digest}`));
    path = /^<(.+)>; rel="next"$/.exec(String(reply.headers['link'] ?? ''))?.[1];
    if (digests.length === 1) expect(path).toMatch(/^\/acr\/v1\/_deleted\/app\/_tags\?last=latest%26/);
  }
  expect(digests).toEqual([third, first, second].map((digest) => `latest@${digest}`).concat(`v1@${second}`));
});

test('neither the children of an index nor referrers come back along, and a referrer not before its subject', async () => {
  const child = image('child');
  const top = index([{ ...child, architecture: 'amd64', os: 'linux' }]);
  const signature = referrer(top, 'application/vnd.cncf.notary.signature', 's');
  const emulator = await emulatorOf(
    {
      app: {
        manifests: [child, top, signature].map(({ body }) => ({ body, age: 1 })),
        tags: [{ name: 't', digest: top.digest, age: 1 }],
      },
    },
    { softDelete },
  );
  emulator.remove('app', top.digest);
  emulator.remove('app', child.digest);
  expect(parsed(await call(emulator, '/acr/v1/_catalog'))).toEqual({ repositories: null });

  const early = await restore(emulator, 'app', signature.digest);
  expect([early.status, errorCode(early)]).toEqual([409, 'CONFLICT']);
  expect((await restore(emulator, 'app', top.digest, 't')).status).toBe(200);
  expect(emulator.manifestsLeft()).toEqual([`app@${top.digest}`]);
  expect((await restore(emulator, 'app', signature.digest)).status).toBe(200);
  expect((await restore(emulator, 'app', child.digest)).status).toBe(200);
  expect(parsed(await call(emulator, `/v2/app/referrers/${top.digest}`))).toMatchObject({
    manifests: [{ digest: signature.digest }],
  });
});

test('a deleted repository is listed, and is back with the first manifest', async () => {
  const emulator = await emulatorOf({ app: images(2), b: images(1), c: images(1) }, { softDelete });
  emulator.lock('app', undefined, { readEnabled: false });
  await clientOf(emulator).deleteRepository('app');
  emulator.remove('b', first);
  emulator.untag('c', 'v0');
  const reply = parsed(await call(emulator, '/acr/v1/_deleted/_catalog'));
  expect(reply).toMatchObject({ repositories: [{ repository: 'app' }, { repository: 'b' }] });
  expect((await restore(emulator, 'app', second, 'v1')).status).toBe(200);
  expect(Object.keys(emulator.repositories())).toEqual(['app', 'c']);
  expect(emulator.repositories()['app']?.locked).toEqual({ readEnabled: false });
  expect(parsed(await call(emulator, '/acr/v1/_deleted/_catalog'))).toMatchObject({
    repositories: [{ repository: 'b' }],
  });
  // A push brings it back as well, but not what was deleted in it.
  emulator.push('b', image('new').body);
  expect(parsed(await call(emulator, '/acr/v1/_deleted/_catalog'))).toEqual({ repositories: null });
  expect(parsed(await call(emulator, '/acr/v1/_deleted/b/_manifests'))).toMatchObject({
    manifests: [{ digest: first }],
  });
});

test('the bytes of a soft-deleted manifest cannot be pushed', async () => {
  const emulator = await emulatorOf({ app }, { softDelete });
  const { body } = image('app/0');
  emulator.remove('app', first);
  const put = (repository: string): Promise<Reply> =>
    call(emulator, `/v2/${repository}/manifests/again`, { method: 'PUT', body });
  const refused = await put('app');
  expect([refused.status, errorCode(refused)]).toEqual([409, 'CONFLICT']);
  expect(() => emulator.push('app', body)).toThrow('soft-deleted');
  expect((await put('elsewhere')).status).toBe(201);
  await restore(emulator, 'app', first);
  expect((await put('app')).status).toBe(201);
});

test('it expires by the clock of the registry, by the days of now', async () => {
  let now = Date.parse('2026-05-01T10:00:00Z');
  const emulator = await emulatorOf({ app }, { softDelete, now: () => now });
  emulator.remove('app', first);
  now += 3 * DAY;
  emulator.remove('app', second);
  now += 4 * DAY - 1;
  expect(emulator.softDeleted().manifests).toHaveLength(2);
  now += 1;
  expect(emulator.softDeleted()).toEqual({ manifests: [`app@${second}`], tags: [`app:v1@${second}`] });
  expect((await restore(emulator, 'app', first, 'v0')).status).toBe(404);
  emulator.softDelete({ retentionDays: 4 });
  expect(emulator.softDeleted().manifests).toEqual([]);
  const empty = await call(emulator, '/acr/v1/_deleted/app/_tags');
  expect([empty.status, parsed(empty)]).toEqual([200, { registry: emulator.loginServer, imageName: 'app' }]);
  expect(errorCode(await call(emulator, '/acr/v1/_deleted/none/_tags'))).toBe('NAME_UNKNOWN');
});

test('turned off, a deletion is final, and what was deleted before can be restored', async () => {
  const emulator = await emulatorOf({ app }, { softDelete });
  emulator.remove('app', first);
  emulator.softDelete(undefined);
  emulator.remove('app', second);
  expect(emulator.softDeleted().manifests).toEqual([`app@${first}`]);
  emulator.softDelete({ retentionDays: 1 });
  emulator.remove('app', third);
  expect(emulator.softDeleted().manifests).toEqual([first, third].map((digest) => `app@${digest}`).sort());
});

test('each call has a scope of its own', async () => {
  const emulator = await emulatorOf({ app }, { softDelete, denied: { actions: ['deleted_restore'] } });
  emulator.remove('app', first);
  const scopes = [
    ['GET', '/acr/v1/_deleted/_catalog', 'registry:deleted_catalog:*'],
    ['GET', '/acr/v1/_deleted/app/_tags', 'repository:app:deleted_read'],
    ['GET', '/acr/v1/_deleted/app/_manifests', 'repository:app:deleted_read'],
    ['POST', `/acr/v1/_deleted/app/_manifests/${first}`, 'repository:app:deleted_restore'],
  ] as const;
  for (const [method, path, scope] of scopes) {
    const reply = await call(emulator, path, { method, auth: null });
    expect(reply.status).toBe(401);
    expect(reply.headers['www-authenticate']).toContain(`scope="${scope}"`);
  }
  expect((await restore(emulator, 'app', first, 'v0')).status).toBe(401);
  expect((await call(emulator, '/acr/v1/_deleted/app/_tags')).status).toBe(200);
});

/** A state without the order in which things came. */
function byDigest(state: ReturnType<Emulator['repositories']>): unknown {
  return Object.entries(state).map(([name, { manifests, tags, ...rest }]) => ({
    name,
    ...rest,
    manifests: [...manifests].sort((a, b) => (a.body < b.body ? -1 : 1)),
    tags: [...tags].sort((a, b) => (a.name < b.name ? -1 : 1)),
  }));
}

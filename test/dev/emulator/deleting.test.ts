import { expect, test } from 'vitest';
import { image, index, referrer } from '../../../src/dev/emulator/manifests.ts';
import { call, clientOf, emulatorOf, errorCode, images, parsed } from './support.ts';

const app = images(3);
const [first = '', second = '', third = ''] = app.digests;

test('a deleted tag leaves its manifest, as it was', async () => {
  const emulator = await emulatorOf({ app });
  const before = parsed(await call(emulator, `/acr/v1/app/_manifests/${first}`)) as { manifest: object };
  const reply = await call(emulator, '/acr/v1/app/_tags/v0', { method: 'DELETE' });
  expect([reply.status, reply.body]).toEqual([202, '']);
  expect(reply.headers['x-ms-int-docker-content-digest']).toBe(first);
  expect(emulator.tagsLeft()).toEqual(['app:v1', 'app:v2']);
  expect(emulator.manifestsLeft()).toHaveLength(3);
  const after = parsed(await call(emulator, `/acr/v1/app/_manifests/${first}`)) as { manifest: object };
  const { tags, ...rest } = before.manifest as { tags: string[] };
  expect(tags).toEqual(['v0']);
  expect(after.manifest).toEqual(rest);
});

test('a deleted manifest takes its tags along, locked or not', async () => {
  const emulator = await emulatorOf({ app });
  emulator.tag('app', 'also', first);
  emulator.lock('app', 'also', { deleteEnabled: false });
  await clientOf(emulator).getArtifact('app', first).delete();
  expect(emulator.tagsLeft()).toEqual(['app:v1', 'app:v2']);
  expect(emulator.manifestsLeft()).toEqual([`app@${second}`, `app@${third}`].sort());
});

test('referrers go with their subject, and theirs with them, tags and all; children of an index stay', async () => {
  const child = image('child');
  const top = index([{ ...child, architecture: 'amd64', os: 'linux' }]);
  const signature = referrer(top, 'application/vnd.cncf.notary.signature', 's');
  const signatureOfSignature = referrer(signature, 'application/vnd.cncf.notary.signature', 't');
  const other = referrer(child, 'application/spdx+json', 'u');
  const all = [child, top, signature, signatureOfSignature, other];
  const emulator = await emulatorOf({
    app: {
      manifests: all.map(({ body }) => ({ body, age: 1 })),
      tags: [
        { name: 'top', digest: top.digest, age: 1 },
        { name: 'sig', digest: signatureOfSignature.digest, age: 1 },
        { name: 'child', digest: child.digest, age: 1 },
      ],
    },
  });
  emulator.lock('app', signature.digest, { deleteEnabled: false });
  expect((await call(emulator, `/v2/app/manifests/${top.digest}`, { method: 'DELETE' })).status).toBe(202);
  expect(emulator.manifestsLeft()).toEqual([child, other].map(({ digest }) => `app@${digest}`).sort());
  expect(emulator.tagsLeft()).toEqual(['app:child']);
});

test('a child that an index still needs is deleted without a word', async () => {
  const child = image('child');
  const top = index([{ ...child, architecture: 'amd64', os: 'linux' }]);
  const emulator = await emulatorOf({
    app: { manifests: [child, top].map(({ body }) => ({ body, age: 1 })), tags: [] },
  });
  expect((await call(emulator, `/v2/app/manifests/${child.digest}`, { method: 'DELETE' })).status).toBe(202);
  expect(emulator.manifestsLeft()).toEqual([`app@${top.digest}`]);
});

test('locks refuse deletion, each for its own', async () => {
  for (const lock of [{ deleteEnabled: false }, { writeEnabled: false }]) {
    const emulator = await emulatorOf({ app });
    emulator.lock('app', 'v0', lock);
    emulator.lock('app', second, lock);
    const attempts = [
      ['/acr/v1/app/_tags/v0', 405],
      [`/v2/app/manifests/${second}`, 405],
      ['/acr/v1/app', 405],
      ['/acr/v1/app/_tags/v1', 202],
      [`/v2/app/manifests/${first}`, 202],
    ] as const;
    for (const [path, status] of attempts) {
      const reply = await call(emulator, path, { method: 'DELETE' });
      expect(reply.status, path).toBe(status);
      if (status === 405) expect(errorCode(reply)).toBe('REGISTRY_DISALLOWED_OPERATION');
    }
    expect(emulator.tagsLeft()).toEqual(['app:v2']);
    expect(emulator.manifestsLeft()).toHaveLength(2);
  }
});

test('a locked repository locks everything in it, as documented', async () => {
  const emulator = await emulatorOf({ app: { ...app, locked: { writeEnabled: false } } });
  for (const path of ['/acr/v1/app/_tags/v0', `/v2/app/manifests/${first}`, '/acr/v1/app']) {
    expect((await call(emulator, path, { method: 'DELETE' })).status, path).toBe(405);
  }
});

test('the SDK locks and unlocks tags, manifests and repositories', async () => {
  const emulator = await emulatorOf({ app });
  const client = clientOf(emulator);
  const artifact = client.getArtifact('app', first);
  expect(await artifact.updateManifestProperties({ canDelete: false })).toMatchObject({
    canDelete: false,
    canWrite: true,
  });
  expect(await artifact.updateTagProperties('v0', { canWrite: false })).toMatchObject({
    canDelete: true,
    canWrite: false,
  });
  const repository = client.getRepository('app');
  expect(await repository.updateProperties({ canDelete: false })).toMatchObject({ canDelete: false });
  expect(await repository.getProperties()).toMatchObject({ canDelete: false, manifestCount: 3, tagCount: 3 });
  const locked = emulator.repositories()['app'];
  expect(locked?.locked).toEqual({ deleteEnabled: false });
  expect(locked?.manifests.map((manifest) => manifest.locked)).toEqual([
    { deleteEnabled: false },
    undefined,
    undefined,
  ]);
  expect(locked?.tags.map((tag) => tag.locked)).toEqual([{ writeEnabled: false }, undefined, undefined]);

  await repository.updateProperties({ canDelete: true });
  await expect(artifact.delete()).rejects.toMatchObject({ statusCode: 405 });
  await artifact.updateManifestProperties({ canDelete: true });
  await artifact.delete();
  expect(emulator.manifestsLeft()).toHaveLength(2);
});

test('what is not there', async () => {
  const emulator = await emulatorOf({ app });
  const none = `sha256:${'0'.repeat(64)}`;
  const calls = [
    ['DELETE', '/acr/v1/app/_tags/none', 404, 'TAG_UNKNOWN'],
    ['GET', '/acr/v1/app/_tags/none', 404, 'TAG_UNKNOWN'],
    ['PATCH', '/acr/v1/app/_tags/none', 404, 'TAG_UNKNOWN'],
    ['DELETE', `/v2/app/manifests/${none}`, 404, 'MANIFEST_UNKNOWN'],
    ['GET', `/acr/v1/app/_manifests/${none}`, 404, 'MANIFEST_UNKNOWN'],
    ['DELETE', '/acr/v1/none/_tags/v0', 404, 'NAME_UNKNOWN'],
    ['DELETE', `/v2/none/manifests/${none}`, 404, 'NAME_UNKNOWN'],
    ['GET', '/acr/v1/none', 404, 'NAME_UNKNOWN'],
    ['DELETE', '/v2/app/manifests/v0', 405, 'UNSUPPORTED'],
    ['DELETE', `/acr/v1/app/_manifests/${first}`, 405, 'UNSUPPORTED'],
  ] as const;
  for (const [method, path, status, code] of calls) {
    const reply = await call(emulator, path, { method });
    expect([reply.status, errorCode(reply)], `${method} ${path}`).toEqual([status, code]);
  }
  // The SDK takes a 404 for success.
  await clientOf(emulator).getArtifact('app', none).delete();
  expect(emulator.manifestsLeft()).toHaveLength(3);
});

test('with its last manifest a repository is gone', async () => {
  const emulator = await emulatorOf({ app: images(1), b: images(1) });
  const [only] = images(1).digests;
  await call(emulator, '/acr/v1/app/_tags/v0', { method: 'DELETE' });
  expect(parsed(await call(emulator, '/acr/v1/_catalog'))).toEqual({ repositories: ['app', 'b'] });
  await call(emulator, `/v2/app/manifests/${String(only)}`, { method: 'DELETE' });
  expect(parsed(await call(emulator, '/acr/v1/_catalog'))).toEqual({ repositories: ['b'] });
  const reply = await call(emulator, '/acr/v1/app/_manifests');
  expect([reply.status, errorCode(reply)]).toEqual([404, 'NAME_UNKNOWN']);
  expect(Object.keys(emulator.repositories())).toEqual(['b']);
});

test('a whole repository', async () => {
  const emulator = await emulatorOf({ 'team/app': app, b: images(1) });
  await clientOf(emulator).deleteRepository('team/app');
  expect(emulator.counts()).toMatchObject({ 'delete-repository': 1 });
  expect(emulator.manifestsLeft()).toEqual([`b@${first}`]);
});

test('tests change the registry behind the client', async () => {
  const emulator = await emulatorOf({ app });
  const { body, digest } = image('pushed');
  expect(emulator.push('app', body, { tag: 'new', age: -5, locked: { deleteEnabled: false } })).toBe(digest);
  expect(emulator.push('app', body, { tag: 'newer' })).toBe(digest);
  emulator.push('fresh', body);
  emulator.tag('app', 'v0', digest);
  emulator.untag('app', 'v1');
  emulator.remove('app', third);
  expect(emulator.tagsLeft()).toEqual(['app:new', 'app:newer', 'app:v0']);
  expect(emulator.manifestsLeft()).toEqual(
    [`app@${first}`, `app@${second}`, `app@${digest}`, `fresh@${digest}`].sort(),
  );
  expect(emulator.repositories()['app']?.manifests.at(-1)).toEqual({ body, age: -5, locked: { deleteEnabled: false } });
  const listed = parsed(await call(emulator, '/acr/v1/app/_manifests?orderby=timedesc&n=1')) as {
    manifests: { digest: string; tags: string[]; lastUpdateTime: string }[];
  };
  expect(listed.manifests[0]).toMatchObject({ digest, tags: ['new', 'newer', 'v0'] });
  expect(Date.parse(String(listed.manifests[0]?.lastUpdateTime))).toBe(emulator.start.getTime() + 5000);

  for (const mistake of [
    () => emulator.untag('app', 'v1'),
    () => emulator.tag('app', 'x', third),
    () => emulator.remove('app', third),
    () => emulator.lock('app', 'v1', {}),
    () => emulator.untag('none', 'x'),
  ]) {
    expect(mistake).toThrow();
  }
});

test('what is left has the shape it was given', async () => {
  const state = {
    app: {
      manifests: [{ body: image('x').body, age: 1.5, size: 3, mediaType: null, locked: { writeEnabled: false } }],
      tags: [{ name: 't', digest: image('x').digest, age: 2, lastUpdateTime: null, locked: { deleteEnabled: false } }],
    },
  };
  expect((await emulatorOf(state)).repositories()).toEqual(state);
});

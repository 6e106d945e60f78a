import { expect, test } from 'vitest';
import { image, index } from '../../../src/dev/emulator/manifests.ts';
import { all, call, clientOf, emulatorOf, errorCode, parsed } from './support.ts';

const child = image('child');
const top = index([{ ...child, architecture: 'amd64', os: 'linux' }]);
const app = {
  manifests: [child, top].map(({ body }) => ({ body, age: 3600 })),
  tags: ['latest', 'v1'].map((name) => ({ name, digest: top.digest, age: 3600 })),
};

test('an unreadable manifest is not pulled, by digest or by tag; it is listed, and its children are pulled', async () => {
  const emulator = await emulatorOf({ app });
  const artifact = clientOf(emulator).getArtifact('app', top.digest);
  const changed = await artifact.updateManifestProperties({ canRead: false });
  expect(changed).toMatchObject({ canRead: false, canDelete: true, digest: top.digest, tags: ['latest', 'v1'] });
  for (const reference of [top.digest, 'latest', 'v1']) {
    for (const method of ['GET', 'HEAD']) {
      const reply = await call(emulator, `/v2/app/manifests/${reference}`, { method });
      expect(reply.status, `${method} ${reference}`).toBe(405);
      if (method === 'GET') expect(errorCode(reply)).toBe('REGISTRY_DISALLOWED_OPERATION');
    }
  }
  expect((await call(emulator, `/v2/app/manifests/${child.digest}`)).status).toBe(200);
  expect(await artifact.getManifestProperties()).toMatchObject({ canRead: false });
  const listed = await all(clientOf(emulator).getRepository('app').listManifestProperties());
  expect(listed.map(({ digest, canRead }) => [digest, canRead]).sort()).toEqual(
    [
      [child.digest, true],
      [top.digest, false],
    ].sort(),
  );
  expect((await artifact.getTagProperties('v1')).canRead).toBe(true);

  await artifact.updateManifestProperties({ canRead: true });
  expect((await call(emulator, '/v2/app/manifests/latest')).status).toBe(200);
});

test('an unreadable tag is not pulled; its manifest is, by digest and by another tag', async () => {
  const emulator = await emulatorOf({ app });
  const artifact = clientOf(emulator).getArtifact('app', 'latest');
  expect(await artifact.updateTagProperties('latest', { canRead: false })).toMatchObject({
    name: 'latest',
    digest: top.digest,
    canRead: false,
  });
  expect((await call(emulator, '/v2/app/manifests/latest')).status).toBe(405);
  expect((await call(emulator, '/v2/app/manifests/v1')).status).toBe(200);
  expect((await call(emulator, `/v2/app/manifests/${top.digest}`)).status).toBe(200);
  const tags = await all(artifact.listTagProperties());
  expect(tags.map(({ name, canRead }) => [name, canRead])).toEqual([
    ['latest', false],
    ['v1', true],
  ]);
});

test.each([false, true])('a change of attributes moves lastUpdateTime: %s', async (patchMovesTime) => {
  let now = Date.parse('2026-05-01T10:00:00Z');
  const emulator = await emulatorOf({ app }, { patchMovesTime, now: () => now });
  const artifact = clientOf(emulator).getArtifact('app', top.digest);
  const before = new Date(now - 3_600_000);
  now += 60_000;
  const after = patchMovesTime ? new Date(now) : before;
  const manifest = await artifact.updateManifestProperties({ canRead: false });
  expect([manifest.lastUpdatedOn, manifest.createdOn]).toEqual([after, before]);
  const tag = await artifact.updateTagProperties('v1', { canRead: false });
  expect([tag.lastUpdatedOn, tag.createdOn]).toEqual([after, before]);
  const newest = async (kind: 'tags' | 'manifests'): Promise<unknown> =>
    (parsed(await call(emulator, `/acr/v1/app/_${kind}?orderby=timedesc&n=1`)) as Record<string, unknown>)[kind];
  if (patchMovesTime) {
    expect(await newest('tags')).toMatchObject([{ name: 'v1', changeableAttributes: { readEnabled: false } }]);
    expect(await newest('manifests')).toMatchObject([{ digest: top.digest, tags: ['latest', 'v1'] }]);
  }
  expect((await artifact.getManifestProperties()).lastUpdatedOn).toEqual(after);
  expect((await clientOf(emulator).getArtifact('app', child.digest).getManifestProperties()).lastUpdatedOn).toEqual(
    before,
  );
});

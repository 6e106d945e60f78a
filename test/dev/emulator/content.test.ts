import { ContainerRegistryContentClient } from '@azure/container-registry';
import { expect, test } from 'vitest';
import { digestOf, image, index, mediaTypes, referrer } from '../../../src/dev/emulator/manifests.ts';
import { call, credentialOf, emulatorOf, errorCode, images, parsed } from './support.ts';

test('a manifest is read to the byte, by tag and by digest', async () => {
  const { body, digest } = image('x', { docker: true });
  const spaced = body.replace(',', ', \n');
  const manifests = [body, spaced].map((one) => ({ body: one, age: 0 }));
  const emulator = await emulatorOf({
    'team/app': { manifests, tags: [{ name: 't', digest: digestOf(spaced), age: 0 }] },
  });
  const byTag = await call(emulator, '/v2/team/app/manifests/t');
  expect(byTag.body).toBe(spaced);
  expect(byTag.headers).toMatchObject({
    'content-type': mediaTypes.dockerImage,
    'docker-content-digest': digestOf(spaced),
    'content-length': String(Buffer.byteLength(spaced)),
  });
  expect((await call(emulator, `/v2/team%2Fapp/manifests/${encodeURIComponent(digest)}`)).body).toBe(body);

  const head = await call(emulator, '/v2/team/app/manifests/t', { method: 'HEAD' });
  expect([head.status, head.body]).toEqual([200, '']);
  expect(head.headers).toMatchObject({
    'docker-content-digest': digestOf(spaced),
    'content-length': String(Buffer.byteLength(spaced)),
  });
  const missing = await call(emulator, '/v2/team/app/manifests/none');
  expect([missing.status, errorCode(missing)]).toEqual([404, 'MANIFEST_UNKNOWN']);
  emulator.lock('team/app', digest, { readEnabled: false });
  expect((await call(emulator, `/v2/team/app/manifests/${digest}`)).status).toBe(405);
});

test('the SDK reads and writes manifests', async () => {
  const emulator = await emulatorOf({ app: images(1) });
  const client = new ContainerRegistryContentClient(emulator.url, 'app', credentialOf(emulator), {
    tlsOptions: { ca: emulator.certificate },
  });
  const { body, digest } = image('new');
  expect(await client.setManifest(Buffer.from(body), { tag: 'n' })).toEqual({ digest });
  expect(emulator.tagsLeft()).toEqual(['app:n', 'app:v0']);
  const read = await client.getManifest('n');
  expect([read.digest, read.mediaType, Buffer.from(read.content).toString()]).toEqual([
    digest,
    mediaTypes.ociImage,
    body,
  ]);
  expect(emulator.counts()).toMatchObject({ 'put-manifest': 1, 'read-manifest': 1 });
});

test('a manifest is written by digest or tag, into a repository old or new', async () => {
  const emulator = await emulatorOf({ app: images(1) });
  const { body, digest, mediaType } = referrer(image('app/0'), 'application/spdx+json', 'x');
  const put = (path: string, sent = body): ReturnType<typeof call> =>
    call(emulator, path, { method: 'PUT', body: sent, headers: { 'content-type': mediaType } });
  const reply = await put(`/v2/app/manifests/${digest}`);
  expect(reply.status).toBe(201);
  expect(reply.headers).toMatchObject({
    'docker-content-digest': digest,
    location: `/v2/app/manifests/${digest}`,
    'oci-subject': image('app/0').digest,
  });
  expect((await put('/v2/brand/new/manifests/t')).status).toBe(201);
  expect(emulator.tagsLeft()).toEqual(['app:v0', 'brand/new:t']);

  expect(errorCode(await put(`/v2/app/manifests/sha256:${'0'.repeat(64)}`))).toBe('DIGEST_INVALID');
  expect(errorCode(await put('/v2/app/manifests/t', 'no JSON'))).toBe('MANIFEST_INVALID');
  emulator.lock('app', 'v0', { writeEnabled: false });
  expect((await put('/v2/app/manifests/v0')).status).toBe(405);
});

test('a body of more than 4 MiB is refused', async () => {
  const emulator = await emulatorOf({ app: images(1) });
  const put = (size: number): ReturnType<typeof call> =>
    call(emulator, '/v2/app/manifests/t', { method: 'PUT', body: Buffer.alloc(size, ' ') });
  expect((await put(4 * 1024 * 1024 + 1)).status).toBe(413);
  expect((await put(4 * 1024 * 1024)).status).toBe(400);
});

test('referrers are an OCI index of what refers to a digest', async () => {
  const subject = image('subject');
  const sbom = referrer(subject, 'application/spdx+json', 'b');
  const signature = referrer(subject, 'application/vnd.cncf.notary.signature', 's');
  const plain = JSON.stringify({ ...(JSON.parse(image('c').body) as object), subject: { digest: subject.digest } });
  const bodies = [subject.body, sbom.body, signature.body, plain];
  const emulator = await emulatorOf({ app: { manifests: bodies.map((body) => ({ body, age: 0 })), tags: [] } });
  const path = `/v2/app/referrers/${subject.digest}`;
  const reply = await call(emulator, path);
  expect(reply.headers['content-type']).toBe(mediaTypes.ociIndex);
  const found = parsed(reply) as { mediaType: string; manifests: { digest: string; artifactType: string }[] };
  expect(found.mediaType).toBe(mediaTypes.ociIndex);
  expect(found.manifests.map(({ digest }) => digest)).toEqual([sbom.digest, signature.digest, digestOf(plain)].sort());
  expect(found.manifests.find(({ digest }) => digest === sbom.digest)).toEqual({
    mediaType: mediaTypes.ociImage,
    digest: sbom.digest,
    size: Buffer.byteLength(sbom.body),
    artifactType: 'application/spdx+json',
    annotations: { 'org.opencontainers.image.created': '2026-01-01T00:00:00Z' },
  });
  expect(found.manifests.find(({ digest }) => digest === digestOf(plain))?.artifactType).toBe(
    'application/vnd.oci.image.config.v1+json',
  );
  const filtered = await call(emulator, `${path}?artifactType=${encodeURIComponent('application/spdx+json')}`);
  expect(filtered.headers['oci-filters-applied']).toBe('artifactType');
  expect((parsed(filtered) as typeof found).manifests).toHaveLength(1);

  emulator.remove('app', sbom.digest);
  expect((parsed(await call(emulator, path)) as typeof found).manifests).toHaveLength(2);
  expect(parsed(await call(emulator, `/v2/app/referrers/${sbom.digest}`))).toEqual({
    schemaVersion: 2,
    mediaType: mediaTypes.ociIndex,
    manifests: [],
  });
  expect(emulator.counts().referrers).toBe(4);
});

test('a text that is no manifest has a digest all the same', async () => {
  const emulator = await emulatorOf({ app: { manifests: [{ body: 'no JSON', age: 0 }], tags: [] } });
  expect((await call(emulator, `/v2/app/manifests/${digestOf('no JSON')}`)).body).toBe('no JSON');
  expect((await call(emulator, '/acr/v1/app/_manifests')).status).toBe(200);
});

test('an index child that is an index keeps its platform out', async () => {
  const inner = index([{ ...image('i'), architecture: 'amd64', os: 'linux' }]);
  const outer = JSON.stringify({
    schemaVersion: 2,
    mediaType: mediaTypes.ociIndex,
    manifests: [{ mediaType: inner.mediaType, digest: inner.digest, size: 1 }],
  });
  const emulator = await emulatorOf({
    app: { manifests: [inner.body, outer].map((body) => ({ body, age: 0 })), tags: [] },
  });
  expect(parsed(await call(emulator, `/acr/v1/app/_manifests/${digestOf(outer)}`))).toMatchObject({
    manifest: { references: [{ digest: inner.digest }] },
  });
});

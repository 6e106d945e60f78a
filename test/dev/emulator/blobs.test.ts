import { randomBytes } from 'node:crypto';
import { Readable } from 'node:stream';
import { ContainerRegistryContentClient } from '@azure/container-registry';
import { expect, test } from 'vitest';
import type { Emulator } from '../../../src/dev/emulator/index.ts';
import { digestOf, packedImage, packedIndex, packedReferrer, packedRegistry } from '../../support/packed.ts';
import { call, credentialOf, emulatorOf, errorCode, parsed, type Reply } from './support.ts';

const image = packedImage('app');
const [config = Buffer.alloc(0), layer = Buffer.alloc(0)] = image.blobs;

function contentClientOf(emulator: Emulator, repository = 'app'): ContainerRegistryContentClient {
  return new ContainerRegistryContentClient(emulator.url, repository, credentialOf(emulator), {
    tlsOptions: { ca: emulator.certificate },
    retryOptions: { maxRetries: 0 },
  });
}

async function bytesOf(stream: AsyncIterable<Uint8Array>): Promise<Buffer> {
  return Buffer.concat(await Array.fromAsync(stream));
}

function locationOf(reply: Reply): string {
  return String(reply.headers.location);
}

test('the SDK pushes an image and pulls it', async () => {
  const emulator = await emulatorOf({}, { requireBlobs: true });
  const client = contentClientOf(emulator);
  await expect(client.setManifest(Buffer.from(image.body), { tag: 'v1' })).rejects.toMatchObject({
    statusCode: 400,
    message: expect.stringContaining('MANIFEST_BLOB_UNKNOWN') as unknown,
  });
  for (const bytes of image.blobs) {
    expect(await client.uploadBlob(bytes)).toEqual({ digest: digestOf(bytes), sizeInBytes: bytes.length });
  }
  expect(await client.setManifest(Buffer.from(image.body), { tag: 'v1' })).toEqual({ digest: image.digest });
  expect(emulator.blobsLeft()).toEqual(image.blobs.map((bytes) => `app@${digestOf(bytes)}`).sort());
  const { content } = await client.downloadBlob(digestOf(layer));
  expect(await bytesOf(content as unknown as Readable)).toEqual(layer);
});

test('a blob of many chunks is the same when it is read', async () => {
  const emulator = await emulatorOf({});
  const client = contentClientOf(emulator);
  const large = randomBytes(9 * 1024 * 1024 + 17);
  expect(await client.uploadBlob(Readable.from([large.subarray(0, 5_000_000), large.subarray(5_000_000)]))).toEqual({
    digest: digestOf(large),
    sizeInBytes: large.length,
  });
  // Begun, three chunks, and the end of it, after a challenge.
  expect(emulator.counts()).toMatchObject({ 'upload-blob': 5, challenge: 1 });
  const { content } = await client.downloadBlob(digestOf(large));
  expect((await bytesOf(content as unknown as Readable)).equals(large)).toBe(true);
});

test('a blob is uploaded in one piece, in pieces, or taken from another repository', async () => {
  const emulator = await emulatorOf({});
  const digest = digestOf(layer);
  const post = (path: string, body?: Buffer): Promise<Reply> =>
    call(emulator, path, { method: 'POST', ...(body && { body }) });

  const once = await post(`/v2/once/blobs/uploads/?digest=${digest}`, layer);
  expect([once.status, once.headers['docker-content-digest']]).toEqual([201, digest]);
  expect(locationOf(once)).toBe(`/v2/once/blobs/${digest}`);

  const begun = await post('/v2/put/blobs/uploads/');
  expect([begun.status, begun.headers.range]).toEqual([202, '0-0']);
  const put = await call(emulator, `${locationOf(begun)}&digest=${digest}`, { method: 'PUT', body: layer });
  expect(put.status).toBe(201);

  let reply = await post('/v2/team/pieces/blobs/uploads');
  for (const [start, end] of [
    [0, 100],
    [100, layer.length],
  ] as const) {
    const headers = { 'content-range': `${start}-${end - 1}` };
    reply = await call(emulator, locationOf(reply), { method: 'PATCH', headers, body: layer.subarray(start, end) });
    expect([reply.status, reply.headers.range]).toEqual([202, `0-${end - 1}`]);
  }
  const status = await call(emulator, locationOf(reply));
  expect([status.status, status.headers.range]).toEqual([204, `0-${layer.length - 1}`]);
  expect((await call(emulator, `${locationOf(reply)}&digest=${digest}`, { method: 'PUT' })).status).toBe(201);

  const mounted = await post(`/v2/mounted/blobs/uploads/?mount=${digest}&from=team/pieces`);
  expect([mounted.status, locationOf(mounted)]).toEqual([201, `/v2/mounted/blobs/${digest}`]);
  expect((await post(`/v2/none/blobs/uploads/?mount=${digest}&from=elsewhere`)).status).toBe(202);
  expect(emulator.blobsLeft()).toEqual(['mounted', 'once', 'put', 'team/pieces'].map((name) => `${name}@${digest}`));
});

test('an upload is refused where it does not fit, and can be given up', async () => {
  const emulator = await emulatorOf({ locked: { manifests: [], tags: [] } });
  const begun = await call(emulator, '/v2/app/blobs/uploads/', { method: 'POST' });
  const patch = (location: string, headers = {}): Promise<Reply> =>
    call(emulator, location, { method: 'PATCH', headers, body: config });
  const more = await patch(locationOf(begun));
  // Sent again, such as after a lost answer: the registry has it already, and says up to where.
  const again = await patch(locationOf(begun));
  expect([again.status, errorCode(again), again.headers.range]).toEqual([
    416,
    'BLOB_UPLOAD_INVALID',
    `0-${config.length - 1}`,
  ]);
  expect((await patch(locationOf(more), { 'content-range': `0-${config.length - 1}` })).status).toBe(416);
  const wrong = await call(emulator, `${locationOf(more)}&digest=${digestOf(layer)}`, { method: 'PUT' });
  expect([wrong.status, errorCode(wrong)]).toEqual([400, 'DIGEST_INVALID']);
  const gone = await patch(locationOf(more));
  expect([gone.status, errorCode(gone)]).toEqual([404, 'BLOB_UPLOAD_UNKNOWN']);

  const second = await call(emulator, '/v2/app/blobs/uploads/', { method: 'POST' });
  expect((await call(emulator, locationOf(second).replace('/app/', '/other/'))).status).toBe(404);
  expect((await call(emulator, locationOf(second), { method: 'DELETE' })).status).toBe(204);
  expect((await call(emulator, locationOf(second))).status).toBe(404);
  expect(emulator.blobsLeft()).toEqual([]);

  emulator.push('app', image.body);
  emulator.lock('app', undefined, { writeEnabled: false });
  expect((await call(emulator, '/v2/app/blobs/uploads/', { method: 'POST' })).status).toBe(405);
});

test('a blob is read as a whole or in part; at another origin, which refuses a token', async () => {
  const emulator = await emulatorOf({}, { blobs: { app: [layer] } });
  const digest = digestOf(layer);
  const path = `/v2/app/blobs/${digest}`;
  const head = await call(emulator, path, { method: 'HEAD' });
  expect(head.status).toBe(200);
  expect(head.headers).toMatchObject({ 'content-length': String(layer.length), 'docker-content-digest': digest });
  const redirect = await call(emulator, path);
  expect(redirect.status).toBe(307);
  const { origin, pathname, search } = new URL(locationOf(redirect));
  expect(origin).not.toBe(emulator.url);
  const storage = { ...emulator, url: origin };

  const read = (range?: string, address = pathname + search): Promise<Reply> =>
    call(storage, address, { auth: null, encoding: 'latin1', headers: range === undefined ? {} : { range } });
  const text = layer.toString('latin1');
  const { length } = layer;
  for (const [range, status, expected, contentRange] of [
    [undefined, 200, text, undefined],
    ['bytes=0-', 206, text, `bytes 0-${length - 1}/${length}`],
    ['bytes=10-19', 206, text.slice(10, 20), `bytes 10-19/${length}`],
    ['bytes=-5', 206, text.slice(-5), `bytes ${length - 5}-${length - 1}/${length}`],
    [`bytes=7-${length * 2}`, 206, text.slice(7), `bytes 7-${length - 1}/${length}`],
    [`bytes=${length}-`, 416, '', `bytes */${length}`],
    // Not in bytes, so ignored.
    ['10-', 200, text, undefined],
  ] as const) {
    const reply = await read(range);
    expect([reply.status, reply.body, reply.headers['content-range']], range).toEqual([status, expected, contentRange]);
  }
  expect((await call(storage, pathname + search)).status).toBe(400);
  expect((await read(undefined, `${pathname}?sig=forged`)).status).toBe(403);
  const another = pathname.replace(digest, digestOf(config));
  expect((await read(undefined, another + search)).status).toBe(403);
  const missing = await call(emulator, `/v2/app/blobs/${digestOf(config)}`);
  expect([missing.status, errorCode(missing)]).toEqual([404, 'BLOB_UNKNOWN']);
  expect((await call(emulator, `/v2/other/blobs/${digest}`)).status).toBe(404);

  const direct = await emulatorOf({}, { blobs: { app: [layer] }, blobsWithoutRedirect: true });
  const whole = await call(direct, path, { encoding: 'latin1' });
  expect([whole.status, whole.body, whole.headers['docker-content-digest']]).toEqual([200, text, digest]);
});

test('a signature of storage runs out', async () => {
  let now = Date.parse('2026-05-01T10:00:00Z');
  const emulator = await emulatorOf({}, { blobs: { app: [layer] }, now: () => now });
  const { origin, pathname, search } = new URL(locationOf(await call(emulator, `/v2/app/blobs/${digestOf(layer)}`)));
  now += 20 * 60_000;
  const late = await call({ ...emulator, url: origin }, pathname + search, { auth: null });
  expect([late.status, late.headers['x-ms-error-code']]).toEqual([403, 'AuthenticationFailed']);
});

test('a blob goes with the last manifest of its repository that names it', async () => {
  const [top, ...children] = packedIndex('app');
  const signature = packedReferrer(top);
  const other = packedImage('app/amd64', { architecture: 'amd64', layers: 3 });
  const all = [top, ...children, signature, other];
  const { repositories, blobs } = packedRegistry('app', all, { latest: top });
  const emulator = await emulatorOf(repositories, { blobs: { ...blobs, copy: blobs['app'] ?? [] } });
  const left = (): number => emulator.blobsLeft().filter((name) => name.startsWith('app@')).length;
  // Two layers are the same in two images.
  const before = new Set(all.flatMap(({ blobs: own }) => own.map(digestOf))).size;
  expect(left()).toBe(before);
  expect(other.blobs.filter((bytes) => children[0]?.blobs.some((own) => own.equals(bytes)))).toHaveLength(2);
  emulator.remove('app', other.digest);
  expect(left()).toBe(before - 2);
  emulator.remove('app', top.digest);
  expect(left()).toBe(before - 2 - 2);
  for (const { digest } of children) emulator.remove('app', digest);
  expect(left()).toBe(0);
  expect(emulator.blobsLeft()).toHaveLength(before);
});

test('what is soft-deleted keeps its blobs until it expires', async () => {
  let now = Date.parse('2026-05-01T10:00:00Z');
  const { repositories, blobs } = packedRegistry('app', [image], { v1: image });
  const emulator = await emulatorOf(repositories, { blobs, softDelete: { retentionDays: 1 }, now: () => now });
  emulator.remove('app', image.digest);
  expect(emulator.blobsLeft()).toHaveLength(3);
  now += 86_400_000;
  expect(emulator.softDeleted().manifests).toEqual([]);
  expect(emulator.blobsLeft()).toEqual([]);
});

test('a manifest without its blobs or children is refused where these are required', async () => {
  const [top, first, second] = packedIndex('app');
  const emulator = await emulatorOf({}, { requireBlobs: true });
  const put = (body: string, digest: string): Promise<Reply> =>
    call(emulator, `/v2/app/manifests/${digest}`, { method: 'PUT', body });
  expect(errorCode(await put(top.body, top.digest))).toBe('MANIFEST_BLOB_UNKNOWN');
  for (const child of [first, second]) {
    if (child === undefined) throw new Error('an index has two children');
    const refused = await put(child.body, child.digest);
    expect([refused.status, errorCode(refused)]).toEqual([400, 'MANIFEST_BLOB_UNKNOWN']);
    for (const bytes of child.blobs) emulator.putBlob('app', bytes);
    expect((await put(child.body, child.digest)).status).toBe(201);
  }
  expect((await put(top.body, top.digest)).status).toBe(201);
});

test('what a document does not say of itself, the push says', async () => {
  const emulator = await emulatorOf({});
  const { mediaType, ...rest } = JSON.parse(image.body) as { mediaType: string };
  const body = JSON.stringify(rest);
  const headers = { 'content-type': mediaType };
  expect((await call(emulator, '/v2/app/manifests/v1', { method: 'PUT', headers, body })).status).toBe(201);
  const read = await call(emulator, '/v2/app/manifests/v1');
  expect([read.headers['content-type'], read.body]).toEqual([mediaType, body]);
  expect(parsed(await call(emulator, '/acr/v1/app/_manifests'))).toMatchObject({ manifests: [{ mediaType }] });
});

test('an answer can break off in the middle, and a call fail as any other', async () => {
  const large = randomBytes(3_000_000);
  const emulator = await emulatorOf({}, { blobs: { app: [large] } });
  const client = contentClientOf(emulator);
  let cuts = 0;
  emulator.faults({ failing: ({ kind }) => (kind === 'read-storage' && cuts++ === 0 ? 'cut' : undefined) });
  const { content } = await client.downloadBlob(digestOf(large));
  await expect(bytesOf(content as unknown as Readable)).rejects.toThrow();
  expect(cuts).toBeGreaterThan(0);

  emulator.faults({ failing: ({ kind }) => (kind === 'upload-blob' ? 503 : undefined) });
  await expect(client.uploadBlob(layer)).rejects.toMatchObject({ statusCode: 503 });
  emulator.faults({ failing: ({ kind }) => (kind === 'read-blob' ? 'drop' : undefined) });
  await expect(client.downloadBlob(digestOf(large))).rejects.toThrow();
  emulator.faults({ failing: ({ kind }) => (kind === 'read-manifest' ? 'cut' : undefined) });
  emulator.push('app', image.body);
  await expect(call(emulator, `/v2/app/manifests/${image.digest}`)).rejects.toThrow();
  // What was asked for is done: only the answer is lost.
  emulator.faults({ failing: ({ kind }) => (kind === 'delete-manifest' ? 'cut' : undefined) });
  await expect(call(emulator, `/v2/app/manifests/${image.digest}`, { method: 'DELETE' })).rejects.toThrow();
  expect(emulator.manifestsLeft()).toEqual([]);
});

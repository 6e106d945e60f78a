import { createHash, randomBytes } from 'node:crypto';
import { createServer, type Server } from 'node:https';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { describe, expect, onTestFinished, test } from 'vitest';
import { certificate } from '../../src/dev/emulator/certificate.ts';
import { image } from '../../src/dev/emulator/manifests.ts';
import { readOnlyContent, type RegistryContent } from '../../src/registry/content.ts';
import { RegistryError, StoppedError } from '../../src/registry/errors.ts';
import { repositoryOf } from '../support/contents.ts';
import { connectTo, withServedEmulator } from '../support/registry.ts';
import { connectAs, entra } from '../support/run-as.ts';

const LAYER = randomBytes(3 * 1024 * 1024);
const DIGEST = `sha256:${createHash('sha256').update(LAYER).digest('hex')}`;

type Answer = (incoming: IncomingMessage, response: ServerResponse) => void;

/** A registry's storage, or a registry, that answers as a test says; what it was asked with the ranges. */
async function serving(answer: Answer): Promise<{ readonly url: string; readonly asked: IncomingMessage[] }> {
  const { key, cert } = await certificate();
  const asked: IncomingMessage[] = [];
  const server: Server = createServer({ key, cert }, (incoming, response) => {
    asked.push(incoming);
    answer(incoming, response);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(async () => {
    await new Promise<void>((resolve) => {
      server.close(() => resolve());
      server.closeAllConnections();
    });
  });
  return { url: `https://127.0.0.1:${(server.address() as AddressInfo).port}`, asked };
}

async function contentAt(url: string): Promise<RegistryContent> {
  return connectTo({ url, certificate: (await certificate()).cert }).content;
}

/** Sends what a range asks for, up to some bytes, and breaks the connection then. */
function sendPart(bytes: Buffer, incoming: IncomingMessage, response: ServerResponse, most = Infinity): void {
  const [, begin] = /^bytes=(\d+)-$/.exec(incoming.headers.range ?? '') ?? [];
  const from = Number(begin ?? 0);
  const rest = bytes.subarray(from);
  response.writeHead(begin === undefined ? 200 : 206, {
    'content-length': rest.length,
    ...(begin !== undefined && { 'content-range': `bytes ${from}-${bytes.length - 1}/${bytes.length}` }),
  });
  if (rest.length <= most) response.end(rest);
  else response.write(rest.subarray(0, most), () => response.destroy());
}

async function bytesOf(stream: AsyncIterable<Uint8Array> | undefined): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of stream ?? []) chunks.push(chunk);
  return Buffer.concat(chunks);
}

describe('a blob', () => {
  test('is streamed from the storage that the registry leads to, which is not shown the credentials', async () => {
    const storage = await serving((incoming, response) => sendPart(LAYER, incoming, response));
    const registry = await serving((_, response) => {
      response.writeHead(307, { location: `${storage.url}/data?sig=secret` }).end();
    });
    const blob = await (await contentAt(registry.url)).blob('app', DIGEST);
    expect(blob?.size).toBe(LAYER.length);
    expect((await bytesOf(blob?.stream)).equals(LAYER)).toBe(true);
    expect(registry.asked.map(({ url, headers }) => [url, headers.authorization !== undefined])).toEqual([
      [`/v2/app/blobs/${DIGEST}`, true],
    ]);
    expect(storage.asked.map(({ url, headers }) => [url, headers.authorization])).toEqual([
      ['/data?sig=secret', undefined],
    ]);
  });

  test('is read on from where the connection broke, at an address asked for anew', async () => {
    const storage = await serving((incoming, response) => sendPart(LAYER, incoming, response, 1024 * 1024));
    const registry = await serving((_, response) => {
      response.writeHead(307, { location: `${storage.url}/data?sig=${registry.asked.length}` }).end();
    });
    const blob = await (await contentAt(registry.url)).blob('app', DIGEST);
    expect((await bytesOf(blob?.stream)).equals(LAYER)).toBe(true);
    expect(storage.asked.length).toBeGreaterThan(2);
    expect(storage.asked.map(({ url }) => url)).toEqual(storage.asked.map((_, n) => `/data?sig=${n + 1}`));
    expect(storage.asked.slice(1).every(({ headers }) => /^bytes=[1-9]\d+-$/.test(headers.range ?? ''))).toBe(true);
  });

  test('is read on where the registry knows no ranges, and sends all of it again', async () => {
    let calls = 0;
    const { url } = await serving((incoming, response) => {
      calls += 1;
      delete incoming.headers.range;
      sendPart(LAYER, incoming, response, calls === 1 ? 1024 * 1024 : Infinity);
    });
    expect((await bytesOf((await (await contentAt(url)).blob('app', DIGEST))?.stream)).equals(LAYER)).toBe(true);
    expect(calls).toBe(2);
  });

  test.each([
    ['other bytes of the same length', Buffer.alloc(LAYER.length), LAYER.length, /what came is not what the digest/],
    ['a part of it, as if that were all', LAYER.subarray(1), LAYER.length - 1, /what came is not what the digest/],
  ])('that is %s ends with an error', async (_, bytes, size, message) => {
    const { url } = await serving((incoming, response) => sendPart(bytes, incoming, response));
    const blob = await (await contentAt(url)).blob('app', DIGEST);
    expect(blob?.size).toBe(size);
    await expect(bytesOf(blob?.stream)).rejects.toThrow(message);
  });

  test('whose connection breaks each time is given up, with how much came', async () => {
    const { url, asked } = await serving((incoming, response) => {
      if (incoming.headers.range === undefined) sendPart(LAYER, incoming, response, 1000);
      else response.writeHead(206, { 'content-range': 'bytes 1000-9/10', 'content-length': 5 }).flushHeaders();
      if (incoming.headers.range !== undefined) setTimeout(() => response.destroy(), 1);
    });
    const blob = await (await contentAt(url)).blob('app', DIGEST);
    await expect(bytesOf(blob?.stream)).rejects.toThrow(/broke again and again; 1000 of 3145728 bytes came/);
    expect(asked).toHaveLength(6);
  });

  test.each([
    ['does not say how large it is', { 'transfer-encoding': 'chunked' }, /does not say how large/],
    ['is packed', { 'content-encoding': 'gzip', 'content-length': '3' }, /has the encoding gzip/],
  ])('that %s is refused', async (_, headers, message) => {
    const { url } = await serving((__, response) => response.writeHead(200, headers).end('abc'));
    await expect((await contentAt(url)).blob('app', DIGEST)).rejects.toThrow(message);
  });

  test('is not looked for without end, nor where nothing is encrypted', async () => {
    const round = await serving(({ url = '' }, response) => response.writeHead(307, { location: `${url}x` }).end());
    await expect((await contentAt(round.url)).blob('app', DIGEST)).rejects.toThrow(/redirected more than 3 times/);
    const plain = await serving((_, response) => response.writeHead(307, { location: 'http://127.0.0.1:9/' }).end());
    await expect((await contentAt(plain.url)).blob('app', DIGEST)).rejects.toThrow(/does not speak https/);
  });

  test('that is not there is nothing; one that is refused is an error with its status', async () => {
    const { url } = await serving(({ url: path = '', method }, response) => {
      const status = path.includes('/none/') ? 404 : path.includes('/hidden/') ? 403 : 200;
      response.writeHead(status, { 'content-length': method === 'HEAD' ? 5 : 0 }).end();
    });
    const content = await contentAt(url);
    expect(await content.blob('none', DIGEST)).toBeUndefined();
    expect(await content.hasBlob('none', DIGEST)).toBe(false);
    expect(await content.hasBlob('app', DIGEST)).toBe(true);
    await expect(content.blob('hidden', DIGEST)).rejects.toMatchObject({ name: 'RegistryError', status: 403 });
    await expect(content.hasBlob('hidden', DIGEST)).rejects.toThrow(RegistryError);
  });

  test('ends at once where the run is stopped, in the middle of it', async () => {
    const { url } = await serving((_, response) => {
      response.writeHead(200, { 'content-length': LAYER.length });
      response.write(LAYER.subarray(0, 1000));
    });
    const stop = new AbortController();
    const blob = await (await contentAt(url)).blob('app', DIGEST, stop.signal);
    const reading = blob?.stream[Symbol.asyncIterator]();
    expect((await reading?.next())?.value).toHaveLength(1000);
    stop.abort();
    await expect(reading?.next()).rejects.toThrow(StoppedError);
  });

  test('of which the reader wants no more is not sent to its end', async () => {
    const closed: boolean[] = [];
    const { url } = await serving((_, response) => {
      response.on('close', () => closed.push(response.writableFinished));
      response.writeHead(200, { 'content-length': 100_000_000 });
      response.write(Buffer.alloc(1_000_000));
    });
    const blob = await (await contentAt(url)).blob('app', DIGEST);
    for await (const chunk of blob?.stream ?? []) {
      expect(chunk.length).toBeGreaterThan(0);
      break;
    }
    await expect.poll(() => closed).toEqual([false]);
  });
});

const app = { ...image('app'), architecture: 'amd64', os: 'linux' };
const repositories = { 'team/app': repositoryOf({ built: app, days: 10, tags: ['v1', 'v2'] }) };

describe('a manifest', () => {
  test('is read byte for byte, by digest and by tag; what is not there is nothing', async () => {
    await withServedEmulator({ repositories }, async (emulator) => {
      const { content } = connectTo(emulator);
      const read = { digest: app.digest, mediaType: 'application/vnd.oci.image.manifest.v1+json' };
      expect(await content.manifest('team/app', app.digest)).toEqual({ ...read, bytes: Buffer.from(app.body) });
      expect(await content.manifest('team/app', 'v2')).toMatchObject(read);
      expect(await content.manifest('team/app', 'v3')).toBeUndefined();
      expect(await content.manifest('other', app.digest)).toBeUndefined();
    });
  });

  test('that is unreadable is an error', async () => {
    await withServedEmulator({ repositories }, async (emulator) => {
      emulator.lock('team/app', app.digest, { readEnabled: false });
      const { content } = connectTo(emulator);
      await expect(content.manifest('team/app', app.digest)).rejects.toMatchObject({ status: 405 });
    });
  });

  test.each([
    ['is another one', DIGEST, Buffer.from('{}'), {}, /not what the digest names/],
    ['contradicts its own digest', 'v1', Buffer.from('{}'), { 'docker-content-digest': DIGEST }, /not what the digest/],
    ['says not what it is', 'v1', Buffer.from('{}'), { 'content-type': '' }, /does not say what it is/],
    ['is too large', 'v1', Buffer.alloc(4 * 1024 * 1024 + 1), {}, /larger than 4194304 bytes/],
  ])('that %s is refused', async (_, reference, body, headers, message) => {
    const { url } = await serving((__, response) => {
      response.writeHead(200, { 'content-type': 'application/json', ...headers }).end(body);
    });
    await expect((await contentAt(url)).manifest('app', reference)).rejects.toThrow(message);
  });

  test('whose bytes are no text keeps them', async () => {
    const bytes = Buffer.from([0x7b, 0xff, 0xfe, 0x00, 0x7d]);
    const { url } = await serving((_, response) => {
      response.writeHead(200, { 'content-type': 'application/x' }).end(bytes);
    });
    expect((await (await contentAt(url)).manifest('app', 'v1'))?.bytes).toEqual(bytes);
  });
});

describe('what was deleted softly', () => {
  const softDelete = { retentionDays: 7 };

  test('is listed and restored, one tag a call, with tokens for just that', async () => {
    await withServedEmulator({ repositories, softDelete, pageSizeLimit: 1 }, async (emulator) => {
      const { content } = connectAs(emulator, entra(emulator));
      emulator.remove('team/app', app.digest);
      expect(await content.deletedManifests('team/app')).toEqual([
        { digest: app.digest, deletedAt: expect.stringMatching(/Z$/) as string },
      ]);
      const tags = await content.deletedTags('team/app');
      expect(tags?.map(({ tag, digest }) => [tag, digest])).toEqual([
        ['v1', app.digest],
        ['v2', app.digest],
      ]);
      for (const tag of ['v1', 'v2'])
        expect(await content.restoreDeleted('team/app', app.digest, tag, { force: false })).toEqual({
          state: 'restored',
        });
      expect(emulator.tagsLeft()).toEqual(['team/app:v1', 'team/app:v2']);
      expect(await content.restoreDeleted('team/app', app.digest, undefined, { force: false })).toEqual({
        state: 'not-deleted',
      });
      expect(await content.deletedManifests('nothing/here')).toBeUndefined();
    });
  });

  test('is restored without a tag; a tag that names another manifest is moved with force only', async () => {
    await withServedEmulator({ repositories, softDelete }, async (emulator) => {
      const { content } = connectTo(emulator);
      emulator.remove('team/app', app.digest);
      const other = emulator.push('team/app', image('new').body, { tag: 'v1' });
      const restore = (tag: string | undefined, force: boolean) =>
        content.restoreDeleted('team/app', app.digest, tag, { force });
      expect(await restore(undefined, false)).toEqual({ state: 'restored' });
      const refused = await restore('v1', false);
      expect(refused).toMatchObject({ state: 'refused', error: { status: 409 } });
      expect((await content.manifest('team/app', 'v1'))?.digest).toBe(other);
      expect(await restore('v1', true)).toEqual({ state: 'restored' });
      expect((await content.manifest('team/app', 'v1'))?.digest).toBe(app.digest);
    });
  });

  test('is retried where calls fail and connections break', async () => {
    await withServedEmulator({ repositories, softDelete }, async (emulator) => {
      emulator.remove('team/app', app.digest);
      const { content } = connectTo(emulator);
      const answers = [503, 'drop', 429] as const;
      let asked = 0;
      emulator.faults({ failing: ({ path }) => (path.includes('/_deleted/') ? answers[asked++ % 4] : undefined) });
      expect(await content.deletedManifests('team/app')).toHaveLength(1);
      expect(await content.restoreDeleted('team/app', app.digest, 'v1', { force: false })).toEqual({
        state: 'restored',
      });
      expect(asked).toBe(8);
    });
  });

  test.each([
    ['no list', '{"manifests":{}}', /"manifests" is not a list/],
    ['no digest', '{"manifests":[{"digest":"../../x"}]}', /a digest that cannot be one/],
    ['no JSON', '<html>', /not JSON/],
  ])('is not believed where it is %s', async (_, body, message) => {
    const { url } = await serving((__, response) => response.writeHead(200).end(body));
    await expect((await contentAt(url)).deletedManifests('app')).rejects.toThrow(message);
  });

  test('an identity without the right is told which one it needs', async () => {
    await withServedEmulator({ repositories, softDelete }, async (emulator) => {
      emulator.remove('team/app', app.digest);
      const { content } = connectTo(emulator);
      emulator.faults({ failing: () => 403 });
      await expect(content.deletedTags('team/app')).rejects.toThrow(/registries\/deleted\/read/);
      expect(await content.restoreDeleted('team/app', app.digest, 'v1', { force: false })).toMatchObject({
        state: 'refused',
        error: { status: 403 },
      });
    });
  });
});

test('what a dry run reads with can change nothing', async () => {
  await withServedEmulator({ repositories }, (emulator) => {
    const content = readOnlyContent(connectTo(emulator).content);
    expect(Object.keys(content).sort()).toEqual(['blob', 'deletedManifests', 'deletedTags', 'hasBlob', 'manifest']);
    return Promise.resolve();
  });
});

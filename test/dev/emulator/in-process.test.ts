import { randomBytes } from 'node:crypto';
import { Readable } from 'node:stream';
import { onTestFinished, expect, test } from 'vitest';
import { request } from 'undici';
import { newEmulator } from '../../../src/dev/emulator/emulator.ts';
import { InProcess } from '../../../src/dev/emulator/in-process.ts';
import type { EmulatorOptions } from '../../../src/dev/emulator/index.ts';
import { digestOf, packedImage } from '../../support/packed.ts';

const AUTHORIZATION = `Basic ${Buffer.from('admin:p').toString('base64')}`;
const large = randomBytes(5_000_000);

type Options = Omit<NonNullable<Parameters<typeof request>[1]>, 'dispatcher'>;

/** A registry without sockets, asked with undici. */
function registryOf(options: Partial<EmulatorOptions> = {}) {
  const { emulator, answers, close } = newEmulator(
    { repositories: {}, basic: { username: 'admin', password: 'p' }, ...options },
    () => 'registry.test',
  );
  onTestFinished(close);
  const dispatcher = new InProcess(answers);
  const ask = (path: string, { headers, ...more }: Options = {}) =>
    request(`https://registry.test${path}`, {
      dispatcher,
      headers: { authorization: AUTHORIZATION, ...(headers as Record<string, string> | undefined) },
      ...more,
    });
  return { emulator, ask };
}

test('a blob goes in as a stream and comes out as one, over a redirect', async () => {
  const { emulator, ask } = registryOf();
  const begun = await ask('/v2/app/blobs/uploads/', { method: 'POST' });
  const chunks = [large.subarray(0, 1_000_000), large.subarray(1_000_000)];
  const put = await ask(`${String(begun.headers['location'])}&digest=${digestOf(large)}`, {
    method: 'PUT',
    body: Readable.from(chunks),
  });
  expect([put.statusCode, await put.body.text()]).toEqual([201, '']);
  expect(emulator.blobsLeft()).toEqual([`app@${digestOf(large)}`]);

  const redirect = await ask(`/v2/app/blobs/${digestOf(large)}`);
  expect(redirect.statusCode).toBe(307);
  const { pathname, search } = new URL(String(redirect.headers['location']));
  const refused = await ask(pathname + search);
  expect(refused.statusCode).toBe(400);
  // Without the token that the registry was asked with.
  const read = await ask(pathname + search, { headers: { authorization: undefined as unknown as string } });
  expect(read.headers['content-length']).toBe(String(large.length));
  expect(Buffer.from(await read.body.arrayBuffer()).equals(large)).toBe(true);
});

test('a client that is slow to read is waited for', async () => {
  const { ask } = registryOf({ blobs: { app: [large] }, blobsWithoutRedirect: true });
  const { body } = await ask(`/v2/app/blobs/${digestOf(large)}`);
  const read: Buffer[] = [];
  for await (const chunk of body as AsyncIterable<Buffer>) {
    await new Promise((resolve) => setImmediate(resolve));
    // What has come already, and was not asked for: no more than a few chunks of a file.
    expect(body.readableLength).toBeLessThan(large.length / 2);
    read.push(chunk);
  }
  expect(Buffer.concat(read).equals(large)).toBe(true);
});

test('an answer breaks off in the middle, or is lost', async () => {
  const { body, digest } = packedImage('app');
  const { emulator, ask } = registryOf({ blobs: { app: [large] }, blobsWithoutRedirect: true });
  emulator.push('app', body, { tag: 'v1' });
  emulator.faults({ failing: () => 'cut' });
  const half = await ask(`/v2/app/blobs/${digestOf(large)}`);
  const read: Buffer[] = [];
  await expect(
    (async () => {
      for await (const chunk of half.body as AsyncIterable<Buffer>) read.push(chunk);
    })(),
  ).rejects.toMatchObject({ code: 'UND_ERR_SOCKET' });
  expect(Buffer.concat(read).equals(large.subarray(0, large.length / 2))).toBe(true);
  await expect(ask(`/v2/app/manifests/${digest}`, { method: 'DELETE' })).rejects.toMatchObject({
    code: 'UND_ERR_SOCKET',
  });
  expect(emulator.manifestsLeft()).toEqual([]);
});

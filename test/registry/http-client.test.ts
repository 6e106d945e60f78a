import { createServer as createProxy, type Server as HttpServer } from 'node:http';
import { createServer, type Server as HttpsServer } from 'node:https';
import { type AddressInfo, connect as connectSocket } from 'node:net';
import { deflateSync, gzipSync } from 'node:zlib';
import { createHttpHeaders, createPipelineRequest } from '@azure/core-rest-pipeline';
import { describe, expect, onTestFinished, test, vi } from 'vitest';
import { certificate } from '../../src/dev/emulator/certificate.ts';
import { systemClock } from '../../src/registry/clock.ts';
import { httpClient } from '../../src/registry/http-client.ts';
import { images, repositoryOf } from '../support/contents.ts';
import { connectTo, withServedEmulator } from '../support/registry.ts';

async function listening(server: HttpServer | HttpsServer): Promise<number> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(async () => {
    await new Promise<void>((resolve) => {
      server.close(() => resolve());
      server.closeAllConnections();
    });
  });
  return (server.address() as AddressInfo).port;
}

/** Asks a server that answers everything so. */
async function askedOf(headers: Readonly<Record<string, string>>, ...parts: readonly Buffer[]) {
  const { key, cert } = await certificate();
  const port = await listening(
    createServer({ key, cert }, (_, response) => {
      response.writeHead(200, headers);
      for (const part of parts) response.write(part);
      response.end();
    }),
  );
  const request = createPipelineRequest({ url: `https://127.0.0.1:${port}/`, headers: createHttpHeaders() });
  return httpClient({ certificate: cert, connections: 4, clock: systemClock }).sendRequest(request);
}

describe('an answer', () => {
  test.each([
    ['as it is', 'identity', (body: Buffer) => body],
    ['as gzip', 'gzip', gzipSync],
    ['as deflate', 'deflate', deflateSync],
  ])('is read %s', async (_, encoding, pack) => {
    const text = JSON.stringify({ name: 'Größe', more: 'x'.repeat(100_000) });
    const response = await askedOf({ 'content-encoding': encoding }, pack(Buffer.from(text)));
    expect(response.bodyAsText).toBe(text);
    expect(response.headers.get('Content-Encoding')).toBe(encoding);
  });

  test('whose characters come in parts is put together before it is read', async () => {
    const whole = Buffer.from('Größe');
    const response = await askedOf({}, whole.subarray(0, 3), whole.subarray(3));
    expect(response.bodyAsText).toBe('Größe');
  });

  test.each([
    ['sent', {}, Array<Buffer>(34).fill(Buffer.alloc(1024 * 1024))],
    ['packed', { 'content-encoding': 'gzip' }, [gzipSync(Buffer.alloc(34 * 1024 * 1024))]],
  ])('without end is not read to its end (%s)', async (_, headers, parts) => {
    await expect(askedOf(headers, ...parts)).rejects.toMatchObject({
      code: 'TOO_LARGE',
      message: expect.stringContaining('larger than 33554432 bytes') as string,
    });
  });

  test('is not asked for without encryption', async () => {
    const request = createPipelineRequest({ url: 'http://127.0.0.1:1/', allowInsecureConnection: true });
    await expect(
      httpClient({ certificate: undefined, connections: 4, clock: systemClock }).sendRequest(request),
    ).rejects.toThrow(/does not speak https/);
  });
});

describe('a proxy', () => {
  /** Passes on what it is asked to, and says what that was. */
  async function withProxy(): Promise<{ readonly url: string; readonly asked: readonly string[] }> {
    const asked: string[] = [];
    const proxy = createProxy();
    proxy.on('connect', ({ url = '' }, socket, head) => {
      asked.push(url);
      const [host, port] = url.split(':');
      const there = connectSocket(Number(port), host, () => {
        socket.write('HTTP/1.1 200 Connection Established\r\n\r\n');
        there.write(head);
        there.pipe(socket);
        socket.pipe(there);
      });
      for (const one of [there, socket]) one.on('error', () => undefined);
      socket.on('close', () => there.destroy());
    });
    return { url: `http://127.0.0.1:${await listening(proxy)}`, asked };
  }
  const repositories = { app: repositoryOf(...images('app', 1)) };

  test.each(['HTTPS_PROXY', 'https_proxy', 'ALL_PROXY', 'HTTP_PROXY'])('named by %s is used', async (variable) => {
    await withServedEmulator({ repositories }, async (emulator) => {
      const proxy = await withProxy();
      vi.stubEnv(variable, proxy.url);
      onTestFinished(() => void vi.unstubAllEnvs());
      expect(await connectTo(emulator).repositories(100)).toEqual(['app']);
      expect(proxy.asked).toContain(emulator.loginServer);
    });
  });

  test('is not used for what NO_PROXY names', async () => {
    await withServedEmulator({ repositories }, async (emulator) => {
      const proxy = await withProxy();
      vi.stubEnv('HTTPS_PROXY', proxy.url);
      vi.stubEnv('NO_PROXY', 'example.com,127.0.0.1');
      onTestFinished(() => void vi.unstubAllEnvs());
      expect(await connectTo(emulator).repositories(100)).toEqual(['app']);
      expect(proxy.asked).toEqual([]);
    });
  });
});

import { expect, test, vi } from 'vitest';
import { FaultInjector } from '../../../src/dev/emulator/faults.ts';
import { image } from '../../../src/dev/emulator/manifests.ts';
import type { RequestKind } from '../../../src/dev/emulator/types.ts';
import { call, clientOf, emulatorOf, errorCode, identityToken, images, type Reply } from './support.ts';

const tags = '/acr/v1/app/_tags';

test('latency delays every call, and none waits for another', async () => {
  const emulator = await emulatorOf({ app: images(1) }, { faults: { latencyMs: 150 } });
  const before = performance.now();
  await Promise.all(Array.from({ length: 20 }, () => call(emulator, tags)));
  const took = performance.now() - before;
  expect(took).toBeGreaterThanOrEqual(145);
  expect(took).toBeLessThan(20 * 150);
});

test('a share of the calls fails, the same ones for the same seed', async () => {
  const statuses = async (seed: number): Promise<number[]> => {
    const emulator = await emulatorOf({ app: images(1) }, { faults: { errorRate: 0.4, seed } });
    const found: number[] = [];
    for (let n = 0; n < 50; n++) found.push((await call(emulator, tags)).status);
    // Tokens and the identity are spared.
    await identityToken(emulator);
    return found;
  };
  const [first, again, other] = [await statuses(1), await statuses(1), await statuses(2)];
  expect(again).toEqual(first);
  expect(other).not.toEqual(first);
  const failed = first.filter((status) => status === 503).length;
  expect(failed).toBeGreaterThan(8);
  expect(failed).toBeLessThan(32);
  expect(first.filter((status) => status === 200)).toHaveLength(50 - failed);
});

test('a dropped connection is no answer', async () => {
  const emulator = await emulatorOf({ app: images(1) }, { faults: { dropRate: 1 } });
  await expect(call(emulator, tags)).rejects.toMatchObject({ code: 'ECONNRESET' });
  expect(emulator.requests()).toEqual([{ kind: 'list-tags', method: 'GET', path: tags, repository: 'app', status: 0 }]);
  emulator.faults({});
  expect((await call(emulator, tags)).status).toBe(200);
});

test('a chosen call fails as chosen, tokens included', async () => {
  const emulator = await emulatorOf({ app: images(2), other: images(1) });
  emulator.faults({
    failing: ({ kind, repository, method, path }) => {
      if (kind === 'token') return 500;
      if (repository === 'other') return 'drop';
      return method === 'DELETE' && path.endsWith('/v0') ? 429 : undefined;
    },
  });
  expect((await call(emulator, tags)).status).toBe(200);
  const slow = await call(emulator, `${tags}/v0`, { method: 'DELETE' });
  expect([slow.status, slow.headers['retry-after'], errorCode(slow)]).toEqual([429, '1', 'TOOMANYREQUESTS']);
  expect((await call(emulator, `${tags}/v1`, { method: 'DELETE' })).status).toBe(202);
  await expect(call(emulator, '/acr/v1/other/_tags')).rejects.toThrow();
  expect((await call(emulator, '/oauth2/token', { method: 'POST' })).status).toBe(500);
  expect(emulator.tagsLeft()).toEqual(['app:v0', 'other:v0']);
});

test('a failing call is not handled, and a challenge is not a failing call', async () => {
  const emulator = await emulatorOf({ app: images(1) });
  const seen: string[] = [];
  emulator.faults({
    failing: ({ kind }) => {
      seen.push(kind);
      return undefined;
    },
  });
  await clientOf(emulator).getArtifact('app', 'v0').deleteTag('v0');
  expect(seen).toEqual(['identity', 'exchange', 'token', 'delete-tag']);
});

test('forbidden is 403, unauthorized is 401 whatever the token', async () => {
  const emulator = await emulatorOf(
    { app: images(1), closed: images(1), odd: images(1) },
    { faults: { forbiddenRepositories: ['closed'], unauthorizedRepositories: ['odd'] } },
  );
  const client = clientOf(emulator);
  await expect(client.getRepository('closed').listManifestProperties().next()).rejects.toMatchObject({
    statusCode: 403,
    message: expect.stringContaining('"code":"DENIED"') as string,
  });
  await expect(client.getRepository('odd').listManifestProperties().next()).rejects.toMatchObject({ statusCode: 401 });
  expect((await client.getRepository('app').listManifestProperties().next()).done).toBe(false);
});

test('too many a second are 429, and after Retry-After they are not', async () => {
  const emulator = await emulatorOf({ app: images(9) }, { faults: { readsPerSecond: 3, deletesPerSecond: 2 } });
  const left = (reply: Reply): unknown => reply.headers['x-ms-ratelimit-remaining-calls-per-second'];
  const untag = (n: number): Promise<Reply> => call(emulator, `${tags}/v${n}`, { method: 'DELETE' });
  const deletes = await Promise.all([0, 1, 2, 3, 4].map(untag));
  expect(deletes.map(({ status }) => status).sort()).toEqual([202, 202, 429, 429, 429]);
  expect(emulator.tagsLeft()).toHaveLength(7);
  for (const reply of deletes) {
    expect(left(reply)).toMatch(/^[01]\.000000$/);
    expect(reply.headers['retry-after']).toBe(reply.status === 429 ? '1' : undefined);
  }
  // Reads have a limit of their own.
  expect(left(await call(emulator, tags))).toBe('2.000000');
  await new Promise((resolve) => setTimeout(resolve, 1000));
  expect((await untag(8)).status).toBe(202);
});

test('limits a minute are buckets that hold a minute of calls, and Retry-After counts down to its end', () => {
  let now = 0;
  const faults = new FaultInjector({ perMinute: { reads: 120, referrers: 60, deletes: 60 } }, () => now);
  const take = (kind: RequestKind): unknown => {
    const fault = faults.forData({ kind, method: 'GET', path: '/' });
    return typeof fault === 'object' ? [fault.status, fault.headers?.['Retry-After']] : 'taken';
  };
  for (let n = 0; n < 60; n += 1) expect(take('delete-tag')).toBe('taken');
  now = 500;
  expect(take('delete-manifest')).toEqual([429, '60']);
  now = 20_000;
  for (let n = 0; n < 20; n += 1) expect(take('delete-tag')).toBe('taken');
  expect(take('delete-tag')).toEqual([429, '40']);
  // Reads are counted by themselves, and lists of referrers are reads, too.
  for (let n = 0; n < 60; n += 1) expect(take('referrers')).toBe('taken');
  expect(take('referrers')).toEqual([429, '60']);
  for (let n = 0; n < 60; n += 1) expect(take('read-manifest')).toBe('taken');
  expect(take('catalog')).toEqual([429, '60']);
  expect(take('update-tag')).toBe('taken');
});

test('the SDK gets over a limit by itself', async () => {
  const emulator = await emulatorOf({ app: images(5) }, { faults: { readsPerSecond: 4 } });
  const { digests } = images(5);
  const client = clientOf(emulator, 3);
  await Promise.all(digests.map((digest) => client.getArtifact('app', digest).getManifestProperties()));
  expect(emulator.requests().filter(({ status }) => status === 429).length).toBeGreaterThan(0);
});

test('a test can change the registry just before a call is handled', async () => {
  const emulator = await emulatorOf({ app: images(1) });
  const { body, digest } = image('late');
  emulator.onRequest(({ kind }) => {
    if (kind === 'delete-manifest') emulator.push('app', body, { tag: 'late' });
    if (kind === 'list-tags') throw new Error('a mistake in the test');
  });
  const [first] = images(1).digests;
  expect((await call(emulator, `/v2/app/manifests/${String(first)}`, { method: 'DELETE' })).status).toBe(202);
  // The repository lives on in what was pushed.
  expect(emulator.manifestsLeft()).toEqual([`app@${digest}`]);
  const mistaken = await call(emulator, tags);
  expect(mistaken.status).toBe(500);
  expect(mistaken.body).toContain('a mistake in the test');
  emulator.onRequest(undefined);
  expect((await call(emulator, tags)).status).toBe(200);
});

test('calls are counted by kind and kept in order', async () => {
  const emulator = await emulatorOf({ 'team/app': images(1) });
  await call(emulator, '/acr/v1/team%2Fapp/_tags?n=5');
  await call(emulator, '/acr/v1/_catalog', { auth: null });
  await call(emulator, '/nowhere');
  expect(emulator.requests()).toEqual([
    { kind: 'list-tags', method: 'GET', path: '/acr/v1/team%2Fapp/_tags?n=5', repository: 'team/app', status: 200 },
    { kind: 'challenge', method: 'GET', path: '/acr/v1/_catalog', status: 401 },
    { kind: 'other', method: 'GET', path: '/nowhere', status: 404 },
  ]);
  expect(Object.entries(emulator.counts()).filter(([, count]) => count > 0)).toEqual([
    ['list-tags', 1],
    ['challenge', 1],
    ['other', 1],
  ]);
});

test('close lets go of open connections, and may be called twice', async () => {
  const emulator = await emulatorOf({ app: images(1) }, { faults: { latencyMs: 30_000 } });
  const waiting = call(emulator, tags);
  const lost = expect(waiting).rejects.toThrow();
  await vi.waitFor(() => expect(emulator.requests()).toHaveLength(1));
  await Promise.all([emulator.close(), emulator.close()]);
  await lost;
  await expect(call(emulator, tags)).rejects.toMatchObject({ code: 'ECONNREFUSED' });
});

test('a port that is taken is an error', async () => {
  const emulator = await emulatorOf({});
  const port = Number(emulator.loginServer.split(':')[1]);
  await expect(emulatorOf({}, { port })).rejects.toMatchObject({ code: 'EADDRINUSE' });
});

test('a window is a second from its first call', () => {
  let now = 0;
  const faults = new FaultInjector({ deletesPerSecond: 1 }, () => now);
  const status = (): unknown => faults.forData({ kind: 'delete-tag', method: 'DELETE', path: '/' });
  expect(status()).toBeUndefined();
  now += 999;
  expect(status()).toMatchObject({ status: 429 });
  now += 1;
  expect(status()).toBeUndefined();
});

import { expect, test } from 'vitest';
import type { Emulator, EmulatorOptions } from '../../../src/dev/emulator/index.ts';
import { all, call, clientOf, emulatorOf, errorCode, form, identityToken, images, parsed } from './support.ts';

const app = images(2);
const [digest = ''] = app.digests;

function start(options: Omit<EmulatorOptions, 'repositories'> = {}): Promise<Emulator> {
  return emulatorOf({ 'library/app': app, other: images(1) }, options);
}

test('each call without a token is told the scope it needs', async () => {
  const emulator = await start();
  const calls = [
    ['GET', '/acr/v1/_catalog', 'registry:catalog:*'],
    ['GET', '/v2/_catalog', 'registry:catalog:*'],
    ['GET', '/acr/v1/library%2Fapp/_tags', 'repository:library/app:metadata_read'],
    ['GET', '/acr/v1/library/app/_manifests', 'repository:library/app:metadata_read'],
    ['GET', `/acr/v1/library%2Fapp/_manifests/${digest}`, 'repository:library/app:metadata_read'],
    ['PATCH', '/acr/v1/library%2Fapp/_tags/v0', 'repository:library/app:metadata_write'],
    ['DELETE', '/acr/v1/library%2Fapp/_tags/v0', 'repository:library/app:delete'],
    ['DELETE', `/v2/library/app/manifests/${digest}`, 'repository:library/app:delete'],
    ['GET', '/v2/library%2Fapp/manifests/v0', 'repository:library/app:pull'],
    ['GET', `/v2/library/app/referrers/${digest}`, 'repository:library/app:pull'],
    ['PUT', '/v2/library/app/manifests/v9', 'repository:library/app:pull,push'],
  ] as const;
  for (const [method, path, scope] of calls) {
    const reply = await call(emulator, path, { method, auth: null });
    expect(reply.status, path).toBe(401);
    expect(reply.headers['www-authenticate'], path).toBe(
      `Bearer realm="${emulator.url}/oauth2/token",service="${emulator.loginServer}",scope="${scope}"`,
    );
    expect(reply.headers['x-ms-correlation-request-id']).toMatch(/^[0-9a-f-]{36}$/);
    expect(reply.headers['docker-distribution-api-version']).toBe('registry/2.0');
  }
  expect(emulator.counts().challenge).toBe(calls.length);
  expect(emulator.manifestsLeft()).toHaveLength(3);
});

test('the body of a challenge says what is missing', async () => {
  const reply = await call(await start(), '/acr/v1/library%2Fapp/_tags', { auth: null });
  expect(parsed(reply)).toEqual({
    errors: [
      {
        code: 'UNAUTHORIZED',
        message: 'authentication required, visit https://aka.ms/acr/authorization for more information.',
        detail: [{ Type: 'repository', Name: 'library/app', Action: 'metadata_read' }],
      },
    ],
  });
});

test('the SDK finds its way, and needs a token for each scope', async () => {
  const emulator = await start();
  const client = clientOf(emulator);
  expect(await all(client.listRepositoryNames())).toEqual(['library/app', 'other']);
  const repository = client.getRepository('library/app');
  expect(await all(repository.listManifestProperties())).toHaveLength(2);
  await repository.getArtifact('v0').deleteTag('v0');
  expect(emulator.tagsLeft()).toEqual(['library/app:v1', 'other:v0']);
  expect(emulator.counts()).toMatchObject({
    challenge: 3,
    identity: 1,
    exchange: 1,
    token: 3,
    catalog: 1,
    'list-manifests': 1,
    'delete-tag': 1,
  });
});

async function refreshToken(emulator: Emulator): Promise<string> {
  const service = emulator.loginServer;
  const access_token = await identityToken(emulator);
  const reply = await call(emulator, '/oauth2/exchange', form({ grant_type: 'access_token', service, access_token }));
  expect(reply.status).toBe(200);
  return (parsed(reply) as { refresh_token: string }).refresh_token;
}

async function tokenFor(emulator: Emulator, ...scopes: string[]): Promise<string> {
  const refresh_token = await refreshToken(emulator);
  const fields: [string, string][] = scopes.map((scope) => ['scope', scope]);
  fields.push(['grant_type', 'refresh_token'], ['service', emulator.loginServer], ['refresh_token', refresh_token]);
  const reply = await call(emulator, '/oauth2/token', form(fields));
  expect(reply.status, reply.body).toBe(200);
  return (parsed(reply) as { access_token: string }).access_token;
}

async function statusWith(emulator: Emulator, token: string, path: string, method = 'GET'): Promise<number> {
  return (await call(emulator, path, { method, auth: null, headers: { authorization: `Bearer ${token}` } })).status;
}

test('a token is good for its scopes: several actions, several scopes, several parameters', async () => {
  const emulator = await start();
  const token = await tokenFor(
    emulator,
    'registry:catalog:* repository:library/app:pull,metadata_read',
    'repository:other:delete',
  );
  expect(await statusWith(emulator, token, '/acr/v1/_catalog')).toBe(200);
  expect(await statusWith(emulator, token, '/acr/v1/library%2Fapp/_tags')).toBe(200);
  expect(await statusWith(emulator, token, '/v2/library/app/manifests/v0')).toBe(200);
  expect(await statusWith(emulator, token, '/acr/v1/library%2Fapp/_tags/v0', 'DELETE')).toBe(401);
  expect(await statusWith(emulator, token, '/acr/v1/other/_tags')).toBe(401);
  expect(await statusWith(emulator, token, '/acr/v1/other/_tags/v0', 'DELETE')).toBe(202);
});

test('a token for something else is insufficient, a made-up one invalid', async () => {
  const emulator = await start();
  const token = await tokenFor(emulator, 'repository:other:metadata_read');
  const challengeTo = async (authorization: string): Promise<string | undefined> =>
    (await call(emulator, '/acr/v1/library%2Fapp/_tags', { auth: null, headers: { authorization } })).headers[
      'www-authenticate'
    ];
  expect(await challengeTo(`Bearer ${token}`)).toContain(',error="insufficient_scope"');
  expect(await challengeTo(`Bearer ${token}x`)).toContain(',error="invalid_token"');
  expect(await challengeTo('Bearer nonsense')).toContain(',error="invalid_token"');
  // A refresh token is none either.
  expect(await challengeTo(`Bearer ${await refreshToken(emulator)}`)).toContain(',error="invalid_token"');
});

test('a wildcard scope opens every repository, except in a registry with access control by attributes', async () => {
  const open = await start();
  const wildcard = await tokenFor(open, 'repository:*:*');
  expect(await statusWith(open, wildcard, '/acr/v1/other/_tags/v0', 'DELETE')).toBe(202);
  expect(await statusWith(open, wildcard, '/acr/v1/_catalog')).toBe(401);

  const closed = await start({ abac: true });
  const refresh_token = await refreshToken(closed);
  const reply = await call(
    closed,
    '/oauth2/token',
    form({ grant_type: 'refresh_token', service: closed.loginServer, refresh_token, scope: 'repository:*:*' }),
  );
  expect([reply.status, errorCode(reply)]).toEqual([401, 'UNAUTHORIZED']);
  expect(claims(refresh_token)).toHaveProperty('aad_identity');
  expect(claims(await refreshToken(open))).not.toHaveProperty('aad_identity');
});

function claims(token: string): { exp: number } {
  return JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString()) as { exp: number };
}

test('tokens live as long as recorded: 3 h 15 min and 75 min', async () => {
  const emulator = await start();
  const now = Date.now() / 1000;
  expect(claims(await refreshToken(emulator)).exp - now).toBeCloseTo(11_700, -1);
  expect(claims(await tokenFor(emulator, 'registry:catalog:*')).exp - now).toBeCloseTo(4_500, -1);
});

test('an expired access token is answered with a challenge, and the SDK gets another', async () => {
  const emulator = await start({ tokenLifeSeconds: 0 });
  const token = await tokenFor(emulator, 'registry:catalog:*');
  expect(await statusWith(emulator, token, '/acr/v1/_catalog')).toBe(401);

  const short = await start({ tokenLifeSeconds: 1 });
  const client = clientOf(short);
  await all(client.listRepositoryNames());
  await new Promise((resolve) => setTimeout(resolve, 1100));
  expect(await all(client.listRepositoryNames())).toHaveLength(2);
  expect(short.counts()).toMatchObject({ challenge: 2, token: 2, exchange: 1 });
});

test('the exchange takes only what the identity endpoint gave', async () => {
  const emulator = await start();
  const service = emulator.loginServer;
  const access_token = await identityToken(emulator);
  const status = async (fields: Record<string, string>): Promise<number> =>
    (await call(emulator, '/oauth2/exchange', form(fields))).status;
  expect(await status({ grant_type: 'access_token', service, access_token: 'eyJh.eyJi.c' })).toBe(401);
  expect(await status({ grant_type: 'access_token', service, access_token: await refreshToken(emulator) })).toBe(401);
  expect(await status({ grant_type: 'password', service, access_token })).toBe(400);
  expect(await status({ grant_type: 'access_token', service: 'x.azurecr.io', access_token })).toBe(400);
});

test('tokens of another registry are not good here', async () => {
  const [here, there] = [await start(), await start()];
  expect(await statusWith(here, await tokenFor(there, 'registry:catalog:*'), '/acr/v1/_catalog')).toBe(401);
});

test('name and password are good on every call, and for a token', async () => {
  const emulator = await start();
  expect((await call(emulator, '/acr/v1/_catalog')).status).toBe(200);
  const wrong = await call(emulator, '/acr/v1/_catalog', { auth: 'admin:wrong' });
  expect([wrong.status, errorCode(wrong)]).toEqual([401, 'UNAUTHORIZED']);

  const service = emulator.loginServer;
  const scope = 'registry:catalog:*';
  const byForm = await call(
    emulator,
    '/oauth2/token',
    form({ grant_type: 'password', service, scope, username: 'admin', password: 'p:ss' }),
  );
  // What docker does.
  const byGet = await call(emulator, `/oauth2/token?service=${service}&scope=${encodeURIComponent(scope)}`);
  for (const reply of [byForm, byGet]) {
    const { access_token } = parsed(reply) as { access_token: string };
    expect(await statusWith(emulator, access_token, '/acr/v1/_catalog')).toBe(200);
  }
  const refused = await call(
    emulator,
    '/oauth2/token',
    form({ grant_type: 'password', service, scope, username: 'admin', password: '' }),
  );
  expect(refused.status).toBe(401);
  const without = await emulatorOf({ app }, { basic: { username: 'else', password: 'x' } });
  expect((await call(without, '/acr/v1/_catalog')).status).toBe(401);
});

test('/v2/ says that this is a registry, to who may know', async () => {
  const emulator = await start();
  expect((await call(emulator, '/v2/')).status).toBe(200);
  const reply = await call(emulator, '/v2/', { auth: null });
  expect(reply.status).toBe(401);
  expect(reply.headers['www-authenticate']).not.toContain('scope');
});

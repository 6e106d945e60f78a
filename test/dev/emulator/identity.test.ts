import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { ContainerRegistryClient } from '@azure/container-registry';
import { DefaultAzureCredential, ManagedIdentityCredential } from '@azure/identity';
import { expect, onTestFinished, test, vi } from 'vitest';
import type { RecordedRequest } from '../../../src/dev/emulator/index.ts';
import { all, emulatorOf, identityToken, images } from './support.ts';

test('DefaultAzureCredential and ManagedIdentityCredential take the identity they are given', async () => {
  const asked: RecordedRequest[] = [];
  for (const create of [() => new DefaultAzureCredential(), () => new ManagedIdentityCredential()]) {
    const emulator = await emulatorOf({ app: images(3) });
    for (const [name, value] of Object.entries(emulator.environment)) vi.stubEnv(name, value);
    onTestFinished(() => void vi.unstubAllEnvs());
    const client = new ContainerRegistryClient(emulator.url, create(), {
      tlsOptions: { ca: emulator.certificate },
    });
    const manifests = await all(client.getRepository('app').listManifestProperties());
    expect(manifests).toHaveLength(3);
    asked.push(...emulator.requests().filter(({ kind }) => kind === 'identity'));
  }
  // Once: @azure/identity keeps the token for the process, and it is good with the second emulator too.
  expect(asked.map(({ path }) => path)).toEqual([
    `/msi/token?api-version=2019-08-01&resource=${encodeURIComponent('https://containerregistry.azure.net')}`,
  ]);
});

test('a process needs nothing but environment variables', async () => {
  const emulator = await emulatorOf({ 'team/app': images(2) });
  const folder = mkdtempSync(join(tmpdir(), 'emulator-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const certificate = join(folder, 'ca.pem');
  writeFileSync(certificate, emulator.certificate);
  const program = `
    import { ContainerRegistryClient } from '@azure/container-registry';
    import { DefaultAzureCredential } from '@azure/identity';
    const client = new ContainerRegistryClient('${emulator.url}', new DefaultAzureCredential());
    for await (const name of client.listRepositoryNames()) console.log(name);`;
  const { stdout } = await promisify(execFile)(process.execPath, ['--input-type=module', '-e', program], {
    env: { ...process.env, ...emulator.environment, NODE_EXTRA_CA_CERTS: certificate },
  });
  expect(stdout).toBe('team/app\n');
});

test('the endpoint answers as App Service does', async () => {
  const emulator = await emulatorOf({ app: images(1) });
  const { IDENTITY_ENDPOINT, IDENTITY_HEADER } = emulator.environment;
  const ask = async (query: string, secret = IDENTITY_HEADER): Promise<[number, Record<string, unknown>]> => {
    const response = await fetch(`${IDENTITY_ENDPOINT}?${query}`, { headers: { 'X-IDENTITY-HEADER': secret } });
    return [response.status, (await response.json()) as Record<string, unknown>];
  };
  const [status, body] = await ask('resource=https://management.azure.com&api-version=2019-08-01');
  expect(status).toBe(200);
  expect(body).toMatchObject({ resource: 'https://management.azure.com', token_type: 'Bearer' });
  // Seconds since 1970, in a string.
  expect(body['expires_on']).toMatch(/^\d{10}$/);
  expect(Number(body['expires_on']) * 1000).toBeGreaterThan(Date.now());
  expect(await identityToken(emulator)).toMatch(/^[\w-]+\.[\w-]+\.[\w-]+$/);
  expect((await ask('resource=x&api-version=2019-08-01', 'wrong'))[0]).toBe(401);
  expect((await ask('api-version=2019-08-01'))[0]).toBe(400);
  expect((await ask('resource=x'))[0]).toBe(400);
  expect(emulator.counts().identity).toBe(5);
});

test('the endpoint fails when told to', async () => {
  const emulator = await emulatorOf({ app: images(1) });
  emulator.faults({ failing: ({ kind }) => (kind === 'identity' ? 500 : undefined) });
  const { IDENTITY_ENDPOINT, IDENTITY_HEADER } = emulator.environment;
  const url = `${IDENTITY_ENDPOINT}?resource=x&api-version=2019-08-01`;
  const response = await fetch(url, { headers: { 'X-IDENTITY-HEADER': IDENTITY_HEADER } });
  expect(response.status).toBe(500);
});

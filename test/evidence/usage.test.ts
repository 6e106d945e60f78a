import { expect, test } from 'vitest';
import type { AzureFault } from '../../src/dev/azure/answers.ts';
import { startAzure } from '../../src/dev/azure/server.ts';
import { openUsage } from '../../src/evidence/usage.ts';
import { systemClock } from '../../src/registry/clock.ts';
import { azureWith, idOf, REGISTRY, running, TOKEN } from '../support/azure.ts';

const ID = idOf('Microsoft.ContainerRegistry/registries', 'contoso');
const GIB = 1024 ** 3;

/** What Azure says of the usage of a registry. */
async function read(answer: unknown, status = 200, id = ID) {
  const fault: AzureFault = { at: /listUsages/, status, body: answer };
  const azure = await startAzure(azureWith([{ id: ID, properties: {} }]), [fault]);
  running.push(azure);
  const found = await openUsage({
    credential: { getToken: () => Promise.resolve({ token: TOKEN, expiresOnTimestamp: Date.now() + 3_600_000 }) },
    clock: systemClock,
    cloud: 'AzurePublicCloud',
    resourceOf: () => (id === '' ? undefined : id),
    at: azure,
  }).read(REGISTRY);
  return { found, asked: azure.asked };
}

const size = (limit: number) => ({
  value: [
    { name: 'Webhooks', limit: 2, currentValue: 0, unit: 'Count' },
    { name: 'Size', limit, currentValue: 12_345_678, unit: 'Bytes' },
  ],
});

test('how much it uses, and what its tier includes; asked once, by the resource id', async () => {
  const { found, asked } = await read(size(100 * GIB));
  expect(found).toEqual({ state: 'known', bytes: 12_345_678, included: 100 * GIB });
  expect(asked).toEqual([`GET ${ID}/listUsages?api-version=2023-07-01`]);
});

test('a limit that no tier includes is none', async () =>
  expect((await read(size(40 * 1024 * GIB))).found).toEqual({ state: 'known', bytes: 12_345_678 }));

test.each<[string, unknown, number, string, RegExp]>([
  ['no size', { value: [] }, 200, ID, /does not say how much/],
  ['another form', { value: 1 }, 200, ID, /not the form that is documented/],
  ['no right', { error: { code: 'AuthorizationFailed', message: 'secret' } }, 403, ID, /403 AuthorizationFailed/],
  ['no resource id', size(1), 200, '', /REGISTRY_RESOURCE_ID names no resource/],
])('not known: %s', async (_, answer, status, id, why) => {
  const { found } = await read(answer, status, id);
  expect(found).toEqual({ state: 'unknown', why: expect.stringMatching(why) as string });
  expect(JSON.stringify(found)).not.toContain('secret');
});

import { expect, test } from 'vitest';
import type { AzureFault } from '../../src/dev/azure/answers.ts';
import { startAzure } from '../../src/dev/azure/server.ts';
import { openSoftDelete } from '../../src/evidence/soft-delete.ts';
import { systemClock } from '../../src/registry/clock.ts';
import { azureWith, idOf, REGISTRY, running, TOKEN } from '../support/azure.ts';

const ID = idOf('Microsoft.ContainerRegistry/registries', 'contoso');

interface Given {
  readonly policies?: object | null;
  readonly faults?: readonly AzureFault[];
  readonly id?: string | undefined;
  readonly token?: string | Error;
}

/** What Azure says of a registry with these policies. */
async function read({ policies, faults = [], id = ID, token = TOKEN }: Given) {
  const azure = await startAzure(
    azureWith([{ id: ID, properties: { ...(policies !== undefined && { policies }) } }]),
    faults,
  );
  running.push(azure);
  const getToken = () =>
    token instanceof Error
      ? Promise.reject(token)
      : Promise.resolve({ token, expiresOnTimestamp: Date.now() + 3_600_000 });
  const source = openSoftDelete({
    credential: { getToken },
    clock: systemClock,
    cloud: 'AzurePublicCloud',
    resourceOf: () => (id === '' ? undefined : id),
    at: azure,
  });
  const found = await source.read(REGISTRY);
  expect(JSON.stringify(found)).not.toMatch(/secret|names the identity/);
  return { found, asked: azure.asked };
}

test('on, with its days; asked once, by the resource id', async () => {
  const { found, asked } = await read({ policies: { softDeletePolicy: { status: 'enabled', retentionDays: 14 } } });
  expect(found).toEqual({ state: 'on', days: 14 });
  expect(asked).toEqual([`GET ${ID}?api-version=2023-11-01-preview`]);
});

test.each([
  ['disabled', { softDeletePolicy: { status: 'disabled', retentionDays: 7 } }],
  ['none', {}],
  ['no policies', null],
  ['no properties', undefined],
])('off: %s', async (_, policies) =>
  expect((await read({ policies: policies as object })).found).toEqual({ state: 'off' }),
);

test.each<[string, Given, RegExp]>([
  ['on without days', { policies: { softDeletePolicy: { status: 'enabled' } } }, /does not say for how many days/],
  ['no resource id', { id: '' }, /REGISTRY_RESOURCE_ID names no resource of contoso\.azurecr\.io/],
  [
    'no right',
    { faults: [{ at: /registries/, status: 403, code: 'AuthorizationFailed' }] },
    /may not read it \(403 AuthorizationFailed\)/,
  ],
  ['not there', { id: `${ID}2` }, /does not know it/],
  ['another form', { policies: { softDeletePolicy: { status: 1 } } }, /has not the form/],
  ['no token', { token: new Error('a secret') }, /there is no token for Azure/],
])('unknown, and why: %s', async (_, given, why) => {
  const { found } = await read(given);
  expect(found).toMatchObject({ state: 'unknown', why: expect.stringMatching(why) as unknown });
});

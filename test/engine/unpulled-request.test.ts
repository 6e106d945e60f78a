import { describe, expect, test } from 'vitest';
import { image } from '../../src/dev/emulator/manifests.ts';
import { registriesWithPulls, requestedUnpulled } from '../../src/index.ts';
import { readSettings } from '../../src/policy/settings.ts';
import { repositoryOf } from '../support/contents.ts';
import { newLedger } from '../support/ledger.ts';
import { connectTo, withEmulator } from '../support/registry.ts';

const DAY_MS = 86_400_000;
const ID =
  '/subscriptions/00000000-0000-4000-8000-000000000001/resourceGroups/shop/providers/Microsoft.ContainerRegistry/registries';
const configured = (more: Readonly<Record<string, string>> = {}) =>
  readSettings(
    {
      ACR_REGISTRY: 'contoso fabrikam',
      PURGE_COMMAND: "--filter '.*:^dev' --ago 30d",
      PURGE_SCHEDULE: '0 1 * * Sun',
      REGISTRY_RESOURCE_ID: `${ID}/contoso`,
      ...more,
    },
    () => '',
  );
const ask = (registry: string | undefined, within = '90d', more: Readonly<Record<string, string>> = {}) =>
  requestedUnpulled(configured(more), { registry, within }, newLedger());

describe('what cannot be asked is refused, before anything is read', () => {
  test.for([
    [
      'a registry that the app does not serve',
      'tailspin',
      '90d',
      'serves contoso.azurecr.io, fabrikam.azurecr.io only',
    ],
    ['none, where it serves several', undefined, '90d', 'say which one'],
    ['one whose log is not known', 'fabrikam', '90d', 'REGISTRY_RESOURCE_ID: names no resource of fabrikam.azurecr.io'],
    ['no time', 'contoso', '0d', '--for "0d": must be longer than nothing'],
    ['what is no time', 'contoso', 'soon', '--for "soon"'],
  ] as const)('%s', async ([, registry, within, words]) => {
    await expect(ask(registry, within)).rejects.toThrow(words);
  });

  test('wrong settings', async () => {
    await expect(ask('contoso', '90d', { PURGE_COMMAND: '' })).rejects.toThrow('the app settings are wrong');
  });
});

test('a registry that the app serves is read as it is configured, also where pulls keep nothing', async () => {
  const repositories = { app: repositoryOf({ built: image('one'), days: 200, tags: ['one'] }) };
  const day = (days: number): string => new Date(Date.now() - days * DAY_MS).toISOString();
  await withEmulator({ repositories }, async (emulator) => {
    const configuration = configured({ PULL_IGNORE: 'trivy' });
    const asked = { registry: 'contoso', within: '60d', most: 10, milliseconds: 60_000 };
    const found = await requestedUnpulled(configuration, asked, newLedger(), undefined, {
      open: ({ endpoint, concurrency }) => {
        expect(endpoint.host).toBe('contoso.azurecr.io');
        return Promise.resolve(connectTo(emulator, concurrency));
      },
      openPulls: ({ within, withinMilliseconds, ignored, resources }) => {
        expect(resources).toMatchObject([{ name: 'contoso' }]);
        const covers = { since: day(100), until: day(0) };
        const evidence = { source: 'log', observedAt: day(0), complete: true, problems: [], pulls: [], covers };
        return { within, withinMilliseconds, ignored, source: { name: 'log', read: () => Promise.resolve(evidence) } };
      },
    });
    expect(found).toMatchObject({ within: '60d', isLongEnough: true, total: { images: 1 } });
  });
});

test('pulls can be asked for where a resource is configured, and the settings are right', () => {
  expect(registriesWithPulls(configured())).toEqual(['contoso.azurecr.io']);
  expect(registriesWithPulls(configured({ REGISTRY_RESOURCE_ID: '' }))).toEqual([]);
  expect(registriesWithPulls(configured({ PURGE_COMMAND: '' }))).toEqual([]);
});

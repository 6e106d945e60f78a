import { describe, expect, test } from 'vitest';
import { InvalidPolicy, PolicyError } from '../../src/policy/errors.ts';
import { readPullIgnore, readRegistryResources, resourceOf } from '../../src/policy/pulls.ts';
import { readPullSettings, readSettings } from '../../src/policy/settings.ts';

const idOf = (name: string): string =>
  `/subscriptions/00000000-0000-4000-8000-000000000001/resourceGroups/plat.form/providers/Microsoft.ContainerRegistry/registries/${name}`;

const GOOD = {
  ACR_REGISTRY: 'contoso fabrikam',
  PURGE_COMMAND: "--filter 'app:^dev-' --ago 30d",
  PURGE_SCHEDULE: '0 1 * * Sun',
  KEEP_PULLED_WITHIN: '30d',
  REGISTRY_RESOURCE_ID: `${idOf('contoso')}\n${idOf('Fabrikam')}`,
};

function read(environment: Readonly<Record<string, string>>) {
  const configuration = readSettings(environment, () => '');
  return configuration.state === 'valid'
    ? configuration.settings.pulled
    : configuration.mistakes.map(({ message }) => message);
}

function mistakesOf(act: () => unknown): readonly string[] {
  try {
    act();
    return [];
  } catch (error) {
    if (error instanceof InvalidPolicy) return error.problems.map(({ message }) => message);
    if (error instanceof PolicyError) return [error.message];
    throw error;
  }
}

describe('the settings', () => {
  test('say how recent a pull keeps, whose do not count, and where the log is', () => {
    expect(read({ ...GOOD, PULL_IGNORE: 'Trivy  00000000-0000-4000-8000-00000000000B\ntrivy' })).toMatchObject({
      within: '30d',
      withinMilliseconds: 30 * 86_400_000,
      maxSilenceMilliseconds: 4 * 86_400_000,
      ignored: ['trivy', '00000000-0000-4000-8000-00000000000b'],
      resources: [{ name: 'contoso' }, { name: 'fabrikam' }],
    });
  });

  test.each([{ KEEP_PULLED_WITHIN: '' }, { KEEP_PULLED_WITHIN: '0' }])('%j: pulls are not looked up', (more) => {
    expect(read({ ...GOOD, ...more })).toBeUndefined();
  });

  test('name the setting that is wrong', () => {
    expect(read({ ...GOOD, REGISTRY_RESOURCE_ID: idOf('contoso') })).toEqual([
      expect.stringMatching(/^REGISTRY_RESOURCE_ID: names no resource of fabrikam\.azurecr\.io, where/) as string,
    ]);
    expect(read({ ...GOOD, REGISTRY_RESOURCE_ID: '/subscriptions/x' })).toEqual([
      expect.stringMatching(/^REGISTRY_RESOURCE_ID "\/subscriptions\/x": is no resource id/) as string,
    ]);
    expect(read({ ...GOOD, PULL_IGNORE: 'a"b' })).toEqual([
      expect.stringMatching(/^PULL_IGNORE "a\\"b": is no object id/) as string,
    ]);
    expect(read({ ...GOOD, KEEP_PULLED_WITHIN: '30' })).toEqual([
      expect.stringMatching(/^KEEP_PULLED_WITHIN "30": /) as string,
    ]);
  });
});

test('flags count instead of their settings', () => {
  const environment = { ...GOOD, PULL_IGNORE: 'trivy' };
  expect(readPullSettings(environment, { within: '7d', ignored: ['grype'] })).toMatchObject({
    within: '7d',
    ignored: ['grype'],
  });
  expect(readPullSettings(environment, {})).toMatchObject({ within: '30d', ignored: ['trivy'] });
  expect(readPullSettings({}, {})).toBeUndefined();
  expect(mistakesOf(() => readPullSettings({}, { within: '7d' }))).toEqual([
    expect.stringMatching(/^REGISTRY_RESOURCE_ID: /) as string,
  ]);
  expect(mistakesOf(() => readPullSettings({}, { within: 'soon' }))).toEqual([
    expect.stringMatching(/^--keep-pulled-within "soon": /) as string,
  ]);
  expect(mistakesOf(() => readPullIgnore(["' or 1"], '--pull-ignore'))).toHaveLength(1);
});

test('a registry is found by its name, also before a hash, and by its login server', () => {
  const resources = readRegistryResources(
    `${idOf('contoso')} registry.example.com:5000=${idOf('internal')}`,
    'REGISTRY_RESOURCE_ID',
  );
  const nameOf = (host: string) => resourceOf(resources, host)?.name;
  expect(nameOf('Contoso.azurecr.io')).toBe('contoso');
  expect(nameOf('contoso-a1b2c3.azurecr.io')).toBe('contoso');
  expect(nameOf('registry.example.com:5000')).toBe('internal');
  expect(nameOf('contoso2.azurecr.io')).toBeUndefined();
  expect(nameOf('internal.azurecr.io')).toBeUndefined();
});

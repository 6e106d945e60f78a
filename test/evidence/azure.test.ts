import { describe, expect, test } from 'vitest';
import type { AzureResource } from '../../src/dev/azure/answers.ts';
import { startAzure } from '../../src/dev/azure/server.ts';
import { appService } from '../../src/evidence/azure/app-service.ts';
import { containerApps } from '../../src/evidence/azure/container-apps.ts';
import { containerInstances } from '../../src/evidence/azure/container-instances.ts';
import {
  azureWith,
  groups,
  idOf,
  image,
  namesOf,
  readFrom,
  REGISTRY,
  running,
  SUBSCRIPTION,
} from '../support/azure.ts';

const DIGEST = `sha256:${'a'.repeat(64)}`;

const app = (name: string, tag: string): AzureResource => ({
  id: idOf('Microsoft.App/containerApps', name),
  properties: {
    provisioningState: 'Succeeded',
    runningStatus: 'Running',
    template: { containers: [image(`${name}:${tag}`)], initContainers: null, scale: { minReplicas: 0 } },
  },
});
const revision = (of: string, name: string, active: boolean, tag: string): AzureResource => ({
  id: `${idOf('Microsoft.App/containerApps', of)}/revisions/${name}`,
  properties: { active, trafficWeight: 0, template: { containers: [image(`${of}:${tag}`)], initContainers: [image('init:1')] } }, // prettier-ignore
});

const apps: readonly AzureResource[] = [
  app('api', 'v3'),
  revision('api', 'api--1', false, 'v1'),
  revision('api', 'api--2', true, 'v2'),
  revision('api', 'api--3', true, 'v3'),
  app('web', 'v1'),
  {
    id: idOf('Microsoft.App/jobs', 'nightly'),
    properties: { template: { containers: [image(`batch@${DIGEST}`)], initContainers: [image('seed')] } },
  },
];

describe('Container Apps', () => {
  test('what runs next, every active revision and jobs, with where they are', async () => {
    const evidence = await readFrom(azureWith(apps), containerApps);
    expect(evidence).toMatchObject({ source: 'tried', complete: true, problems: [] });
    expect(evidence.scope).toBe(`the Container Apps and their jobs in the subscription ${SUBSCRIPTION}`);
    expect(new Set(namesOf(evidence))).toEqual(
      new Set(['api:v2', 'api:v3', 'init:1', 'web:v1', `batch@${DIGEST}`, 'seed:latest']),
    );
    expect(evidence.facts.find(({ tag }) => tag === 'v2')?.where).toBe(
      'container app api, resource group shop, revision api--2',
    );
  });

  test('images of other registries are none of this one', async () => {
    const [first] = apps;
    const evidence = await readFrom(azureWith(first ? [first] : []), (options, subscription) => ({
      name: 'other',
      read: (_, signal) => containerApps(options, subscription).read('fabrikam.azurecr.io', signal),
    }));
    expect(evidence).toMatchObject({ complete: true, facts: [] });
  });
});

test('executions of a job that have not ended, whatever they were started with', async () => {
  const execution = (name: string, status: string): AzureResource => ({
    id: `${idOf('Microsoft.App/jobs', 'nightly')}/executions/${name}`,
    properties: { status, startTime: '2026-11-24T01:00:00Z', template: { containers: [image(`run:${name}`)] } },
  });
  const states = ['Running', 'Processing', 'Unknown', 'Degraded', 'Succeeded', 'Failed', 'Stopped', 'a-new-one'];
  const evidence = await readFrom(
    azureWith([
      { id: idOf('Microsoft.App/jobs', 'nightly'), properties: { template: { containers: [image('batch:v2')] } } },
      ...states.map((status) => execution(status, status)),
    ]),
    containerApps,
  );
  expect(evidence.complete).toBe(true);
  expect(namesOf(evidence)).toEqual(['batch:v2', 'run:Degraded', 'run:Processing', 'run:Running', 'run:Unknown', 'run:a-new-one']); // prettier-ignore
  expect(evidence.facts.find(({ tag }) => tag === 'Running')?.where).toBe(
    'job nightly, resource group shop, execution Running',
  );
});

describe('App Service and Functions', () => {
  const site = (name: string, reserved: boolean, fx: Readonly<Record<string, string>>): readonly AzureResource[] => [
    { id: idOf('Microsoft.Web/sites', name), properties: { reserved, siteConfig: { linuxFxVersion: '' } } },
    { id: `${idOf('Microsoft.Web/sites', name)}/config/web`, properties: fx },
  ];
  const compose = (text: string): string => `COMPOSE|${Buffer.from(text).toString('base64')}`;

  test('apps and slots, for Linux and Windows, sidecars, and lists of containers', async () => {
    const evidence = await readFrom(
      azureWith([
        ...site('shop', true, { linuxFxVersion: `DOCKER|${REGISTRY}/shop:v1` }),
        ...site('shop/slots/staging', true, { linuxFxVersion: `DOCKER|https://${REGISTRY}/shop:v2` }),
        ...site('old', false, { linuxFxVersion: '', windowsFxVersion: `DOCKER|${REGISTRY}/old:v1` }),
        ...site('code', true, { linuxFxVersion: 'NODE|24' }),
        ...site('several', true, { linuxFxVersion: compose(`services:\n  web:\n    image: ${REGISTRY}/web:v1\n  db: { image: postgres }\n`) }), // prettier-ignore
        ...site('pods', true, { linuxFxVersion: `KUBE|${Buffer.from(`spec:\n  containers:\n    - image: ${REGISTRY}/pod:v1\n`).toString('base64')}` }), // prettier-ignore
        ...site('side', true, { linuxFxVersion: 'SITECONTAINERS' }),
        {
          id: `${idOf('Microsoft.Web/sites', 'side')}/sitecontainers/main`,
          properties: { isMain: true, image: `${REGISTRY}/main:v1` },
        },
        {
          id: `${idOf('Microsoft.Web/sites', 'shop')}/slots/staging/sitecontainers/proxy`,
          properties: { isMain: false, image: `${REGISTRY}/proxy:v1` },
        },
      ]),
      appService,
    );
    expect(evidence.problems).toEqual([]);
    expect(namesOf(evidence)).toEqual(['main:v1', 'old:v1', 'pod:v1', 'proxy:v1', 'shop:v1', 'shop:v2', 'web:v1']);
    expect(evidence.facts.find(({ tag }) => tag === 'v2')?.where).toBe('app shop, slot staging, resource group shop');
    expect(evidence.asked.filter((line) => /config\/(?!web\?)|^POST \/sub/.test(line))).toEqual([]);
    // Windows has no sidecars.
    expect(evidence.asked.filter((line) => line.includes('old/sitecontainers'))).toEqual([]);
  });

  test.each([
    ['is no YAML', compose('a: [')],
    ['names no image', compose('services: {}')],
    ['has an image that is filled in later', compose(`services: { web: { image: '${REGISTRY}/web:\${TAG}' } }`)],
    ['has a registry that is filled in later', compose("services: { web: { image: '${HOST}/web:v1' } }")],
  ])('a list of containers that %s is not complete', async (_, linuxFxVersion) => {
    const evidence = await readFrom(azureWith(site('several', true, { linuxFxVersion })), appService);
    expect(evidence).toMatchObject({ complete: false, facts: [] });
    expect(evidence.problems).toEqual([expect.stringMatching(/^app several, resource group shop: .* cannot be read$/)]);
  });

  test.each(['SITECONTAINERS', 'sitecontainers', 'SITECONTAINERS|'])(
    'an app that says %s, and has no list of its containers, is not complete',
    async (linuxFxVersion) => {
      const azure = azureWith(site('side', false, { linuxFxVersion }));
      const evidence = await readFrom(azure, appService, { faults: [{ at: /sitecontainers\?/, status: 404, code: 'NotFound' }] }); // prettier-ignore
      expect(evidence.problems).toEqual([expect.stringMatching(/side\/sitecontainers: Azure does not know it/)]);
    },
  );

  test.each([
    ['app,linux,container', { linuxFxVersion: '' }],
    ['functionapp,linux,container,azurecontainerapps', {}],
    ['app,container,windows', { windowsFxVersion: '' }],
    ['app,linux,container', { linuxFxVersion: ' ' }],
    ['app,linux', { linuxFxVersion: 'SITECONTAINERS' }],
    ['app,linux,container', { linuxFxVersion: 'DOCKER|' }],
  ])(
    'an app of the kind %s that names no image is not complete',
    async (kind, fx: Readonly<Record<string, string>>) => {
      const [app, web] = site('side', true, fx);
      const evidence = await readFrom(azureWith(app && web ? [{ ...app, kind }, web] : []), appService);
      expect(evidence.problems).toEqual([expect.stringMatching(/^app side, resource group shop: .*names no image$/)]);
    },
  );

  test('an app that runs code, or its containers by a list, is complete whatever kind it is of', async () => {
    const containers = site('side', true, { linuxFxVersion: '' }).map((one) => ({
      ...one,
      kind: 'app,linux,container',
    }));
    const sidecar = { id: `${idOf('Microsoft.Web/sites', 'side')}/sitecontainers/main`, properties: { image: `${REGISTRY}/main:v1` } }; // prettier-ignore
    const code = site('code', true, { linuxFxVersion: 'NODE|24' }).map((one) => ({
      ...one,
      kind: 'app,linux,container',
    }));
    const evidence = await readFrom(azureWith([...containers, sidecar, ...code]), appService);
    expect(evidence).toMatchObject({ complete: true, problems: [] });
    expect(namesOf(evidence)).toEqual(['main:v1']);
  });

  test('an app that has no list of sidecars is complete; one whose list is refused is not', async () => {
    const azure = azureWith(site('code', true, { linuxFxVersion: 'NODE|24' }));
    const none = await readFrom(azure, appService, { faults: [{ at: /sitecontainers/, status: 404, code: 'NotFound' }] }); // prettier-ignore
    expect(none.complete).toBe(true);
    const refused = await readFrom(azure, appService, { faults: [{ at: /sitecontainers/, status: 403, code: 'AuthorizationFailed' }] }); // prettier-ignore
    expect(refused.problems).toEqual([
      expect.stringMatching(/sites\/code\/sitecontainers: the identity may not read it \(403 AuthorizationFailed\); grant it/), // prettier-ignore
    ]);
  });
});

describe('a container that', () => {
  const group = (image: unknown): AzureResource => ({
    id: idOf('Microsoft.ContainerInstance/containerGroups', 'one'),
    properties: { containers: [{ name: 'main', properties: image === undefined ? {} : { image } }] },
  });

  test.each([
    ['names no image', undefined, /^container group one, .* names no image$/],
    ['has an empty name', ' ', /names no image$/],
    ['has capitals in its name', `${REGISTRY}/Shop/API:v1`, /the name of its image cannot be read$/],
    ['is named in another form', `acr task ${REGISTRY}`, /the name of its image cannot be read$/],
  ])('%s: it is not complete', async (_, image, words) => {
    const evidence = await readFrom(azureWith([group(image)]), containerInstances);
    expect(evidence).toMatchObject({ complete: false, facts: [], problems: [expect.stringMatching(words)] });
  });

  test.each([
    ['the host in capitals', `CONTOSO.azurecr.IO/shop:v1`, 'shop:v1'],
    ['a port', `${REGISTRY}:443/shop:v1`, 'shop:v1'],
    ['the endpoint of one region', 'contoso.westeurope.geo.azurecr.io/shop:v1', 'shop:v1'],
    ['a tag and a digest', `${REGISTRY}/shop:v1@${DIGEST}`, `shop:v1@${DIGEST}`],
  ])('is named with %s', async (_, image, name) => {
    const evidence = await readFrom(azureWith([group(image)]), containerInstances);
    expect(evidence).toMatchObject({ complete: true, problems: [] });
    expect(namesOf(evidence)).toEqual([name]);
  });
});

describe('container groups', () => {
  test('all pages, with the containers that run first', async () => {
    const evidence = await readFrom(azureWith(groups, { page: 2 }), containerInstances);
    expect(evidence).toMatchObject({ complete: true, problems: [] });
    expect(namesOf(evidence)).toEqual(['init:v1', 'main:v0', 'main:v1', 'main:v2', 'main:v3', 'main:v4']);
    expect(evidence.asked.filter((line) => line.includes('containerGroups'))).toHaveLength(3);
  });

  test('a page that fails: what was read is kept, and it is not complete', async () => {
    const faults = [{ at: /skiptoken=2/, status: 500 as const, code: 'InternalServerError' }];
    const evidence = await readFrom(azureWith(groups, { page: 2 }), containerInstances, { faults });
    expect(evidence.complete).toBe(false);
    expect(evidence.problems).toEqual([
      expect.stringMatching(/containerGroups: Azure answers 500 InternalServerError$/),
    ]);
    expect(namesOf(evidence)).toEqual(['init:v1', 'main:v0', 'main:v1']);
  });

  test('a next page at another host is not asked: the token is not for it', async () => {
    const other = await startAzure(azureWith([]));
    running.push(other);
    const moved = { at: /containerGroups/, status: 302 as const, headers: { location: `${other.endpoint}/x` } };
    const linked = {
      at: /containerGroups/,
      status: 200 as const,
      body: { value: [], nextLink: `${other.endpoint}/x` },
    };
    for (const [fault, words] of [
      [moved, /answers 302/],
      [linked, /it is at another host/],
    ] as const) {
      const { complete, problems } = await readFrom(azureWith(groups), containerInstances, { faults: [fault] });
      expect(complete).toBe(false);
      expect(problems).toEqual([expect.stringMatching(words)]);
    }
    expect(other.asked).toEqual([]);
  });
});

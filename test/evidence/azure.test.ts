import { afterEach, describe, expect, test } from 'vitest';
import type { Azure, AzureFault, AzureResource } from '../../src/dev/azure/answers.ts';
import { type RunningAzure, startAzure } from '../../src/dev/azure/server.ts';
import { AKS_ACTIONS, aksClusters } from '../../src/evidence/azure/aks.ts';
import { APP_SERVICE_ACTIONS, appService } from '../../src/evidence/azure/app-service.ts';
import { CONTAINER_APPS_ACTIONS, containerApps } from '../../src/evidence/azure/container-apps.ts';
import { CONTAINER_INSTANCES_ACTIONS, containerInstances } from '../../src/evidence/azure/container-instances.ts';
import type { AzureOptions } from '../../src/evidence/azure/source.ts';
import type { Evidence, Source } from '../../src/evidence/types.ts';
import { systemClock } from '../../src/registry/clock.ts';
import { cloudOf } from '../../src/registry/identity.ts';

const SUBSCRIPTION = '00000000-0000-4000-8000-000000000001';
const TOKEN = 'a-token-that-is-secret';
const REGISTRY = 'contoso.azurecr.io';

const running: RunningAzure[] = [];
afterEach(async () => {
  for (const azure of running.splice(0)) await azure.stop();
});

const idOf = (type: string, name: string): string =>
  `/subscriptions/${SUBSCRIPTION}/resourceGroups/shop/providers/${type}/${name}`;
const image = (name: string) => ({ name: 'main', image: `${REGISTRY}/${name}` });

const ALL = [{ actions: ['*/read'] }];

function azureWith(resources: readonly AzureResource[], more: Partial<Azure> = {}): Azure {
  return { tokens: new Set([TOKEN]), subscriptions: { [SUBSCRIPTION]: ALL }, resources, ...more };
}

interface ReadOptions {
  readonly faults?: readonly AzureFault[];
  readonly token?: string | Error;
  readonly signal?: AbortSignal;
}

async function readFrom(
  azure: Azure,
  open: (options: AzureOptions, subscription: string) => Source,
  { faults = [], token = TOKEN, signal }: ReadOptions = {},
): Promise<Evidence & { readonly asked: readonly string[] }> {
  const started = await startAzure(azure, faults);
  running.push(started);
  const getToken = () =>
    typeof token === 'string'
      ? Promise.resolve({ token, expiresOnTimestamp: Date.now() + 3_600_000 })
      : Promise.reject(token);
  const source = open(
    { name: 'tried', credential: { getToken }, clock: systemClock, cloud: 'AzurePublicCloud', at: started },
    SUBSCRIPTION,
  );
  const evidence = await source.read(REGISTRY, signal);
  // Whatever happens: neither what proves the identity nor what Azure says of it.
  expect(JSON.stringify(evidence)).not.toMatch(/secret|names the identity/);
  return { ...evidence, asked: started.asked };
}

const namesOf = ({ facts }: Evidence): readonly string[] =>
  facts.map(({ repository, tag, digest }) => `${repository}${tag === undefined ? '' : `:${tag}`}${digest === undefined ? '' : `@${digest}`}`).toSorted(); // prettier-ignore

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
    expect(evidence.asked.filter((line) => /config\/(?!web\?)|^POST/.test(line))).toEqual([]);
    // Windows has no sidecars.
    expect(evidence.asked.filter((line) => line.includes('old/sitecontainers'))).toEqual([]);
  });

  test.each([
    ['is no YAML', compose('a: [')],
    ['names no image', compose('services: {}')],
    ['has an image that is filled in later', compose(`services: { web: { image: '${REGISTRY}/web:\${TAG}' } }`)],
  ])('a list of containers that %s is not complete', async (_, linuxFxVersion) => {
    const evidence = await readFrom(azureWith(site('several', true, { linuxFxVersion })), appService);
    expect(evidence).toMatchObject({ complete: false, facts: [] });
    expect(evidence.problems).toEqual([expect.stringMatching(/^app several, resource group shop: .* cannot be read$/)]);
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

const groups = Array.from({ length: 5 }, (_, index): AzureResource => ({
  id: idOf('Microsoft.ContainerInstance/containerGroups', `group-${index}`),
  properties: {
    containers: [{ name: 'main', properties: { image: `${REGISTRY}/main:v${index}`, ports: [] } }],
    ...(index === 0 && { initContainers: [{ name: 'init', properties: { image: `${REGISTRY}/init:v1` } }] }),
  },
}));

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
      [linked, /the next page is at another host/],
    ] as const) {
      const { complete, problems } = await readFrom(azureWith(groups), containerInstances, { faults: [fault] });
      expect(complete).toBe(false);
      expect(problems).toEqual([expect.stringMatching(words)]);
    }
    expect(other.asked).toEqual([]);
  });
});

describe('the clouds', () => {
  test.each([
    [undefined, 'https://management.azure.com/.default'],
    ['https://containerregistry.azure.net', 'https://management.azure.com/.default'],
    ['https://management.chinacloudapi.cn', 'https://management.chinacloudapi.cn/.default'],
    ['https://management.usgovcloudapi.net', 'https://management.usgovcloudapi.net/.default'],
  ])('%s', async (audience, scope) => {
    const at = await startAzure(azureWith([]));
    running.push(at);
    const scopes = new Set<unknown>();
    const getToken = (asked: unknown) => {
      scopes.add(asked);
      return Promise.resolve({ token: TOKEN, expiresOnTimestamp: Date.now() + 3_600_000 });
    };
    const options = { name: 'tried', credential: { getToken }, clock: systemClock, cloud: cloudOf(audience), at };
    await expect(containerInstances(options, SUBSCRIPTION).read(REGISTRY)).resolves.toMatchObject({ complete: true });
    expect([...scopes].flat()).toEqual([scope]);
  });
});

describe('what goes wrong is named, and is never complete', () => {
  const read = (options: ReadOptions, more: Partial<Azure> = {}) =>
    readFrom(azureWith(groups, more), containerInstances, options);

  test.each([
    [401, 'InvalidAuthenticationToken', /does not accept the identity \(401 .*check AZURE_CLIENT_ID/],
    [403, 'AuthorizationFailed', /may not read it \(403 AuthorizationFailed\); grant it the role/],
    [404, 'NotFound', /does not know it.* \(404 NotFound\)/],
    [409, 'MissingSubscriptionRegistration', /answers 409 MissingSubscriptionRegistration/],
    [500, 'a code with <blanks>', /answers 500$/],
  ])('%i', async (status, code, words) => {
    const { complete, problems } = await read({ faults: [{ at: /containerGroups/, status, code }] });
    expect(complete).toBe(false);
    expect(problems).toEqual([expect.stringMatching(words)]);
  });

  test('429: it waits as long as it is told to, and reads on', async () => {
    const wait = { at: /containerGroups/, status: 429, headers: { 'retry-after': '1' }, times: 1 } as const;
    const evidence = await read({ faults: [wait] });
    expect(evidence).toMatchObject({ complete: true, problems: [] });
    expect(evidence.asked.filter((line) => line.includes('containerGroups'))).toHaveLength(2);
  });

  test('429 again and again', async () => {
    const wait = { at: /containerGroups/, status: 429, headers: { 'retry-after-ms': '1' } } as const;
    const { complete, problems } = await read({ faults: [wait] });
    expect(complete).toBe(false);
    expect(problems).toEqual([expect.stringMatching(/takes no more calls for now \(429 Fault\)/)]);
  });

  test('a connection that breaks is tried again', async () => {
    const { complete } = await read({ faults: [{ at: /containerGroups/, status: 'drop', times: 1 }] });
    expect(complete).toBe(true);
  });

  test('no answer: the run is stopped meanwhile', async () => {
    const stop = new AbortController();
    const reading = read({ faults: [{ at: /containerGroups/, status: 'hang' }], signal: stop.signal });
    await expect.poll(() => running[0]?.asked.some((line) => line.includes('containerGroups'))).toBe(true);
    stop.abort();
    await expect(reading).resolves.toMatchObject({ complete: false, problems: [expect.stringMatching(/the run was stopped/)] }); // prettier-ignore
  });

  test('no answer: it gives up by the clock', async () => {
    const started = await startAzure(azureWith(groups), [{ at: /containerGroups/, status: 'hang' }]);
    running.push(started);
    let late: (() => void) | undefined;
    const clock = {
      ...systemClock,
      after: (_: number, call: () => void) => {
        late = call;
        return { cancel: () => (late = undefined) };
      },
    };
    const getToken = () => Promise.resolve({ token: TOKEN, expiresOnTimestamp: Date.now() + 3_600_000 });
    const options = { name: 'tried', credential: { getToken }, clock, cloud: 'AzurePublicCloud', at: started } as const;
    const reading = containerInstances(options, SUBSCRIPTION).read(REGISTRY);
    await expect.poll(() => started.asked.some((line) => line.includes('containerGroups'))).toBe(true);
    late?.();
    await expect(reading).resolves.toMatchObject({
      complete: false,
      problems: [expect.stringMatching(/containerGroups: no answer within 180 s/)],
    });
  });

  test('there is no token, and what the credential says stays with it', async () => {
    const { complete, problems } = await read({ token: new Error('AADSTS700016: the secret of the app') });
    expect(complete).toBe(false);
    for (const problem of problems)
      expect(problem).toMatch(/there is no token for Azure \(Error\); check the identity/);
    expect(problems.length).toBeGreaterThan(0);
  });

  test('an answer in another form', async () => {
    const broken = azureWith([{ id: idOf('Microsoft.ContainerInstance/containerGroups', 'x'), properties: { containers: 7 } }]); // prettier-ignore
    const { complete, problems } = await readFrom(broken, containerInstances);
    expect(complete).toBe(false);
    expect(problems).toEqual([expect.stringMatching(/the answer has not the form that is documented/)]);
  });
});

describe('a scope that may not be read', () => {
  const sources = [
    ['containerapps', containerApps, CONTAINER_APPS_ACTIONS],
    ['appservice', appService, APP_SERVICE_ACTIONS],
    ['aci', containerInstances, CONTAINER_INSTANCES_ACTIONS],
    ['aks', aksClusters, AKS_ACTIONS],
  ] as const;

  test.each(sources)('%s: a subscription that the identity does not know', async (_, open) => {
    const evidence = await readFrom(azureWith(groups, { subscriptions: {} }), open);
    expect(evidence).toMatchObject({ complete: false, facts: [] });
    expect(evidence.problems).toContainEqual(expect.stringMatching(/permissions: Azure does not know it/));
  });

  test.each(sources)(
    '%s: lists of what may be read alone are answered 200, and are not taken for all',
    async (_, open, actions) => {
      const none = await readFrom(azureWith([], { subscriptions: { [SUBSCRIPTION]: [] } }), open);
      expect(none.problems).toEqual([
        expect.stringContaining(`its roles there lack ${actions.join(', ')}; grant them`),
      ]);
      const exact = await readFrom(azureWith([], { subscriptions: { [SUBSCRIPTION]: [{ actions }] } }), open);
      expect(exact).toMatchObject({ complete: true, problems: [] });
      const [first = ''] = actions;
      const without = [{ actions: ['*'], notActions: [first.toUpperCase()] }];
      const one = await readFrom(azureWith([], { subscriptions: { [SUBSCRIPTION]: without } }), open);
      expect(one.problems).toEqual([expect.stringContaining(`lack ${first}; grant`)]);
    },
  );

  test.each([
    ['*', true],
    ['*/read', true],
    ['Microsoft.ContainerInstance/*', true],
    ['microsoft.containerinstance/containergroups/read', true],
    ['Microsoft.*/containerGroups/read', true],
    ['Microsoft.ContainerInstance/containerGroups/*/read', false],
    ['Microsoft.ContainerInstance/containerGroups', false],
    ['*/write', false],
    ['Microsoft.ContainerInstance/containerGroups/read/action', false],
    ['Microsoft.Web/*', false],
  ])('%s: %s', async (action, complete) => {
    const subscriptions = { [SUBSCRIPTION]: [{ actions: [action] }] };
    const evidence = await readFrom(azureWith([], { subscriptions }), containerInstances);
    expect(evidence.complete).toBe(complete);
  });
});

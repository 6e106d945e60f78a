import { describe, expect, test } from 'vitest';
import type { Azure } from '../../src/dev/azure/answers.ts';
import { startAzure } from '../../src/dev/azure/server.ts';
import { AKS_ACTIONS, aksClusters } from '../../src/evidence/azure/aks.ts';
import { APP_SERVICE_ACTIONS, appService } from '../../src/evidence/azure/app-service.ts';
import { CONTAINER_APPS_ACTIONS, containerApps } from '../../src/evidence/azure/container-apps.ts';
import { CONTAINER_INSTANCES_ACTIONS, containerInstances } from '../../src/evidence/azure/container-instances.ts';
import { systemClock } from '../../src/registry/clock.ts';
import { cloudOf } from '../../src/registry/identity.ts';
import {
  azureWith,
  groups,
  idOf,
  namesOf,
  readFrom,
  type ReadOptions,
  REGISTRY,
  running,
  SUBSCRIPTION,
  TOKEN,
} from '../support/azure.ts';

describe('the index of Azure Resource Graph', () => {
  const ids = groups.map(({ id }) => id);
  const graph = /ResourceGraph/;
  const answer = (body: object) => ({ at: graph, status: 200 as const, body });

  test('what a list leaves out and the index names is read; what is gone since is not missed', async () => {
    const azure = azureWith(groups, { indexed: [...ids.slice(3), idOf('Microsoft.ContainerInstance/containerGroups', 'gone')] }); // prettier-ignore
    const evidence = await readFrom(azure, containerInstances);
    expect(evidence).toMatchObject({ complete: true, problems: [] });
    expect(namesOf(evidence)).toEqual(['init:v1', 'main:v0', 'main:v1', 'main:v2', 'main:v3', 'main:v4']);
    // What was listed is not read once more.
    expect(evidence.asked.filter((line) => /containergroups\/group-/i.test(line))).toHaveLength(2);
  });

  test('the index lags: what it does not have yet is in the list', async () => {
    const evidence = await readFrom(azureWith(groups, { notIndexed: ids.slice(2) }), containerInstances);
    expect(evidence.complete).toBe(true);
    expect(namesOf(evidence)).toContain('main:v4');
  });

  test('all of its pages', async () => {
    const evidence = await readFrom(azureWith(groups, { indexed: ids, page: 2 }), containerInstances);
    expect(evidence.complete).toBe(true);
    expect(namesOf(evidence)).toHaveLength(6);
    expect(evidence.asked.filter((line) => line.includes('ResourceGraph'))).toHaveLength(3);
  });

  test('its quota: it waits as long as the header says', async () => {
    const busy = { at: graph, status: 429, headers: { 'x-ms-user-quota-resets-after': '00:00:01' }, times: 1 } as const;
    const evidence = await readFrom(azureWith(groups), containerInstances, { faults: [busy] });
    expect(evidence).toMatchObject({ complete: true, problems: [] });
  });

  test.each([
    ['a page that fails', { at: graph, status: 503 as const, code: 'ServiceUnavailable' }, /Azure answers 503/],
    [
      'no right to ask',
      { at: graph, status: 403 as const, code: 'AccessDenied' },
      /may not read it \(403 AccessDenied\)/,
    ],
    [
      'a truncated answer',
      answer({ totalRecords: 1, count: 1, data: [], resultTruncated: 'true' }),
      /gives 0 of 1, and no next page/,
    ],
    [
      'fewer rows than there are',
      answer({ totalRecords: 7, count: 0, data: [], resultTruncated: 'false' }),
      /gives 0 of 7, and no/,
    ],
    ['no count', answer({ count: 0, data: [], resultTruncated: 'false' }), /not the form/],
    ['nothing at all', answer({}), /not the form/],
    [
      'a row without its column',
      answer({ totalRecords: 1, count: 1, data: [{ name: 'x' }], resultTruncated: 'false' }),
      /not the form/,
    ],
    [
      'a table',
      answer({ totalRecords: 0, count: 0, data: { columns: [], rows: [] }, resultTruncated: 'false' }),
      /not the form/,
    ],
    [
      'an id that is an address',
      answer({ totalRecords: 1, count: 1, data: [{ id: '@example.com/' }], resultTruncated: 'false' }),
      /not the form/,
    ],
  ])('%s: it is not complete', async (_, fault, words) => {
    const evidence = await readFrom(azureWith(groups), containerInstances, { faults: [fault] });
    expect(evidence.complete).toBe(false);
    expect(evidence.problems).toEqual([expect.stringMatching(/^the index of Microsoft.ContainerInstance/)]);
    expect(evidence.problems).toEqual([expect.stringMatching(words)]);
    expect(namesOf(evidence)).toHaveLength(6);
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
    expect(new Set([...scopes].flat())).toEqual(new Set([scope]));
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
    [202, 'Accepted', /answers 202 Accepted$/],
    [204, 'NoContent', /answers 204/],
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

describe('what is deleted between the list and the look at it', () => {
  const gone = (at: RegExp) => ({ at, status: 404 as const, code: 'ResourceNotFound' });
  const app = { id: idOf('Microsoft.App/containerApps', 'pr-7'), properties: { template: null } };
  const job = { id: idOf('Microsoft.App/jobs', 'pr-7'), properties: { template: null } };
  const site = { id: idOf('Microsoft.Web/sites', 'pr-7'), properties: { reserved: true } };
  const web = { id: `${site.id}/config/web`, properties: { linuxFxVersion: 'NODE|24' } };
  const slot = { id: `${site.id}/slots/pr-8`, properties: { reserved: true } };

  test.each([
    ['a Container App', [app], containerApps, /\/pr-7\/revisions\?/, /\/pr-7(?:\/revisions)?\?/],
    ['a job', [job], containerApps, /\/pr-7\/executions\?/, /\/pr-7(?:\/executions)?\?/],
    ['an app', [site], appService, /\/pr-7\/config/, /\/pr-7(?:\/config\/web)?\?/],
    ['a slot', [site, web, slot], appService, /\/pr-8\/config/, /\/pr-8(?:\/config\/web)?\?/],
  ] as const)(
    '%s: it is complete without that; one that is there all the same is not',
    async (_, resources, open, part, whole) => {
      const without = await readFrom(azureWith(resources), open, { faults: [gone(whole)] });
      expect(without).toMatchObject({ complete: true, problems: [] });
      const there = await readFrom(azureWith(resources), open, { faults: [gone(part)] });
      expect(there.problems).toEqual([
        expect.stringMatching(/Azure does not know it, or the identity may not know of it/),
      ]);
    },
  );
});

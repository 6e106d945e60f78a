import { describe, expect, test } from 'vitest';
import type { Azure, AzureFault } from '../../src/dev/azure/answers.ts';
import type { GraphRow } from '../../src/dev/azure/graph.ts';
import { startAzure } from '../../src/dev/azure/server.ts';
import { type DefenderSource, openDefender } from '../../src/evidence/defender.ts';
import { systemClock } from '../../src/registry/clock.ts';
import { azureWith, REGISTRY, running, SUBSCRIPTION, TOKEN } from '../support/azure.ts';
import { recommendation, REGISTRY_ID, subAssessment } from '../support/defender.ts';

const A = `sha256:${'a'.repeat(64)}`;
const B = `sha256:${'b'.repeat(64)}`;
const high = { CveId: 'CVE-2026-1111', Severity: 'High', FixStatus: 'FixAvailable', FixedVersion: '3.0.9' };
const low = { CveId: 'CVE-2026-2222', Severity: 'Low', FixStatus: 'NoFixAvailable' };

interface Given extends Partial<Azure> {
  readonly faults?: readonly AzureFault[];
  readonly resource?: string | undefined;
  readonly token?: string | Error;
}

async function sourceWith(findings: readonly GraphRow[], { faults = [], token = TOKEN, ...more }: Given = {}) {
  const azure = await startAzure(azureWith([], { findings, ...more }), faults);
  running.push(azure);
  const source: DefenderSource = openDefender({
    credential: {
      getToken: () =>
        token instanceof Error
          ? Promise.reject(token)
          : Promise.resolve({ token, expiresOnTimestamp: Date.now() + 3_600_000 }),
    },
    clock: systemClock,
    cloud: 'AzurePublicCloud',
    resourceOf: () => ('resource' in more ? more.resource : REGISTRY_ID),
    at: azure,
  });
  return { source, asked: azure.asked };
}

async function read(findings: readonly GraphRow[], given: Given = {}) {
  const { source, asked } = await sourceWith(findings, given);
  const said = await source.read(REGISTRY);
  // Whatever happens: neither what proves the identity nor what Azure says of it.
  expect(JSON.stringify(said)).not.toMatch(/secret|names the identity/);
  return { ...said, asked, of: (digest: string, repository = 'shop/api') => said.scanOf(repository, digest) };
}

describe('the individual recommendations', () => {
  test('are counted by severity, with what can be mended, and the worst first by name', async () => {
    const medium = { CveId: 'cve-2026-3333', Severity: 'MEDIUM', FixStatus: '', FixedVersion: '1.2' };
    const said = await read([recommendation({ digest: A }, [low, high]), recommendation({ digest: A }, [medium])]);
    expect(said).toMatchObject({ complete: true, problems: [], images: 1 });
    expect(said.of(A)).toEqual({
      by: 'defender',
      bySeverity: { high: 1, medium: 1, low: 1 },
      fixable: { high: 1, medium: 1 },
      ids: ['CVE-2026-1111', 'CVE-2026-3333', 'CVE-2026-2222'],
    });
    expect(said.of(B)).toBeUndefined();
  });

  test('the same CVE twice in one image is one, as severe as it is named at all, and mended where one package is', async () => {
    const worse = { ...high, Severity: 'Critical', FixStatus: 'WontFix' };
    const said = await read([recommendation({ digest: A }, [high, high]), recommendation({ digest: A }, [worse])]);
    expect(said.of(A)).toMatchObject({ bySeverity: { critical: 1 }, fixable: { critical: 1 }, ids: ['CVE-2026-1111'] });
  });

  test('a digest in capitals, or encoded, is the same digest', async () => {
    const capital = A.toUpperCase().replace('SHA256:', 'sha256:');
    const encoded = { resourceDetails: { ResourceType: '.ContainerImage', Source: 'azure', Id: `/images/${A.replace(':', '%3A')}` } }; // prettier-ignore
    const said = await read([recommendation({ digest: capital }, [high]), recommendation({ digest: B }, [low], encoded)]); // prettier-ignore
    expect(said.of(A)).toMatchObject({ bySeverity: { high: 1, low: 1 } });
  });

  test('only those that are unhealthy count; one that is healthy says that the image was looked at, and no other does', async () => {
    const state = (code: string) => ({ status: { code } });
    const said = await read([
      recommendation({ digest: A }, undefined, state('Healthy')),
      recommendation({ digest: B }, [high], state('NotApplicable')),
    ]);
    expect(said.of(A)).toEqual({ by: 'defender', bySeverity: {}, fixable: {}, ids: [] });
    expect(said.of(B)).toBeUndefined();
    expect(said.complete).toBe(true);
  });

  test.each([
    ['None', 'unknown'],
    ['Unknown', 'unknown'],
    ['a word that is new', 'unknown'],
    ['constructor', 'unknown'],
    ['critical', 'critical'],
  ])('a severity %s counts as %s', async (word, severity) => {
    const said = await read([recommendation({ digest: A }, [{ ...low, Severity: word }])]);
    expect(said.of(A)?.bySeverity).toEqual({ [severity]: 1 });
  });

  test('a CVE without a severity has that of the recommendation, and so has a recommendation without a CVE', async () => {
    const said = await read([
      recommendation({ digest: A }, [{ CveId: 'CVE-2026-1' }]),
      recommendation({ digest: B }, undefined, { additionalData: { FixedVersion: '2' } }),
    ]);
    expect(said.of(A)?.bySeverity).toEqual({ high: 1 });
    expect(said.of(B)).toMatchObject({ bySeverity: { high: 1 }, fixable: { high: 1 }, ids: [] });
    expect(said.complete).toBe(true);
  });

  test('an image is that of its repository where that is known, else of all', async () => {
    const anywhere = { resourceAdditionalData: '{' };
    const said = await read([
      recommendation({ digest: A, repository: 'shop/web' }, [high]),
      recommendation({ digest: A }, [low], anywhere),
      recommendation({ digest: B }, [low], {
        resourceAdditionalData: { RepositoryDetails: { RepositoryName: '<b>' } },
      }),
    ]);
    expect(said.of(A, 'shop/web')?.bySeverity).toEqual({ high: 1, low: 1 });
    expect(said.of(A, 'shop/other')?.bySeverity).toEqual({ low: 1 });
    expect(said.of(B, 'shop/other')?.bySeverity).toEqual({ low: 1 });
  });

  test('of very many ids some are named, the worst', async () => {
    const many = Array.from({ length: 400 }, (_, index) => ({ CveId: `CVE-2026-${1_000 + index}`, Severity: index === 399 ? 'Critical' : 'Low' })); // prettier-ignore
    const { ids = [], bySeverity } = (await read([recommendation({ digest: A }, many)])).of(A) ?? {};
    expect(bySeverity).toEqual({ critical: 1, low: 399 });
    expect(ids).toHaveLength(20);
    expect(ids[0]).toBe('CVE-2026-1399');
  });

  test('other recommendations, clouds and resources are left out by the query', async () => {
    const other = (properties: object) => recommendation({ digest: A }, [high], { ...properties });
    const said = await read([
      other({ metadata: { severity: 'High', recommendationCategory: 'Misconfiguration' } }),
      other({ resourceDetails: { ResourceType: '.containerimage', Source: 'AWS', Id: A } }),
      other({ resourceDetails: { ResourceType: 'microsoft.compute/virtualmachines', Source: 'Azure', Id: '/vm' } }),
    ]);
    expect(said).toMatchObject({ complete: true, images: 0 });
  });
});

describe('the older sub-assessments', () => {
  test('are counted, with when they were made', async () => {
    const said = await read([
      subAssessment({ digest: A.toUpperCase().replace('SHA', 'sha') }, { cve: 'CVE-2024-1', severity: 'High' }),
      subAssessment({ digest: A }, { cve: 'CVE-2024-2', severity: 'Medium', fixStatus: 'NoFixAvailable', at: 'soon' }),
      subAssessment({ digest: A }, { cve: 'CVE-2024-3', severity: 'Low', code: 'NotApplicable' }),
    ]);
    expect(said.of(A)).toEqual({
      by: 'defender',
      at: '2026-11-29T13:36:15.077Z',
      bySeverity: { high: 1, medium: 1 },
      fixable: { high: 1 },
      ids: ['CVE-2024-1', 'CVE-2024-2'],
    });
  });

  test('of another registry are none of this one; of a hash behind its name they are', async () => {
    const said = await read([
      subAssessment({ digest: A, host: 'fabrikam.azurecr.io' }, { cve: 'CVE-2024-1', severity: 'High' }),
      subAssessment({ digest: B, host: 'Contoso-a1b2c3.azurecr.io' }, { cve: 'CVE-2024-1', severity: 'High' }),
    ]);
    expect([said.of(A), said.of(B)?.bySeverity]).toEqual([undefined, { high: 1 }]);
  });

  test('an image that both forms know is counted by the individual one, unless that one knows of nothing', async () => {
    const said = await read([
      recommendation({ digest: A }, [high]),
      subAssessment({ digest: A }, { cve: 'CVE-2024-1', severity: 'Low' }),
      recommendation({ digest: B }, undefined, { status: { code: 'Healthy' } }),
      subAssessment({ digest: B }, { cve: 'CVE-2024-1', severity: 'Low' }),
    ]);
    expect(said.images).toBe(2);
    expect([said.of(A)?.bySeverity, said.of(B)?.bySeverity]).toEqual([{ high: 1 }, { low: 1 }]);
  });
});

describe('what cannot be read is said, and what can be read counts', () => {
  const graph = /ResourceGraph/;
  const answer = (body: object, times = 1) => ({ at: graph, status: 200, body, times }) as const;
  const one = recommendation({ digest: A }, [high]);
  const other = recommendation({ digest: B }, [low]);

  test.each<[string, readonly GraphRow[], RegExp]>([
    [
      'a list that is no JSON',
      [recommendation({ digest: A }, '[{')],
      /^of 1 recommendations not every CVE could be read$/,
    ],
    ['a list that is none', [recommendation({ digest: A }, '{"CveId":"CVE-1"}')], /not every CVE/],
    ['a CVE that has no name', [recommendation({ digest: A }, [{ Severity: 'Low' }, 7 as never])], /not every CVE/],
    [
      'a list without an end',
      [
        recommendation(
          { digest: A },
          Array.from({ length: 10_001 }, () => high),
        ),
      ],
      /not every CVE/,
    ],
  ])('%s: the image is not clean', async (_, rows, words) => {
    const said = await read(rows);
    expect(said).toMatchObject({ complete: false, problems: [expect.stringMatching(words)] });
    expect(said.of(A)?.bySeverity).toEqual({ high: 1 });
  });

  test.each<[string, Readonly<Record<string, unknown>>]>([
    [
      'no digest',
      { resourceDetails: { ResourceType: '.containerimage', Source: 'Azure', Id: '/x' }, resourceAdditionalData: {} },
    ],
    [
      'two digests',
      {
        resourceDetails: { ResourceType: '.containerimage', Source: 'Azure', Id: `${A}/${B}` },
        resourceAdditionalData: {},
      },
    ],
    [
      'half a digest',
      {
        resourceDetails: { ResourceType: '.containerimage', Source: 'Azure', Id: A.slice(0, 60) },
        resourceAdditionalData: {},
      },
    ],
    [
      'a longer digest',
      {
        resourceDetails: { ResourceType: '.containerimage', Source: 'Azure', Id: `${A}f` },
        resourceAdditionalData: {},
      },
    ],
  ])('%s: it counts nowhere', async (_, properties) => {
    const said = await read([recommendation({ digest: A }, [high], properties), other]);
    expect(said.problems).toEqual(['1 recommendations do not say by a digest which image they are about']);
    expect([said.of(A), said.of(B)?.bySeverity]).toEqual([undefined, { low: 1 }]);
  });

  test('rows of other types', async () => {
    const rows = [null, 7, [], { id: 1 }, { id: 'x', state: 'Unhealthy', severity: 5, image: A }];
    const said = await read([], {
      faults: [answer({ totalRecords: 5, count: 5, data: rows, resultTruncated: 'false' })],
    });
    expect(said).toMatchObject({ complete: false, problems: ['5 recommendations are not in the form that is known'] });
  });

  test('half of the pages', async () => {
    const later = { at: graph, status: 500, code: 'InternalServerError' } as const;
    const first = answer({ totalRecords: 9, count: 0, data: [], resultTruncated: 'false', $skipToken: '1' });
    const said = await read([one, other], { faults: [first, later] });
    expect(said.complete).toBe(false);
    expect(said.problems).toEqual([
      'the recommendations of Defender for Cloud: Azure answers 500 InternalServerError',
      'the sub-assessments of Defender for Cloud: Azure answers 500 InternalServerError',
    ]);
    const truncated = await read([], { faults: [answer({ totalRecords: 9, count: 0, data: [], resultTruncated: 'true' })] }); // prettier-ignore
    expect(truncated.problems).toEqual([expect.stringMatching(/gives 0 of 9, and no next page$/)]);
  });

  test('a page that fails after others: what was read counts', async () => {
    const row = { id: 'one', state: 'Unhealthy', severity: 'High', image: A, cves: JSON.stringify([high]) };
    const first = answer({ totalRecords: 2, count: 1, data: [row], resultTruncated: 'false', $skipToken: '1' });
    const said = await read([], { faults: [first, { at: graph, status: 403, code: 'AccessDenied' }] });
    expect(said).toMatchObject({ complete: false, images: 1 });
    expect(said.of(A)).toMatchObject({ bySeverity: { high: 1 }, fixable: { high: 1 } });
  });

  test('the same page again and again', async () => {
    const again = answer({ totalRecords: 9, count: 0, data: [], resultTruncated: 'false', $skipToken: '1' }, Infinity);
    const said = await read([], { faults: [again] });
    expect(said.problems[0]).toMatch(/its next page is the same page again$/);
  });

  test('all pages, also where it takes no more queries for a while, and where an answer is too large', async () => {
    const busy = { at: graph, status: 429, headers: { 'x-ms-user-quota-resets-after': '00:00:01' }, times: 1 } as const;
    const large = { at: graph, status: 400, code: 'BadRequest', times: 2 } as const;
    const said = await read([one, other], { page: 1, faults: [large, busy] });
    expect(said).toMatchObject({ complete: true, images: 2 });
    expect(said.of(B)?.bySeverity).toEqual({ low: 1 });
  });

  test('no token, and no resource id', async () => {
    expect((await read([one], { token: new Error('a secret') })).problems.join()).toMatch(
      /there is no token for Azure/,
    );
    const unknown = await read([one], { resource: undefined });
    expect(unknown.problems).toEqual([expect.stringMatching(/^REGISTRY_RESOURCE_ID names no resource of contoso/)]);
    expect(unknown.asked).toEqual([]);
  });
});

describe('what the identity may not read is left out by Azure without a word, and so it is tried', () => {
  const none = { subscriptions: { [SUBSCRIPTION]: [{ actions: ['Microsoft.ContainerRegistry/registries/read'] }] } };

  test('Security Reader at the subscription is enough', async () => {
    const reader = { subscriptions: { [SUBSCRIPTION]: [{ actions: ['Microsoft.Security/*/read', 'Microsoft.Authorization/*/read'] }] } }; // prettier-ignore
    expect(await read([recommendation({ digest: A }, [high])], reader)).toMatchObject({ complete: true, images: 1 });
    const { source } = await sourceWith([], reader);
    expect(await source.tried(REGISTRY)).toEqual({ state: 'granted', scope: `/subscriptions/${SUBSCRIPTION}` });
  });

  test.each<[string, Given]>([
    ['another role there', none],
    ['no role there', { subscriptions: {} }],
    ['a refusal', { faults: [{ at: /permissions/, status: 403, code: 'AuthorizationFailed' }] }],
  ])('%s: it is missing, and what it gives is not complete', async (_, given) => {
    const said = await read([], given);
    expect(said.problems).toEqual([expect.stringMatching(/^the identity may not read all findings .*grant it Security Reader there/)]); // prettier-ignore
    const { source } = await sourceWith([], given);
    expect(await source.tried(REGISTRY)).toMatchObject({ state: 'missing', scope: `/subscriptions/${SUBSCRIPTION}` });
  });

  test('the service refuses to be asked, or does not answer', async () => {
    const tried = async (given: Given) => (await sourceWith([], given)).source.tried(REGISTRY);
    const refused = { at: /ResourceGraph/, status: 403, code: 'AccessDenied' };
    expect(await tried({ faults: [refused] })).toMatchObject({ state: 'missing' });
    expect(await tried({ faults: [{ ...refused, status: 500 }] })).toMatchObject({ state: 'unknown' });
    expect(await tried({ resource: undefined })).toMatchObject({ state: 'unknown' });
  });
});

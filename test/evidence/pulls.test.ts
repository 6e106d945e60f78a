import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { type LogAnalytics, type RepositoryEvent, startLogAnalytics } from '../../src/dev/logs/log-analytics.ts';
import { HOURS_QUERY, pullLog, PULLS_QUERY, TRIES_QUERY } from '../../src/evidence/pull-log.ts';
import { coveredBy, pullSource, type PullSourceOptions } from '../../src/evidence/pulls.ts';
import { systemClock } from '../../src/registry/clock.ts';
import { readRegistryQuery } from '../support/kql.ts';

const DAY_MS = 86_400_000;
const HOUR_MS = 3_600_000;
const now = Date.now();
const daysAgo = (days: number): Date => new Date(now - days * DAY_MS);

const RESOURCE =
  '/subscriptions/00000000-0000-4000-8000-000000000001/resourceGroups/platform/providers/Microsoft.ContainerRegistry/registries/contoso';
const OWN = '00000000-0000-4000-8000-00000000000a';
const SCANNER = '00000000-0000-4000-8000-00000000000b';
const KUBELET = '00000000-0000-4000-8000-00000000000c';
const DIGEST = `sha256:${'a'.repeat(64)}`;

let log: LogAnalytics;
let events: readonly RepositoryEvent[] = [];

beforeAll(async () => {
  log = await startLogAnalytics((resource) => (resource === RESOURCE.toLowerCase() ? events : undefined));
});
afterAll(() => log.close());
beforeEach(() => {
  log.faults = {};
  events = [];
});

const tokenOf = (claims: object): string =>
  `e30.${Buffer.from(JSON.stringify(claims)).toString('base64url')}.not-a-signature`;

function sourceFor(more: Partial<PullSourceOptions> = {}, claims: object = { oid: OWN }, mostRows?: number) {
  const credential = {
    getToken: () => Promise.resolve({ token: tokenOf(claims), expiresOnTimestamp: now + HOUR_MS }),
  };
  return pullSource({
    name: 'ContainerRegistryRepositoryEvents',
    credential,
    clock: systemClock,
    endpoint: log.url,
    resourceOf: () => RESOURCE,
    ignored: [],
    maxSilenceMilliseconds: 4 * DAY_MS,
    open: (resource) =>
      pullLog({
        credential,
        clock: systemClock,
        endpoint: log.url,
        resource,
        certificate: log.certificate,
        ...(mostRows !== undefined && { mostRows }),
      }),
    ...more,
  });
}

const read = (source = sourceFor()) => source.read('contoso.azurecr.io', daysAgo(30));

const pull = (days: number, more: Partial<RepositoryEvent> = {}): RepositoryEvent => ({
  TimeGenerated: daysAgo(days),
  OperationName: 'Pull',
  Repository: 'app',
  Tag: 'v1',
  Digest: DIGEST,
  Identity: KUBELET,
  UserAgent: 'containerd/v1.7.2',
  ...more,
});

/** Something happens each day, so that there is no gap. */
const daily = (from: number, to = 0): readonly RepositoryEvent[] =>
  Array.from({ length: from - to + 1 }, (_, n) => ({
    TimeGenerated: daysAgo(from - n + 0.01),
    OperationName: 'Push',
    Repository: 'other',
    Tag: 'latest',
  }));

describe('the log of a registry', () => {
  test('says the newest pull of each image, since when it speaks, and what pulled but not who', async () => {
    events = [...daily(60), pull(20), pull(3), pull(9, { Tag: '', UserAgent: 'docker/24.0.5 go/go1.20 os/linux' })];
    const evidence = await read();
    expect(evidence).toMatchObject({ complete: true, problems: [], covers: { since: daysAgo(30).toISOString() } });
    expect(evidence.pulls).toEqual([
      { repository: 'app', tag: 'v1', digest: DIGEST, last: daysAgo(3).toISOString(), client: 'containerd/v1.7.2' },
      { repository: 'app', digest: DIGEST, last: daysAgo(9).toISOString(), client: 'docker/24.0.5' },
    ]);
    expect(JSON.stringify(evidence)).not.toContain(KUBELET);
    expect(log.asked.at(-1)?.resource).toBe(RESOURCE);
  });

  test('does not count the pulls of the app, of ignored identities and of ignored clients', async () => {
    events = [
      ...daily(40),
      pull(1, { Tag: 'own', Identity: OWN.toUpperCase() }),
      pull(1, { Tag: 'scanned', Identity: SCANNER }),
      pull(1, { Tag: 'trivy', UserAgent: 'Go-http-client/1.1 Trivy/0.50' }),
      pull(1, { Tag: 'nearly', UserAgent: 'trivyfork/0.50' }),
      pull(1, { Tag: 'ours elsewhere', UserAgent: 'acr-retention azsdk-js-container-registry/1.1.2' }),
    ];
    const { pulls } = await read(sourceFor({ ignored: [SCANNER, 'trivy'] }));
    expect(pulls.map(({ tag }) => tag)).toEqual(['nearly', 'ours elsewhere']);
  });

  test('says where something else pulls as the identity of the app: that does not count', async () => {
    const ours = { Identity: OWN, UserAgent: 'acr-retention azsdk-js-container-registry/1.1.2' };
    events = [
      ...daily(40),
      pull(1, ours),
      pull(2, { ...ours, UserAgent: '' }),
      pull(3, { ...ours, UserAgent: 'containerdish/1' }),
    ];
    expect(await read()).not.toHaveProperty('remarks');
    const as = (Repository: string, UserAgent: string) => pull(1, { Identity: OWN, Repository, UserAgent });
    events = [
      ...events,
      ...['web', 'api', 'job', 'a'].map((name) => as(name, 'containerd/v1.7.2')),
      as('b\u001b[2J', 'docker/24.0.5 go/go1.20'),
    ];
    const { complete, pulls, remarks } = await read();
    expect({ complete, pulls }).toEqual({ complete: true, pulls: [] });
    expect(remarks).toEqual([
      expect.stringMatching(
        /^(containerd\/v1\.7\.2|docker\/24\.0\.5) pulls as the identity of the app \(a, api, job and 1 more repositories\), and what that identity pulls does not count: give the app an identity that nothing else pulls with$/,
      ) as string,
    ]);
  });

  test('counts what a person or a shared user pulls besides the app', async () => {
    const ours = { UserAgent: 'acr-retention azsdk-js-container-registry/1.1.2' };
    events = [
      ...daily(40),
      pull(1, { Tag: 'read', Identity: OWN, ...ours }),
      pull(1, { Tag: 'pulled', Identity: OWN }),
      pull(1, { Tag: 'read by name', Identity: 'contoso', ...ours }),
      pull(1, { Tag: 'pulled by name', Identity: 'contoso' }),
    ];
    const { pulls } = await read(sourceFor({ username: 'contoso' }, { oid: OWN, scp: 'user_impersonation' }));
    expect(pulls.map(({ tag }) => tag)).toEqual(['pulled', 'pulled by name']);
  });

  test('is asked in halves where the answer is too large for one', async () => {
    events = [...daily(60), pull(20), pull(3), pull(10, { Tag: 'v2' })];
    log.faults = { partialBeyondMilliseconds: 10 * DAY_MS };
    const evidence = await read();
    expect(evidence).toMatchObject({ complete: true, covers: { since: daysAgo(30).toISOString() } });
    expect(evidence.pulls.map(({ tag, last }) => [tag, last])).toEqual(
      expect.arrayContaining([
        ['v1', daysAgo(3).toISOString()],
        ['v2', daysAgo(10).toISOString()],
      ]),
    );
    expect(evidence.pulls).toHaveLength(2);
  });

  test.each([
    [
      '403',
      { status: 403 },
      /answers 403: the identity of the app may not read it; it needs Microsoft\.Insights\/logs\/ContainerRegistryRepositoryEvents\/read on the registry$/,
    ],
    ['an error', { status: 400 }, /answers 400: GeneralError/],
    [
      'only a part, however short the time',
      { partialBeyondMilliseconds: 0 },
      /a part of what was asked for: .*EngineError/,
    ],
  ])('is not complete where it is answered with %s', async (_, faults, problem) => {
    events = [...daily(60), pull(3)];
    log.faults = faults;
    const evidence = await read();
    expect(evidence).toMatchObject({
      complete: false,
      pulls: [],
      problems: [expect.stringMatching(problem) as string],
    });
    expect(evidence).not.toHaveProperty('covers');
  });

  test('is not complete where there are as many rows as an answer has at most', async () => {
    events = [...daily(60), pull(3), pull(3, { Tag: 'v2' })];
    expect(await read(sourceFor({}, undefined, 2))).toMatchObject({ complete: false });
  });

  test('says so where the registry has never sent an event, has no resource id, or the app is not known', async () => {
    expect((await read()).problems).toEqual([
      expect.stringContaining('sends it no ContainerRegistryRepositoryEvents') as string,
    ]);
    expect((await read(sourceFor({ resourceOf: () => undefined }))).problems).toEqual([
      'REGISTRY_RESOURCE_ID names no resource of contoso.azurecr.io',
    ]);
    expect((await read(sourceFor({}, { sub: 'x' }))).problems).toEqual([
      'the token of the app does not say its object id, so its own pulls cannot be told from others',
    ]);
  });
});

describe('what was asked for, with success or without', () => {
  const tried = (source = sourceFor()) => source.tried('contoso.azurecr.io', daysAgo(10));
  /** As a pull by digest is logged that has failed. */
  const failed = (days: number, digest = DIGEST, more: Partial<RepositoryEvent> = {}) =>
    pull(days, { Tag: digest, Digest: '<nil>', ResultDescription: '405', ...more });

  test('is counted for each answer, by what was asked for, and by the client that asked last', async () => {
    events = [
      ...daily(60),
      pull(20),
      pull(9),
      failed(3),
      failed(2, DIGEST, { UserAgent: 'docker/24.0.5 go/go1.20 os/linux', Identity: SCANNER }),
      failed(4),
      pull(1, { Tag: 'v2', Digest: '<nil>', ResultDescription: '404' }),
      pull(1, { Tag: 'v3', ResultDescription: 'ManifestUnknown' }),
    ];
    const evidence = await tried();
    expect(evidence).toMatchObject({ complete: true, problems: [], covers: { since: daysAgo(10).toISOString() } });
    const iso = (days: number) => daysAgo(days).toISOString();
    const by = { client: 'containerd/v1.7.2' };
    expect(evidence.tried).toHaveLength(4);
    expect(evidence.tried).toEqual(
      expect.arrayContaining([
        { repository: 'app', tag: 'v1', digest: DIGEST, first: iso(9), last: iso(9), times: 1, ...by, answer: '200' },
        {
          repository: 'app',
          digest: DIGEST,
          first: iso(4),
          last: iso(2),
          times: 3,
          client: 'docker/24.0.5',
          answer: '405',
        },
        { repository: 'app', tag: 'v2', first: iso(1), last: iso(1), times: 1, ...by, answer: '404' },
        // A word that is no status is not repeated.
        { repository: 'app', tag: 'v3', digest: DIGEST, first: iso(1), last: iso(1), times: 1, ...by },
      ]),
    );
    expect(JSON.stringify(evidence)).not.toContain(KUBELET);
  });

  test('counts the same where the answer is too large for one', async () => {
    events = [...daily(60), failed(8), failed(3), failed(2), failed(1)];
    const whole = await tried();
    log.faults = { partialBeyondMilliseconds: 2 * DAY_MS };
    expect(await tried()).toMatchObject({ complete: true, tried: whole.tried });
    expect(whole.tried).toMatchObject([{ times: 4 }]);
  });

  test('is not what the app reads, under any identity, nor what is ignored', async () => {
    const ours = { UserAgent: 'acr-retention azsdk-js-container-registry/1.1.2' };
    events = [
      ...daily(40),
      pull(1, { Tag: 'own', Identity: OWN, UserAgent: '' }),
      pull(1, { Tag: 'by a person', ...ours }),
      pull(1, { Tag: 'scanned', Identity: SCANNER }),
      pull(1, { Tag: 'trivy', UserAgent: 'Trivy/0.50' }),
      // A kubelet that pulls as the app needs it all the same.
      pull(1, { Tag: 'shared', Identity: OWN }),
    ];
    const evidence = await tried(sourceFor({ ignored: [SCANNER, 'trivy'] }));
    expect(evidence.tried.map(({ tag }) => tag)).toEqual(['shared']);
  });

  test('is not known where the log cannot be read', async () => {
    events = daily(40);
    log.faults = { status: 403 };
    const evidence = await tried();
    expect(evidence).toMatchObject({ complete: false, tried: [] });
    expect(evidence.problems).toEqual([expect.stringContaining('the identity of the app may not read it') as string]);
  });
});

describe('how far the log reaches back', () => {
  const span = { from: daysAgo(30), to: new Date(now) };
  const at = (...days: readonly number[]) => days.map((day) => ({ first: daysAgo(day), last: daysAgo(day - 0.02) }));
  const since = (...days: readonly number[]) => coveredBy(at(...days), span, 4 * DAY_MS)?.since;

  test.each([
    ['to the beginning, where an event before shows that it was quiet', [31, 28, 25, 22, 19, 16, 13, 10, 7, 4, 1], 30],
    ['to its first event', [20, 17, 14, 11, 8, 5, 2], 20],
    ['to its last gap', [31, 28, 25, 9, 6, 3], 9],
    ['to nothing, where it has no event', [], undefined],
    ['to nothing, where it has ended', [31, 28, 25, 22, 19, 16, 13, 10], undefined],
  ])('%s', (_, days, expected) => {
    expect(since(...days)).toBe(expected === undefined ? undefined : daysAgo(expected).toISOString());
  });

  test('and forward to an hour ago at most, for events are late', () => {
    expect(coveredBy(at(31, 28, 25, 22, 19, 16, 13, 10, 7, 4, 1, 0.03), span, 4 * DAY_MS)?.until).toBe(
      new Date(now - HOUR_MS).toISOString(),
    );
  });
});

test.each([
  ['pulls', PULLS_QUERY, ['Repository', 'Tag', 'Digest', 'Identity', 'UserAgent', 'Last']],
  [
    'what was asked for',
    TRIES_QUERY,
    ['Repository', 'Tag', 'Digest', 'Identity', 'UserAgent', 'ResultDescription', 'Times', 'First', 'Last'],
  ],
  ['hours', HOURS_QUERY, ['Hour', 'First', 'Last']],
])('the query for %s is bound to the columns of the table', (_, query, columns) => {
  expect(readRegistryQuery(query)).toMatchObject({ diagnostics: [], columns });
  expect(readRegistryQuery(query.replace('TimeGenerated', 'timestamp')).diagnostics).not.toEqual([]);
});

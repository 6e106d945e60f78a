import { HttpRequest, HttpResponse } from '@azure/functions';
import { expect, test } from 'vitest';
import { answerAction } from '../../../src/doors/http/review/actions.ts';
import { listQuarantine, purge } from '../../../src/index.ts';
import type { Ledger } from '../../../src/ledger/ledger.ts';
import type { RunRecord } from '../../../src/ledger/records.ts';
import { createPolicy } from '../../../src/policy/purge-policy.ts';
import { readSettings } from '../../../src/policy/settings.ts';
import { createLog } from '../../../src/report/log.ts';
import { images, repositoryOf } from '../../support/contents.ts';
import { newLedger } from '../../support/ledger.ts';
import { held } from '../../support/openapi.ts';
import { principalOf } from '../../support/principal.ts';
import { connectTo, USER, withEmulator } from '../../support/registry.ts';

const APP = 'https://func-retention.azurewebsites.net';
const TOKEN = 'a'.repeat(43);
const log = createLog('silent');

interface Posting {
  readonly roles?: readonly string[];
  readonly headers?: Readonly<Record<string, string>>;
  readonly isSignInOn?: boolean;
}

interface Scene {
  readonly ledger: Ledger;
  readonly registry: string;
  readonly post: (
    fields: Readonly<Record<string, string>>,
    how?: Posting,
  ) => Promise<{ readonly status: number; readonly run: string; readonly page: string }>;
  readonly waiting: () => Promise<readonly string[]>;
}

/** Three images in quarantine in each of two repositories. */
const scene = (act: (scene: Scene) => Promise<void>): Promise<void> => {
  const repositories = Object.fromEntries(
    ['app', 'web'].map((name) => [
      name,
      repositoryOf(...images(`${name}-dev`, 3, 'dev'), ...images(`${name}-v`, 1, 'v')),
    ]),
  );
  return withEmulator({ repositories }, async (emulator) => {
    const ledger = newLedger();
    const policies = [createPolicy({ filter: ['.*:^dev-'], ago: '30d', untagged: true, quarantine: '14d' })];
    await purge(connectTo(emulator), { policies, now: new Date(), ledger, onDecisions: () => undefined });
    const registry = emulator.loginServer;
    const configuration = readSettings(
      {
        ACR_REGISTRY: registry,
        ACR_USERNAME: USER.username,
        ACR_PASSWORD: USER.password,
        PURGE_COMMAND: "--filter '.*:^dev-' --ago 30d",
        PURGE_SCHEDULE: '0 1 * * Sun',
      },
      () => '',
    );
    await act({
      ledger,
      registry,
      async waiting() {
        const { waiting } = await listQuarantine(ledger, registry);
        return [
          ...new Set(waiting.flatMap(({ repository, tags }) => tags.map((tag) => `${repository}:${tag}`))),
        ].sort();
      },
      async post(fields, { roles = ['Retention.Approver'], headers = {}, isSignInOn = true } = {}) {
        const request = new HttpRequest({
          method: 'POST',
          url: `${APP}/api/review`,
          headers: {
            'content-type': 'application/x-www-form-urlencoded',
            'x-ms-client-principal': principalOf([
              ['name', 'Ada'],
              ['oid', '11111111-2222-4333-8444-555555555555'],
              ...roles.map((role) => ['roles', role] as const),
            ]),
            cookie: `__Host-acr-retention-form=${TOKEN}`,
            origin: APP,
            'sec-fetch-site': 'same-origin',
            ...headers,
          },
          body: { string: new URLSearchParams({ action: 'release', csrf: TOKEN, registry, ...fields }).toString() },
        });
        const options = { configuration, ledger, now: new Date(), by: 'an invocation', log, isSignInOn };
        const answer = new HttpResponse(await answerAction(request, options)) as unknown as Response;
        const location = new URLSearchParams(answer.headers.get('location') ?? '');
        return {
          status: answer.status,
          run: location.get('run') ?? '',
          page: await held('POST', '/api/review', answer).text(),
        };
      },
    });
  });
};

/** A run, once it has ended. */
async function ended(ledger: Ledger, id: string): Promise<RunRecord> {
  for (;;) {
    const run = await ledger.run(id);
    if (run && run.state !== 'running') return run;
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

/** The same once the lock of the run before is free: its record is complete a little earlier. */
async function unheld<T extends { readonly status: number }>(act: () => Promise<T>): Promise<T> {
  for (;;) {
    const answer = await act();
    if (answer.status !== 409) return answer;
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

const ALL = ['app:dev-0', 'app:dev-1', 'app:dev-2', 'web:dev-0', 'web:dev-1', 'web:dev-2'];

test('an approver releases an image, and then everything: recorded by name', () =>
  scene(async ({ ledger, registry, post, waiting }) => {
    expect(await waiting()).toEqual(ALL);
    const { status, run } = await post({ repository: 'app', reference: 'dev-0' });
    expect(status).toBe(303);
    expect(await ended(ledger, run)).toMatchObject({
      kind: 'release',
      state: 'done',
      actor: { kind: 'person', name: 'Ada' },
    });
    expect(await waiting()).toEqual(ALL.slice(1));
    const { released } = await ledger.quarantine(registry, 'app');
    expect(released).toMatchObject([{ why: 'released by Ada', by: { name: 'Ada' } }]);
    const rest = await unheld(() => post({ all: 'yes' }));
    expect((await ended(ledger, rest.run)).totals?.quarantine).toMatchObject({ released: 5 });
    expect(await waiting()).toEqual([]);
    // Nothing is there any more, and the page says so.
    const again = await unheld(() => post({ all: 'yes' }));
    expect(again.status).toBe(404);
    expect(again.page).toContain('Nothing was released');
  }));

test('an approver releases what one run put there, and nothing else', () =>
  scene(async ({ ledger, registry, post, waiting }) => {
    const { waiting: all } = await listQuarantine(ledger, registry);
    const { status, run } = await post({ run: all[0]?.runId ?? '' });
    expect(status).toBe(303);
    expect(await ended(ledger, run)).toMatchObject({ kind: 'release', releases: { run: all[0]?.runId } });
    expect(await waiting()).toEqual([]);
    const other = await unheld(() => post({ run: '20261120T010000Z-3f9a0c' }));
    expect(other.status).toBe(404);
    expect(other.page).toContain('Nothing of the run 20261120T010000Z-3f9a0c is in quarantine');
  }));

test.each<[string, Readonly<Record<string, string>>, Posting, number]>([
  ['a reader', { all: 'yes' }, { roles: ['Retention.Reader'] }, 403],
  ['a client without a role', { all: 'yes' }, { roles: [] }, 403],
  ['a client that a key let in', { all: 'yes' }, { isSignInOn: false }, 403],
  ['another site', { all: 'yes' }, { headers: { 'sec-fetch-site': 'cross-site' } }, 403],
  ['a form without the value of the page', { all: 'yes', csrf: '' }, {}, 403],
  ['a form with another value', { all: 'yes', csrf: 'b'.repeat(43) }, {}, 403],
  ['a form that says nothing', {}, {}, 400],
  ['a form that says two things', { all: 'yes', repository: 'app', reference: 'dev-0' }, {}, 400],
  ['half an image', { repository: 'app' }, {}, 400],
  ['another registry', { all: 'yes', registry: 'fabrikam.azurecr.io' }, {}, 400],
])('%s releases nothing', (_, fields, how, status) =>
  scene(async ({ post, waiting }) => {
    const answer = await post(fields, how);
    expect(answer.status).toBe(status);
    expect(await waiting()).toEqual(ALL);
  }),
);

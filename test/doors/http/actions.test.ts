import { HttpRequest, HttpResponse } from '@azure/functions';
import pLimit from 'p-limit';
import { describe, expect, test } from 'vitest';
import type { Emulator } from '../../../src/dev/emulator/index.ts';
import { answerAction } from '../../../src/doors/http/review/actions.ts';
import { requestedDryRun } from '../../../src/index.ts';
import type { Ledger } from '../../../src/ledger/ledger.ts';
import type { RunRecord } from '../../../src/ledger/records.ts';
import { LedgerError } from '../../../src/ledger/store/store.ts';
import type { Actor } from '../../../src/ledger/reviews.ts';
import { type Environment, readSettings } from '../../../src/policy/settings.ts';
import { createLog } from '../../../src/report/log.ts';
import { images, repositoryOf } from '../../support/contents.ts';
import { newLedger } from '../../support/ledger.ts';
import { held } from '../../support/openapi.ts';
import { type Claim, principalOf } from '../../support/principal.ts';
import { USER, withEmulator } from '../../support/registry.ts';
import { HOSTILE } from '../../support/review.ts';

const APP = 'https://func-retention.azurewebsites.net';
const ADA = '11111111-2222-4333-8444-555555555555';
const TOKEN = 'a'.repeat(43);
const log = createLog('silent');

type Fields = Readonly<Record<string, string | readonly string[] | undefined>>;

/** A plan of a registry, and what a person does with it. */
interface Scene {
  readonly emulator: Emulator;
  readonly ledger: Ledger;
  readonly plan: () => Promise<RunRecord>;
  /** Posts a form as the page has it; what is given counts instead. */
  readonly post: (
    fields: Fields,
    over?: {
      readonly headers?: Readonly<Record<string, string | undefined>>;
      readonly roles?: readonly string[];
      readonly id?: string;
      readonly isSignInOn?: boolean;
      /** Another one than that of the plan. */
      readonly ledger?: Ledger;
    },
  ) => Promise<{ readonly status: number; readonly run: string; readonly page: string }>;
}

/** Three tags to delete in each of two repositories, and one that stays. */
const repositories = Object.fromEntries(
  ['app', 'team/worker'].map((name) => [
    name,
    repositoryOf(...images(`${name}-dev`, 3, 'dev'), ...images(`${name}-v`, 1, 'v')),
  ]),
);

const scene = (settings: Environment, act: (scene: Scene) => Promise<void>, startedBy?: Actor): Promise<void> =>
  withEmulator({ repositories }, async (emulator) => {
    const environment = {
      ACR_REGISTRY: emulator.loginServer,
      ACR_USERNAME: USER.username,
      ACR_PASSWORD: USER.password,
      PURGE_COMMAND: "--filter '.*:^dev-' --ago 30d",
      PURGE_SCHEDULE: '0 1 * * Sun',
      ...settings,
    };
    const configuration = readSettings(environment, () => '');
    const ledger = newLedger();
    let id = '';
    await requestedDryRun(configuration, { guards: {} }).start({
      now: new Date(), ledger, log, startedBy: 'request', by: 'an invocation', inTurn: pLimit(1),
      ...(startedBy && { actor: startedBy }),
      onBegin: (runId: string) => void (id = runId),
      onDecisions: () => Promise.resolve(),
      onOutcome: () => Promise.resolve(),
    }); // prettier-ignore
    const plan = async (): Promise<RunRecord> => {
      const run = await ledger.run(id);
      if (!run?.plan) throw new Error('no plan');
      return run;
    };
    const { plan: { hash = '' } = {} } = await plan();
    await act({
      emulator,
      ledger,
      plan,
      async post(
        fields,
        {
          headers = {},
          roles = ['Retention.Approver'],
          id: oid = ADA,
          isSignInOn = true,
          ledger: written = ledger,
        } = {},
      ) {
        const part = fields['repository'] === undefined ? 'all' : undefined;
        const form: Fields = { action: 'approve', run: id, hash, csrf: TOKEN, part, ...fields };
        const body = new URLSearchParams(
          Object.entries(form).flatMap(([name, value]) =>
            value === undefined ? [] : [value].flat().map((one) => [name, one]),
          ),
        );
        const claims: readonly Claim[] = [
          ['name', 'Ada'],
          ['oid', oid],
          ...roles.map((role): Claim => ['roles', role]),
        ];
        const all: Readonly<Record<string, string | undefined>> = {
          'content-type': 'application/x-www-form-urlencoded',
          'x-ms-client-principal': principalOf(claims),
          cookie: `__Host-acr-retention-form=${TOKEN}`,
          origin: APP,
          'sec-fetch-site': 'same-origin',
          ...headers,
        };
        const request = new HttpRequest({
          method: 'POST',
          url: `${APP}/api/review`,
          headers: Object.fromEntries(
            Object.entries(all).flatMap(([name, value]) => (value === undefined ? [] : [[name, value]])),
          ),
          body: { string: body.toString() },
        });
        const by = 'an invocation';
        const options = { configuration, ledger: written, now: new Date(), by, log, isSignInOn };
        const answer = new HttpResponse(await answerAction(request, options)) as unknown as Response;
        const location = answer.headers.get('location') ?? '';
        const page = await held('POST', '/api/review', answer).text();
        return { status: answer.status, run: new URLSearchParams(location).get('run') ?? '', page };
      },
    });
  });

/** A run, once it has ended. */
async function ended(ledger: Ledger, id: string): Promise<RunRecord> {
  for (;;) {
    const run = await ledger.run(id);
    if (run && run.state !== 'running') return run;
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

const LOOSE = { MAX_DELETION_PERCENT: '100', KEEP_LAST_TAG: 'false' };

describe('an approver', () => {
  test('approves a plan by name, with a comment, and is shown the run that carries it out', () =>
    scene({}, async ({ emulator, ledger, plan, post }) => {
      // Held back by a guard: three of four tags are more than half.
      const { run, status } = await post({ part: 'all', comment: ' looked at\r\nit ' });
      expect(status).toBe(303);
      expect(await ledger.run(run)).toMatchObject({ kind: 'apply', actor: { kind: 'person', name: 'Ada', id: ADA } });
      expect(await ended(ledger, run)).toMatchObject({ state: 'done' });
      expect(emulator.tagsLeft().length).toBe(2);
      // Right after its run has ended, the plan says so, too.
      while ((await plan()).plan?.state !== 'applied') await new Promise((resolve) => setTimeout(resolve, 5));
      const { plan: after } = await plan();
      expect(after).toMatchObject({
        reviews: [{ verdict: 'approved', by: { name: 'Ada', id: ADA }, comment: 'looked at\nit', runId: run }],
      });
      // Once more: nothing is done, and the same run is shown.
      expect(await post({})).toMatchObject({ status: 303, run });
    }));

  test('approves the repositories that were ticked; the rest stays', () =>
    scene({}, async ({ emulator, ledger, plan, post }) => {
      expect((await post({ part: 'selected' })).status).toBe(400);
      // What names no part is not taken for all.
      expect((await post({ part: undefined, 'repository[]': 'app' })).status).toBe(400);
      expect((await post({ part: 'selected', repository: 'other' })).status).toBe(409);
      const { run } = await post({ part: 'selected', repository: ['team/worker'] });
      await ended(ledger, run);
      expect(emulator.tagsLeft().filter((one) => one.startsWith('team/worker')).length).toBe(1);
      expect(emulator.tagsLeft().filter((one) => one.startsWith('app')).length).toBe(4);
      expect((await plan()).plan?.reviews).toMatchObject([{ repositories: ['team/worker'] }]);
    }));

  test('is told that it is not certain, where the ledger did not answer and may have written it', () =>
    scene({}, async ({ ledger, plan, post }) => {
      const silent: Ledger = {
        ...ledger,
        async changeRun(...about) {
          await ledger.changeRun(...about);
          throw new LedgerError('the ledger does not answer');
        },
      };
      const { status, page } = await post({ action: 'reject', comment: 'no' }, { ledger: silent });
      expect(status).toBe(503);
      expect(page).toContain('It is not certain that the plan was rejected');
      expect(page).not.toContain('was not rejected');
      expect((await plan()).plan?.state).toBe('rejected');
    }));

  test('types the name of the registry above so many deletions; a part counts alone', () =>
    scene({ APPROVAL_TYPED: '3' }, async ({ emulator, ledger, post }) => {
      for (const registry of [undefined, '', 'contoso', 'app']) {
        const refused = await post({ registry });
        expect(refused.status).toBe(400);
        expect(refused.page).toContain(emulator.loginServer);
      }
      expect(emulator.tagsLeft().length).toBe(8);
      await ended(ledger, (await post({ repository: 'app' })).run);
      const { status, run } = await post({ registry: ` ${emulator.loginServer.toUpperCase()} ` });
      expect(status).toBe(303);
      expect(await ended(ledger, run)).toMatchObject({ state: 'done' });
      expect(emulator.tagsLeft().length).toBe(2);
    }));

  test('rejects a plan with a reason, and then it is not approved any more', () =>
    scene(LOOSE, async ({ emulator, plan, post }) => {
      expect((await post({ action: 'reject', comment: ' ' })).status).toBe(400);
      const reason = HOSTILE.slice(0, 8).join(' ');
      const id = (await plan()).id;
      expect(await post({ action: 'reject', comment: reason })).toMatchObject({ status: 303, run: id });
      expect((await plan()).plan).toMatchObject({ state: 'rejected', reviews: [{ comment: reason, by: { id: ADA } }] });
      const late = await post({});
      expect(late.status).toBe(409);
      expect(late.page).toContain('The plan was not approved');
      expect(late.page).not.toContain('<script>alert');
      expect(emulator.tagsLeft().length).toBe(8);
    }));

  test('cancels nothing that has ended, and no run that there is not', () =>
    scene({}, async ({ post }) => {
      const over = await post({ action: 'cancel' });
      expect(over).toMatchObject({ status: 409 });
      expect(over.page).toContain('The run was not cancelled');
      expect((await post({ action: 'cancel', run: '20261124T110000Z-000000' })).status).toBe(404);
    }));

  test('approves what was looked at, and no other plan', () =>
    scene(LOOSE, async ({ emulator, post }) => {
      expect((await post({ hash: '0'.repeat(64) })).status).toBe(409);
      expect((await post({ action: 'reject', hash: '0'.repeat(64), comment: 'no' })).status).toBe(409);
      expect((await post({ run: '20261124T110000Z-000000' })).status).toBe(404);
      expect(emulator.tagsLeft().length).toBe(8);
    }));
});

test('of four eyes, two are not those of the person who began the run', () =>
  scene(
    { APPROVAL_FOUR_EYES: 'true' },
    async ({ emulator, ledger, post }) => {
      const own = await post({});
      expect(own.status).toBe(409);
      expect(own.page).toContain('APPROVAL_FOUR_EYES');
      expect(emulator.tagsLeft().length).toBe(8);
      const { run } = await post({}, { id: '22222222-2222-4333-8444-555555555555' });
      expect(await ended(ledger, run)).toMatchObject({ state: 'done' });
    },
    { kind: 'person', name: 'Ada', id: ADA },
  ));

test('every other client is refused, whatever the form: nothing is deleted, and nothing recorded', () =>
  scene(LOOSE, async ({ emulator, plan, post }) => {
    const before = await plan();
    const other = '__Host-acr-retention-form=' + 'b'.repeat(43);
    for (const action of ['approve', 'reject', 'cancel'])
      for (const [what, over, csrf] of [
        ['a reader', { roles: ['Retention.Reader'] }],
        ['a person without a role', { roles: [] }],
        ['headers that are forged, without sign-in', { isSignInOn: false }],
        ['no value', {}, undefined],
        ['a wrong value', {}, 'b'.repeat(43)],
        ['no cookie', { headers: { cookie: undefined } }],
        ['another cookie', { headers: { cookie: other } }],
        ['another site', { headers: { 'sec-fetch-site': 'cross-site' } }],
        [
          'another site, of an old browser',
          { headers: { 'sec-fetch-site': undefined, origin: 'https://evil.example' } },
        ],
        ['a sandboxed page, of an old browser', { headers: { 'sec-fetch-site': undefined, origin: 'null' } }],
      ] as const) {
        const fields = { action, comment: 'x', csrf: what.endsWith(' value') ? csrf : TOKEN };
        const { status, page } = await post(fields, over);
        expect(status, `${action}: ${what}`).toBe(403);
        expect(page, `${action}: ${what}`).toContain('<h1>');
      }
    expect((await post({}, { headers: { 'x-ms-client-principal': undefined } })).status).toBe(401);
    expect((await post({}, { headers: { 'content-type': 'text/plain' } })).status).toBe(415);
    expect((await post({ comment: 'x'.repeat(600_000) })).status).toBe(413);
    expect(await plan()).toEqual(before);
    expect(emulator.tagsLeft().length).toBe(8);
  }));

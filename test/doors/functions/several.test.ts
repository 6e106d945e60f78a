import { describe, expect, test } from 'vitest';
import type { Emulator, Faults } from '../../../src/dev/emulator/index.ts';
import type { RunRecord } from '../../../src/ledger/records.ts';
import type { Decision } from '../../../src/planner/decision.ts';
import type { RunSummary } from '../../../src/ledger/summary.ts';
import { type App, DELETING, MASTER_KEY, until, withApp } from '../../support/app.ts';
import { cli } from '../../support/cli.ts';
import { images, repositoryOf } from '../../support/contents.ts';
import { newFolder } from '../../support/ledger.ts';
import { USER, withServedEmulator } from '../../support/registry.ts';

const SETTINGS = {
  PURGE_COMMAND: "--filter '.*:^dev' --ago 30d --untagged --concurrency 1",
  PURGE_SCHEDULE: '0 1 * * Sun',
  // A token that all of them take; the managed identity is that of the first.
  ACR_USERNAME: USER.username,
  ACR_PASSWORD: USER.password,
};
const REFUSING: Faults = { failing: () => 403 };

const repositories = (count: number) =>
  Object.fromEntries(
    Array.from({ length: count }, (_, n) => [
      `app${n}`,
      repositoryOf(...images(`app${n}`, 2, 'dev'), ...images(`app${n}-kept`, 1, 'v')),
    ]),
  );

type Three = readonly [Emulator, Emulator, Emulator];

/** Three registries, of 3, 2 and 1 repositories unless it is said how many the first has. */
function withThree<T>(test: (three: Three) => Promise<T>, first = 3, faults: Faults = {}): Promise<T> {
  return withServedEmulator({ repositories: repositories(first), faults }, (a) =>
    withServedEmulator({ repositories: repositories(2) }, (b) =>
      withServedEmulator({ repositories: repositories(1) }, (c) => test([a, b, c])),
    ),
  );
}

interface ParentAnswer {
  readonly id: string;
  readonly state: string;
  readonly registries: readonly string[];
  readonly progress: { readonly done: number; readonly of: number };
  readonly totals: RunSummary['totals'];
  readonly runs: readonly {
    readonly registry: string;
    readonly state: string;
    readonly run?: string;
    readonly runId?: string;
    readonly notBegun?: string;
    readonly error?: { readonly message: string; readonly status?: number };
  }[];
}

const json = async <T>(app: App, path: string, init?: RequestInit): Promise<T> =>
  (await (await app.ask(path, init)).json()) as T;
const parentOf = (app: App, id: string): Promise<ParentAnswer> => json<ParentAnswer>(app, `/api/runs/${id}`);
const runsOf = async (app: App, query = ''): Promise<readonly RunRecord[]> =>
  (await json<{ readonly runs: readonly RunRecord[] }>(app, `/api/runs${query}`)).runs;
const eventsOf = (app: App, ...wanted: readonly string[]) =>
  app.log().filter(({ event }) => wanted.includes(event as string));
const failedInvocations = (app: App): readonly string[] =>
  app.lines().filter((line) => line.includes('executed (Failed)'));

describe('the schedule', () => {
  test('does one after the other; one that refuses everything stops none, and is the only one that is named', async () => {
    const folder = newFolder();
    await withThree((three) => {
      const [a, b, c] = three;
      b.faults(REFUSING);
      const hosts = three.map(({ loginServer }) => loginServer);
      return withApp(three, { ...SETTINGS, ...DELETING, RETENTION_STORAGE: folder }, async (app) => {
        await app.fireTimer();
        expect([a, b, c].map((one) => one.tagsLeft().filter((tag) => tag.includes(':dev')).length)).toEqual([0, 4, 0]);
        const [failed = ''] = failedInvocations(app);
        expect(failed).toContain(b.loginServer);
        expect(failed).not.toContain(a.loginServer);
        expect(failed).not.toContain(c.loginServer);

        const runs = await runsOf(app);
        expect(runs.map(({ registry }) => registry)).toEqual(hosts.toReversed());
        const [id = ''] = new Set(runs.map(({ parent }) => parent));
        expect(runs.map(({ parent }) => parent)).toEqual([id, id, id]);
        expect(await runsOf(app, `?parent=${id}`)).toEqual(runs);
        expect(await runsOf(app, '?parent=20200101T000000Z-000000')).toEqual([]);
        expect((await app.ask('/api/runs?parent=..')).status).toBe(400);
        for (const line of eventsOf(app, 'run-started', 'decision', 'run-ended'))
          expect(line).toMatchObject({ parent: id, runId: expect.not.stringContaining(id) as unknown });

        const parent = await parentOf(app, id);
        expect(parent).toMatchObject({
          id,
          kind: 'scheduled',
          state: 'failed',
          registries: hosts,
          progress: { done: 4, of: 4 },
          totals: { tags: { deleted: 8 } },
          runs: [
            { registry: hosts[0], state: 'done', totals: { tags: { deleted: 6 } } },
            { registry: hosts[1], state: 'failed', error: { status: 403 } },
            { registry: hosts[2], state: 'done', totals: { tags: { deleted: 2 } } },
          ],
        });
        for (const { registry, run = '' } of parent.runs)
          expect(await json(app, run)).toMatchObject({ registry, parent: id });

        const { decisions } = await json<{ readonly decisions: readonly (Decision & { readonly registry: string })[] }>(
          app,
          `/api/runs/${id}/decisions?action=delete`,
        );
        expect(new Set(decisions.map(({ registry }) => registry))).toEqual(new Set([hosts[0], hosts[2]]));
        const csv = await (await app.ask(`/api/runs/${id}/decisions?format=csv`)).text();
        expect(csv).toMatch(/^registry,repository,kind/);
        expect(csv).toContain(`\n${String(hosts[2])},app0,`);

        const page = await (await app.ask('/api/review')).text();
        expect(page).toContain('3 registries');
        expect(page).toContain(id);
        const parentPage = await (await app.ask(`/api/review?run=${id}`)).text();
        for (const host of hosts) expect(parentPage).toContain(host);
        expect(await (await app.ask(`/api/review?run=${String(runs[0]?.id)}`)).text()).toContain(id);
        expect((await app.ask(`/api/review?run=${id}&view=decisions`)).status).toBe(404);

        const late = await app.ask(`/api/runs/${id}/cancel`, { method: 'POST', key: MASTER_KEY });
        expect(late.status).toBe(409);
        const shown = await cli(['runs', 'show', id, '--runs', folder]);
        expect(shown.stdout).toMatch(/3 registries[^]*FAILED: \S+: [^]*403/);
        expect(shown.stdout).toMatch(/together +8 /);
        const listed = await cli(['runs', 'list', '--parent', id, '--output', 'ndjson', '--runs', folder]);
        expect(listed.stdout.trim().split('\n')).toHaveLength(3);
      });
    });
  });

  test('a command with -r goes only there, and one registry that is purged alone has no parent', async () => {
    await withThree(async (three) => {
      const [a, b, c] = three;
      const commands = `-r ${b.loginServer} --filter '.*:^dev' --ago 30d --untagged`;
      await withApp(three, { ...SETTINGS, ...DELETING, PURGE_COMMAND: commands }, async (app) => {
        await app.fireTimer();
        expect(failedInvocations(app)).toEqual([]);
        expect([a.requests(), c.requests()]).toEqual([[], []]);
        expect(b.tagsLeft().filter((tag) => tag.includes(':dev'))).toEqual([]);
        const runs = await runsOf(app);
        expect(runs).toHaveLength(1);
        expect(runs[0]).not.toHaveProperty('parent');

        await app.fireTimer('watch');
        expect(app.watchLog().map(({ registry }) => registry)).toEqual([b.loginServer]);

        c.faults(REFUSING);
        const status = await json<{ readonly warnings: readonly string[] }>(app, '/api/status');
        expect(status).toMatchObject({
          engine: 'inline',
          registries: [
            { loginServer: a.loginServer, answers: true, commands: [] },
            { loginServer: b.loginServer, answers: true, commands: [commands], dryRun: false },
            { loginServer: c.loginServer, answers: false, error: expect.stringContaining('403') as unknown },
          ],
        });
        expect(status).not.toHaveProperty('registry');
        for (const { loginServer } of [a, c])
          expect(status.warnings).toContain(`no command is for ${loginServer}: the schedule passes it over`);
      });
    });
  });

  test('what the time was not enough for is not begun, and the next tick begins with it', async () => {
    const settings = { ...SETTINGS, ...DELETING, RUN_TIME_BUDGET: '3s', RETENTION_STORAGE: newFolder() };
    await withThree(
      (three) =>
        withApp(three, settings, async (app) => {
          const [a, b, c] = three;
          await app.fireTimer();
          expect(eventsOf(app, 'run-ended')).toMatchObject([{ registry: a.loginServer, stopped: { by: 'budget' } }]);
          expect(eventsOf(app, 'run-not-begun')).toMatchObject(
            [b, c].map(({ loginServer }) => ({ registry: loginServer, by: 'budget', level: 'warn' })),
          );
          expect([b.requests(), c.requests()]).toEqual([[], []]);
          expect(failedInvocations(app)).toEqual([]);
          const [stopped] = await runsOf(app);
          expect(await parentOf(app, stopped?.parent ?? '')).toMatchObject({
            state: 'stopped',
            runs: [
              { state: 'stopped' },
              {
                state: 'not-begun',
                notBegun: 'budget',
                error: { message: expect.stringMatching(/3s.*next tick/) as unknown },
              },
              { state: 'not-begun', notBegun: 'budget' },
            ],
          });

          a.faults({});
          const before = app.log().length;
          await app.fireTimer();
          const [first] = app.log().slice(before);
          expect(first).toMatchObject({ event: 'run-started', registry: b.loginServer });
          // However many it takes.
          while ((await runsOf(app)).some(({ state }) => state !== 'done') || (await runsOf(app)).length < 3)
            await app.fireTimer();
          expect(three.flatMap((one) => one.tagsLeft().filter((tag) => tag.includes(':dev')))).toEqual([]);
          // The run that went on belongs to what went on with it.
          const again = (await runsOf(app)).find(({ id }) => id === stopped?.id);
          expect(again?.parent).not.toBe(stopped?.parent);
          expect(await parentOf(app, again?.parent ?? '')).toMatchObject({ runs: [{ runId: stopped?.id }, {}, {}] });
        }),
      40,
      { latencyMs: 100 },
    );
  });

  test('is cancelled as a whole: the run that works ends, and the others are not begun', async () => {
    const folder = newFolder();
    const settings = { ...SETTINGS, ...DELETING, RETENTION_STORAGE: folder };
    const cancelled = async (app: App, id: string): Promise<Response> =>
      app.ask(`/api/runs/${id}/cancel`, { method: 'POST', key: MASTER_KEY });
    await withThree(
      (three) =>
        withApp(three, settings, async (app) => {
          const [a, b, c] = three;
          const over = app.fireTimer();
          await until(() => a.counts()['delete-manifest'] >= 1);
          const [running] = await runsOf(app, '?state=running');
          const id = running?.parent ?? '';
          expect(await parentOf(app, id)).toMatchObject({
            state: 'running',
            runs: [{ state: 'running' }, { state: 'not-begun' }, { state: 'not-begun' }],
          });
          expect((await app.ask(`/api/runs/${id}/cancel`, { method: 'POST' })).status).toBe(401);
          const asked = await cancelled(app, id);
          expect(asked.status).toBe(202);
          expect(asked.headers.get('location')).toBe(`/api/runs/${id}`);
          await over;

          const stop = { state: 'not-begun', notBegun: 'cancel' };
          expect(await parentOf(app, id)).toMatchObject({
            state: 'stopped',
            cancelled: { askedBy: 'request' },
            runs: [{ state: 'stopped', stopped: { by: 'cancel' } }, stop, stop],
          });
          expect([b.requests(), c.requests()]).toEqual([[], []]);
          expect(a.tagsLeft().filter((tag) => tag.includes(':dev')).length).toBeGreaterThan(0);
          expect(failedInvocations(app)).toEqual([]);
          const again = await cancelled(app, id);
          expect([again.status, ((await again.json()) as ParentAnswer).state]).toEqual([200, 'stopped']);
          expect((await cli(['cancel', id, '--runs', folder])).stdout).toContain(
            `The runs ${id} of 3 registries are stopped`,
          );
          expect(await (await app.ask(`/api/review?run=${id}`)).text()).toContain('They were cancelled');
          expect((await cancelled(app, '20200101T000000Z-000000')).status).toBe(404);

          a.faults({});
          await app.fireTimer();
          expect(three.flatMap((one) => one.tagsLeft().filter((tag) => tag.includes(':dev')))).toEqual([]);
          expect((await runsOf(app)).find(({ id: run }) => run === running?.id)).toMatchObject({ state: 'stopped' });
        }),
      30,
      { latencyMs: 50 },
    );
  });
});

test('a plan is carried out in the registry that it is about, and refused for one that is not served', async () => {
  const settings = { ...SETTINGS, ...DELETING, RETENTION_STORAGE: newFolder() };
  const apply = (app: App, id = ''): Promise<Response> =>
    app.ask(`/api/plans/${id}/apply`, { method: 'POST', key: MASTER_KEY });
  await withThree(async (three) => {
    const [a, b, c] = three;
    const plan = await withApp(three, settings, async (app) => {
      await app.ask('/api/dry-run');
      const runs = await runsOf(app);
      const of = (one: Emulator) => runs.find(({ registry }) => registry === one.loginServer);
      const asked = [a, c].map((one) => one.requests().length);
      const applied = await apply(app, of(b)?.id);
      expect([applied.status, await applied.json()]).toMatchObject([200, { summary: { registry: b.loginServer } }]);
      expect(three.map((one) => one.tagsLeft().filter((tag) => tag.includes(':dev')).length)).toEqual([6, 0, 2]);
      expect([a, c].map((one) => one.requests().length)).toEqual(asked);
      // What began it has no plan of its own.
      expect((await apply(app, of(b)?.parent)).status).toBe(404);
      return of(c)?.id;
    });
    await withApp([a, b], settings, async (app) => {
      const refused = await apply(app, plan);
      expect(refused.status).toBe(409);
      expect(await refused.text()).toContain(
        `for the registry ${c.loginServer}, not for ${a.loginServer}, ${b.loginServer}`,
      );
    });
    expect(c.tagsLeft().filter((tag) => tag.includes(':dev'))).toHaveLength(2);
  });
});

test('the command line is told which registry is meant, where the setting of the app names several', async () => {
  const purge = ['purge', '--filter', '.*:^dev', '--ago', '30d', '--dry-run'];
  const { code, stderr } = await cli(purge, { ACR_REGISTRY: 'contoso, fabrikam' });
  expect([code, stderr]).toEqual([
    2,
    expect.stringContaining('--registry: say which one: ACR_REGISTRY names contoso, fabrikam'),
  ]);
});

describe('a dry run', () => {
  interface Answered {
    readonly parent: string;
    readonly runs: readonly {
      readonly registry: string;
      readonly decisions?: readonly Decision[];
      readonly summary?: RunSummary;
      readonly error?: { readonly message: string; readonly status: number };
    }[];
  }

  test('is about all registries, in each form, and one that refuses stops none', async () => {
    await withThree((three) => {
      const [a, b, c] = three;
      b.faults(REFUSING);
      return withApp(three, SETTINGS, async (app) => {
        const ask = (accept: string): Promise<Response> => app.ask('/api/dry-run', { headers: { accept } });
        const answer = await ask('application/json');
        expect(answer.status).toBe(200);
        const { parent, runs } = (await answer.json()) as Answered;
        expect(runs.map(({ registry }) => registry)).toEqual(three.map(({ loginServer }) => loginServer));
        expect(runs).toMatchObject([
          { summary: { registry: a.loginServer, totals: { tags: { deleted: 6 } } } },
          { error: { status: 403 } },
          { summary: { registry: c.loginServer, totals: { tags: { deleted: 2 } } } },
        ]);
        expect(runs.map(({ decisions }) => decisions?.filter(({ kind }) => kind === 'tag').length)).toEqual([
          6,
          undefined,
          2,
        ]);
        expect(await parentOf(app, parent)).toMatchObject({ kind: 'dry-run', state: 'failed' });

        const lines = (await (await ask('application/x-ndjson')).text())
          .trim()
          .split('\n')
          .map(
            (line) =>
              JSON.parse(line) as Partial<Decision> & { registry?: string; summary?: RunSummary; error?: object },
          );
        const ends = lines.filter(({ summary, error, repository }) => summary ?? (repository === undefined && error));
        expect(ends.map(({ registry, summary }) => registry ?? summary?.registry)).toEqual(
          three.map(({ loginServer }) => loginServer),
        );
        const decided = lines.filter(({ repository }) => repository !== undefined);
        expect(decided.filter(({ registry }) => registry === a.loginServer)).toHaveLength(
          runs[0]?.decisions?.length ?? -1,
        );
        expect(decided.filter(({ registry }) => registry === c.loginServer)).toHaveLength(
          runs[2]?.decisions?.length ?? -1,
        );

        const text = await (await ask('text/plain')).text();
        const places = three.map(({ loginServer }) => text.indexOf(`${loginServer}\n====`));
        expect(places.every((place) => place >= 0)).toBe(true);
        expect(places.toSorted((x, y) => x - y)).toEqual(places);
        expect(text.slice(places[1], places[2])).toMatch(/FAILED: .*403/);
        expect(text.match(/DRY RUN: nothing was deleted/g)).toHaveLength(2);
      });
    });
  });

  test('with -r is about that one, and answered as one is', async () => {
    await withThree((three) =>
      withApp(three, SETTINGS, async (app) => {
        const [a, b, c] = three;
        const body = `--filter '.*:^dev' --ago 30d -r ${b.loginServer}`;
        const post = (text: string): Promise<Response> =>
          app.ask('/api/dry-run', { method: 'POST', body: text, headers: { 'content-type': 'text/plain' } });
        expect(await (await post(body)).json()).toMatchObject({
          decisions: expect.any(Array) as unknown,
          summary: { registry: b.loginServer, totals: { tags: { deleted: 4 } } },
        });
        expect([a.requests(), c.requests()]).toEqual([[], []]);
        expect((await runsOf(app))[0]).not.toHaveProperty('parent');

        const both = (await (
          await post(`${body}\n--filter '.*:^none' --ago 30d -r ${c.loginServer}`)
        ).json()) as Answered;
        expect(both.runs).toMatchObject([
          { registry: b.loginServer, summary: { totals: { tags: { deleted: 4 } } } },
          {
            registry: c.loginServer,
            decisions: expect.any(Array) as unknown,
            summary: { totals: { tags: { deleted: 0 } } },
          },
        ]);
        expect(a.requests()).toEqual([]);

        const other = await post("--filter '.*:^dev' --ago 30d -r contoso");
        expect(other.status).toBe(400);
        expect(await other.text()).toContain(
          `this app serves ${[a, b, c].map((one) => one.loginServer).join(', ')} only`,
        );
      }),
    );
  });

  test('of which no registry can be read is answered with what is wrong with the first', async () => {
    await withThree((three) => {
      for (const [n, one] of three.entries()) one.faults({ failing: () => (n === 0 ? 403 : 404) });
      return withApp(three, SETTINGS, async (app) => {
        const answer = await app.ask('/api/dry-run');
        expect(answer.status).toBe(502);
        expect(answer.headers.get('content-type')).toContain('application/problem+json');
        expect(((await answer.json()) as { readonly detail: string }).detail).toContain('403 DENIED');
        for (const one of three) expect(one.requests().length).toBeGreaterThan(0);
      });
    });
  });

  test('of which one registry cannot be reached is done for the others', async () => {
    await withThree(([a]) =>
      withApp(a, { ...SETTINGS, ACR_REGISTRY: `127.0.0.1:1 ${a.loginServer}` }, async (app) => {
        const { runs } = await json<Answered>(app, '/api/dry-run');
        expect(runs).toMatchObject([
          { registry: '127.0.0.1:1', error: { message: expect.any(String) as unknown } },
          { registry: a.loginServer, summary: { totals: { tags: { deleted: 6 } } } },
        ]);
        expect(runs[0]).not.toHaveProperty('summary');
      }),
    );
  });

  test('for a client that does not wait is found under its parent', async () => {
    await withThree(
      (three) =>
        withApp(three, SETTINGS, async (app) => {
          const answer = await app.ask('/api/dry-run', { method: 'POST', headers: { prefer: 'respond-async' } });
          expect(answer.status).toBe(202);
          const location = answer.headers.get('location') ?? '';
          const look = (): Promise<ParentAnswer> => json<ParentAnswer>(app, location);
          expect(await look()).toMatchObject({ kind: 'dry-run', state: 'running', registries: { length: 3 } });
          three[0].faults({});
          let parent = await look();
          while (parent.state === 'running') parent = await look();
          expect(parent).toMatchObject({
            state: 'done',
            progress: { done: 6, of: 6 },
            totals: { tags: { deleted: 12 } },
          });
          expect(location).toBe(`/api/runs/${parent.id}`);
        }),
      3,
      { latencyMs: 200 },
    );
  });
});

import { describe, expect, test } from 'vitest';
import type { RunRecord } from '../../../src/ledger/records.ts';
import type { Decision } from '../../../src/planner/decision.ts';
import type { RunSummary } from '../../../src/ledger/summary.ts';
import { type App, MASTER_KEY, until, withApp } from '../../support/app.ts';
import { images, repositoryOf } from '../../support/contents.ts';
import { newFolder } from '../../support/ledger.ts';
import { withServedEmulator } from '../../support/registry.ts';

/*
 * How long a client waits it says itself (`Prefer: wait=`), so that nothing here takes 30 seconds; and where a dry run
 * is to take longer than that, the registry is slow until it is told not to be.
 */

const SETTINGS = {
  PURGE_COMMAND: "--filter '.*:^dev' --ago 30d --untagged --concurrency 1",
  PURGE_SCHEDULE: '0 1 * * Sun',
};
const names = Array.from({ length: 12 }, (_, n) => `app${n}`);
const repositories = Object.fromEntries(
  names.map((name) => [name, repositoryOf(...images(name, 2, 'dev'), ...images(`${name}-kept`, 1, 'v'))]),
);
const ASYNC = { prefer: 'respond-async' };

interface Accepted {
  readonly runId: string;
  readonly run: string;
  readonly decisions: string;
}

const dryRun = (app: App, prefer: string, init: RequestInit = { method: 'POST' }): Promise<Response> =>
  app.ask('/api/dry-run', { ...init, headers: { prefer } });

/** What a 202 says. */
async function acceptedIn(response: Response): Promise<Accepted> {
  expect(response.status).toBe(202);
  const body = (await response.json()) as Accepted;
  expect(response.headers.get('location')).toBe(`/api/runs/${body.runId}`);
  expect(Number(response.headers.get('retry-after'))).toBeGreaterThan(0);
  expect(response.headers.get('vary')).toContain('Prefer');
  expect(body).toMatchObject({ state: 'running', run: `/api/runs/${body.runId}` });
  return body;
}

/** A run, which must be there. */
async function look(app: App, { run }: Accepted): Promise<RunRecord> {
  const response = await app.ask(run);
  expect(response.status).toBe(200);
  return (await response.json()) as RunRecord;
}

/** Looks until a run has ended, as a client does. */
async function ended(app: App, accepted: Accepted): Promise<RunRecord> {
  for (;;) {
    const run = await look(app, accepted);
    if (run.state !== 'running') return run;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

const sorted = (decisions: readonly Decision[]): readonly string[] =>
  decisions
    .map(({ repository, kind, tag, digest, action, reason }) =>
      [repository, kind, tag, digest, action, reason].join(' '),
    )
    .sort();

describe('a client that does not wait', () => {
  test.each<[string, string, RequestInit, Readonly<Record<string, string>>]>([
    ['respond-async', 'respond-async', { method: 'POST' }, {}],
    ['a GET', 'respond-async', {}, {}],
    ['wait=0', 'return=minimal, wait=0', { method: 'POST' }, {}],
    ['a ledger that outlives the app', 'respond-async', { method: 'POST' }, { RETENTION_STORAGE: newFolder() }],
  ])('%s: is told where, and there is what it would have been answered', async (_, prefer, init, settings) => {
    await withServedEmulator({ repositories, faults: { latencyMs: 10 } }, (emulator) =>
      withApp(emulator, { ...SETTINGS, ...settings }, async (app) => {
        const response = await dryRun(app, prefer, init);
        expect(response.headers.get('preference-applied')).toBe(prefer.split(', ').at(-1));
        const accepted = await acceptedIn(response);
        // From the first moment on.
        expect(await look(app, accepted)).toMatchObject({ kind: 'dry-run', startedBy: 'request', dryRun: true });
        const run = await ended(app, accepted);
        expect(run).toMatchObject({ state: 'done', progress: { done: 12, of: 12 }, plan: { state: 'open' } });
        const found = (await (await app.ask(accepted.decisions)).json()) as { readonly decisions: readonly Decision[] };
        const waited = (await (await dryRun(app, 'wait=100')).json()) as {
          readonly decisions: readonly Decision[];
          readonly summary: RunSummary;
        };
        expect(sorted(found.decisions)).toEqual(sorted(waited.decisions));
        expect(run.totals).toEqual(waited.summary.totals);
        // The host has ended the invocation by then; its log is complete all the same.
        await until(() => app.log().some(({ event, runId }) => event === 'run-ended' && runId === run.id));
        const { invocationId } =
          app.log().find(({ event, runId }) => event === 'run-started' && runId === run.id) ?? {};
        expect(invocationId).toBe(run.by);
        const told = app.log().filter(({ event, runId }) => event === 'decision' && runId === run.id);
        expect(told.length).toBe(found.decisions.filter(({ action }) => action === 'delete').length);
        expect(app.lines().filter((line) => line.includes('after function execution has completed'))).toEqual([]);
      }),
    );
  });

  test('is told at once what is wrong with its request, or with the settings', async () => {
    await withServedEmulator({ repositories }, async (emulator) => {
      await withApp(emulator, SETTINGS, async (app) => {
        const status = async (path: string, init: RequestInit = {}): Promise<number> =>
          (await app.ask(path, { ...init, headers: { ...ASYNC, ...(init.headers as Record<string, string>) } })).status;
        expect(await status('/api/dry-run?filter=a:b&ago=1.5d')).toBe(400);
        expect(await status('/api/dry-run?untaggedOnly&registry=contoso')).toBe(400);
        expect(await status('/api/dry-run', { method: 'POST', body: new URLSearchParams({ ago: '1d' }) })).toBe(415);
        expect(await status('/api/dry-run', { headers: { accept: 'text/html' } })).toBe(406);
        expect(await app.ask('/api/runs').then((response) => response.json())).toEqual({ runs: [] });
      });
      await withApp(emulator, { ...SETTINGS, PURGE_COMMAND: '--filter app --ago 1.5d' }, async (app) => {
        expect((await dryRun(app, 'respond-async')).status).toBe(503);
      });
      expect(emulator.requests()).toEqual([]);
    });
  });

  test('finds in the record what went wrong', async () => {
    const failing = ({ kind }: { readonly kind: string }) => (kind === 'catalog' ? 403 : undefined);
    await withServedEmulator({ repositories, faults: { failing } }, (emulator) =>
      withApp(emulator, SETTINGS, async (app) => {
        const run = await ended(app, await acceptedIn(await dryRun(app, 'respond-async')));
        expect(run).toMatchObject({
          state: 'failed',
          error: { message: expect.stringContaining('403') as unknown, status: 403 },
        });
        expect(app.log().filter(({ event }) => event === 'fault')).toEqual([]);
      }),
    );
  });
});

describe('a client that waits', () => {
  test('for long enough gets the result, and what was done about its preference', async () => {
    await withServedEmulator({ repositories }, (emulator) =>
      withApp(emulator, SETTINGS, async (app) => {
        const response = await dryRun(app, 'respond-async, wait=3600');
        expect(response.status).toBe(200);
        expect(response.headers.get('preference-applied')).toBe('wait=200');
        expect(response.headers.get('vary')).toBe('Accept, Accept-Encoding, Prefer');
        expect(await response.json()).toMatchObject({ summary: { succeeded: true } });
      }),
    );
  });

  test('and loses patience is told where, and the run goes on', async () => {
    await withServedEmulator({ repositories, faults: { latencyMs: 300 } }, (emulator) =>
      withApp(emulator, SETTINGS, async (app) => {
        const response = await dryRun(app, 'wait=1');
        expect(response.headers.get('preference-applied')).toBe('wait=1');
        const accepted = await acceptedIn(response);
        emulator.faults({});
        expect(await ended(app, accepted)).toMatchObject({ state: 'done', progress: { done: 12, of: 12 } });
        const found = (await (await app.ask(accepted.decisions)).json()) as { readonly decisions: readonly Decision[] };
        expect(new Set(found.decisions.map(({ repository }) => repository)).size).toBe(12);
      }),
    );
  });
});

describe('dry runs that wait their turn', () => {
  test('are seen to, can be cancelled at once, and begin when there is room', async () => {
    // The first two wait for a registry that takes its time.
    await withServedEmulator({ repositories, faults: { latencyMs: 2_000 } }, (emulator) =>
      withApp(emulator, SETTINGS, async (app) => {
        const ask = async (): Promise<Accepted> => acceptedIn(await dryRun(app, 'respond-async'));
        const [first, second, third, fourth] = [await ask(), await ask(), await ask(), await ask()];
        for (const waiting of [third, fourth])
          expect(await look(app, waiting)).toMatchObject({ state: 'running', progress: { done: 0, of: 0 } });
        expect((await app.ask(`${third.run}/cancel`, { method: 'POST', key: MASTER_KEY })).status).toBeLessThan(300);
        expect(await ended(app, third)).toMatchObject({ state: 'stopped', stopped: { by: 'cancel' } });
        expect((await look(app, first)).state).toBe('running');
        emulator.faults({});
        for (const one of [first, second, fourth]) expect((await ended(app, one)).state).toBe('done');
        expect(emulator.counts().catalog).toBe(3);
      }),
    );
  });

  test('are not without end', async () => {
    await withServedEmulator({ repositories, faults: { latencyMs: 2_000 } }, (emulator) =>
      withApp(emulator, SETTINGS, async (app) => {
        // At once: each takes its place before anything is awaited.
        const answers = await Promise.all(Array.from({ length: 30 }, () => dryRun(app, 'respond-async')));
        const refused = answers.filter(({ status }) => status === 429);
        expect(refused).toHaveLength(8);
        expect(await refused[0]?.json()).toMatchObject({
          detail: expect.stringMatching(/^20 dry runs wait/) as unknown,
        });
        const accepted: Accepted[] = [];
        for (const answer of answers) if (answer.status !== 429) accepted.push(await acceptedIn(answer));
        emulator.faults({});

        for (const one of accepted) expect((await ended(app, one)).state).toBe('done');
        expect((await dryRun(app, 'respond-async')).status).toBe(202);
      }),
    );
  });
});

test('a host that shuts down ends what goes on after its answer, and the record says so', async () => {
  const settings = { ...SETTINGS, RETENTION_STORAGE: newFolder() };
  await withServedEmulator({ repositories, faults: { latencyMs: 300 } }, async (emulator) => {
    const accepted = await withApp(emulator, settings, async (app) => acceptedIn(await dryRun(app, 'respond-async')));
    await withApp(emulator, settings, async (app) => {
      expect(await look(app, accepted)).toMatchObject({
        state: 'stopped',
        stopped: { by: 'signal', detail: expect.stringContaining('the host shut down') as unknown },
      });
    });
  });
});

import { describe, expect, test } from 'vitest';
import { type Emulator, sampleRegistry } from '../../../src/dev/emulator/index.ts';
import { image } from '../../../src/dev/emulator/manifests.ts';
import type { RunRecord } from '../../../src/ledger/records.ts';
import type { Decision } from '../../../src/planner/decision.ts';
import type { RepositorySummary, RunSummary } from '../../../src/ledger/summary.ts';
import { type AppHere, withAppHere } from '../../support/app-here.ts';
import { DELETING, MASTER_KEY } from '../../support/app.ts';
import { images, repositoryOf } from '../../support/contents.ts';
import { newFolder } from '../../support/ledger.ts';
import { withEmulator } from '../../support/registry.ts';

const SETTINGS = { PURGE_COMMAND: "--filter '.*:^(dev|pr)-' --ago 30d --untagged", PURGE_SCHEDULE: '0 1 * * Sun' };

async function json<T>(response: Response, status = 200): Promise<T> {
  expect(response.status).toBe(status);
  return (await response.json()) as T;
}

const dryRun = (
  app: AppHere,
  path = '',
): Promise<{ readonly summary: RunSummary; readonly decisions: readonly Decision[] }> =>
  app.ask(`/api/dry-run${path}`).then((response) => json(response));

const apply = (app: AppHere, id: string, query = ''): Promise<Response> =>
  app.ask(`/api/plans/${id}/apply${query}`, { method: 'POST', key: MASTER_KEY });

const left = (emulator: Emulator): readonly string[] => [...emulator.tagsLeft(), ...emulator.manifestsLeft()];

describe('reading it back', () => {
  test('the runs, one of them, its decisions by what they say, and one artifact', async () => {
    await withEmulator({ repositories: sampleRegistry() }, (emulator) =>
      withAppHere(emulator, SETTINGS, async (app) => {
        const { summary, decisions } = await dryRun(app);
        await dryRun(app, '?filter=shop/.*:^pr-&ago=30d');
        await app.fireTimer();

        const all = await json<{ readonly runs: readonly RunRecord[] }>(await app.ask('/api/runs'));
        expect(all.runs.map(({ kind }) => kind)).toEqual(['scheduled', 'dry-run', 'dry-run']);
        const first = await json<{ readonly runs: readonly RunRecord[]; readonly next: string }>(
          await app.ask('/api/runs?limit=2'),
        );
        const next = await json<{ readonly runs: readonly RunRecord[] }>(await app.ask(first.next));
        expect([...first.runs, ...next.runs].map(({ id }) => id)).toEqual(all.runs.map(({ id }) => id));
        expect(next).not.toHaveProperty('next');
        const scheduled = await json<{ readonly runs: readonly RunRecord[] }>(
          await app.ask('/api/runs?kind=scheduled&state=done'),
        );
        expect(scheduled.runs).toHaveLength(1);

        const run = await json<RunRecord & { readonly repositories: readonly RepositorySummary[] }>(
          await app.ask(`/api/runs/${summary.runId}`),
        );
        expect(run).toMatchObject({
          id: summary.runId,
          kind: 'dry-run',
          state: 'done',
          startedBy: 'request',
          registry: emulator.loginServer,
          policy: {
            from: 'settings',
            commands: [{ understood: { agoMilliseconds: 30 * 86_400_000, untagged: true } }],
          },
          totals: summary.totals,
          plan: { hash: summary.plan?.hash, state: 'open' },
        });
        expect(run.repositories).toEqual(summary.repositories);

        const path = `/api/runs/${summary.runId}/decisions`;
        const recorded = await json<{ readonly decisions: readonly Decision[] }>(await app.ask(path));
        const sorted = (some: readonly Decision[]) => some.map((one) => JSON.stringify(one)).sort();
        expect(sorted(recorded.decisions)).toEqual(sorted(decisions));
        const gone = decisions.filter(({ repository, action }) => repository === 'shop/api' && action === 'delete');
        const filtered = await app.ask(`${path}?repository=shop/api&action=delete`, {
          headers: { accept: 'application/x-ndjson' },
        });
        expect(filtered.headers.get('content-disposition')).toContain('.ndjson');
        const lines = (await filtered.text()).trim().split('\n');
        expect(lines.sort()).toEqual(sorted(gone));
        const csv = await app.ask(`${path}?reason=locked&format=csv`);
        expect(csv.headers.get('content-type')).toContain('text/csv');
        const locked = decisions.filter(({ reason }) => reason === 'locked').length;
        expect((await csv.text()).trim().split('\r\n')).toHaveLength(locked + 1);

        const tag = gone.find(({ kind }) => kind === 'tag')?.tag ?? '';
        const explained = await json<{
          readonly sightings: readonly { readonly run: { readonly id: string }; readonly decision: Decision }[];
        }>(await app.ask(`/api/explain?image=shop/api:${tag}`));
        expect(explained.sightings.map(({ run: { id } }) => id)).toContain(summary.runId);
        expect(explained.sightings.some(({ decision }) => decision.kind === 'tag' && decision.tag === tag)).toBe(true);
        expect(explained.sightings.some(({ decision }) => decision.kind === 'manifest')).toBe(true);

        for (const [wrong, status] of [
          ['/api/runs/20200101T000000Z-000000', 404],
          ['/api/runs/20200101T000000Z-000000/decisions', 404],
          ['/api/runs/..%2f..%2fetc', 404],
          ['/api/runs?state=odd', 400],
          ['/api/runs?limit=0', 400],
          ['/api/runs?from=yesterday', 400],
          [`${path}?reason=none`, 400],
          [`${path}?format=pdf`, 400],
          ['/api/explain', 400],
          ['/api/explain?image=app', 400],
        ] as const) {
          const problem = await json<{ readonly detail: string }>(await app.ask(wrong), status);
          expect(problem.detail).not.toBe('');
        }
        expect((await app.ask('/api/runs', { key: 'wrong' })).status).toBe(401);
        expect(JSON.stringify(app.log())).not.toContain('function-key-of-the-tests');
      }),
    );
  });
});

describe('a plan over HTTP', () => {
  test('is carried out by whoever has the master key, once, and is found in the ledger after a restart', async () => {
    const storage = newFolder();
    await withEmulator({ repositories: sampleRegistry() }, async (emulator) => {
      const before = left(emulator);
      const settings = { ...SETTINGS, ...DELETING, RETENTION_STORAGE: storage };
      const { summary, decisions } = await withAppHere(emulator, settings, (app) => dryRun(app));
      expect(left(emulator)).toEqual(before);
      await withAppHere(emulator, settings, async (app) => {
        expect((await app.ask(`/api/plans/${summary.runId}/apply`, { method: 'POST' })).status).toBe(401);
        const applied = await json<{ readonly state: string; readonly summary: RunSummary }>(
          await apply(app, summary.runId),
        );
        expect(applied).toMatchObject({ state: 'applied', summary: { succeeded: true, dryRun: false } });
        const now = new Set(left(emulator));
        const going = decisions.filter(({ action }) => action === 'delete');
        expect(before.filter((one) => !now.has(one))).toHaveLength(going.length);
        expect(await json(await apply(app, summary.runId))).toMatchObject({
          state: 'applied-before',
          run: { id: applied.summary.runId },
        });
        await json(await apply(app, '20200101T000000Z-000000'), 404);
        await json(await apply(app, summary.runId, '?approve=0123456789ab'), 200);
      });
      // Configured otherwise, what was planned before is not carried out any more.
      const { summary: other } = await withAppHere(emulator, settings, (app) => dryRun(app));
      const changed = { ...settings, PURGE_COMMAND: "--filter '.*:^(dev|pr)-' --ago 1d --untagged" };
      if (other.plan)
        await withAppHere(emulator, changed, async (app) => {
          const problem = await json<{ readonly detail: string }>(await apply(app, other.runId), 409);
          expect(problem.detail).toContain('another policy');
        });
    });
  });

  test('a scheduled purge that would take too much waits, says so, and goes on when it is approved', async () => {
    const repositories = { app: repositoryOf(...images('app', 3, 'dev')) };
    await withEmulator({ repositories }, (emulator) =>
      withAppHere(emulator, { ...SETTINGS, PURGE_DRY_RUN: 'false' }, async (app) => {
        await app.fireTimer();
        expect(emulator.tagsLeft()).toHaveLength(3);
        expect(
          app.lines().some((line) => line.includes('executed (Failed)') && line.includes('waits for approval')),
        ).toBe(true);
        const holds = app.log().filter(({ event }) => event === 'breaker-tripped');
        expect(holds.map(({ breaker }) => breaker)).toEqual(['max-deletion-percent', 'no-tag-left']);
        const { runs } = await json<{ readonly runs: readonly RunRecord[] }>(await app.ask('/api/runs?state=waiting'));
        const [run] = runs;
        expect(run).toMatchObject({ kind: 'scheduled', plan: { state: 'waiting', deletions: 6 } });
        const page = await (await app.ask(`/api/review?run=${run?.id ?? ''}`)).text();
        const approval = /apply\?approve=([0-9a-f]{12})/.exec(page)?.[1];
        expect(approval).toBe(run?.plan?.hash.slice(0, 12));
        await json(await apply(app, run?.id ?? '', `?approve=${approval ?? ''}`));
        expect(emulator.tagsLeft()).toHaveLength(0);
      }),
    );
  });
});

test('a hostile registry: page, CSV and log stay clean', async () => {
  const hostile = repositoryOf(
    { built: image('odd'), days: 40, mediaType: '=cmd|calc!A1 <script>alert(1)</script> \u001b[31m\u202e' },
    ...images('kept', 20, 'v'),
  );
  // No tag can be called that: its repository cannot be read, and the message repeats it.
  const impossible = repositoryOf({ built: image('red'), days: 40, tags: ['\u001b[31m<script>alert(2)</script>'] });
  const settings = { ...SETTINGS, PURGE_COMMAND: "--filter '.*:.*' --ago 30d --untagged" };
  await withEmulator({ repositories: { '=a<b>&"': hostile, impossible } }, (emulator) =>
    withAppHere(emulator, settings, async (app) => {
      const { summary } = await dryRun(app);
      const path = `/api/runs/${summary.runId}/decisions`;
      // eslint-disable-next-line no-control-regex -- control characters are what is looked for
      const unsafe = /[\u0000-\u0009\u000b\u000c\u000e-\u001f\u007f-\u009f\u202a-\u202e]/;
      const csv = await (await app.ask(`${path}?format=csv`)).text();
      expect(csv).not.toMatch(unsafe);
      expect(csv).toContain(`"'=a<b>&""`);
      expect(csv).toContain("'=cmd|calc!A1");
      for (const line of csv.split('\r\n')) expect(line).not.toMatch(/(?:^|,)"?[=+@-]/);
      for (const query of ['', `?run=${summary.runId}`, `?run=${summary.runId}&view=decisions`]) {
        const page = await (await app.ask(`/api/review${query}`)).text();
        expect(page).not.toMatch(unsafe);
        expect(page).not.toContain('<script>alert');
      }
      for (const form of ['json', 'ndjson'])
        expect(await (await app.ask(`${path}?format=${form}`)).text()).not.toMatch(unsafe);
      expect(app.lines().join('')).not.toMatch(unsafe);
    }),
  );
});

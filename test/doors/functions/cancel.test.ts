import { expect, test } from 'vitest';
import type { Emulator } from '../../../src/dev/emulator/index.ts';
import { folderStore } from '../../../src/ledger/store/folder.ts';
import { openLedger } from '../../../src/ledger/ledger.ts';
import type { RunRecord } from '../../../src/ledger/records.ts';
import { disagreements } from '../../crash/check.ts';
import { type App, DELETING, MASTER_KEY, until, withApp } from '../../support/app.ts';
import { cli } from '../../support/cli.ts';
import { images, repositoryOf } from '../../support/contents.ts';
import { newFolder } from '../../support/ledger.ts';
import { withServedEmulator } from '../../support/registry.ts';

const SETTINGS = {
  PURGE_COMMAND: "--filter '.*:^dev' --ago 30d --untagged --concurrency 1",
  PURGE_SCHEDULE: '0 1 * * Sun',
  ...DELETING,
};
const names = Array.from({ length: 30 }, (_, n) => `app${n}`);
const repositories = Object.fromEntries(names.map((name) => [name, repositoryOf(...images(name, 2, 'dev'))]));
const SOME_LATENCY = { repositories, faults: { latencyMs: 20 } };

const cancel = (app: App, id: string, key = MASTER_KEY): Promise<Response> =>
  app.ask(`/api/runs/${id}/cancel`, { method: 'POST', key });

const leftIn = (emulator: Emulator): readonly string[] => [...emulator.tagsLeft(), ...emulator.manifestsLeft()];

/** Fires the timer, and waits for its first deletions. The others take so long that it is cancelled long before its end. */
async function purging(emulator: Emulator, app: App): Promise<{ readonly id: string; readonly over: Promise<void> }> {
  const over = app.fireTimer();
  await until(() => emulator.counts()['delete-manifest'] >= 2);
  emulator.faults({ latencyMs: 250 });
  const { runs } = (await (await app.ask('/api/runs?state=running')).json()) as { readonly runs: readonly RunRecord[] };
  return { id: runs[0]?.id ?? '', over };
}

/** What is wrong with the record in a folder, compared with the registry. */
function wrongIn(folder: string, emulator: Emulator, had: readonly string[]): Promise<readonly string[]> {
  const store = folderStore(folder);
  const left = new Set(leftIn(emulator));
  return disagreements({ ledger: openLedger(store), store, registry: emulator.loginServer, had, left });
}

test('a purge is cancelled over HTTP: it ends between deletions, and the next tick begins anew', async () => {
  const storage = newFolder();
  await withServedEmulator(SOME_LATENCY, (emulator) =>
    withApp(emulator, { ...SETTINGS, RETENTION_STORAGE: storage }, async (app) => {
      const had = leftIn(emulator);
      const { id, over } = await purging(emulator, app);
      expect((await app.ask(`/api/runs/${id}/cancel`, { method: 'POST' })).status).toBe(401);
      const asked = await cancel(app, id);
      expect(asked.status).toBe(202);
      expect(asked.headers.get('location')).toBe(`/api/runs/${id}`);
      expect(Number(asked.headers.get('retry-after'))).toBeGreaterThan(0);
      expect(await asked.json()).toMatchObject({ runId: id, state: 'running', cancelled: { askedBy: 'request' } });
      expect(await (await app.ask(`/api/review?run=${id}`)).text()).toContain('It was cancelled');
      await over;

      const run = (await (await app.ask(`/api/runs/${id}`)).json()) as RunRecord;
      expect(run).toMatchObject({ state: 'stopped', stopped: { by: 'cancel' }, cancelled: { askedBy: 'request' } });
      expect(run.progress.done).toBeLessThan(30);
      expect(app.log().at(-1)).toMatchObject({ event: 'run-ended', level: 'warn', stopped: run.stopped });
      // Nothing is wrong with an invocation that did as it was told.
      expect(app.lines().filter((line) => line.includes('executed (Failed)'))).toEqual([]);
      expect(emulator.tagsLeft().length).toBeGreaterThan(0);
      expect(await wrongIn(storage, emulator, had)).toEqual([]);
      expect(await (await app.ask(`/api/review?run=${id}`)).text()).toContain('It was cancelled');

      const again = await cancel(app, id);
      expect(again.status).toBe(200);
      expect(await again.json()).toMatchObject({ runId: id, state: 'stopped', stopped: run.stopped });

      emulator.faults({});
      await app.fireTimer();
      expect(app.log().find(({ event }) => event === 'run-not-resumed')).toMatchObject({
        runId: id,
        why: 'it was cancelled',
      });
      const end = app.log().at(-1);
      expect(end).toMatchObject({ event: 'run-ended', succeeded: true });
      expect(end?.['runId']).not.toBe(id);
      expect(emulator.tagsLeft()).toEqual([]);

      const late = await cancel(app, String(end?.['runId']));
      expect(late.status).toBe(409);
      expect(await late.json()).toMatchObject({ detail: expect.stringContaining('is done') as unknown });
      for (const unknown of ['20200101T000000Z-000000', '..%2f..%2fetc'])
        expect((await cancel(app, unknown)).status).toBe(404);
    }),
  );
});

test('a purge is cancelled by another process: the one that works on it finds out', async () => {
  const storage = newFolder();
  await withServedEmulator(SOME_LATENCY, (emulator) =>
    withApp(emulator, { ...SETTINGS, RETENTION_STORAGE: storage }, async (app) => {
      const had = leftIn(emulator);
      const { id, over } = await purging(emulator, app);
      const { code, stdout } = await cli(['cancel', id, '--runs', storage]);
      expect({ code, stdout }).toEqual({ code: 0, stdout: expect.stringContaining('ends within seconds') as unknown });
      await over;
      expect(app.log().at(-1)).toMatchObject({
        event: 'run-ended',
        stopped: { by: 'cancel', detail: expect.stringMatching(/it was cancelled by .+ on .+ at /) as unknown },
      });
      expect(emulator.tagsLeft().length).toBeGreaterThan(0);
      expect(await wrongIn(storage, emulator, had)).toEqual([]);
      expect(await cli(['cancel', id, '--runs', storage])).toMatchObject({
        code: 0,
        stdout: expect.stringContaining(`is stopped: it was cancelled`) as unknown,
      });
      expect(await cli(['runs', 'show', id, '--runs', storage])).toMatchObject({
        stdout: expect.stringMatching(/cancelled +it was cancelled by .+ on /) as unknown,
      });
      expect(await cli(['cancel', '20200101T000000Z-000000', '--runs', storage])).toMatchObject({
        code: 2,
        stderr: expect.stringContaining('there is no run') as unknown,
      });
    }),
  );
});

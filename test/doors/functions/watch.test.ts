import { expect, test } from 'vitest';
import { type AppHere, withAppHere } from '../../support/app-here.ts';
import { DELETING, withApp } from '../../support/app.ts';
import { images, repositoryOf } from '../../support/contents.ts';
import { newFolder } from '../../support/ledger.ts';
import { withEmulator, withServedEmulator } from '../../support/registry.ts';

const SETTINGS = { PURGE_COMMAND: "--filter '.*:^dev-' --ago 30d", PURGE_SCHEDULE: '0 1 * * Sun' };
const repositories = { app: repositoryOf(...images('app', 2, 'dev')) };

async function watched(app: AppHere) {
  await app.fireTimer('watch');
  expect(app.lines().filter((line) => line.includes('[watch] executed (Failed)'))).toEqual([]);
  return app.watchLog().at(-1);
}

test('says when the last scheduled run was, and when the next one is', async () => {
  await withEmulator({ repositories }, (emulator) =>
    withAppHere(emulator, { ...SETTINGS, RETENTION_STORAGE: newFolder() }, async (app) => {
      const about = { event: 'watch', level: 'info', registry: emulator.loginServer, dryRun: true, overdue: false };
      const first = await watched(app);
      expect(first).toMatchObject({ ...about, schedule: '0 1 * * Sun', invocationId: expect.any(String) as unknown });
      expect(first).not.toHaveProperty('lastRun');
      expect(new Date(String(first?.['nextRun'])).getUTCDay()).toBe(0);

      await app.ask('/api/dry-run');
      expect(await watched(app)).not.toHaveProperty('lastRun');
      await app.fireTimer();
      const [{ runId } = {}] = app.log().filter(({ startedBy }) => startedBy === 'schedule');
      expect(await watched(app)).toMatchObject({ ...about, lastRunId: runId, lastState: 'done' });
    }),
  );
});

test('says what is wrong with the settings, and is no failed invocation for it', async () => {
  await withEmulator({ repositories }, (emulator) =>
    withAppHere(emulator, {}, async (app) => {
      expect(await watched(app)).toMatchObject({ event: 'misconfigured', level: 'error', mistakes: { length: 2 } });
    }),
  );
});

test('the end of a run says how much one usually deletes, once there were three that could delete', async () => {
  await withEmulator({ repositories }, (emulator) =>
    withAppHere(emulator, { ...SETTINGS, ...DELETING, RETENTION_STORAGE: newFolder() }, async (app) => {
      await app.ask('/api/dry-run');
      for (let run = 0; run < 4; run++) await app.fireTimer();
      const ends = app.log().filter(({ event }) => event === 'run-ended');
      expect(ends.map(({ kind, usual }) => [kind, usual])).toEqual([
        ['dry-run', undefined],
        ['scheduled', undefined],
        ['scheduled', undefined],
        ['scheduled', undefined],
        ['scheduled', 0],
      ]);
    }),
  );
});

test('the host says by what each timer is fired', async () => {
  await withServedEmulator({ repositories }, (emulator) =>
    withApp(emulator, SETTINGS, (app) => {
      const printed = app.lines().join('\n');
      expect(printed).toMatch(/scheduledPurge +by the clock: PURGE_SCHEDULE\n/);
      expect(printed).toMatch(/watch +by the clock: .*30 minutes past the hour/i);
      return Promise.resolve();
    }),
  );
});

import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { folderStore } from '../../src/ledger/store/folder.ts';
import { openLedger } from '../../src/ledger/ledger.ts';
import { DELETING, withApp } from '../support/app.ts';
import { images, repositoryOf } from '../support/contents.ts';
import { newFolder } from '../support/ledger.ts';
import { withServedEmulator } from '../support/registry.ts';

const DAY_MS = 86_400_000;

/** The beginning of a run's id, so many days ago. */
const daysAgo = (days: number): string =>
  new Date(Date.now() - days * DAY_MS).toISOString().replace(/[-:]|\.\d+/g, '') + '-000000';

test('the scheduled purge removes what is older than RETENTION_LEDGER_DAYS, and nothing else', async () => {
  const folder = newFolder();
  const [old, young] = [daysAgo(31), daysAgo(29)];
  for (const name of [old, young, '.snapshot', 'notes']) {
    mkdirSync(join(folder, 'runs', name, 'decisions'), { recursive: true });
    for (const file of ['decisions/app.ndjson.gz', 'run.json']) writeFileSync(join(folder, 'runs', name, file), '');
  }
  const settings = {
    ...DELETING,
    PURGE_COMMAND: "--filter 'app:^dev' --ago 30d",
    PURGE_SCHEDULE: '0 1 * * Sun',
    RETENTION_STORAGE: folder,
    RETENTION_LEDGER_DAYS: '30',
  };
  await withServedEmulator({ repositories: { app: repositoryOf(...images('app', 2, 'dev')) } }, (emulator) =>
    withApp(emulator, settings, (app) => app.fireTimer()),
  );
  const store = folderStore(folder);
  const left = await Array.fromAsync(store.folders('runs/'));
  expect(left).not.toContain(old);
  expect(left).toEqual(expect.arrayContaining([young, '.snapshot', 'notes']));
  expect(left).toHaveLength(4);
  expect((await Array.fromAsync(openLedger(store).runs())).map(({ kind }) => kind)).toEqual(['scheduled']);
});

import { pino } from 'pino';
import { Writable } from 'node:stream';
import { expect, test } from 'vitest';
import { eachRegistry } from '../../../src/engine/batch.ts';
import type { Emulator } from '../../../src/dev/emulator/index.ts';
import { type Ledger, openLedger } from '../../../src/ledger/ledger.ts';
import { newRunId } from '../../../src/ledger/paths.ts';
import type { Log } from '../../../src/report/log.ts';
import { purge } from '../../../src/index.ts';
import { calm } from '../../support/durable.ts';
import { hall, scheduled, settingsOf } from '../../support/orchestration.ts';
import { connectTo, withEmulator } from '../../support/registry.ts';
import { newShelf } from '../../support/shelf.ts';
import { several } from '../../support/slices.ts';

const SETTINGS = { PURGE_COMMAND: '--filter ".*:^dev" --ago 30d --untagged', PURGE_DRY_RUN: 'false' };

type Line = Readonly<Record<string, unknown>>;

/** Two registries, purged under a parent: what is logged, and the parent's id. */
async function logged(
  how: (emulators: readonly Emulator[], ledger: Ledger, log: Log) => Promise<string>,
): Promise<{ readonly lines: readonly Line[]; readonly parent: string; readonly runs: readonly string[] }> {
  const lines: Line[] = [];
  const log = pino(
    { base: null },
    new Writable({
      write(line: Buffer, _, done) {
        lines.push(JSON.parse(line.toString()) as Line);
        done();
      },
    }),
  );
  return withEmulator({ repositories: several(3, 2) }, (one) =>
    withEmulator({ repositories: several(2, 2) }, async (other) => {
      const ledger = openLedger(newShelf(() => 0).store);
      const parent = await how([one, other], ledger, log);
      const runs = await Array.fromAsync(ledger.runs());
      expect(runs.map(({ state, parent: of }) => [state, of])).toEqual(runs.map(() => ['done', parent]));
      return { lines, parent, runs: runs.map(({ id }) => id) };
    }),
  );
}

const durably = (emulators: readonly Emulator[], ledger: Ledger, log: Log): Promise<string> => {
  const durable = hall({ emulators, ledger, settings: SETTINGS, options: { choices: calm }, log });
  const parent = newRunId(new Date());
  durable.start('retention', { instanceId: parent, input: scheduled(emulators, 'tick', parent) });
  return durable.run().then(() => parent);
};

const inOneProcess = async (emulators: readonly Emulator[], ledger: Ledger, log: Log): Promise<string> => {
  const settings = settingsOf({ emulators, settings: SETTINGS });
  let parent = '';
  await eachRegistry(
    settings.registries,
    settings.registries,
    {
      ...{ ledger, log, kind: 'scheduled', startedBy: 'schedule', by: 'tick', now: new Date() },
      timeBudget: settings.timeBudget,
      onBegin: (id) => (parent = id),
    },
    ({ endpoint, commands }, share) => {
      const emulator = emulators.find(({ loginServer }) => loginServer === endpoint.host);
      if (!emulator) throw new Error(`${endpoint.host} is not there`);
      const policies = commands.map(({ policy }) => policy);
      return purge(connectTo(emulator), { policies, now: new Date(), ledger, onDecisions: () => undefined, ...share });
    },
  );
  return parent;
};

test.each([
  ['durable', durably],
  ['inline', inOneProcess],
] as const)('each line of a run under a parent names it: %s', async (_, how) => {
  const { lines, parent, runs } = await logged(how);
  expect(runs).toHaveLength(2);
  const own = lines.filter(({ runId }) => runs.includes(String(runId)));
  for (const event of ['run-started', 'decision', 'run-ended'])
    expect(own.filter((line) => line['event'] === event).length, event).toBeGreaterThanOrEqual(2);
  expect(lines.filter((line) => line['parent'] !== parent)).toEqual([]);
});

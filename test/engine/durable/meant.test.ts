import { expect, test } from 'vitest';
import type { Emulator } from '../../../src/dev/emulator/index.ts';
import type { Ledger } from '../../../src/ledger/ledger.ts';
import type { Settings } from '../../../src/policy/settings.ts';
import { images, repositoryOf } from '../../support/contents.ts';
import { calm } from '../../support/durable.ts';
import { newLedger } from '../../support/ledger.ts';
import { hall, type Hall, scheduled } from '../../support/orchestration.ts';
import { withEmulator } from '../../support/registry.ts';

/* Nothing goes that nobody means to go any more, or that the breakers were not asked about. */

const SETTINGS = {
  PURGE_COMMAND: '--filter ".*:^dev" --ago 30d --untagged',
  PURGE_DRY_RUN: 'false',
  MAX_DELETION_PERCENT: '100',
  KEEP_LAST_TAG: 'false',
  REGISTRY_PARALLELISM: '1',
};

const deletions = (emulator: Emulator): number =>
  emulator.requests().filter(({ kind }) => kind === 'delete-tag' || kind === 'delete-manifest').length;

const apps = (count: number, each: number) =>
  Object.fromEntries(
    Array.from({ length: count }, (_, n) => [`app${n}`, repositoryOf(...images(`app${n}`, each, 'dev'))]),
  );

/** One tick, to its end. */
async function tick(
  emulator: Emulator,
  ledger: Ledger,
  by: string,
  more: Partial<Pick<Hall, 'settings' | 'adjust' | 'wrap'>>,
): Promise<void> {
  const durable = hall({ emulators: [emulator], ledger, options: { choices: calm }, settings: SETTINGS, ...more });
  durable.start('retention', { instanceId: by, input: scheduled([emulator], by) });
  await durable.run();
}

/** What is changed once something has been deleted. */
const MEANWHILE: readonly (readonly [string, (settings: Settings) => Settings, string])[] = [
  ['deleting is turned off', (settings) => ({ ...settings, dryRun: true }), 'only dry runs are wanted now'],
  [
    'the policy is changed',
    (settings) => ({
      ...settings,
      registries: settings.registries.map((one) => ({ ...one, commands: [...one.commands, ...one.commands] })),
    }),
    'the policy was changed',
  ],
  ['the registry is taken out', (settings) => ({ ...settings, registries: [] }), 'does not serve'],
];

test.each(MEANWHILE)(
  'where %s in the middle, nothing more is deleted, and the record says why',
  async (_, change, why) => {
    await withEmulator({ repositories: apps(6, 1) }, async (emulator) => {
      const ledger = newLedger();
      const adjust = (settings: Settings): Settings => (deletions(emulator) > 0 ? change(settings) : settings);
      await tick(emulator, ledger, 'one', { adjust });
      const [run] = await Array.fromAsync(ledger.runs());
      // What was under way is finished.
      expect(deletions(emulator)).toBe(1);
      expect(run).toMatchObject({ state: 'stopped', progress: { done: 1, of: 6 } });
      expect(run?.stopped).toMatchObject({ by: 'settings', detail: expect.stringContaining(why) as unknown });
      expect(run?.stopped?.detail).toContain('no tick resumes it as the settings are now');
    });
  },
);

test('a run that goes on after the breakers were asked deletes nothing that they were not asked about', async () => {
  const repositories = { ...apps(3, 1), large: repositoryOf(...images('large', 20, 'dev')) };
  await withEmulator({ repositories }, async (emulator) => {
    const ledger = newLedger();
    const settings = { ...SETTINGS, MAX_DELETIONS: '10' };
    // It cannot be planned, so they are asked about the others only; then the tick is over before any of those is done.
    emulator.faults({ forbiddenRepositories: ['large'] });
    const adjust = (read: Settings): Settings =>
      deletions(emulator) > 0 && !isOver ? { ...read, timeLimitSeconds: 0 } : read;
    let isOver = false;
    await tick(emulator, ledger, 'one', { settings, adjust });
    // The time of the task file.
    expect(await Array.fromAsync(ledger.runs())).toMatchObject([
      { state: 'stopped', breakersAsked: true, stopped: { by: 'timeout' } },
    ]);
    const before = deletions(emulator);
    expect(before).toBeGreaterThan(0);
    isOver = true;
    emulator.faults({});
    await tick(emulator, ledger, 'two', { settings, adjust });
    const runs = await Array.fromAsync(ledger.runs());
    expect(runs).toHaveLength(1);
    expect(deletions(emulator)).toBe(3);
    expect(emulator.requests().some(({ kind, path }) => kind.startsWith('delete-') && path.includes('large'))).toBe(
      false,
    );
  });
});

test('breakers that are asked once more, when what they held back is recorded, still hold it back', async () => {
  await withEmulator({ repositories: apps(6, 2) }, async (emulator) => {
    const ledger = newLedger();
    let again: (() => Promise<unknown>) | undefined;
    let visits = 0;
    await tick(emulator, ledger, 'one', {
      settings: { ...SETTINGS, MAX_DELETIONS: '5' },
      wrap: (activity, name) => async (about, execution) => {
        if (name === 'checkGuards') again ??= () => activity(about, execution);
        // Right before the last of the second pass: what is held already counts as nothing that would go.
        if (name === 'processRepository' && again && ++visits === 6) await again();
        return activity(about, execution);
      },
    });
    expect(deletions(emulator)).toBe(0);
    const [run] = await Array.fromAsync(ledger.runs());
    expect(run).toMatchObject({ state: 'waiting', breakers: [{ breaker: 'max-deletions' }] });
    expect(visits).toBe(6);
  });
});

test('where the breakers are not asked, nothing is carried out, whatever the settings are again by then', async () => {
  await withEmulator({ repositories: apps(6, 1) }, async (emulator) => {
    const ledger = newLedger();
    // As on an instance that has been deployed anew already, while the others have the settings of before.
    let isNew = false;
    await tick(emulator, ledger, 'one', {
      adjust: (settings) => (isNew ? { ...settings, dryRun: true } : settings),
      wrap: (activity, name) => async (about, execution) => {
        isNew = name === 'checkGuards';
        try {
          return await activity(about, execution);
        } finally {
          isNew = false;
        }
      },
    });
    expect(deletions(emulator)).toBe(0);
    expect(await Array.fromAsync(ledger.runs())).toMatchObject([{ state: 'stopped' }]);
  });
});

test('a plan that is made again after the breakers were asked is taken back', async () => {
  await withEmulator({ repositories: apps(3, 1) }, async (emulator) => {
    const ledger = newLedger();
    let late: Promise<unknown> | undefined;
    let isAsked = (): void => undefined;
    const asked = new Promise<void>((resolve) => (isAsked = resolve));
    await tick(emulator, ledger, 'one', {
      wrap: (activity, name) => async (about, execution) => {
        const isFirst = name === 'processRepository' && !late && JSON.stringify(about).includes('app1');
        if (isFirst) {
          // Taken for lost, and failed; what it does when it wakes up comes after the breakers.
          late = asked.then(() => activity(about, execution));
          return { state: 'failed', again: false, why: 'it was lost', matched: [] };
        }
        const result = await activity(about, execution);
        if (name === 'checkGuards') {
          isAsked();
          await late;
        }
        return result;
      },
    });
    await late;
    const [run] = await Array.fromAsync(ledger.runs());
    expect(await ledger.repository(run?.id ?? '', 'app1')).toMatchObject({ summary: { state: 'failed' } });
    expect(deletions(emulator)).toBe(2);
  });
});

test('a plan that a worker makes while its run is closed is not recorded: the record was summed up without it', async () => {
  await withEmulator({ repositories: apps(1, 2), faults: { latencyMs: 20 } }, async (emulator) => {
    const ledger = newLedger();
    let closing: Promise<unknown> | undefined;
    emulator.onRequest(({ kind }) => {
      if (kind !== 'list-tags') return;
      // As another start of the same orchestration does.
      closing ??= Array.fromAsync(ledger.runs()).then(([run]) =>
        ledger.changeRun(run?.id ?? '', (record) => ({ ...record, state: 'stopped' })),
      );
    });
    await tick(emulator, ledger, 'one', { settings: { ...SETTINGS, PURGE_DRY_RUN: 'true' } });
    await closing;
    const [run] = await Array.fromAsync(ledger.runs());
    expect(run).toMatchObject({ state: 'stopped', totals: { manifests: { deleted: 0 } } });
    expect(await Array.fromAsync(ledger.decisions(run?.id ?? ''))).toEqual([]);
  });
});

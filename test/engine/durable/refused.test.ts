import type { OrchestrationHandler } from 'durable-functions';
import { describe, expect, test } from 'vitest';
import type { Emulator, EmulatorOptions } from '../../../src/dev/emulator/index.ts';
import { type Ledger, openLedger } from '../../../src/ledger/ledger.ts';
import type { RunRecord } from '../../../src/ledger/records.ts';
import { worker } from '../../../src/engine/durable/orchestrators.ts';
import { inline } from '../../support/comes-to.ts';
import { calm, type Durable } from '../../support/durable.ts';
import { hall, scheduled, settingsOf } from '../../support/orchestration.ts';
import { withEmulator } from '../../support/registry.ts';
import { newShelf } from '../../support/shelf.ts';
import { several } from '../../support/slices.ts';

const SETTINGS = {
  PURGE_COMMAND: '--filter ".*:^dev" --ago 30d --untagged',
  PURGE_DRY_RUN: 'false',
  REGISTRY_PARALLELISM: '2',
};

interface Came {
  readonly emulator: Emulator;
  readonly ledger: Ledger;
  readonly durable: Durable;
  readonly run: RunRecord | undefined;
  /** Names of what the task hub executed, in its order. */
  readonly executed: readonly string[];
  /** How long the orchestration waited between its attempts. */
  readonly seconds: number;
}

async function durably(
  options: EmulatorOptions,
  then: (came: Came) => Promise<void>,
  orchestrators: Readonly<Record<string, OrchestrationHandler>> = {},
): Promise<void> {
  await withEmulator(options, async (emulator) => {
    const shelf = newShelf(() => durable.now().getTime());
    const ledger = openLedger(shelf.store);
    const executed: string[] = [];
    const durable = hall({
      emulators: [emulator],
      ledger,
      ledgerOf: (execution) => openLedger(shelf.worker(execution)),
      settings: SETTINGS,
      options: { choices: calm },
      orchestrators,
      wrap: (activity, name) => (about, execution) => {
        executed.push(name);
        return activity(about, execution);
      },
    });
    const started = durable.now().getTime();
    durable.start('retention', { instanceId: 'one', input: scheduled([emulator]) });
    await durable.run();
    const [run] = await Array.fromAsync(ledger.runs());
    await then({ emulator, ledger, durable, run, executed, seconds: (durable.now().getTime() - started) / 1000 });
  });
}

const options = (status: number): EmulatorOptions => ({
  repositories: several(3, 1),
  faults: { failing: ({ kind }) => (kind === 'catalog' ? status : undefined) },
});

describe('repositories that cannot be listed', () => {
  test.each([401, 403, 404])('%i is not asked for again, and the record says it all, as inline', async (status) => {
    await durably(options(status), ({ run, executed, seconds }) => {
      expect(executed).toEqual(['begin', 'list', 'finish']);
      expect(seconds).toBeLessThan(5);
      expect(run).toMatchObject({
        state: 'failed',
        error: { status, code: expect.any(String) as string, correlationId: expect.any(String) as string },
      });
      return Promise.resolve();
    });
    await withEmulator(options(status), async (emulator) => {
      const ledger = openLedger(newShelf(() => 0).store);
      const settings = settingsOf({ emulators: [emulator], settings: SETTINGS });
      await expect(inline(emulator, ledger, settings)).rejects.toThrow(String(status));
      const [run] = await Array.fromAsync(ledger.runs());
      expect(run).toMatchObject({
        state: 'failed',
        error: { status, code: expect.any(String) as string, correlationId: expect.any(String) as string },
      });
      expect(emulator.counts().catalog).toBe(1);
    });
  });
});

test('a worker that breaks off does not have the run closed while others work', async () => {
  const breaking: OrchestrationHandler = function* (context) {
    const { worker: about } = context.df.getInput<{ readonly worker: { readonly nth: number } }>();
    if (about.nth === 0) throw new Error('the worker was terminated');
    return yield* worker(context) as Generator<never, unknown, unknown>;
  };
  await durably(
    { repositories: several(60, 1) },
    ({ run, executed }) => {
      // Those of the second page, and no other.
      expect(executed.filter((name) => name === 'processRepository')).toHaveLength(25);
      expect(executed.indexOf('finish')).toBe(executed.length - 1);
      expect(run).toMatchObject({ state: 'failed', error: { message: 'the worker was terminated' } });
      return Promise.resolve();
    },
    { worker: breaking },
  );
});

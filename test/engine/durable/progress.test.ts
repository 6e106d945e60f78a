import { describe, expect, test } from 'vitest';
import { isOver } from '../../../src/engine/merge.ts';
import { type Ledger, openLedger } from '../../../src/ledger/ledger.ts';
import { registryKey } from '../../../src/ledger/paths.ts';
import { LOCK_SECONDS } from '../../../src/ledger/store/store.ts';
import { type Activity, calm, type Choices, FAULTS } from '../../support/durable.ts';
import { hall, scheduled } from '../../support/orchestration.ts';
import { withEmulator } from '../../support/registry.ts';
import { newShelf } from '../../support/shelf.ts';
import { begin, goOn, several, stopAfter, WAYS } from '../../support/slices.ts';

/** The `nth` execution of all is killed at its third moment. */
function killing(nth: number): Choices {
  let executions = 0;
  return {
    pick(_, question) {
      if (question === 'where it is cut off') return 3;
      return question === 'fate of an activity' && ++executions === nth ? 1 + FAULTS.indexOf('cut off') : 0;
    },
  };
}

/** More than a page. */
const COUNT = 30;

const doneIn = async (ledger: Ledger, id: string): Promise<number> =>
  (await Array.fromAsync(ledger.repositories(id))).filter(isOver).length;

/** How far a run says that it is, and how far it is, when its visits begin, and when it ends. */
interface Seen {
  readonly name: string;
  readonly said: number;
  readonly done: number;
}

/** Purges repositories; `power` is asked before each activity whether there is still power. */
async function purging(
  settings: { readonly parallelism: number; readonly guarded: boolean },
  choices: Choices,
  then: (seen: readonly Seen[], again: () => Promise<readonly Seen[]>) => Promise<void>,
  power: (done: number) => boolean = () => true,
): Promise<void> {
  await withEmulator({ repositories: several(COUNT, 1) }, async (emulator) => {
    let durable: ReturnType<typeof hall> | undefined;
    let later = 0;
    const shelf = newShelf(() => (durable?.now().getTime() ?? 0) + later);
    const ledger = openLedger(shelf.store);
    const id = { of: '' };
    const tick = async (by: string, has: (done: number) => boolean, made: Choices): Promise<readonly Seen[]> => {
      const seen: Seen[] = [];
      later += 10 * LOCK_SECONDS * 1000;
      const input = scheduled([emulator], by);
      id.of ||= input.jobs[0]?.runId ?? '';
      const wrap =
        (activity: Activity, name: string): Activity =>
        async (about, execution) => {
          const run = await ledger.run(id.of);
          const done = await doneIn(ledger, id.of);
          if (!has(done)) throw new Error('the power is gone');
          if (run) seen.push({ name, said: run.progress.done, done });
          return activity(about, execution);
        };
      durable = hall({
        emulators: [emulator],
        ledger,
        ledgerOf: (execution) => openLedger(shelf.worker(execution)),
        settings: {
          PURGE_COMMAND: '--filter ".*:^dev" --ago 30d --untagged --concurrency 4',
          PURGE_DRY_RUN: 'false',
          REGISTRY_PARALLELISM: String(settings.parallelism),
        },
        adjust: (read) => ({ ...read, guards: settings.guarded ? { maxDeletionPercent: 100 } : {} }),
        options: { choices: made },
        wrap,
      });
      durable.start('retention', { instanceId: by, input });
      await durable.run();
      return seen;
    };
    await then(await tick('first', power, choices), async () => {
      shelf.steal(registryKey(emulator.loginServer));
      return tick('second', () => true, calm);
    });
  });
}

describe('the record of a run says how far it is, with the durable engine', () => {
  test.each([false, true])('to the repository, one at a time; guarded: %s', async (guarded) => {
    await purging({ parallelism: 1, guarded }, calm, (seen) => {
      expect(seen.filter(({ name }) => name === 'processRepository').length).toBe(guarded ? 2 * COUNT : COUNT);
      // A visit says it when it begins, for the one before.
      for (const [n, { said, done }] of seen.entries()) expect(said, `at ${n}`).toBeGreaterThanOrEqual(done - 1);
      for (const { said, done } of seen) expect(said).toBeLessThanOrEqual(done);
      expect(seen.at(-1)).toEqual({ name: 'finish', said: COUNT, done: COUNT });
      return Promise.resolve();
    });
  });

  test('several at a time, each but for the one that it has just done, and after a worker was killed', async () => {
    await purging({ parallelism: 4, guarded: false }, killing(20), (seen) => {
      for (const { said, done } of seen) {
        expect(said).toBeLessThanOrEqual(done);
        expect(said).toBeGreaterThanOrEqual(done - 4);
      }
      expect(seen.at(-1)).toEqual({ name: 'finish', said: COUNT, done: COUNT });
      return Promise.resolve();
    });
  });

  test.each([false, true])('when it goes on after all workers were killed; guarded: %s', async (guarded) => {
    await purging(
      { parallelism: 4, guarded },
      calm,
      async (_, again) => {
        const seen = (await again()).filter(({ name }) => name !== 'begin');
        expect(seen[0]?.done).toBeGreaterThanOrEqual(COUNT / 2);
        expect(seen[0]?.done).toBeLessThan(COUNT);
        for (const { said, done } of seen) {
          expect(said).toBeLessThanOrEqual(done);
          expect(said).toBeGreaterThanOrEqual(done - 4);
        }
        // From the first moment on.
        expect(seen[0]?.said).toBe(seen[0]?.done);
        expect(seen.at(-1)).toEqual({ name: 'finish', said: COUNT, done: COUNT });
      },
      (done) => done < COUNT / 2,
    );
  });
});

test.each(WAYS)('and in one process, when it goes on: %s', async (way) => {
  await withEmulator({ repositories: several(12, 1) }, async (emulator) => {
    const ledger = openLedger(newShelf(() => 0).store);
    const commands = [['-f', '.*:^dev', '--ago', '30d', '--untagged', '--concurrency', '2']];
    const isCounted = (kind: string): boolean => kind === (way === 'dry run' ? 'list-manifests' : 'delete-manifest');
    const options = { signal: stopAfter(emulator, 5, isCounted) };
    const { runId } = await begin(emulator, { way, commands, ledger, options });
    emulator.onRequest(undefined);
    const done = await doneIn(ledger, runId);
    expect(done).toBeGreaterThan(0);
    const told: (readonly [number, number])[] = [];
    await goOn(emulator, ledger, runId, { onProgress: (...far) => told.push(far) });
    expect(told[0]).toEqual([done, 12]);
    expect(told.at(-1)).toEqual([12, 12]);
    expect(told.map(([far]) => far)).toEqual(told.map(([far]) => far).toSorted((a, b) => a - b));
  });
});

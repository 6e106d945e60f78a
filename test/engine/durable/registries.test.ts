import { describe, expect, test } from 'vitest';
import type { Emulator, Faults, RegistryState } from '../../../src/dev/emulator/index.ts';
import { type Ledger, openLedger } from '../../../src/ledger/ledger.ts';
import { newRunId } from '../../../src/ledger/paths.ts';
import { parentStatus } from '../../../src/engine/parent-status.ts';
import { disagreements } from '../../crash/check.ts';
import { comesTo, inline } from '../../support/comes-to.ts';
import { images, repositoryOf } from '../../support/contents.ts';
import { calm, type Durable, seeded } from '../../support/durable.ts';
import { hall, scheduled, settingsOf } from '../../support/orchestration.ts';
import { withEmulator } from '../../support/registry.ts';
import { newShelf } from '../../support/shelf.ts';
import { leftIn } from '../../support/slices.ts';

const START = new Date(Date.now() - 60_000);

/** Small ones, of which one image goes and one stays. */
const many = (count: number): RegistryState =>
  Object.fromEntries(
    Array.from({ length: count }, (_, n) => [
      `team-${n % 7}/app-${n}`,
      repositoryOf(...images(`app-${n}`, 1, 'dev'), ...images(`kept-${n}`, 1, 'v')),
    ]),
  );

const SETTINGS = {
  PURGE_COMMAND: '--filter ".*:^dev" --ago 30d --untagged --concurrency 8',
  PURGE_DRY_RUN: 'false',
  MAX_DELETION_PERCENT: '100',
};

async function withEmulators<T>(
  count: number,
  faults: readonly Faults[],
  work: (emulators: readonly Emulator[]) => Promise<T>,
): Promise<T> {
  const open = (emulators: readonly Emulator[]): Promise<T> =>
    emulators.length === faults.length
      ? work(emulators)
      : withEmulator({ repositories: many(count), start: START, faults: faults[emulators.length] ?? {} }, (one) =>
          open([...emulators, one]),
        );
  return open([]);
}

describe('three registries of 200 repositories', () => {
  const COUNT = 200;
  /** Every second repository may not be touched: a 403. */
  const forbiddenRepositories = Object.keys(many(COUNT)).filter((_, n) => n % 2 === 1);
  /** Of the second registry every so manieth call is refused: a limit would not be reached by a slow machine. */
  const faults = (): readonly Faults[] => {
    let calls = 0;
    const throttled = ({ kind }: { readonly kind: string }): boolean =>
      /^(?:list|read|delete)-/.test(kind) && ++calls % 400 === 0;
    return [{}, { failing: (call) => (throttled(call) ? 429 : undefined) }, { forbiddenRepositories }];
  };

  test('are all done under one start, one that throttles and one that refuses half of them as well', async () => {
    // Both wait most of the time: side by side it takes half of it.
    const inOneProcess = withEmulators(COUNT, faults(), async (emulators) =>
      Promise.all(
        emulators.map(async (emulator) => {
          const ledger = openLedger(newShelf(() => 0).store);
          const settings = settingsOf({ emulators: [emulator], settings: SETTINGS });
          return comesTo(emulator, ledger, await inline(emulator, ledger, settings));
        }),
      ),
    );
    const inMany = withEmulators(COUNT, faults(), async (emulators) => {
      const shelf = newShelf(() => durable.now().getTime());
      const ledger = openLedger(shelf.store);
      const parent = await parentOf(ledger, emulators);
      const had = emulators.map(leftIn);
      const messages: { readonly name: string; readonly bytes: number }[] = [];
      const note = (name: string, value: unknown): void => {
        messages.push({ name, bytes: Buffer.byteLength(JSON.stringify([value])) });
      };
      const durable = hall({
        emulators,
        ledger,
        ledgerOf: (execution) => openLedger(shelf.worker(execution)),
        settings: SETTINGS,
        options: { choices: seeded(numbers(400)), concurrency: 12, patienceMilliseconds: 60_000 },
        wrap: (activity, name) => async (input, execution) => {
          note(name, input);
          const result = await activity(input, execution);
          note(name, result);
          return result;
        },
      });
      const input = scheduled(emulators, 'tick', parent);
      durable.start('retention', { instanceId: 'one', input });
      await durable.run();
      expect(durable.status('one')?.runtimeStatus).toBe('Completed');

      // What the status of a parent says is what people see of it.
      const status = await parentStatus(ledger, parent);
      expect(status?.children.map(({ state }) => state)).toEqual(['done', 'done', 'failed']);
      for (const [n, emulator] of emulators.entries()) {
        const id = input.jobs[n]?.runId ?? '';
        expect((await ledger.run(id))?.parent).toBe(parent);
        const left = new Set(leftIn(emulator));
        const question = { ledger, registry: emulator.loginServer, had: had[n] ?? [], left, store: shelf.store };
        expect(await disagreements(question)).toEqual([]);
        const records = await Array.fromAsync(ledger.repositories(id));
        expect(records).toHaveLength(COUNT);
        for (const { summary } of records) {
          const isRefused = n === 2 && forbiddenRepositories.includes(summary.repository);
          expect(summary).toMatchObject(
            isRefused
              ? { state: 'failed', error: { status: 403, message: expect.stringContaining('DENIED') as unknown } }
              : { state: 'done', manifests: { deleted: 1 } },
          );
        }
      }
      // It was throttled: else nothing of this was shown.
      expect(emulators[1]?.statuses()[429]).toBeGreaterThan(0);
      expect(shelf.held()).toEqual([]);

      for (const id of instancesOf(durable)) {
        const { historyBytes = Infinity } = durable.status(id)?.largest ?? {};
        expect(historyBytes, id).toBeLessThan(LARGEST_HISTORY);
      }
      for (const { name, bytes } of messages)
        expect({ name, isSmall: bytes < LARGEST_MESSAGE }).toEqual({ name, isSmall: true });
      return Promise.all(emulators.map((emulator, n) => comesTo(emulator, ledger, input.jobs[n]?.runId ?? '')));
    });
    expect(await inMany).toEqual(await inOneProcess);
  }, 120_000);
});

/**
 * What a history holds is bounded by a page, however many repositories there are: 25 visits come to 18 kB, to 27 kB where
 * each is given up besides, and some are repeated here. A message beyond 60 kB would go to a blob instead of the queue.
 */
const LARGEST_HISTORY = 40_000;
/** The names of a page, and its totals: no decision, which alone has two digests of 71 characters for each artifact. */
const LARGEST_MESSAGE = 1_500;

/** Every so manieth thing that may go wrong does. */
function numbers(count: number): readonly number[] {
  let state = 7;
  return Array.from({ length: count }, () => (state = (state * 48_271) % 2_147_483_647));
}

/** Ids of all instances, those that others begun as well. */
function instancesOf(durable: Durable): readonly string[] {
  return [...new Set(durable.trace().flatMap((line) => /^(.*): begins \w+$/.exec(line)?.[1] ?? []))];
}

async function parentOf(ledger: Ledger, emulators: readonly Emulator[]): Promise<string> {
  const started = new Date();
  const id = newRunId(started);
  await ledger.beginParent({
    ...{ format: 1, id, kind: 'scheduled', startedBy: 'schedule', started: started.toISOString() },
    registries: emulators.map(({ loginServer }) => loginServer),
  });
  return id;
}

/*
 * What several workers do together at 429: each has a connection of its own, and with it a pace of its own, for they may be
 * in as many processes and know nothing of each other. Each learns from what it is refused itself: it waits as long as
 * `Retry-After` says, and then sends at a rate that begins below what was let through of its own. None is told what the
 * others take, so they share the limit as connections of TCP share a line: who takes more is refused more. What that
 * comes to is shown here: nearly everything gets through, and everyone gets something.
 */
describe('several workers at a registry that throttles', () => {
  test('each keeps a pace of its own, and together they are refused little', async () => {
    const LANES = 4;
    const COUNT = 100;
    const RATE = 15;
    await withEmulators(COUNT, [{ readsPerSecond: RATE, deletesPerSecond: RATE }], async (emulators) => {
      const [emulator] = emulators;
      if (!emulator) throw new Error('there is no registry');
      const ledger = openLedger(newShelf(() => 0).store);
      // Only looked at: what throttles are the reads, and few are enough.
      const settings = { ...SETTINGS, REGISTRY_PARALLELISM: String(LANES), PURGE_DRY_RUN: 'true' };
      const visits = new Map<string, number>();
      let firstLast: readonly number[] | undefined;
      const durable = hall({
        emulators,
        ledger,
        settings,
        options: { choices: calm, concurrency: LANES },
        wrap: (activity, name) => (input, execution) => {
          if (name === 'processRepository') {
            const made = (visits.get(execution.instanceId) ?? 0) + 1;
            visits.set(execution.instanceId, made);
            // When the first has its last, each of the others is well under way.
            if (made === COUNT / LANES) firstLast ??= [...visits.values()].slice(0, LANES);
          }
          return activity(input, execution);
        },
      });
      durable.start('retention', { instanceId: 'one', input: scheduled(emulators) });
      await durable.run();
      const [run] = await Array.fromAsync(ledger.runs());
      expect(run).toMatchObject({ state: 'done', progress: { done: COUNT, of: COUNT } });
      const statuses = emulator.statuses();
      const refused = statuses[429] ?? 0;
      const all = Object.values(statuses).reduce((sum, count) => sum + count, 0);
      // A machine that is slower than the limit is refused nothing.
      expect(refused / all).toBeLessThan(0.1);
      expect([...visits.values()]).toEqual(Array(LANES).fill(COUNT / LANES));
      expect(Math.min(...(firstLast ?? [0]))).toBeGreaterThan(COUNT / LANES / 3);
    });
  });
});

import { describe, expect, test } from 'vitest';
import type { Emulator, EmulatorOptions } from '../../../src/dev/emulator/index.ts';
import { type Ledger, openLedger } from '../../../src/ledger/ledger.ts';
import { registryKey, newRunId } from '../../../src/ledger/paths.ts';
import { type Holder, LOCK_SECONDS } from '../../../src/ledger/store/store.ts';
import type { Environment, Settings } from '../../../src/policy/settings.ts';
import { disagreements } from '../../crash/check.ts';
import { type Came, comesTo, inline } from '../../support/comes-to.ts';
import { type Activity, calm, type Durable } from '../../support/durable.ts';
import { hall, scheduled, settingsOf } from '../../support/orchestration.ts';
import { withEmulator } from '../../support/registry.ts';
import { newShelf, type Shelf } from '../../support/shelf.ts';
import { goOn, isDeletion, leftIn, several, stopAfter } from '../../support/slices.ts';

const START = new Date(Date.now() - 60_000);

const SETTINGS: Environment = {
  PURGE_COMMAND: '--filter ".*:^dev" --ago 30d --untagged --concurrency 4',
  PURGE_DRY_RUN: 'false',
  MAX_DELETION_PERCENT: '100',
};

interface Room {
  readonly emulator: Emulator;
  readonly shelf: Shelf;
  readonly ledger: Ledger;
  readonly had: readonly string[];
  /** An engine with a task hub of its own: what an earlier one has begun is not known to it. */
  readonly engine: (
    settings?: Environment,
    wrap?: (activity: Activity, name: string) => Activity,
    adjust?: (settings: Settings) => Settings,
  ) => Durable;
  readonly problems: () => Promise<readonly string[]>;
}

/** A registry, a ledger, and engines on both of them. Between engines everything that ran out has run out. */
async function room<T>(options: EmulatorOptions, work: (room: Room) => Promise<T>): Promise<T> {
  return withEmulator({ start: START, ...options }, async (emulator) => {
    let durable: Durable | undefined;
    let later = 0;
    const shelf = newShelf(() => (durable?.now().getTime() ?? 0) + later);
    const ledger = openLedger(shelf.store);
    const had = leftIn(emulator);
    return work({
      emulator,
      shelf,
      ledger,
      had,
      engine(settings = {}, wrap = (activity) => activity, adjust = (read) => read) {
        later += 10 * LOCK_SECONDS * 1000;
        durable = hall({
          emulators: [emulator],
          ledger,
          ledgerOf: (execution) => openLedger(shelf.worker(execution)),
          settings: { ...SETTINGS, ...settings },
          options: { choices: calm },
          wrap,
          adjust,
        });
        return durable;
      },
      problems: () =>
        disagreements({
          ledger,
          registry: emulator.loginServer,
          had,
          left: new Set(leftIn(emulator)),
          store: shelf.store,
        }),
    });
  });
}

/** Runs it from its start to its end, as another invocation of the timer each time. */
async function tick(durable: Durable, emulator: Emulator, by = 'tick'): Promise<string> {
  const input = scheduled([emulator], by);
  durable.start('retention', { instanceId: by, input });
  await durable.run();
  expect(durable.status(by)?.runtimeStatus).toBe('Completed');
  return input.jobs[0]?.runId ?? '';
}

async function throughout(options: EmulatorOptions): Promise<Came> {
  return withEmulator({ ...options, faults: {}, start: START }, async (emulator) => {
    const ledger = openLedger(newShelf(() => 0).store);
    const settings = settingsOf({ emulators: [emulator], settings: SETTINGS });
    return comesTo(emulator, ledger, await inline(emulator, ledger, settings));
  });
}

const holder = (): Holder => ({
  runId: newRunId(new Date()),
  startedBy: 'command line',
  host: 'another',
  pid: 1,
  since: new Date().toISOString(),
});

describe('a repository that takes longer than RUN_TIME_BUDGET', () => {
  test('is gone on with slice after slice, and comes to the same', async () => {
    const options = { repositories: several(1, 70) };
    const through = await throughout(options);
    await room({ ...options, faults: { latencyMs: 200 } }, async ({ emulator, ledger, engine, problems }) => {
      const answers: unknown[] = [];
      const durable = engine({ RUN_TIME_BUDGET: '3s' }, (activity, name) => async (input, execution) => {
        const answer = await activity(input, execution);
        if (name === 'processRepository') answers.push(answer);
        return answer;
      });
      const id = await tick(durable, emulator);
      expect(answers.filter((answer) => (answer as { state: string }).state === 'left').length).toBeGreaterThan(0);
      expect(answers).toContainEqual(expect.objectContaining({ state: 'left', moved: true }));
      expect(await problems()).toEqual([]);
      const came = { ...(await comesTo(emulator, ledger, id)), matched: undefined };
      expect(came).toEqual({ ...through, matched: undefined });
    });
  });

  test('and gets nowhere is given up and marked as failed, and the others are done', async () => {
    await room({ repositories: several(3, 2) }, async ({ emulator, ledger, engine, problems }) => {
      let isSlow = false;
      const wrap =
        (activity: Activity, name: string): Activity =>
        async (input, execution) => {
          // So slow that one listing takes longer than all of the time; the others have as much as they need.
          isSlow = name === 'processRepository' && (input as { repository: string }).repository === 'app1';
          emulator.faults(isSlow ? { latencyMs: 400 } : {});
          return activity(input, execution);
        };
      const durable = engine({}, wrap, (settings) =>
        isSlow ? { ...settings, timeBudget: { milliseconds: 150, text: '150ms' } } : settings,
      );
      const id = await tick(durable, emulator);
      expect(await problems()).toEqual([]);
      const states = (await Array.fromAsync(ledger.repositories(id))).map(
        ({ summary: { repository, state, error } }) => [
          repository,
          state,
          error?.message.includes('it gets no further within RUN_TIME_BUDGET') ?? false,
        ],
      );
      expect(states).toEqual([
        ['app0', 'done', false],
        ['app1', 'failed', true],
        ['app2', 'done', false],
      ]);
      expect((await ledger.run(id))?.state).toBe('failed');
    });
  });
});

describe('a registry that somebody else has', () => {
  test('is left alone, and the next start does it', async () => {
    await room({ repositories: several(3, 2) }, async ({ emulator, ledger, engine, had, problems }) => {
      const first = engine();
      const lock = await ledger.lock(emulator.loginServer, holder());
      await tick(first, emulator, 'first');
      expect(leftIn(emulator)).toEqual(had);
      expect(await Array.fromAsync(ledger.runs())).toEqual([]);
      await lock.release();
      const id = await tick(engine(), emulator, 'second');
      expect(await ledger.run(id)).toMatchObject({ state: 'done', totals: { tags: { deleted: 6 } } });
      expect(await problems()).toEqual([]);
    });
  });

  test('in between: the run of the engine stops, is interrupted, and the next start goes on with it', async () => {
    const options = { repositories: several(6, 2) };
    const through = await throughout(options);
    await room(options, async ({ emulator, ledger, shelf, engine, problems, had }) => {
      let deletions = 0;
      let gone = 0;
      let interrupted: Promise<unknown> | undefined;
      // A process that has not been heard of for long comes back: the lock has run out, and another run is at work.
      const durable = engine({}, (activity, name) => async (input, execution) => {
        if (name === 'processRepository' && deletions >= 4 && !interrupted) {
          shelf.steal(registryKey(emulator.loginServer));
          interrupted = inline(
            emulator,
            ledger,
            settingsOf({
              emulators: [emulator],
              settings: { ...SETTINGS, PURGE_COMMAND: '--filter "none:.*" --ago 1d' },
            }),
            { kind: 'purge' },
          );
          await interrupted;
          gone = leftIn(emulator).length;
        }
        return activity(input, execution);
      });
      emulator.onRequest(({ kind }) => {
        if (isDeletion(kind)) deletions += 1;
      });
      const id = await tick(durable, emulator, 'first');
      expect(await ledger.run(id)).toMatchObject({ state: 'interrupted' });
      // From then on nothing went.
      expect(leftIn(emulator)).toHaveLength(gone);
      expect(gone).toBeLessThan(had.length);
      emulator.onRequest(undefined);
      expect(await problems()).toEqual([]);
      await tick(engine(), emulator, 'second');
      expect(await ledger.run(id)).toMatchObject({ state: 'done', resumed: [{ by: 'second' }] });
      expect(await problems()).toEqual([]);
      const came = { ...(await comesTo(emulator, ledger, id)), warnings: undefined, matched: undefined };
      expect(came).toEqual({ ...through, warnings: undefined, matched: undefined });
    });
  });
});

describe('a second start', () => {
  test('of a registry that is done at the moment is refused, and changes nothing', async () => {
    await room({ repositories: several(3, 2) }, async ({ emulator, ledger, engine }) => {
      const durable: Durable = engine({}, (activity, name) => async (input, execution) => {
        if (name === 'list') {
          const instanceId = scheduled([emulator]).jobs[0]?.instanceId ?? '';
          expect(durable.status(instanceId)).toMatchObject({ runtimeStatus: 'Running' });
          await expect(durable.client().startNew('registry', { instanceId })).rejects.toThrow('already exists');
        }
        return activity(input, execution);
      });
      const id = await tick(durable, emulator);
      expect((await Array.fromAsync(ledger.runs())).map((run) => run.id)).toEqual([id]);
      const { instanceId = '' } = scheduled([emulator]).jobs[0] ?? {};
      expect(durable.status(instanceId)).toMatchObject({ runtimeStatus: 'Completed', customStatus: { runId: id } });
    });
  });

  // The second comes once the first has changed so much in the ledger.
  test.each([0, 1, 2, 3, 4, 5, 6])(
    'of the same activity at the same time begins one run: after %i changes',
    async (n) => {
      await room({ repositories: several(2, 2) }, async ({ emulator, ledger, engine, problems, shelf }) => {
        const durable = engine({}, (activity, name) => async (input, execution) => {
          if (name !== 'begin') return activity(input, execution);
          let changes = 0;
          let second: Promise<unknown> | undefined = n === 0 ? activity(input, execution) : undefined;
          shelf.onChange(() => {
            if (++changes === n) second = activity(input, execution);
          });
          const both = [await activity(input, execution), await second];
          shelf.onChange(undefined);
          const begun = both.filter((one) => (one as { state: string } | undefined)?.state === 'begun');
          expect(begun.length).toBeGreaterThan(0);
          return begun[0];
        });
        const id = await tick(durable, emulator);
        const runs = await Array.fromAsync(ledger.runs());
        expect(runs).toMatchObject([{ id, state: 'done', warnings: [] }]);
        expect(runs[0]).not.toHaveProperty('resumed');
        expect(await problems()).toEqual([]);
      });
    },
  );
});

test.each(['true', 'false'])(
  'of two workers in one repository at the same time one has it: dry run %s',
  async (dry) => {
    await room({ repositories: several(3, 2) }, async ({ emulator, ledger, engine, problems }) => {
      const states: string[][] = [];
      const durable = engine({ PURGE_DRY_RUN: dry }, (activity, name) => async (input, execution) => {
        if (name !== 'processRepository') return activity(input, execution);
        const both = await Promise.all([activity(input, execution), activity(input, execution)]);
        states.push(both.map((one) => (one as { state: string }).state).sort());
        return both[0];
      });
      const id = await tick(durable, emulator);
      expect(states.length).toBeGreaterThan(2);
      for (const some of states) expect(some).toContain('busy');
      expect((await ledger.run(id))?.state).toBe('done');
      expect(await problems()).toEqual([]);
    });
  },
);

describe('a run that one engine has begun is gone on with by the other', () => {
  const options = { repositories: several(6, 3) };

  test.each([
    ['while it planned', (kind: string) => kind === 'list-tags'],
    ['while it deleted', isDeletion],
  ] as const)('inline first, stopped %s', async (_, isCounted) => {
    const through = await throughout(options);
    await room(options, async ({ emulator, ledger, engine, problems }) => {
      const settings = settingsOf({ emulators: [emulator], settings: SETTINGS });
      const id = await inline(emulator, ledger, settings, { signal: stopAfter(emulator, 4, isCounted) });
      emulator.onRequest(undefined);
      expect((await ledger.run(id))?.state).toBe('stopped');
      await tick(engine(), emulator, 'second');
      expect((await Array.fromAsync(ledger.runs())).map((run) => run.id)).toEqual([id]);
      expect(await ledger.run(id)).toMatchObject({ state: 'done', resumed: [{ by: 'second' }] });
      expect(await problems()).toEqual([]);
      expect(await comesTo(emulator, ledger, id)).toEqual(through);
    });
  });

  test('durable first, all of whose workers were killed', async () => {
    const through = await throughout(options);
    await room(options, async ({ emulator, ledger, engine, problems, shelf }) => {
      let deletions = 0;
      emulator.onRequest(({ kind }) => {
        if (isDeletion(kind)) deletions += 1;
      });
      const power = new Error('the power is gone');
      const durable = engine({}, (activity) => async (input, execution) => {
        if (deletions >= 5) throw power;
        return activity(input, execution);
      });
      const id = await tick(durable, emulator, 'first');
      emulator.onRequest(undefined);
      // Nobody was left to close its record.
      expect((await ledger.run(id))?.state).toBe('running');
      shelf.steal(registryKey(emulator.loginServer));
      await goOn(emulator, ledger, id);
      expect(await ledger.run(id)).toMatchObject({ state: 'done' });
      expect(await problems()).toEqual([]);
      const came = { ...(await comesTo(emulator, ledger, id)), warnings: undefined, matched: undefined };
      expect(came).toEqual({ ...through, warnings: undefined, matched: undefined });
    });
  });
});

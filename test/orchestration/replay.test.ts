import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Emulator, Faults, RegistryState } from '../../src/emulator/index.ts';
import { allOf } from '../../src/each.ts';
import { type Ledger, openLedger } from '../../src/ledger/ledger.ts';
import { lockOf } from '../../src/ledger/paths.ts';
import { LOCK_SECONDS } from '../../src/ledger/store.ts';
import type { Guards } from '../../src/policy/guards.ts';
import type { Environment, Settings } from '../../src/policy/settings.ts';
import { disagreements } from '../crash/check.ts';
import { type Came, comesTo, inline } from '../support/comes-to.ts';
import { type Activity, type Choices, type Durable, FAULTS as FATES, seeded } from '../support/durable.ts';
import { images, repositoryOf } from '../support/contents.ts';
import { image, index } from '../../src/emulator/manifests.ts';
import { broken } from '../support/invariants.ts';
import { CancelRefused, cancelRun } from '../../src/retention.ts';
import { hall, scheduled, settingsOf } from '../support/orchestration.ts';
import { flags, repository } from '../support/random-registry.ts';
import { withEmulator } from '../support/registry.ts';
import { newShelf, type Shelf } from '../support/shelf.ts';
import { goOn, isDeletion, leftIn, several } from '../support/slices.ts';

/** `FC_RUNS=500 npx vitest run test/orchestration/replay.test.ts` searches longer. */
const RUNS = Number(process.env['FC_RUNS'] ?? 10);
/** Ages in decisions are the same then. */
const START = new Date(Date.now() - 60_000);

/** `undefined`: nothing is deleted. Without guards there is one pass, with guards there are two. */
interface Way {
  readonly name: string;
  readonly guards?: Guards;
}

const WAYS: readonly Way[] = [
  { name: 'a dry run' },
  { name: 'a purge', guards: {} },
  { name: 'a guarded purge', guards: { maxDeletionPercent: 100 } },
  { name: 'a purge that breakers hold back', guards: { keepLastTag: true, maxDeletionPercent: 60 } },
];

interface Case {
  readonly repositories: RegistryState;
  readonly commands: readonly (readonly string[])[];
  readonly way: Way;
  readonly parallelism: number;
  readonly fault: 'none' | 'forbidden' | 'undeletable';
  /** What the task hub makes of everything that is open. */
  readonly numbers: readonly number[];
  /** Which executions of activities fail, counted over all of them: after they have done it where it is odd. */
  readonly failing: readonly number[];
}

/** So many that lanes have several pages, or so few that there is nothing for some. */
const repositories = fc
  .tuple(fc.record({ app: repository, 'other/app': repository, third: repository }), fc.constantFrom(0, 0, 0, 30))
  .map(([some, more]): RegistryState => ({ ...some, ...several(more, 1) }));

const aCase = (ways: readonly Way[]): fc.Arbitrary<Case> =>
  fc.record({
    repositories,
    commands: fc.array(flags, { minLength: 1, maxLength: 2 }),
    way: fc.constantFrom(...ways),
    parallelism: fc.constantFrom(1, 2, 4),
    fault: fc.constantFrom('none' as const, 'none' as const, 'forbidden' as const, 'undeletable' as const),
    numbers: fc.array(fc.nat(), { minLength: 30, maxLength: 300, size: 'max' }),
    failing: fc.array(fc.nat(40), { maxLength: 3 }),
  });

const FAULTS: Readonly<Record<Case['fault'], Faults>> = {
  none: {},
  forbidden: { forbiddenRepositories: ['third'] },
  undeletable: { failing: ({ repository: name, kind }) => (name === 'app' && isDeletion(kind) ? 405 : undefined) },
};

const settingsFor = ({ commands, way, parallelism }: Case): Environment => ({
  PURGE_COMMAND: commands.map((args) => args.map((arg) => `'${arg}'`).join(' ')).join('\n'),
  PURGE_DRY_RUN: way.guards ? 'false' : 'true',
  REGISTRY_PARALLELISM: String(parallelism),
});

/** App settings cannot do without every breaker; a run that a former version began may. */
const adjust =
  ({ way: { guards } }: Case) =>
  (settings: Settings): Settings => ({ ...settings, guards: guards ?? settings.guards });

/** Fails executions, no more often than an activity is tried. */
function failures({ failing }: Case): (activity: Activity) => Activity {
  let executions = 0;
  return (activity) => async (input, execution) => {
    const nth = executions++;
    if (failing.includes(nth) && nth % 2 === 0) throw new Error('the worker has no memory left');
    const result = await activity(input, execution);
    if (failing.includes(nth)) throw new Error('the answer is lost');
    return result;
  };
}

interface Trouble {
  /** So many changes of the ledger. */
  readonly cancelAfter?: number;
  readonly choices?: Choices;
  readonly onKill?: (emulator: Emulator) => void;
}

interface Ended {
  readonly emulator: Emulator;
  readonly shelf: Shelf;
  readonly durable: Durable;
  readonly ledger: Ledger;
  readonly id: string;
  readonly came: Came;
  readonly problems: readonly string[];
}

/** Does a case by the durable engine, and hands over what came of it. */
async function durably<T>(
  about: Case,
  then: (came: Ended) => Promise<T>,
  { cancelAfter, choices = seeded(about.numbers), onKill }: Trouble = {},
): Promise<T> {
  return withEmulator(
    { repositories: about.repositories, start: START, faults: FAULTS[about.fault] },
    async (emulator) => {
      let durable: Durable | undefined = undefined;
      let later = 0;
      const now = (): number => (durable?.now().getTime() ?? 0) + later;
      const shelf = newShelf(now);
      const ledger = openLedger(shelf.store);
      const before = emulator.repositories();
      const had = leftIn(emulator);
      durable = hall({
        emulators: [emulator],
        ledger,
        ledgerOf(execution) {
          execution.signal.addEventListener('abort', () => onKill?.(emulator), { once: true });
          return openLedger(shelf.worker(execution));
        },
        settings: settingsFor(about),
        adjust: adjust(about),
        options: { choices },
        worker: failures(about),
      });
      const input = scheduled([emulator]);
      const id = input.errands[0]?.runId ?? '';
      let changes = 0;
      let asked = Promise.resolve();
      if (cancelAfter !== undefined)
        shelf.onChange(() => {
          if (++changes === cancelAfter)
            asked = cancelRun(ledger, id, { now: new Date(), askedBy: 'request', by: 'test' }).then(
              () => undefined,
              (error: unknown) => {
                // It had not begun yet, or had come to its end.
                if (!(error instanceof CancelRefused)) throw error;
              },
            );
        });
      durable.start('retention', { instanceId: 'one', input });
      await durable.run();
      await asked;
      expect(durable.status('one')?.runtimeStatus).toBe('Completed');
      const left = new Set(leftIn(emulator));
      const problems = [
        ...(await disagreements({ ledger, registry: emulator.loginServer, had, left, store: shelf.store })),
        ...broken(
          before,
          emulator.repositories(),
          about.commands.some((args) => args.includes('--include-locked')),
        ),
        ...shelf.held().map((name) => `the lock ${name} is held`),
      ];
      // What a worker held that was killed last runs out.
      later = LOCK_SECONDS * 1000;
      return then({ emulator, shelf, durable, ledger, id, came: await comesTo(emulator, ledger, id), problems });
    },
  );
}

/** What the same comes to in one process. */
async function throughout(about: Case): Promise<Came> {
  return withEmulator(
    { repositories: about.repositories, start: START, faults: FAULTS[about.fault] },
    async (emulator) => {
      const ledger = openLedger(newShelf(() => 0).store);
      const settings = adjust(about)(settingsOf({ emulators: [emulator], settings: settingsFor(about) }));
      return comesTo(emulator, ledger, await inline(emulator, ledger, settings));
    },
  );
}

const recorded = async (ledger: Ledger, id: string): Promise<readonly string[]> =>
  (await allOf(ledger.repositories(id))).map(({ summary }) => summary.repository);

/**
 * Without what nobody knows for certain whose answer was lost: whether a filter matched nothing. Then it is not said of
 * it; the calm case below is where it must be.
 */
const certain = (came: Came) => ({
  ...came,
  matched: undefined,
  warnings: came.warnings.filter((warning) => !warning.endsWith('matches no tag')),
});

describe('whatever the task hub does: any order, twice, lost, killed in the middle, failed', () => {
  test.each(WAYS)('$name comes to the same as in one process', async (way) => {
    await fc.assert(
      fc.asyncProperty(aCase([way]), async (about) => {
        await durably(about, async ({ durable, came, problems, ledger, id }) => {
          expect(problems).toEqual([]);
          const names = await recorded(ledger, id);
          expect(new Set(names).size).toBe(names.length);
          expect(certain(came), durable.trace().join('\n')).toEqual(certain(await throughout(about)));
        });
      }),
      { numRuns: RUNS, endOnFailure: true },
    );
  });
});

describe('and whenever the run is cancelled', () => {
  test.each(WAYS)('$name: what was done is recorded, what was not says so, and it can be gone on with', async (way) => {
    await fc.assert(
      fc.asyncProperty(aCase([way]), fc.integer({ min: 1, max: 80 }), async (about, cancelAfter) => {
        await durably(
          about,
          async ({ emulator, durable, came, problems, ledger, id }) => {
            const trace = durable.trace().join('\n');
            expect(problems, trace).toEqual([]);
            if (came.stopped !== undefined) {
              expect(await ledger.run(id)).toMatchObject({
                state: 'stopped',
                stopped: { by: 'cancel', detail: expect.stringContaining(`acr-retention resume ${id}`) as unknown },
                cancelled: { by: 'test' },
              });
              const selected = (await ledger.selected(id)) ?? [];
              expect((await recorded(ledger, id)).toSorted()).toEqual(
                selected.map(({ repository: name }) => name).toSorted(),
              );
              // By one process, as the command line has it.
              await goOn(emulator, ledger, id);
            }
            const after = await comesTo(emulator, ledger, id);
            expect(certain(after), trace).toEqual(certain(await throughout(about)));
          },
          { cancelAfter },
        );
      }),
      { numRuns: RUNS, endOnFailure: true },
    );
  });
});

/** Kills the `nth` execution of all, at this of its moments. Nothing else goes wrong. */
function killing(nth: number, moment: number): Choices {
  let executions = 0;
  return {
    pick(_, question) {
      if (question === 'where it is cut off') return moment;
      return question === 'fate of an activity' && ++executions === nth ? 1 + FATES.indexOf('cut off') : 0;
    },
  };
}

/** One repository with much to go, and an index, which goes before its platforms: in a batch of its own. */
const deep = (): RegistryState => {
  const platforms = ['amd64', 'arm64'].map((architecture) => ({ ...image(architecture), architecture, os: 'linux' }));
  return {
    app: repositoryOf(
      { built: index(platforms), days: 40, tags: ['dev-multi'] },
      ...platforms.map((built) => ({ built, days: 40 })),
      ...images('app', 2, 'dev'),
      ...images('kept', 6, 'v'),
    ),
  };
};

describe('a worker that is killed at any moment', () => {
  const MOMENTS = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11];
  // In its order: begin, select, page, visit, end; or begin, select, page, visit, breakers, page, visit, end.
  const CASES = WAYS.flatMap((way): readonly { readonly way: Way; readonly what: string; readonly nth: number }[] => {
    if (way.guards === undefined) return [{ way, what: 'the visit', nth: 4 }];
    if (Object.keys(way.guards).length === 0)
      return [
        { way, what: 'the visit', nth: 4 },
        { way, what: 'the end', nth: 5 },
      ];
    return [
      { way, what: 'the visit that plans', nth: 4 },
      { way, what: 'the breakers', nth: 5 },
      { way, what: 'the visit that carries it out', nth: 7 },
      { way, what: 'the end', nth: 8 },
    ];
  });

  test.each(CASES)('$way.name: in $what', async ({ way, what, nth }) => {
    const about: Case = {
      ...{ repositories: deep(), way, parallelism: 1, fault: 'none', numbers: [], failing: [] },
      commands: [['-f', 'app:^dev', '--ago', '30d', '--untagged', '--concurrency', '1']],
    };
    const through = await throughout(about);
    const goneAtKill = new Set<number>();
    let total = 0;
    // Side by side, for each waits for the registry to have done what it was asked for last.
    await Promise.all(
      MOMENTS.map((moment) => {
        const deletions = (emulator: Emulator): number =>
          emulator.counts()['delete-tag'] + emulator.counts()['delete-manifest'];
        return durably(
          about,
          async ({ emulator, came, problems, durable }) => {
            const trace = [`moment ${moment}`, ...durable.trace()].join('\n');
            expect(problems, trace).toEqual([]);
            expect(certain(came), trace).toEqual(certain(through));
            total = deletions(emulator);
            const asked = emulator.requests().filter(({ kind }) => isDeletion(kind));
            expect(new Set(asked.map(({ path }) => path)).size, trace).toBe(asked.length);
            return Promise.resolve();
          },
          { choices: killing(nth, moment), onKill: (emulator) => goneAtKill.add(deletions(emulator)) },
        );
      }),
    );
    expect(goneAtKill.size).toBeGreaterThan(0);
    // In the middle of what it deleted as well.
    const isCarriedOut = what === 'the visit' ? way.guards !== undefined : what === 'the visit that carries it out';
    if (isCarriedOut && total > 0) expect([...goneAtKill].some((gone) => gone > 0 && gone < total)).toBe(true);
  });
});

test('on a calm day it comes to exactly the same, and leaves no lock behind', async () => {
  const about: Case = {
    repositories: several(60, 2),
    commands: [['-f', '.*:^dev', '-f', 'app1:^nothing', '-f', 'none:.*', '--ago', '30d', '--untagged']],
    way: { name: 'a guarded purge', guards: { maxDeletionPercent: 100 } },
    parallelism: 2,
    fault: 'none',
    numbers: [],
    failing: [],
  };
  await durably(about, async ({ came, problems, shelf, emulator }) => {
    expect(problems).toEqual([]);
    expect(came.warnings).toHaveLength(2);
    expect(came).toEqual(await throughout(about));
    expect(shelf.locks()).toEqual([lockOf(emulator.loginServer)]);
  });
});

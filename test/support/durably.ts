import fc from 'fast-check';
import { expect } from 'vitest';
import type { Emulator, Faults, RegistryState } from '../../src/dev/emulator/index.ts';
import { type Ledger, openLedger } from '../../src/ledger/ledger.ts';
import { LOCK_SECONDS } from '../../src/ledger/store/store.ts';
import type { Guards } from '../../src/policy/guards.ts';
import type { Environment, Settings } from '../../src/policy/settings.ts';
import { disagreements } from '../crash/check.ts';
import { type Came, comesTo, inline } from './comes-to.ts';
import { type Activity, type Choices, type Durable, type Fault, FAULTS as FAULTS_OF_HUB, seeded } from './durable.ts';
import { broken } from './invariants.ts';
import { CancelRefused, cancelRun } from '../../src/index.ts';
import { hall, scheduled, settingsOf } from './orchestration.ts';
import { flags, repository } from './random-registry.ts';
import { withEmulator } from './registry.ts';
import { newShelf, type Shelf } from './shelf.ts';
import { isDeletion, leftIn, several } from './slices.ts';

/** Ages in decisions are the same then. */
const START = new Date(Date.now() - 60_000);

/** `undefined`: nothing is deleted. Without guards there is one pass, with guards there are two. */
export interface Way {
  readonly name: string;
  readonly guards?: Guards;
}

export const WAYS: readonly Way[] = [
  { name: 'a dry run' },
  { name: 'a purge', guards: {} },
  { name: 'a guarded purge', guards: { maxDeletionPercent: 100 } },
  { name: 'a purge that breakers hold back', guards: { keepLastTag: true, maxDeletionPercent: 60 } },
];

export interface Case {
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

export const aCase = (ways: readonly Way[]): fc.Arbitrary<Case> =>
  anyCase(ways).map((about) =>
    // How much a repository holds must be known to tell whether it is too much: neither engine goes on then.
    about.fault === 'forbidden' && about.way.guards?.keepLastTag ? { ...about, fault: 'none' } : about,
  );

const anyCase = (ways: readonly Way[]): fc.Arbitrary<Case> =>
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
function failures({ failing: wanted, fault }: Case): (activity: Activity) => Activity {
  // See `durably`: what is done over.
  const failing = fault === 'undeletable' ? wanted.filter((nth) => nth % 2 === 0) : wanted;
  let executions = 0;
  return (activity) => async (input, execution) => {
    const nth = executions++;
    if (failing.includes(nth) && nth % 2 === 0) throw new Error('the worker has no memory left');
    const result = await activity(input, execution);
    if (failing.includes(nth)) throw new Error('the answer is lost');
    return result;
  };
}

/** What may happen to activities, so that what is compared is the same in the end. */
function faultsOf({ fault }: Case, isCancelled: boolean): readonly Fault[] {
  return FAULTS_OF_HUB.filter((one) => {
    // Of two at the same time the second may still be at it when the run is closed, if that is cancelled: it finishes what
    // is in flight, and its decisions say so, but the totals were summed up before.
    if (isCancelled && one === 'twice') return false;
    // What was refused is tried once more where a visit is repeated that was done: of several commands a later one may then
    // try what it left before, and be refused; killed in that, it is said to have been stopped.
    return fault !== 'undeletable' || (one !== 'again' && one !== 'lost after');
  });
}

export interface Trouble {
  /** So many changes of the ledger. */
  readonly cancelAfter?: number;
  readonly choices?: Choices;
  readonly onKill?: (emulator: Emulator) => void;
}

export interface Ended {
  readonly emulator: Emulator;
  readonly shelf: Shelf;
  readonly durable: Durable;
  readonly ledger: Ledger;
  readonly id: string;
  readonly came: Came;
  readonly problems: readonly string[];
}

/** Does a case by the durable engine, and hands over what came of it. */
export async function durably<T>(
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
        options: {
          choices,
          faults: faultsOf(about, cancelAfter !== undefined),
          ...(about.fault === 'undeletable' && { lostSteps: 0 }),
        },
        wrap: failures(about),
      });
      const input = scheduled([emulator]);
      const id = input.jobs[0]?.runId ?? '';
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
export async function throughout(about: Case): Promise<Came> {
  return withEmulator(
    { repositories: about.repositories, start: START, faults: FAULTS[about.fault] },
    async (emulator) => {
      const ledger = openLedger(newShelf(() => 0).store);
      const settings = adjust(about)(settingsOf({ emulators: [emulator], settings: settingsFor(about) }));
      return comesTo(emulator, ledger, await inline(emulator, ledger, settings));
    },
  );
}

export const recorded = async (ledger: Ledger, id: string): Promise<readonly string[]> =>
  (await Array.fromAsync(ledger.repositories(id))).map(({ summary }) => summary.repository);

/**
 * Without what is not known for certain. Whose answer was lost, whether a filter matched nothing: then it is not said of it;
 * the calm case below is where it must be. And of several commands why something is kept: each says why it keeps it, as it
 * looks by then, and what a process that ended had begun is looked at again when part of it is gone. That it is kept is
 * certain, and that its record counts what its decisions say is held against them elsewhere.
 */
export const certain = (came: Came, { commands }: Case) => ({
  ...came,
  matched: undefined,
  warnings: came.warnings.filter((warning) => !warning.endsWith('matches no tag')),
  ...(commands.length > 1 && {
    said: came.said.map((line) => line.replace(/ keep \S+$/, ' keep')),
    repositories: came.repositories.map((one) => ({ ...one, reasons: undefined })),
    totals: {
      ...came.totals,
      reasons: undefined,
      beyondAcrPurge: undefined,
      leftUntagged: undefined,
      leftSignatures: undefined,
    },
  }),
});

import { expect } from 'vitest';
import type { Emulator, RegistryState } from '../../src/dev/emulator/index.ts';
import { openLedger } from '../../src/ledger/ledger.ts';
import { LOCK_SECONDS } from '../../src/ledger/store/store.ts';
import type { Guards } from '../../src/policy/guards.ts';
import type { Environment, Settings } from '../../src/policy/settings.ts';
import { disagreements } from '../crash/check.ts';
import { type Came, comesTo, inline } from './comes-to.ts';
import { calm, type Choices, type Durable } from './durable.ts';
import { broken } from './invariants.ts';
import { hall, scheduled, settingsOf } from './orchestration.ts';
import { withEmulator } from './registry.ts';
import { newShelf, type Shelf } from './shelf.ts';
import { leftIn } from './slices.ts';

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
  { name: 'a purge that guards hold back', guards: { keepLastTag: true, maxDeletionPercent: 60 } },
];

export interface Case {
  readonly repositories: RegistryState;
  readonly command: readonly string[];
  readonly way: Way;
  readonly parallelism: number;
}

const settingsFor = ({ command, way, parallelism }: Case): Environment => ({
  PURGE_COMMAND: command.map((arg) => `'${arg}'`).join(' '),
  PURGE_DRY_RUN: way.guards ? 'false' : 'true',
  REGISTRY_PARALLELISM: String(parallelism),
});

/** App settings cannot do without every guard; a run that a former version began may. */
const adjust =
  ({ way: { guards } }: Case) =>
  (settings: Settings): Settings => ({ ...settings, guards: guards ?? settings.guards });

export interface Ended {
  readonly emulator: Emulator;
  readonly shelf: Shelf;
  readonly durable: Durable;
  readonly came: Came;
  readonly problems: readonly string[];
}

interface Trouble {
  readonly choices?: Choices;
  readonly onKill?: (emulator: Emulator) => void;
}

/** Does a case by the durable engine, and hands over what came of it. */
export async function durably<T>(
  about: Case,
  then: (came: Ended) => Promise<T>,
  { choices = calm, onKill }: Trouble = {},
): Promise<T> {
  return withEmulator({ repositories: about.repositories, start: START }, async (emulator) => {
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
    });
    const input = scheduled([emulator]);
    durable.start('retention', { instanceId: 'one', input });
    await durable.run();
    expect(durable.status('one')?.runtimeStatus).toBe('Completed');
    const left = new Set(leftIn(emulator));
    const problems = [
      ...(await disagreements({ ledger, registry: emulator.loginServer, had, left, store: shelf.store })),
      ...broken(before, emulator.repositories(), about.command.includes('--include-locked')),
      ...shelf.held().map((name) => `the lock ${name} is held`),
    ];
    // What a worker held that was killed last runs out.
    later = LOCK_SECONDS * 1000;
    const came = await comesTo(emulator, ledger, input.jobs[0]?.runId ?? '');
    return then({ emulator, shelf, durable, came, problems });
  });
}

/** What the same comes to in one process. */
export async function throughout(about: Case): Promise<Came> {
  return withEmulator({ repositories: about.repositories, start: START }, async (emulator) => {
    const ledger = openLedger(newShelf(() => 0).store);
    const settings = adjust(about)(settingsOf({ emulators: [emulator], settings: settingsFor(about) }));
    return comesTo(emulator, ledger, await inline(emulator, ledger, settings));
  });
}

/** Without what is not known for certain: of an answer that was lost it is not said whether a filter matched nothing. */
export const certain = (came: Came) => ({
  ...came,
  matched: undefined,
  warnings: came.warnings.filter((warning) => !warning.endsWith('matches no tag')),
});

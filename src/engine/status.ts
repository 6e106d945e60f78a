import type { Clock } from '../registry/clock.ts';
import type { LedgerReader } from '../ledger/reader.ts';
import type { Notify, NotifyKind, ReceiverKind } from '../policy/notify.ts';
import type { Configuration, Engine, RegistrySettings, Settings } from '../policy/settings.ts';
import { isDryRun, openReader, targetOf } from './registries.ts';

/** What the app is set to do, and whether it could. */
export interface Status {
  readonly version: string;
  readonly state: 'ready' | 'misconfigured';
  readonly mistakes: readonly { readonly setting: string; readonly message: string }[];
  /** The app settings as they were given, without secrets. */
  readonly settings: Configuration['given'];
  /** Where it serves one. */
  readonly registry?: RegistryStatus;
  readonly commands?: readonly string[];
  /** Where it serves several: each with its own commands. */
  readonly registries?: readonly (RegistryStatus & {
    readonly commands: readonly string[];
    readonly dryRun: boolean;
  })[];
  /** The text of the policy file, where the commands are by one. */
  readonly policy?: string;
  /** Not told where one registry is purged inline: nothing is special about that. */
  readonly engine?: Engine;
  /** What is legal in the settings, and hardly meant. */
  readonly warnings?: readonly string[];
  /** What says which images are in use, without secrets; absent: nothing does. */
  readonly inUse?: { readonly sources: readonly string[]; readonly rememberDays: number };
  /** Who is told of what, without an address: how many there are of each form; absent: nothing is sent. */
  readonly notify?: {
    readonly receivers: Readonly<Partial<Record<ReceiverKind, number>>>;
    readonly kinds: readonly NotifyKind[];
    /** Where the links in messages lead. */
    readonly reviewUrl?: string;
  };
  /** Of several registries: whether nothing is deleted in any. */
  readonly dryRun?: boolean;
  /** Where the record of all runs is kept. */
  readonly ledger?: { readonly place: string; readonly answers: boolean; readonly error?: string };
  readonly timeLimitSeconds?: number;
  /** Times are UTC. */
  readonly schedule?: { readonly expression: string; readonly description: string; readonly next: readonly string[] };
}

interface RegistryStatus {
  readonly loginServer: string;
  readonly answers: boolean;
  readonly error?: string;
}

/** How long a status waits for the registry. */
const STATUS_TIMEOUT_MS = 20_000;
const NEXT_RUNS = 3;

const UNLINKED = 'REVIEW_URL is not set, and the platform gives no host name: messages have no link to the review page';
const PASSING =
  'RETENTION_STORAGE is not set: the record of the runs ends with this instance of the app, and plans with it';

/**
 * Tells what is configured, what is wrong with it, whether the registry answers, and when the next runs are.
 * @param warnings what there is to say besides
 */
export async function status(
  configuration: Configuration,
  version: string,
  ledger: LedgerReader,
  now: Date,
  warnings: readonly string[] = [],
): Promise<Status> {
  if (configuration.state === 'invalid') {
    const mistakes = configuration.mistakes.map(({ flag, message }) => ({ setting: flag, message }));
    return { version, state: 'misconfigured', mistakes, settings: configuration.given, warnings };
  }
  const { settings } = configuration;
  const { registries, schedule, timeLimitSeconds, engine, inUse } = settings;
  const [answers, ledgerProblem] = await Promise.all([
    Promise.all(registries.map((registry) => registryStatus(settings, registry, ledger.system.clock))),
    checkLedger(ledger),
  ]);
  return {
    version,
    state: 'ready',
    mistakes: [],
    settings: configuration.given,
    ...toldOf(answers),
    ...policyOf(settings),
    ...((answers.length > 1 || engine !== 'inline') && { engine }),
    warnings: [...warnings, ...warningsOf(settings)],
    ...(inUse && {
      inUse: {
        sources: inUse.sources.map(({ text }) => text),
        rememberDays: inUse.rememberMilliseconds / 86_400_000,
      },
    }),
    ...(settings.notify && { notify: notifyOf(settings.notify) }),
    dryRun: answers.every(({ dryRun }) => dryRun),
    ledger: {
      place: ledger.place,
      answers: ledgerProblem === undefined,
      ...(ledgerProblem !== undefined && { error: ledgerProblem }),
    },
    ...(timeLimitSeconds !== undefined && { timeLimitSeconds }),
    schedule: {
      expression: schedule.expression,
      description: schedule.description,
      next: schedule.next(now, NEXT_RUNS).map((run) => run.toISOString().replace('.000', '')),
    },
  };
}

function notifyOf({ receivers, kinds, reviewUrl }: Notify): NonNullable<Status['notify']> {
  const counts: Partial<Record<ReceiverKind, number>> = {};
  for (const { kind } of receivers) counts[kind] = (counts[kind] ?? 0) + 1;
  return { receivers: counts, kinds, ...(reviewUrl !== undefined && { reviewUrl }) };
}

async function registryStatus(settings: Settings, registry: RegistrySettings, clock: Clock) {
  const problem = await checkRegistry(settings, registry, clock);
  return {
    answers: {
      loginServer: registry.endpoint.host,
      answers: problem === undefined,
      ...(problem !== undefined && { error: problem }),
    },
    commands: registry.commands.map(({ text }) => text),
    dryRun: isDryRun(settings, registry),
  };
}

type Told = Awaited<ReturnType<typeof registryStatus>>;

function toldOf(all: readonly Told[]): Pick<Status, 'registry' | 'commands' | 'registries'> {
  const [one, ...others] = all;
  if (one && others.length === 0) return { registry: one.answers, commands: one.commands };
  return { registries: all.map(({ answers, commands, dryRun }) => ({ ...answers, commands, dryRun })) };
}

/** The settings name one policy file at most, for all registries. */
function policyOf({ registries }: Settings): Pick<Status, 'policy'> {
  const [file] = registries.flatMap(({ commands }) => commands.flatMap(({ policy }) => policy.retention ?? []));
  return file ? { policy: file.text } : {};
}

function warningsOf({ registries, ledger, notify }: Settings): readonly string[] {
  return [
    // A command is for several, and what there is to say about it is said once.
    ...new Set(registries.flatMap(({ commands }) => commands)),
  ]
    .flatMap(({ policy }) => policy.warnings)
    .concat(
      registries
        .filter(({ commands }) => commands.length === 0)
        .map(({ endpoint }) => `no command is for ${endpoint.host}: the schedule passes it over`),
      ledger.storage ? [] : [PASSING],
      notify && notify.reviewUrl === undefined ? [UNLINKED] : [],
    );
}

/** Asks the registry for what a run asks first: one repository, or where filters name repositories outright, one of those. */
async function checkRegistry(
  settings: Settings,
  registry: RegistrySettings,
  clock: Clock,
): Promise<string | undefined> {
  const { commands } = registry;
  const [literal] = commands.flatMap(({ policy }) =>
    policy.filters.length > 0 ? (policy.compiled.literalRepositories() ?? []) : [],
  );
  const answered = new AbortController();
  try {
    const reader = await openReader(targetOf(settings, registry));
    await Promise.race([
      reader.check(literal),
      clock.sleep(STATUS_TIMEOUT_MS, answered.signal, 'background').then(() => {
        throw new Error(`no answer within ${STATUS_TIMEOUT_MS / 1000} s`);
      }),
    ]);
    return undefined;
  } catch (error) {
    return (error as Error).message;
  } finally {
    answered.abort();
  }
}

async function checkLedger(ledger: LedgerReader): Promise<string | undefined> {
  try {
    const runs = ledger.runs();
    await runs[Symbol.asyncIterator]().next();
    return undefined;
  } catch (error) {
    return (error as Error).message;
  }
}

import type { DefenderSource, DefenderTrial } from '../evidence/defender.ts';
import type { Clock } from '../registry/clock.ts';
import type { LedgerReader } from '../ledger/reader.ts';
import type { Notify, NotifyKind, ReceiverKind } from '../policy/notify.ts';
import type { Configuration, Engine, RegistrySettings, Settings } from '../policy/settings.ts';
import { periodIn } from './quarantine/quarantine.ts';
import { isDryRun, targetOf, type TargetOptions } from './registries.ts';
import { type Access, accessOf, findingsRight, type Needs } from './rights.ts';
import { defenderFrom } from './sources.ts';

/** What the app is set to do, and whether it could. */
export interface Status {
  readonly version: string;
  readonly state: 'ready' | 'misconfigured';
  readonly mistakes: readonly { readonly setting: string; readonly message: string }[];
  /** What keeps the configured purge from working: sentences, the first one first to be mended. None: nothing does. */
  readonly missing: readonly string[];
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

export interface RegistryStatus extends Partial<Access> {
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
    const missing = mistakes.map(({ message }) => message);
    return { version, state: 'misconfigured', mistakes, missing, settings: configuration.given, warnings };
  }
  const { settings } = configuration;
  const { registries, schedule, timeLimitSeconds, engine, inUse } = settings;
  const { clock } = ledger.system;
  const [answers, recorded] = await Promise.all([
    Promise.all(registries.map((registry) => registryStatus(settings, registry, clock))),
    ledgerStatus(ledger),
  ]);
  return {
    version,
    state: 'ready',
    mistakes: [],
    missing: [...answers.flatMap((one) => missingAt(one.answers)), ...missingIn(recorded)],
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
    ledger: recorded,
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

/**
 * The same of one registry, where no app is configured: for the command line.
 * @param given the settings that are set, without secrets
 */
export async function statusOfRegistry(
  target: TargetOptions,
  needs: Needs,
  {
    version,
    ledger,
    given,
    defender,
  }: {
    readonly version: string;
    readonly ledger: LedgerReader;
    readonly given: Status['settings'];
    /** Where it is asked what it found: whether it may be. */
    readonly defender?: DefenderSource | undefined;
  },
): Promise<Status> {
  const [registry, recorded] = await Promise.all([
    askRegistry(target, needs, ledger.system.clock, defender),
    ledgerStatus(ledger),
  ]);
  return {
    version,
    state: 'ready',
    mistakes: [],
    missing: [...missingAt(registry), ...missingIn(recorded)],
    settings: given,
    registry,
    ledger: recorded,
  };
}

async function registryStatus(settings: Settings, registry: RegistrySettings, clock: Clock) {
  const defender = settings.findings.includes('defender') ? defenderFrom(settings, clock) : undefined;
  return {
    answers: await askRegistry(targetOf(settings, registry), needsOf(settings, registry), clock, defender),
    commands: registry.commands.map(({ text }) => text),
    dryRun: isDryRun(settings, registry),
  };
}

/** Repositories on which rights are tried: where roles are assigned by repository, each may have others. */
const MOST_TRIED = 3;

function needsOf(settings: Settings, registry: RegistrySettings): Needs {
  const policies = registry.commands.map(({ policy }) => policy);
  const literal = policies.map((policy) =>
    policy.filters.length > 0 ? policy.compiled.literalRepositories() : undefined,
  );
  return {
    catalog: literal.some((names) => names === undefined) || policies.length === 0,
    deletes: !isDryRun(settings, registry),
    unlocks: policies.some(({ includeLocked }) => includeLocked),
    hides: policies.some((policy) => periodIn(policy) !== undefined),
    repositories: [...new Set(literal.flatMap((names) => names ?? []))].slice(0, MOST_TRIED),
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

/** Asks the registry for the first thing that a run asks, and tries each right. */
async function askRegistry(
  target: TargetOptions,
  needs: Needs,
  clock: Clock,
  defender: DefenderSource | undefined,
): Promise<RegistryStatus> {
  const loginServer = target.endpoint.host;
  const over = new AbortController();
  const late = clock.sleep(STATUS_TIMEOUT_MS, over.signal, 'background').then(() => {
    throw new Error(`no answer within ${STATUS_TIMEOUT_MS / 1000} s`);
  });
  try {
    const [access, tried] = await Promise.race([
      Promise.all([accessOf(target, needs, over.signal), defender && tryDefender(defender, loginServer, over, clock)]),
      late,
    ]);
    const rights = [...access.rights, ...(tried ? [findingsRight(tried, access.signedIn)] : [])];
    return { loginServer, answers: access.error === undefined, ...access, rights };
  } catch (error) {
    return { loginServer, answers: false, error: (error as Error).message };
  } finally {
    over.abort();
  }
}

/** Less than the registry is waited for: that it does not answer must not hide what the registry says. */
const DEFENDER_TIMEOUT_MS = 15_000;

async function tryDefender(
  defender: DefenderSource,
  loginServer: string,
  { signal }: AbortController,
  clock: Clock,
): Promise<DefenderTrial> {
  const late = clock.sleep(DEFENDER_TIMEOUT_MS, signal, 'background').then((): DefenderTrial => {
    return { state: 'unknown', error: `no answer of Azure within ${DEFENDER_TIMEOUT_MS / 1000} s` };
  });
  return Promise.race([defender.tried(loginServer, signal), late]);
}

/** What of a registry keeps the purge from working. */
function missingAt({ loginServer, error, rights = [] }: RegistryStatus): readonly string[] {
  const lacking = rights
    .filter(({ needed, state }) => needed && state === 'missing')
    .map(({ toDo, repository, role }) => {
      const where = repository === undefined ? loginServer : `${loginServer}/${repository}`;
      return `the identity may not ${toDo} (${where})${role === undefined ? '' : `: it lacks ${role}`}`;
    });
  return lacking.length > 0 || error === undefined ? lacking : [error];
}

function missingIn({ place, error }: LedgerStatus): readonly string[] {
  return error === undefined ? [] : [`the record of the runs in ${place} cannot be read: ${error}`];
}

type LedgerStatus = NonNullable<Status['ledger']>;

async function ledgerStatus(ledger: LedgerReader): Promise<LedgerStatus> {
  const { place } = ledger;
  try {
    const runs = ledger.runs();
    await runs[Symbol.asyncIterator]().next();
    return { place, answers: true };
  } catch (error) {
    return { place, answers: false, error: (error as Error).message };
  }
}

import { parseTimeBudget, type TimeBudget } from './budget.ts';
import { parsePurgeCommands, shown } from './purge-command.ts';
import { PolicyError } from './errors.ts';
import { parseDuration } from './duration.ts';
import { type Engine, readEngine, readParallelism } from './engine.ts';
import { type Guards, readGuards } from './guards.ts';
import { readStorage, type StorageLocation } from './storage.ts';
import { attempts, readInteger } from './purge-policy.ts';
import { readRegistries, type RegistrySettings } from './registries.ts';
import { parseSchedule, type Schedule } from './schedule.ts';
import { parseTaskFile } from './task-file.ts';

export type { RegistrySettings } from './registries.ts';

/** App settings, as they stand in the environment. */
export type Environment = Readonly<Record<string, string | undefined>>;

/** The settings that are read here. One that is empty is not set. */
export const SETTINGS = [
  'ACR_REGISTRY',
  'PURGE_COMMAND',
  'ACR_TASK_FILE',
  'PURGE_SCHEDULE',
  'PURGE_DRY_RUN',
  'RUN_TIME_BUDGET',
  'AZURE_CLIENT_ID',
  'ACR_AUDIENCE',
  'ACR_USERNAME',
  'ACR_PASSWORD',
  'RETENTION_STORAGE',
  'RETENTION_LEDGER_DAYS',
  'PLAN_MAX_AGE',
  'MAX_DELETIONS',
  'MAX_DELETION_PERCENT',
  'MAX_MEDIAN_FACTOR',
  'KEEP_LAST_TAG',
  'RETENTION_ENGINE',
  'REGISTRY_PARALLELISM',
  'LOG_LEVEL',
] as const;

type Setting = (typeof SETTINGS)[number];

export const LOG_LEVELS = ['trace', 'debug', 'info', 'warn', 'error', 'silent'] as const;

export type LogLevel = (typeof LOG_LEVELS)[number];

/** What the app is to do, validated. */
export interface Settings {
  /** At least one, and none twice, in the order in which they were named. */
  readonly registries: readonly RegistrySettings[];
  readonly schedule: Schedule;
  /** Whether the scheduled purge deletes nothing. */
  readonly dryRun: boolean;
  /** Of the task file: a run that takes longer is stopped between deletions. Each registry's run has it for itself. */
  readonly timeLimitSeconds: number | undefined;
  /** A run that takes longer is stopped between deletions, and goes on with the next one. Of several registries all share it. */
  readonly timeBudget: TimeBudget;
  /** What holds the scheduled purge back, and the carrying out of a plan. */
  readonly guards: Guards;
  readonly ledger: LedgerSettings;
  readonly engine: Engine;
  /** Repositories of one registry that the durable engine works on at a time. */
  readonly parallelism: number;
  readonly identity: {
    readonly clientId: string | undefined;
    readonly audience: string | undefined;
    readonly username: string | undefined;
    readonly password: string | undefined;
  };
}

/** What the record of all runs is kept by. */
export interface LedgerSettings {
  /** `undefined`: nowhere that outlives the app's instance. */
  readonly storage: StorageLocation | undefined;
  readonly days: number;
  /** How old a plan may be that is carried out. */
  readonly planAgeMilliseconds: number;
}

/** What was read, right or wrong. A mistake is a value, not an exception: the app loads, and says what is wrong with it. */
export type Configuration = {
  /** The settings as they were given, without secrets. */
  readonly given: Readonly<Partial<Record<Setting, string>>>;
} & (
  | { readonly state: 'valid'; readonly settings: Settings }
  | { readonly state: 'invalid'; readonly mistakes: readonly PolicyError[] }
);

/**
 * Reads the app settings.
 * @param readFile reads a file as text; throws where there is none
 */
export function readSettings(environment: Environment, readFile: (path: string) => string): Configuration {
  // Whatever else goes wrong, the app loads and says so.
  const { problems: mistakes, attempt } = attempts(
    ({ message }) => new PolicyError('settings', undefined, `cannot be read: ${message}`),
  );
  const trimmed = trimmedIn(environment);
  const text = (name: Setting): string | undefined =>
    // The host reads the schedule as it stands.
    name === 'PURGE_SCHEDULE' && trimmed(name) !== undefined ? environment[name] : trimmed(name);

  const given = Object.fromEntries(
    SETTINGS.filter((name) => text(name) !== undefined).map((name) => [name, shownSetting(name, text(name) ?? '')]),
  );

  const work = attempt(() => readWork(text('PURGE_COMMAND'), text('ACR_TASK_FILE'), readFile));
  const registries = attempt(() => {
    const names = text('ACR_REGISTRY');
    // Commands that cannot be read may name them.
    return names === undefined && !work && text('PURGE_COMMAND') !== undefined
      ? undefined
      : readRegistries(names, work?.commands ?? []);
  });
  const schedule = attempt(() => {
    const expression = text('PURGE_SCHEDULE');
    if (expression === undefined)
      throw new PolicyError(
        'PURGE_SCHEDULE',
        undefined,
        'is not set; write e.g. 0 1 * * Sun, for Sundays at 01:00 UTC',
      );
    return parseSchedule(expression, 'PURGE_SCHEDULE');
  });
  const dryRun = attempt(() => readSwitch('PURGE_DRY_RUN', text('PURGE_DRY_RUN'), true));
  const timeBudget = attempt(() => parseTimeBudget(text('RUN_TIME_BUDGET') ?? TIME_BUDGET, 'RUN_TIME_BUDGET'));
  const clientId = attempt(() => readClientId(text('AZURE_CLIENT_ID')));
  const audience = attempt(() => readAudience(text('ACR_AUDIENCE')));
  const username = text('ACR_USERNAME');
  const password = text('ACR_PASSWORD');
  attempt(() => {
    if (username !== undefined && password === undefined)
      throw new PolicyError('ACR_PASSWORD', undefined, 'is not set, and ACR_USERNAME is; set both, or neither');
  });
  attempt(() => readLogLevel(environment));
  const guards = attempt(() => readGuardSettings(environment));
  const ledger = attempt(() => readLedgerSettings(environment));
  const engine = attempt(() => readEngine(text('RETENTION_ENGINE'), text('RETENTION_STORAGE') !== undefined));
  const parallelism = attempt(() => readParallelism(text('REGISTRY_PARALLELISM')));

  if (
    mistakes.length > 0 ||
    !work ||
    !registries ||
    !schedule ||
    dryRun === undefined ||
    !timeBudget ||
    !guards ||
    !ledger ||
    !engine ||
    parallelism === undefined
  )
    return { state: 'invalid', mistakes, given };
  const { timeLimitSeconds } = work;
  const identity = { clientId, audience, username, password };
  return {
    state: 'valid',
    settings: {
      registries,
      timeLimitSeconds,
      schedule,
      dryRun,
      timeBudget,
      guards,
      ledger,
      engine,
      parallelism,
      identity,
    },
    given,
  };
}

/** A little less than the `functionTimeout` of host.json, at which the host ends the process: time to close the record. */
const TIME_BUDGET = '1h55m';

function shownSetting(name: Setting, value: string): string {
  if (name === 'ACR_PASSWORD' || (name === 'RETENTION_STORAGE' && value.includes('='))) return '(set)';
  if (name === 'AZURE_CLIENT_ID' && !CLIENT_ID.test(value)) return '(not shown: it is no client id)';
  if (value.includes('@') && name !== 'PURGE_COMMAND') return '(not shown: it may hold a secret)';
  // The second may be the YAML itself, by mistake.
  return name === 'PURGE_COMMAND' || name === 'ACR_TASK_FILE' ? shown(value) : value;
}

function readWork(
  commands: string | undefined,
  taskFile: string | undefined,
  readFile: (path: string) => string,
): Pick<Settings, 'timeLimitSeconds'> & Pick<RegistrySettings, 'commands'> {
  if (commands !== undefined && taskFile !== undefined)
    throw new PolicyError('ACR_TASK_FILE', shown(taskFile), 'is set, and so is PURGE_COMMAND; remove one of them');
  if (taskFile !== undefined) {
    let yaml: string;
    try {
      yaml = readFile(taskFile);
    } catch (cause) {
      const absent = (cause as NodeJS.ErrnoException).code === 'ENOENT';
      throw new PolicyError(
        'ACR_TASK_FILE',
        shown(taskFile),
        absent ? "is not in the app's folder" : 'cannot be read',
        {
          cause,
        },
      );
    }
    return parseTaskFile(yaml);
  }
  const read = parsePurgeCommands(commands ?? '');
  if (read.length === 0)
    throw new PolicyError(
      'PURGE_COMMAND',
      undefined,
      'is not set; write the flags of acr purge, e.g. --filter "app:^dev-" --ago 30d --untagged',
    );
  return { commands: read, timeLimitSeconds: undefined };
}

/** What a setting that is not set is read as. */
const GUARDS = { MAX_DELETION_PERCENT: '50', MAX_MEDIAN_FACTOR: '10' } as const;

/**
 * What holds back the scheduled purge, and the carrying out of a plan; for the command line, too.
 * @throws {PolicyError}
 */
export function readGuardSettings(environment: Environment): Guards {
  const text = trimmedIn(environment);
  const guards = readGuards(
    {
      maxDeletions: text('MAX_DELETIONS'),
      maxDeletionPercent: text('MAX_DELETION_PERCENT') ?? GUARDS.MAX_DELETION_PERCENT,
      maxMedianFactor: text('MAX_MEDIAN_FACTOR') ?? GUARDS.MAX_MEDIAN_FACTOR,
    },
    (field) => field.replace(/[A-Z]/g, (letter) => `_${letter}`).toUpperCase(),
  );
  return {
    ...guards,
    keepLastTag: readSwitch('KEEP_LAST_TAG', text('KEEP_LAST_TAG'), true),
  };
}

function trimmedIn(environment: Environment): (name: Setting) => string | undefined {
  return (name) => {
    const value = environment[name]?.trim();
    return value === '' ? undefined : value;
  };
}

const LEDGER_DAYS = 400;
const PLAN_AGE = '24h';

/**
 * Where and how long the ledger is kept: for the command line, too.
 * @throws {PolicyError}
 */
export function readLedgerSettings(environment: Environment): LedgerSettings {
  const text = trimmedIn(environment);
  const storage = text('RETENTION_STORAGE');
  const days = readInteger('RETENTION_LEDGER_DAYS', text('RETENTION_LEDGER_DAYS'), LEDGER_DAYS, 36_500);
  if (days === 0) throw new PolicyError('RETENTION_LEDGER_DAYS', '0', 'must be at least 1');
  return {
    storage: storage === undefined ? undefined : readStorage(storage, 'RETENTION_STORAGE'),
    days,
    planAgeMilliseconds: parseDuration(text('PLAN_MAX_AGE') ?? PLAN_AGE, 'PLAN_MAX_AGE').milliseconds,
  };
}

function readSwitch(name: Setting, text: string | undefined, standard: boolean): boolean {
  if (text === undefined) return standard;
  if (/^(?:true|1)$/i.test(text.trim())) return true;
  if (/^(?:false|0)$/i.test(text.trim())) return false;
  throw new PolicyError(name, text, 'must be true or false');
}

/** A GUID in practice; anything that could be one is taken, and what could be a secret or a path is not. */
const CLIENT_ID = /^[\w-]{1,36}$/;

function readClientId(text: string | undefined): string | undefined {
  if (text !== undefined && !CLIENT_ID.test(text))
    throw new PolicyError(
      'AZURE_CLIENT_ID',
      undefined,
      'must be the client id of a managed identity, not its name or resource id',
    );
  return text;
}

function readAudience(text: string | undefined): string | undefined {
  if (text !== undefined && !(URL.canParse(text) && new URL(text).protocol === 'https:'))
    throw new PolicyError(
      'ACR_AUDIENCE',
      text.includes('@') ? undefined : text,
      'must be an https:// URL, e.g. https://management.usgovcloudapi.net',
    );
  return text;
}

/**
 * How much is logged.
 * @throws {PolicyError} for a level that there is not
 */
export function readLogLevel(environment: Environment): LogLevel {
  const text = (environment['LOG_LEVEL'] ?? '').trim().toLowerCase();
  if (text === '') return 'info';
  const level = LOG_LEVELS.find((one) => one === text);
  if (level === undefined) throw new PolicyError('LOG_LEVEL', text, `must be one of ${LOG_LEVELS.join(', ')}`);
  return level;
}

import { type ArchiveLocation, readArchive } from './archive.ts';
import type { TimeBudget } from './duration.ts';
import { attempts, InvalidPolicy, PolicyError } from './errors.ts';
import type { Guards } from './guards.ts';
import { inUseFrom, pulledFrom, pullLogFrom } from './evidence-settings.ts';
import type { FindingSource } from './findings.ts';
import type { InUse } from './in-use.ts';
import { hostedReviewUrl, type Notify } from './notify.ts';
import { checkResources, type Pulled, type PullLogSettings } from './pulls.ts';
import { parseEach, parseSome, type Texts, textsIn } from './parse-settings.ts';
import type { Quarantine } from './quarantine.ts';
import { readRegistries, type RegistrySettings } from './registries.ts';
import type { Schedule } from './schedule.ts';
import {
  type Engine,
  type Environment,
  type LogLevel,
  type Setting,
  SETTINGS,
  type SettingValues,
} from './settings-schema.ts';
import { unexpected } from './setting-fields.ts';
import { shownSetting } from './shown-settings.ts';
import type { StorageLocation } from './storage.ts';
import { type StorageSettings, storageSettingsFrom } from './storage-settings.ts';
import { pullWindowsOf } from './rules.ts';
import { readWork } from './work.ts';

export {
  readFindingsSetting,
  readInUseSettings,
  readPullLogSettings,
  readPullSettings,
  readRememberSetting,
} from './evidence-settings.ts';
export type { RegistrySettings } from './registries.ts';
export {
  type Engine,
  type Environment,
  LOG_LEVELS,
  type LogLevel,
  SETTINGS,
  SETTINGS_TABLE,
} from './settings-schema.ts';

/** What the app is to do, validated. */
export interface Settings {
  /** At least one, and none twice, in the order in which they were named. */
  readonly registries: readonly RegistrySettings[];
  readonly schedule: Schedule;
  /** Whether the scheduled purge deletes nothing. */
  readonly dryRun: boolean;
  /** Of the task file: a run that takes longer is stopped between deletions. It holds for the run of each registry. */
  readonly timeLimitSeconds: number | undefined;
  /** A run that takes longer is stopped between deletions, and the next one resumes it. The registries share it. */
  readonly timeBudget: TimeBudget;
  /** What holds back the scheduled purge, and an applied plan. */
  readonly guards: Guards;
  /** Of commands and policy files that say none; the configured ones have it already. Absent: they delete at once. */
  readonly quarantine: Quarantine | undefined;
  /** Where what is deleted is archived first. Absent: it is not. */
  readonly archive: ArchiveLocation | undefined;
  /** Absent: what a deletion frees is not computed. */
  readonly storage: StorageSettings | undefined;
  /** Absent: nothing is asked what is in use. */
  readonly inUse: InUse | undefined;
  /** How long an image is kept after it was seen in use last, and after a release from quarantine for its use. */
  readonly rememberMilliseconds: number;
  /** Absent: nothing is asked when something was pulled. */
  readonly pulled: Pulled | undefined;
  /** Where it can be looked up what was pulled, whether that keeps anything or not. Without a resource: nowhere. */
  readonly pullLog: PullLogSettings;
  /** What says which vulnerabilities images have, in the order in which they count. None: nothing is asked. */
  readonly findings: readonly FindingSource[];
  /** Absent: no message is sent. */
  readonly notify: Notify | undefined;
  readonly ledger: LedgerSettings;
  readonly approvals: ApprovalSettings;
  readonly engine: Engine;
  /** How many repositories of one registry the durable engine works on at a time. */
  readonly parallelism: number;
  readonly identity: {
    readonly clientId: string | undefined;
    readonly audience: string | undefined;
    readonly username: string | undefined;
    readonly password: string | undefined;
  };
}

/** Where, and for how long, runs are recorded. */
export interface LedgerSettings {
  /** `undefined`: nowhere that outlives the app's instance. */
  readonly storage: StorageLocation | undefined;
  readonly days: number;
  /** How old a plan may be when it is applied. */
  readonly planAgeMilliseconds: number;
}

/** What an approval takes. */
interface ApprovalSettings {
  /** Above so many deletions, the name of the registry is typed on the page. */
  readonly typedAbove: number;
  /** A person cannot approve the plan of a run that the same person began. */
  readonly fourEyes: boolean;
}

/** What was read, right or wrong. A mistake is a value, not an exception: the app loads, and says what is wrong with it. */
export type Configuration = {
  /** The settings as they were given, without secrets. */
  readonly given: Readonly<Partial<Record<Setting, string>>>;
} & (
  | { readonly state: 'valid'; readonly settings: Settings }
  | {
      readonly state: 'invalid';
      readonly mistakes: readonly PolicyError[];
      /** Who is told that nothing is done. */
      readonly notify?: Notify;
    }
);

/**
 * Reads the app settings.
 * @param readFile reads a file as text; throws where there is none
 * @param root where relative paths start that are read later
 */
export function readSettings(
  environment: Environment,
  readFile: (path: string) => string,
  root?: string,
): Configuration {
  const texts = textsIn(environment);
  const given = givenIn(environment);
  const read = parseEach(SETTINGS, texts);
  const { problems, attempt } = attempts(unexpected);
  const work = attempt(() => readWork(read.values, texts, readFile));
  const registries = attempt(() => {
    // Commands that cannot be read may name registries.
    const isUnknown = texts.ACR_REGISTRY === undefined && !work && texts.PURGE_COMMAND !== undefined;
    return isUnknown ? undefined : readRegistries(texts.ACR_REGISTRY, work?.commands ?? []);
  });
  attempt(() => checkTogether(texts));
  const pulled = pulledFrom(read.values, pullWindowsOf(work?.commands.map(({ policy }) => policy) ?? []));
  const hosts = registries?.map(({ endpoint }) => endpoint.host) ?? [];
  attempt(
    () => pulled && !read.mistakes.some(({ flag }) => flag === 'REGISTRY_RESOURCE_ID') && checkResources(pulled, hosts),
  );
  const mistakes = [...problems, ...read.mistakes];
  const notify = notifyFrom(read.values, environment);
  if (mistakes.length > 0 || !work || !registries)
    return { state: 'invalid', mistakes, given, ...(notify && { notify }) };
  // Without a mistake no value is missing.
  const values = read.values as SettingValues;
  return {
    state: 'valid',
    settings: {
      registries,
      timeLimitSeconds: work.timeLimitSeconds,
      schedule: values.PURGE_SCHEDULE,
      dryRun: values.PURGE_DRY_RUN,
      timeBudget: values.RUN_TIME_BUDGET,
      guards: guardsFrom(values),
      quarantine: values.QUARANTINE,
      archive: archiveIn(values.ARCHIVE, root),
      storage: storageSettingsFrom(values),
      inUse: inUseFrom(values, root),
      rememberMilliseconds: values.IN_USE_REMEMBER,
      pulled,
      pullLog: pullLogFrom(values),
      findings: values.FINDINGS ?? [],
      notify,
      ledger: ledgerFrom(values),
      approvals: { typedAbove: values.APPROVAL_TYPED, fourEyes: values.APPROVAL_FOUR_EYES },
      engine: values.RETENTION_ENGINE,
      parallelism: values.REGISTRY_PARALLELISM,
      identity: {
        clientId: values.AZURE_CLIENT_ID,
        audience: values.ACR_AUDIENCE,
        username: values.ACR_USERNAME,
        password: values.ACR_PASSWORD,
      },
    },
    given,
  };
}

/** The settings as they were given, without secrets. */
export function givenIn(environment: Environment): Configuration['given'] {
  const texts = textsIn(environment);
  return Object.fromEntries(
    SETTINGS.flatMap((name) => (texts[name] === undefined ? [] : [[name, shownSetting(name, texts[name])]])),
  );
}

const GUARD_SETTINGS = ['MAX_DELETIONS', 'MAX_DELETION_PERCENT', 'MAX_MEDIAN_FACTOR', 'KEEP_LAST_TAG'] as const;

/**
 * What holds back the scheduled purge, and an applied plan; for the command line, too.
 * @throws {InvalidPolicy}
 */
export function readGuardSettings(environment: Environment): Guards {
  return guardsFrom(parseSome(GUARD_SETTINGS, environment));
}

function guardsFrom(values: Pick<SettingValues, (typeof GUARD_SETTINGS)[number]>): Guards {
  return GUARD_SETTINGS.reduce<Guards>((guards, name) => ({ ...guards, ...values[name] }), {});
}

const LEDGER_SETTINGS = ['RETENTION_STORAGE', 'RETENTION_LEDGER_DAYS', 'PLAN_MAX_AGE'] as const;

/**
 * Where, and for how long, runs are recorded; for the command line, too.
 * @throws {InvalidPolicy}
 */
export function readLedgerSettings(environment: Environment): LedgerSettings {
  return ledgerFrom(parseSome(LEDGER_SETTINGS, environment));
}

function ledgerFrom(values: Pick<SettingValues, (typeof LEDGER_SETTINGS)[number]>): LedgerSettings {
  return {
    storage: values.RETENTION_STORAGE,
    days: values.RETENTION_LEDGER_DAYS,
    planAgeMilliseconds: values.PLAN_MAX_AGE,
  };
}

const NOTIFY_SETTINGS = ['NOTIFY', 'NOTIFY_ON', 'APPROVAL_REMIND', 'REVIEW_URL'] as const;

/**
 * Who is told of what; for the command line.
 * @throws {InvalidPolicy}
 */
export function readNotifySettings(environment: Environment): Notify | undefined {
  return notifyFrom(parseSome(NOTIFY_SETTINGS, environment), environment);
}

function notifyFrom(
  values: Partial<Pick<SettingValues, (typeof NOTIFY_SETTINGS)[number]>>,
  environment: Environment,
): Notify | undefined {
  const { NOTIFY: receivers = [], NOTIFY_ON: kinds, APPROVAL_REMIND, REVIEW_URL } = values;
  // Where one of them is wrong, nothing is sent.
  if (receivers.length === 0 || kinds === undefined || APPROVAL_REMIND === undefined) return undefined;
  const reviewUrl = REVIEW_URL ?? hostedReviewUrl(environment['WEBSITE_HOSTNAME']);
  return {
    receivers,
    kinds,
    remindMilliseconds: APPROVAL_REMIND,
    ...(reviewUrl !== undefined && { reviewUrl }),
  };
}

/**
 * For the command line.
 * @throws {InvalidPolicy}
 */
export function readQuarantineSetting(environment: Environment): Quarantine | undefined {
  return parseSome(['QUARANTINE'], environment).QUARANTINE;
}

/**
 * For the command line.
 * @param named instead of the setting
 * @throws {InvalidPolicy | PolicyError}
 */
export function readArchiveSetting(environment: Environment, named?: string): ArchiveLocation | undefined {
  return named === undefined ? parseSome(['ARCHIVE'], environment).ARCHIVE : readArchive(named, '--archive');
}

function archiveIn(archive: ArchiveLocation | undefined, root: string | undefined): ArchiveLocation | undefined {
  return archive?.kind === 'folder' && root !== undefined ? { ...archive, root } : archive;
}

/** @throws {InvalidPolicy} for an engine that does not exist */
export function readEngine(environment: Environment): Engine {
  return parseSome(['RETENTION_ENGINE'], environment).RETENTION_ENGINE;
}

/** @throws {InvalidPolicy} for a level that does not exist */
export function readLogLevel(environment: Environment): LogLevel {
  return parseSome(['LOG_LEVEL'], environment).LOG_LEVEL;
}

/** @throws {InvalidPolicy} for settings that need another one */
function checkTogether(texts: Texts): void {
  const problems: PolicyError[] = [];
  if (texts.ACR_USERNAME !== undefined && texts.ACR_PASSWORD === undefined)
    problems.push(new PolicyError('ACR_PASSWORD', undefined, 'is not set, and ACR_USERNAME is; set both, or neither'));
  if (texts.RETENTION_ENGINE?.toLowerCase() === 'durable' && texts.RETENTION_STORAGE === undefined)
    problems.push(
      new PolicyError(
        'RETENTION_ENGINE',
        texts.RETENTION_ENGINE,
        'needs RETENTION_STORAGE, which is not set: its workers share the record of the runs',
      ),
    );
  if (problems.length > 0) throw new InvalidPolicy(problems);
}

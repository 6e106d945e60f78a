import { PolicyError } from './errors.ts';
import { type FindingSource, readFindings } from './findings.ts';
import { type InUse, readInUse } from './in-use.ts';
import { parseSome } from './parse-settings.ts';
import {
  checkResources,
  type Pulled,
  type PullLogSettings,
  type PullWindows,
  readPullIgnore,
  readWithin,
} from './pulls.ts';
import type { Environment, SettingValues } from './settings-schema.ts';
import { type StorageSettings, storageSettingsFrom } from './storage-settings.ts';

/* What is asked what is in use, and when something was pulled. */

const IN_USE_SETTINGS = ['IN_USE', 'IN_USE_REMEMBER', 'IN_USE_LIST_MAX_AGE'] as const;

/**
 * What is asked what is in use; for the command line.
 * @param flags what `--in-use` names: it counts instead of IN_USE
 * @throws {InvalidPolicy}
 */
export function readInUseSettings(environment: Environment, flags: readonly string[] = []): InUse | undefined {
  if (flags.length === 0) return inUseFrom(parseSome(IN_USE_SETTINGS, environment));
  const sources = readInUse(flags, '--in-use');
  if (sources.length === 0)
    throw new PolicyError('--in-use', '', 'names no source; leave it away, or write --in-use kube, say');
  return inUseFrom({ ...parseSome(IN_USE_SETTINGS, { ...environment, IN_USE: undefined }), IN_USE: sources });
}

/**
 * How long an image is kept after it was seen in use, and after a release for its use; for the command line.
 * @throws {InvalidPolicy}
 */
export function readRememberSetting(environment: Environment): number {
  return parseSome(['IN_USE_REMEMBER'], environment).IN_USE_REMEMBER;
}

/**
 * What says which vulnerabilities images have; for the command line.
 * @param flag what `--findings` names: it counts instead of FINDINGS
 * @throws {InvalidPolicy}
 */
export function readFindingsSetting(environment: Environment, flag?: string): readonly FindingSource[] {
  return flag === undefined ? (parseSome(['FINDINGS'], environment).FINDINGS ?? []) : readFindings(flag, '--findings');
}

/**
 * Whether it is computed what a deletion frees; for the command line.
 * @param isOn where it is named: instead of the setting
 * @throws {InvalidPolicy}
 */
export function readStorageSettings(environment: Environment, isOn?: boolean): StorageSettings | undefined {
  const values = parseSome(['STORAGE', 'STORAGE_PRICE'], environment);
  return storageSettingsFrom(isOn === undefined ? values : { ...values, STORAGE: isOn });
}

export function inUseFrom(
  values: Pick<SettingValues, (typeof IN_USE_SETTINGS)[number]>,
  root?: string,
): InUse | undefined {
  const { IN_USE: sources = [] } = values;
  if (sources.length === 0) return undefined;
  return {
    sources,
    rememberMilliseconds: values.IN_USE_REMEMBER,
    listMaxAgeMilliseconds: values.IN_USE_LIST_MAX_AGE,
    ...(root !== undefined && { root }),
  };
}

const PULL_LOG_SETTINGS = ['REGISTRY_RESOURCE_ID', 'PULL_IGNORE', 'PULL_LOG_MAX_SILENCE'] as const;
const PULL_SETTINGS = ['KEEP_PULLED_WITHIN', ...PULL_LOG_SETTINGS] as const;

/**
 * How recent pulls keep what was pulled; for the command line. Each flag counts instead of its setting.
 * @throws {InvalidPolicy}
 */
export function readPullSettings(
  environment: Environment,
  {
    within,
    ignored = [],
    byRules,
  }: {
    readonly within?: string | undefined;
    readonly ignored?: readonly string[] | undefined;
    readonly byRules?: PullWindows | undefined;
  },
): Pulled | undefined {
  const overridden = {
    ...(within !== undefined && { KEEP_PULLED_WITHIN: undefined }),
    ...(ignored.length > 0 && { PULL_IGNORE: undefined }),
  };
  const values = parseSome(PULL_SETTINGS, { ...environment, ...overridden });
  const pulled = pulledFrom(
    {
      ...values,
      ...(within !== undefined && { KEEP_PULLED_WITHIN: readWithin(within, '--keep-pulled-within') }),
      ...(ignored.length > 0 && { PULL_IGNORE: readPullIgnore(ignored, '--pull-ignore') }),
    },
    byRules,
  );
  if (pulled?.resources.length === 0) checkResources(pulled, ['the registry']);
  return pulled;
}

/**
 * Where the log of pulls is found, whether or not recent pulls keep anything; for the command line.
 * @throws {InvalidPolicy}
 */
export function readPullLogSettings(environment: Environment, ignored: readonly string[] = []): PullLogSettings {
  const values = parseSome(PULL_LOG_SETTINGS, {
    ...environment,
    ...(ignored.length > 0 && { PULL_IGNORE: undefined }),
  });
  return pullLogFrom({
    ...values,
    ...(ignored.length > 0 && { PULL_IGNORE: readPullIgnore(ignored, '--pull-ignore') }),
  });
}

export function pulledFrom(
  values: Partial<Pick<SettingValues, (typeof PULL_SETTINGS)[number]>>,
  byRules?: PullWindows,
): Pulled | undefined {
  const { KEEP_PULLED_WITHIN: kept, PULL_LOG_MAX_SILENCE } = values;
  const isKept = kept !== undefined && kept.withinMilliseconds > 0;
  if ((!isKept && !byRules) || PULL_LOG_MAX_SILENCE === undefined) return undefined;
  return {
    ...(kept ?? { within: '', withinMilliseconds: 0 }),
    ...pullLogFrom({ ...values, PULL_LOG_MAX_SILENCE }),
    ...(byRules && { byRules }),
  };
}

export function pullLogFrom({
  REGISTRY_RESOURCE_ID: resources = [],
  PULL_IGNORE: ignored = [],
  PULL_LOG_MAX_SILENCE: maxSilenceMilliseconds,
}: Partial<Pick<SettingValues, (typeof PULL_SETTINGS)[number]>> &
  Pick<SettingValues, 'PULL_LOG_MAX_SILENCE'>): PullLogSettings {
  return { ignored, maxSilenceMilliseconds, resources };
}

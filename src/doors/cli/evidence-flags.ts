import type { Command } from 'commander';
import type { CommandFlags } from '../../policy/flags.ts';
import type { PurgePolicy } from '../../policy/purge-policy.ts';
import { pullWindowsOf } from '../../policy/rules.ts';
import {
  type Environment,
  readFindingsSetting,
  readInUseSettings,
  readPullLogSettings,
  readPullSettings,
  readRememberSetting,
} from '../../policy/settings.ts';
import { defenderFrom, evidenceFrom, findingsFrom, type RunOptions } from '../../index.ts';

/* Flags that say what is kept because it is used, or was pulled lately. */

export interface InUseFlags {
  readonly inUse?: readonly string[];
}

export interface PullFlags {
  readonly keepPulledWithin?: string;
  readonly pullIgnore?: readonly string[];
}

export interface FindingsFlags {
  readonly findings?: string;
}

export const repeated = (value: string, previous: readonly string[] | undefined): readonly string[] => [
  ...(previous ?? []),
  value,
];

/** Adds the option that says what knows which images are in use. */
export function withInUse(command: Command): Command {
  return command.option(
    '--in-use <source>',
    'what says which images are in use, and so are kept: kube, aks:<id>, list:<path>, ...; may be repeated (default: IN_USE)',
    repeated,
  );
}

/** Adds the option that says what knows which vulnerabilities images have. */
function withFindings(command: Command): Command {
  return command.option(
    '--findings <sources>',
    'what says which vulnerabilities images have: defender, referrers, both (defender,referrers) or off (default: FINDINGS)',
  );
}

/** Adds the options that say what is kept because it is used, or was pulled lately, and what is found in images. */
export function withEvidence(command: Command): Command {
  return withFindings(
    withPullIgnore(
      withInUse(command).option(
        '--keep-pulled-within <duration>',
        'keep what was pulled within that time, e.g. 30d; needs REGISTRY_RESOURCE_ID (default: KEEP_PULLED_WITHIN)',
      ),
    ),
  );
}

/** Adds the option that says whose pulls do not count. */
export function withPullIgnore(command: Command): Command {
  return command.option(
    '--pull-ignore <who>',
    'whose pulls do not count: an object id, or how a client begins its user agent, e.g. trivy; may be repeated (default: PULL_IGNORE)',
    repeated,
  );
}

/**
 * @param policies rules of theirs may ask for pulls
 * @throws {InvalidPolicy}
 */
export function inUseOf(
  { inUse, keepPulledWithin, pullIgnore, username }: InUseFlags & PullFlags & Pick<CommandFlags, 'username'>,
  environment: Environment,
  policies: readonly PurgePolicy[] = [],
): RunOptions['evidence'] {
  const byRules = pullWindowsOf(policies);
  return evidenceFrom({
    inUse: readInUseSettings(environment, inUse),
    pulled: readPullSettings(environment, { within: keepPulledWithin, ignored: pullIgnore, byRules }),
    pullLog: readPullLogSettings(environment, pullIgnore),
    rememberMilliseconds: readRememberSetting(environment),
    identity: identityIn(environment, username),
  });
}

const identityIn = (environment: Environment, username: string | undefined) => ({
  audience: environment['ACR_AUDIENCE'],
  clientId: environment['AZURE_CLIENT_ID'],
  username: username ?? environment['ACR_USERNAME'],
});

/**
 * What says which vulnerabilities images have.
 * @throws {InvalidPolicy}
 */
export function findingsOf(
  { findings, username }: FindingsFlags & Pick<CommandFlags, 'username'>,
  environment: Environment,
): RunOptions['findings'] {
  return findingsFrom({
    findings: readFindingsSetting(environment, findings),
    pullLog: readPullLogSettings(environment),
    identity: identityIn(environment, username),
  });
}

/**
 * Defender for Cloud, where FINDINGS names it.
 * @throws {InvalidPolicy}
 */
export function defenderIn(environment: Environment, username: string | undefined) {
  if (!readFindingsSetting(environment).includes('defender')) return undefined;
  return defenderFrom({ pullLog: readPullLogSettings(environment), identity: identityIn(environment, username) });
}

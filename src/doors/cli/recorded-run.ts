import type { Command } from 'commander';
import type { PurgePolicy } from '../../policy/purge-policy.ts';
import { parseRegistry, splitRegistries } from '../../policy/registries.ts';
import { readRememberSetting } from '../../policy/settings.ts';
import { type ArchiveFlags, archiveOf, withArchive } from './archive-flags.ts';
import { storageOf } from './storage-flags.ts';
import {
  type FindingsFlags,
  findingsOf,
  type InUseFlags,
  inUseOf,
  type PullFlags,
  withEvidence,
} from './evidence-flags.ts';
import {
  type BudgetFlags,
  type DisplayFlags,
  displayOf,
  identityOf,
  type LedgerFlags,
  openLedger,
  timeBudgetOf,
  withDisplay,
  withLedger,
  withTimeBudget,
} from './flags.ts';

/** Flags of the commands that work on what a recorded run was about. */
export interface RecordedRunFlags
  extends LedgerFlags, BudgetFlags, DisplayFlags, InUseFlags, PullFlags, FindingsFlags, ArchiveFlags {
  readonly registry?: string;
  readonly username?: string;
  readonly password?: string;
}

/** @param whose what says the registry, where it is not given */
export function withRecordedRun(command: Command, whose: 'plan' | 'run'): Command {
  return withDisplay(withLedger(withTimeBudget(withArchive(withEvidence(command)))))
    .option('-r, --registry <name>', `registry (default: the ${whose}'s)`)
    .option('-u, --username <name>', 'user name (default: an Entra identity)')
    .option('-p, --password <secret>', 'password; better in the environment as ACR_PASSWORD');
}

/**
 * What these flags mean.
 * @throws {PolicyError}
 */
export function recordedRun(flags: RecordedRunFlags, environment: NodeJS.ProcessEnv) {
  const { ledger, settings } = openLedger(flags, environment);
  const names = flags.registry === undefined ? splitRegistries(environment['ACR_REGISTRY'] ?? '') : [flags.registry];
  return {
    ledger,
    settings,
    timeBudget: timeBudgetOf(flags),
    archive: archiveOf(flags, environment),
    storage: storageOf({}, environment),
    keepReleasedMilliseconds: readRememberSetting(environment),
    evidence: (policies: readonly PurgePolicy[]) => inUseOf(flags, environment, policies),
    findings: findingsOf(flags, environment),
    /** The registries one of which it must be about, where any is named. */
    hosts: names.length === 0 ? undefined : names.map((name) => parseRegistry(name).host),
    display: displayOf(flags, environment, process.stdout),
    target: (registry: string) => ({ endpoint: parseRegistry(registry), ...identityOf(flags, environment) }),
  };
}

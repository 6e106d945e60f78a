import { type Command, Option } from 'commander';
import { parseRegistry, splitRegistries } from '../policy/address.ts';
import { readLogLevel } from '../policy/settings.ts';
import { createLog } from '../report/log.ts';
import { type OutputForm, OUTPUTS } from '../report/output.ts';
import { type BudgetFlags, identityOf, timeBudgetOf, withTimeBudget } from './purge.ts';
import { type LedgerFlags, openLedger, withLedger } from './record.ts';

/** Flags of the commands that work on what a recorded run was about. */
export interface RecordedRunFlags extends LedgerFlags, BudgetFlags {
  readonly registry?: string;
  readonly username?: string;
  readonly password?: string;
  readonly output: OutputForm;
  readonly verbose?: boolean;
}

/** @param whose what says the registry, where it is not given */
export function withRecordedRun(command: Command, whose: 'plan' | 'run'): Command {
  return withLedger(withTimeBudget(command))
    .option('-r, --registry <name>', `registry (default: the ${whose}'s)`)
    .option('-u, --username <name>', 'user name (default: an Entra identity)')
    .option('-p, --password <secret>', 'password; better in the environment as ACR_PASSWORD')
    .addOption(new Option('--output <form>', 'as for purge').choices(OUTPUTS).default('text'));
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
    /** The registries one of which it must be about, where any is named. */
    hosts: names.length === 0 ? undefined : names.map((name) => parseRegistry(name).host),
    // On a terminal there is a progress bar, and the summary says it all.
    log: process.stderr.isTTY ? undefined : createLog(readLogLevel(environment)),
    target: (registry: string) => ({ endpoint: parseRegistry(registry), ...identityOf(flags, environment) }),
  };
}

import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { Command } from 'commander';
import type { CommandFlags } from '../../policy/flags.ts';
import { type Environment, givenIn, readSettings } from '../../policy/settings.ts';
import { jsonLine } from '../../report/escape.ts';
import { renderStatus } from '../../report/status.ts';
import { styleOf } from '../../report/style.ts';
import { type Ledger, type Status, status, statusOfRegistry, version } from '../../index.ts';
import { defenderIn, repeated } from './evidence-flags.ts';
import { type Form, identityOf, type LedgerFlags, oneRegistry, openLedger, withLedger, withOutput } from './flags.ts';
import { write } from './write.ts';

interface Flags extends LedgerFlags, Pick<CommandFlags, 'registry' | 'username' | 'password'> {
  readonly repository?: readonly string[];
  readonly dryRun?: boolean;
  readonly output: Form;
}

/** Calls to the registry at once: there are few. */
const CONCURRENCY = 4;

/** `acr-retention status`: what is set, who asks, and what it may do; each right is tried, and nothing is changed. */
export function statusCommand(finish: (exitCode: 0 | 1) => void): Command {
  return withOutput(withLedger(new Command('status')), ['text', 'json'])
    .description(
      'settings, sign-in, the record of the runs and the rights on the registry: each is tried, nothing is changed; what is missing, and the az command that grants it',
    )
    .option('-r, --registry <name>', 'registry (default: what the settings of the app say, else ACR_REGISTRY)')
    .option(
      '--repository <name>',
      'try the rights on it; may be repeated (default: those that filters name, else the first one)',
      repeated,
    )
    .option('--dry-run', 'only what a dry run needs')
    .option('-u, --username <name>', 'user name (default: an Entra identity)')
    .option('-p, --password <secret>', 'password; better in the environment as ACR_PASSWORD')
    .allowExcessArguments(false)
    .action(async (flags: Flags) => {
      const { env, stdout } = process;
      const { ledger } = openLedger(flags, env);
      const isApp = isOfApp(flags, env);
      const report = isApp ? await statusOfApp(env, ledger) : await statusByFlags(flags, env, ledger);
      const whose = isApp ? 'by the settings of the app' : 'for the command line';
      await write(
        flags.output === 'json' ? `${jsonLine(report)}\n` : renderStatus(report, whose, styleOf(stdout, env)),
      );
      finish(report.missing.length === 0 ? 0 : 1);
    });
}

/** Settings that only the app has. */
const APP_SETTINGS = ['PURGE_SCHEDULE', 'PURGE_COMMAND', 'ACR_TASK_FILE', 'RETENTION_POLICY'] as const;

/** Whether the environment is that of the app, and no flag says otherwise. */
function isOfApp({ registry, username, repository, dryRun }: Flags, environment: Environment): boolean {
  const isByFlags = [registry, username, repository, dryRun].some((flag) => flag !== undefined);
  return !isByFlags && APP_SETTINGS.some((name) => (environment[name] ?? '').trim() !== '');
}

function statusOfApp(environment: Environment, ledger: Ledger): Promise<Status> {
  const folder = process.cwd();
  const read = (path: string): string => readFileSync(resolve(folder, path), 'utf8');
  return status(readSettings(environment, read, folder), version, ledger, new Date());
}

function statusByFlags(flags: Flags, environment: NodeJS.ProcessEnv, ledger: Ledger): Promise<Status> {
  const endpoint = oneRegistry(flags.registry ?? environment['ACR_REGISTRY'] ?? '');
  const needs = {
    catalog: flags.repository === undefined,
    deletes: flags.dryRun !== true,
    unlocks: false,
    hides: false,
    repositories: flags.repository ?? [],
  };
  const target = { endpoint, concurrency: CONCURRENCY, ...identityOf(flags, environment) };
  const defender = defenderIn(environment, flags.username);
  return statusOfRegistry(target, needs, { version, ledger, given: givenIn(environment), defender });
}

import { Command, Option } from 'commander';
import { parseRegistry } from '../policy/address.ts';
import { readLogLevel } from '../policy/settings.ts';
import { printable } from '../report/escape.ts';
import { createLog } from '../report/log.ts';
import { type OutputForm, OUTPUTS } from '../report/output.ts';
import { resume, type RunRecord } from '../retention.ts';
import { type BudgetFlags, identityOf, timeBudgetOf, withTimeBudget } from './purge.ts';
import { type LedgerFlags, openLedger, withLedger } from './record.ts';
import { show } from './show.ts';

interface Flags extends LedgerFlags, BudgetFlags {
  readonly registry?: string;
  readonly username?: string;
  readonly password?: string;
  readonly output: OutputForm;
  readonly verbose?: boolean;
}

/** `acr-retention resume [id]`: goes on with a run that was stopped. */
export function resumeCommand(finish: (exitCode: 0 | 1) => void): Command {
  return withLedger(withTimeBudget(new Command('resume')))
    .description('go on with a run that was stopped before it was done')
    .argument('[id]', 'the run (default: the newest that can go on)')
    .option('-r, --registry <name>', "registry (default: the run's)")
    .option('-u, --username <name>', 'user name (default: an Entra identity)')
    .option('-p, --password <secret>', 'password; better in the environment as ACR_PASSWORD')
    .addOption(new Option('--output <form>', 'as for purge').choices(OUTPUTS).default('text'))
    .option('--verbose', 'list every decision that is made now')
    .action(async (id: string | undefined, flags: Flags) => {
      const { ledger, settings } = openLedger(flags, process.env);
      const timeBudget = timeBudgetOf(flags);
      const name = flags.registry ?? process.env['ACR_REGISTRY'];
      const host = name === undefined || name === '' ? undefined : parseRegistry(name).host;
      const log = process.stderr.isTTY ? undefined : createLog(readLogLevel(process.env));
      const summary = await show({ ...flags, log }, process.stdout, (shown) =>
        resume(id, host, (registry) => ({ endpoint: parseRegistry(registry), ...identityOf(flags, process.env) }), {
          ...shown,
          ledger,
          now: new Date(),
          timeBudget,
          planAgeMilliseconds: settings.planAgeMilliseconds,
          onResume: (run) => process.stderr.write(`${printable(goesOn(run))}\n`),
        }),
      );
      finish(summary.succeeded ? 0 : 1);
    });
}

/** What goes on. Not on standard output, which holds nothing but what was asked for. */
function goesOn({ id, kind, dryRun, registry, started, progress: { done, of } }: RunRecord): string {
  const what = dryRun && kind !== 'dry-run' ? `${kind}, dry run` : kind;
  const far = of === 0 ? 'its repositories had not been listed yet' : `${done} of ${of} repositories are done`;
  return `Going on with the run ${id} (${what}) of ${started} on ${registry}: ${far}.`;
}

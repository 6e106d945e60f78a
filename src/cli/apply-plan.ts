import { Command, Option } from 'commander';
import { parseRegistry } from '../policy/address.ts';
import { readGuardSettings, readLogLevel } from '../policy/settings.ts';
import { jsonLine } from '../report/escape.ts';
import { createLog } from '../report/log.ts';
import { type OutputForm, OUTPUTS } from '../report/output.ts';
import { apply, type RunRecord } from '../retention.ts';
import { type LedgerFlags, openLedger, withLedger } from './record.ts';
import {
  type BudgetFlags,
  type GuardFlags,
  guardsOf,
  identityOf,
  timeBudgetOf,
  withGuards,
  withTimeBudget,
} from './purge.ts';
import { show } from './show.ts';

interface Flags extends LedgerFlags, GuardFlags, BudgetFlags {
  readonly registry?: string;
  readonly username?: string;
  readonly password?: string;
  readonly approve?: string;
  readonly output: OutputForm;
  readonly verbose?: boolean;
}

/** `acr-retention apply <id>`: carries out the plan of a recorded run, and nothing else. */
export function applyCommand(finish: (exitCode: 0 | 1) => void): Command {
  return withLedger(withTimeBudget(withGuards(new Command('apply'))))
    .description('delete exactly what a recorded dry run said, or what a breaker held back')
    .argument('<id>', 'the run whose plan it is')
    .option('-r, --registry <name>', "registry (default: the plan's)")
    .option('-u, --username <name>', 'user name (default: an Entra identity)')
    .option('-p, --password <secret>', 'password; better in the environment as ACR_PASSWORD')
    .option('--approve <hash>', 'the beginning of the hash of the plan: carry it out whatever breaker trips')
    .addOption(new Option('--output <form>', 'as for purge').choices(OUTPUTS).default('text'))
    .option('--verbose', 'list every decision')
    .action(async (id: string, flags: Flags) => {
      const { ledger, settings } = openLedger(flags, process.env);
      const timeBudget = timeBudgetOf(flags);
      const name = flags.registry ?? process.env['ACR_REGISTRY'];
      const host = name === undefined || name === '' ? undefined : parseRegistry(name).host;
      const log = process.stderr.isTTY ? undefined : createLog(readLogLevel(process.env));
      let before: RunRecord | undefined;
      const summary = await show({ ...flags, log }, process.stdout, async (shown) => {
        const applied = await apply(
          id,
          (registry) => ({ endpoint: parseRegistry(registry), ...identityOf(flags, process.env) }),
          {
            ...shown,
            ledger,
            now: new Date(),
            timeBudget,
            planAgeMilliseconds: settings.planAgeMilliseconds,
            guards: { ...readGuardSettings(process.env), ...guardsOf(flags) },
            approve: flags.approve,
            host,
          },
        );
        if (applied.state !== 'applied-before') return applied.summary;
        before = applied.run;
        return undefined;
      });
      if (before && flags.output !== 'text') process.stdout.write(`${jsonLine({ appliedBefore: before.id })}\n`);
      else if (before)
        process.stdout.write(`The plan ${id} was carried out by the run ${before.id}; nothing was done now.\n`);
      finish(before || summary?.succeeded ? 0 : 1);
    });
}

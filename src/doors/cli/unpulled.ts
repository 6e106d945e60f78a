import { Command, Option } from 'commander';
import { PolicyError } from '../../policy/errors.ts';
import type { CommandFlags } from '../../policy/flags.ts';
import { readPullSettings } from '../../policy/settings.ts';
import { UNPULLED } from '../../report/sheets.ts';
import { styleOf } from '../../report/style.ts';
import { renderUnpulled } from '../../report/unpulled.ts';
import { openReader, pullsFrom, unpulled } from '../../index.ts';
import { type PullFlags, withPullIgnore } from './evidence-flags.ts';
import { identityOf, oneRegistry, openLedger, type ReadingFlags, withReading } from './flags.ts';
import { write, writeListed } from './write.ts';

type Flags = ReadingFlags &
  Pick<PullFlags, 'pullIgnore'> &
  Pick<CommandFlags, 'registry' | 'username' | 'password'> & { readonly for: string };

/** Registries that are asked side by side for a listing. */
const CONCURRENCY = 4;

/** `acr-retention unpulled`: what has not been pulled for some time, with its size. */
export function unpulledCommand(finish: (exitCode: 0 | 1) => void): Command {
  return withReading(withPullIgnore(new Command('unpulled')))
    .description('what has not been pulled for some time, the largest first, and how far back pulls are known')
    .addOption(new Option('--for <duration>', 'for how long, e.g. 90d; needs REGISTRY_RESOURCE_ID').default('90d'))
    .option('-r, --registry <name>', 'registry (default: ACR_REGISTRY)')
    .option('-u, --username <name>', 'user name (default: an Entra identity)')
    .option('-p, --password <secret>', 'password; better in the environment as ACR_PASSWORD')
    .allowExcessArguments(false)
    .action(async (flags: Flags) => {
      const { env, stdout } = process;
      const endpoint = oneRegistry(flags.registry ?? env['ACR_REGISTRY'] ?? '');
      const { ledger } = openLedger(flags, env);
      const pulled = readPullSettings(env, { within: flags.for, ignored: flags.pullIgnore });
      if (!pulled) throw new PolicyError('--for', flags.for, 'must be longer than nothing');
      const identity = identityOf(flags, env);
      const reader = await openReader({ endpoint, concurrency: CONCURRENCY, ...identity });
      const report = await unpulled(reader, pullsFrom(pulled, identity), ledger);
      const { images, ...about } = report;
      if (flags.output === 'text') await write(renderUnpulled(report, styleOf(stdout, env)));
      else await writeListed(flags.output, images, { name: 'images', sheet: UNPULLED, end: () => about });
      finish(report.problems.length === 0 ? 0 : 1);
    });
}

import { Command, Option } from 'commander';
import { PolicyError } from '../../policy/errors.ts';
import { parseSince } from '../../policy/since.ts';
import { RISK_LINE } from '../../report/risk.ts';
import { renderRisk } from '../../report/risk-text.ts';
import { styleOf } from '../../report/style.ts';
import { riskOf } from '../../index.ts';
import { oneRegistry, openLedger, type ReadingFlags, withReading } from './flags.ts';
import { write, writeListed } from './write.ts';

interface Flags extends ReadingFlags {
  readonly registry?: string;
  readonly since: string;
  readonly top: string;
}

const MOST = 1000;

/** `acr-retention risk`: the findings of a registry over time, by what its runs recorded. */
export function riskCommand(): Command {
  return withReading(new Command('risk'))
    .description(
      'the findings of a registry over time with its runs, where they are, and a rule for what is critical and unused',
    )
    .option('-r, --registry <name>', 'registry (default: ACR_REGISTRY)')
    .addOption(
      new Option('--since <when>', 'where the line begins: so long ago, e.g. 90d, or a day, e.g. 2026-09-01').default(
        '90d',
      ),
    )
    .addOption(
      new Option('--top <n>', 'how many repositories, base images and images are named: the worst').default('10'),
    )
    .allowExcessArguments(false)
    .action(async (flags: Flags) => {
      const { env, stdout } = process;
      if (!/^[1-9]\d{0,3}$/.test(flags.top) || Number(flags.top) > MOST)
        throw new PolicyError('--top', flags.top, `write a number from 1 to ${MOST}`);
      const { host } = oneRegistry(flags.registry ?? env['ACR_REGISTRY'] ?? '');
      const { ledger } = openLedger(flags, env);
      const now = new Date();
      const since = parseSince(flags.since, now, '--since');
      const report = await riskOf(ledger, host, { since, top: Number(flags.top), now });
      if (flags.output === 'text') return write(renderRisk(report, styleOf(stdout, env)));
      const { line, ...about } = report;
      await writeListed(flags.output, line, { name: 'line', sheet: RISK_LINE, end: () => about });
    });
}

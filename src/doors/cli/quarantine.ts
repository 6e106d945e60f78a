import { Command } from 'commander';
import { renderQuarantine, WAITING } from '../../report/quarantine.ts';
import { styleOf } from '../../report/style.ts';
import { listQuarantine } from '../../index.ts';
import { repeated } from './evidence-flags.ts';
import { oneRegistry, openLedger, type ReadingFlags, withReading } from './flags.ts';
import { write, writeListed } from './write.ts';

interface Flags extends ReadingFlags {
  readonly registry?: string;
  readonly repository?: readonly string[];
}

/** `acr-retention quarantine`: what is unreadable and waits for its deletion. */
export function quarantineCommand(): Command {
  return withReading(new Command('quarantine'))
    .description('what is in quarantine: since when, until when, how much it is, why, and what it belongs to')
    .option('-r, --registry <name>', 'registry (default: ACR_REGISTRY)')
    .option('--repository <name>', 'only this repository; may be repeated', repeated)
    .allowExcessArguments(false)
    .action(async (flags: Flags) => {
      const { env, stdout } = process;
      const { host } = oneRegistry(flags.registry ?? env['ACR_REGISTRY'] ?? '');
      const { ledger } = openLedger(flags, env);
      const report = await listQuarantine(ledger, host, flags.repository);
      const { waiting, ...about } = report;
      if (flags.output === 'text') return write(renderQuarantine(report, styleOf(stdout, env)));
      await writeListed(flags.output, waiting, { name: 'waiting', sheet: WAITING, end: () => about });
    });
}

import { Command } from 'commander';
import { printable } from '../report/escape.ts';
import { cancelRun } from '../retention.ts';
import { type LedgerFlags, openLedger, whoami, withLedger } from './record.ts';
import { write } from './show.ts';

/** `acr-retention cancel <id>`: ends a run between deletions, wherever it works. */
export function cancelCommand(): Command {
  return withLedger(new Command('cancel').description('end a run between deletions, wherever it works'))
    .argument('<id>', 'the run')
    .action(async (id: string, flags: LedgerFlags) => {
      const about = { now: new Date(), askedBy: 'command line', by: whoami() } as const;
      const { state, stopped } = await cancelRun(openLedger(flags, process.env).ledger, id, about);
      const ended = stopped && `The run ${id} is ${state}: ${stopped.detail}.`;
      await write(`${printable(ended ?? `The run ${id} ends within seconds, once what is in flight is finished.`)}\n`);
    });
}

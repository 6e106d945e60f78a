import { Command } from 'commander';
import { jsonLine, printable } from '../../report/escape.ts';
import { rejectPlan } from '../../index.ts';
import { accountHere, type Form, type LedgerFlags, openLedger, withLedger, withOutput } from './flags.ts';
import { write } from './write.ts';

interface Flags extends LedgerFlags {
  readonly reason: string;
  readonly hash?: string;
  readonly output: Form;
}

/** `acr-retention reject <plan>`: nothing more of it is ever carried out. */
export function rejectCommand(): Command {
  return withOutput(withLedger(new Command('reject')), ['text', 'json'])
    .description('reject a plan: nothing more of it is ever carried out; the next run plans anew')
    .argument('<plan>', 'the run whose plan it is')
    .requiredOption('--reason <text>', 'why; recorded with it')
    .option('--hash <hash>', 'the beginning of the hash of the plan that was looked at: another one is not rejected')
    .action(async (id: string, { reason, hash, output, ...flags }: Flags) => {
      const { ledger } = openLedger(flags, process.env);
      const run = await rejectPlan(ledger, id, {
        now: new Date(),
        reason,
        hash,
        startedBy: 'command line',
        ...accountHere(),
      });
      await write(
        output === 'json'
          ? `${jsonLine(run)}\n`
          : printable(`The plan ${id} is rejected. Nothing of it that is left is deleted; the next run plans anew.`) +
              '\n',
      );
    });
}

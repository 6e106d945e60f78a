import { Command } from 'commander';
import { jsonLine, printable } from '../../report/escape.ts';
import { cancel, type ParentStatus, type RunRecord } from '../../index.ts';
import { type Form, type LedgerFlags, openLedger, accountHere, withLedger, withOutput } from './flags.ts';
import { write } from './write.ts';

/** `acr-retention cancel <id>`: ends a run between deletions, wherever it works. */
export function cancelCommand(): Command {
  return withOutput(withLedger(new Command('cancel')), ['text', 'json'])
    .description('end a run between deletions, wherever it works')
    .argument('<id>', 'the run')
    .action(async (id: string, flags: LedgerFlags & { readonly output: Form }) => {
      const about = { now: new Date(), askedBy: 'command line', ...accountHere() } as const;
      const cancelled = await cancel(openLedger(flags, process.env).ledger, id, about);
      if (flags.output === 'json')
        return write(`${jsonLine('parent' in cancelled ? cancelled.parent : cancelled.run)}\n`);
      await write(`${printable('parent' in cancelled ? endOfAll(cancelled.parent) : endOf(cancelled.run))}\n`);
    });
}

function endOf({ id, state, stopped }: RunRecord): string {
  return stopped
    ? `The run ${id} is ${state}: ${stopped.detail}.`
    : `The run ${id} ends within seconds, once what is in flight is finished.`;
}

function endOfAll({ record: { id, registries }, state }: ParentStatus): string {
  const what = `The runs ${id} of ${registries.length} registries`;
  return state === 'running' ? `${what} end within seconds; no other is begun.` : `${what} are ${state}.`;
}

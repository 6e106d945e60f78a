import { Command } from 'commander';
import { jsonLine } from '../../report/escape.ts';
import { renderDifference } from '../../report/runs.ts';
import { differences } from '../../index.ts';
import { findRun, openLedger, type ReadingFlags, withReading } from './flags.ts';
import { write } from './show.ts';

/** `acr-retention diff <run> <run>`: what changed between two plans. */
export function diffCommand(): Command {
  return withReading(new Command('diff'))
    .description('what one recorded run deletes, or would delete, and another does not')
    .argument('<run>', 'the earlier one')
    .argument('<run>', 'the later one')
    .action(async (before: string, after: string, flags: ReadingFlags) => {
      const { ledger } = openLedger(flags, process.env);
      for (const id of [before, after]) await findRun(ledger, id);
      let found = 0;
      for await (const difference of differences(ledger, before, after)) {
        found += 1;
        await write(flags.output === 'text' ? renderDifference(difference) : `${jsonLine(difference)}\n`);
      }
      if (found === 0 && flags.output === 'text') await write('Both delete the same artifacts.\n');
    });
}

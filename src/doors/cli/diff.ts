import { Command } from 'commander';
import { withFindings } from '../../report/csv.ts';
import { renderDifference, renderDifferenceTotals } from '../../report/diff.ts';
import { DIFFERENCES } from '../../report/sheets.ts';
import { styleOf } from '../../report/style.ts';
import { type Difference, differences, newDifferenceTotals } from '../../index.ts';
import { findRun, openLedger, type ReadingFlags, withReading } from './flags.ts';
import { write, writeListed } from './write.ts';

/** `acr-retention diff <run> <run>`: what changed between two plans. */
export function diffCommand(): Command {
  return withReading(new Command('diff'))
    .description(
      'what one recorded run deletes, or would delete, and another does not: together, by repository, and each',
    )
    .argument('<run>', 'the earlier one')
    .argument('<run>', 'the later one')
    .action(async (earlier: string, later: string, flags: ReadingFlags) => {
      const { ledger } = openLedger(flags, process.env);
      const [before, after] = [await findRun(ledger, earlier), await findRun(ledger, later)];
      const totals = newDifferenceTotals();
      async function* counted(): AsyncGenerator<Difference, void> {
        for await (const difference of differences(ledger, before.id, after.id)) {
          totals.add(difference);
          yield difference;
        }
      }
      if (flags.output !== 'text') {
        await writeListed(flags.output, counted(), {
          name: 'differences',
          sheet: withFindings(DIFFERENCES, (after.findings ?? before.findings) !== undefined),
          end: () => ({ before: before.id, after: after.id, totals: totals.now() }),
        });
        return;
      }
      // Read twice: the totals come first, and any number of lines after them.
      for await (const difference of differences(ledger, before.id, after.id)) totals.add(difference);
      const style = styleOf(process.stdout, process.env);
      await write(renderDifferenceTotals(before, after, totals.now(), style));
      for await (const difference of differences(ledger, before.id, after.id))
        await write(renderDifference(difference, style));
    });
}

import { Command } from 'commander';
import { PolicyError } from '../../policy/errors.ts';
import { renderRuns } from '../../report/runs.ts';
import { RUNS } from '../../report/sheets.ts';
import { styleOf } from '../../report/style.ts';
import type { LedgerReader, RunRecord } from '../../index.ts';
import { openLedger, type ReadingFlags, withReading } from './flags.ts';
import { showCommand } from './show-run.ts';
import { write, writeListed } from './write.ts';

const MOST_RUNS = 1000;

interface ListFlags extends ReadingFlags {
  readonly limit: string;
  readonly parent?: string;
}

/** `acr-retention runs`, and `runs show <id>`. */
export function runsCommand(): Command {
  const list = withReading(new Command('list').description('the recorded runs, the newest first'))
    .option('--limit <n>', 'how many', '20')
    .option('--parent <id>', 'only the runs of several registries that this one began')
    .action(async (flags: ListFlags) => {
      if (!/^[1-9]\d{0,3}$/.test(flags.limit) || Number(flags.limit) > MOST_RUNS)
        throw new PolicyError('--limit', flags.limit, `write a number from 1 to ${MOST_RUNS}`);
      const { ledger } = openLedger(flags, process.env);
      const runs = newest(ledger, flags);
      if (flags.output === 'text')
        await write(renderRuns(await Array.fromAsync(runs), ledger.place, styleOf(process.stdout, process.env)));
      else await writeListed(flags.output, runs, { name: 'runs', sheet: RUNS });
    });
  return new Command('runs')
    .description('look at the recorded runs: the newest, as with list, whose flags it takes; or one')
    .addCommand(list, { isDefault: true })
    .addCommand(showCommand());
}

async function* newest(
  ledger: LedgerReader,
  { limit, parent }: Pick<ListFlags, 'limit' | 'parent'>,
): AsyncGenerator<RunRecord, void> {
  let count = 0;
  for await (const run of ledger.runs(parent === undefined ? {} : { parent })) {
    yield run;
    count += 1;
    if (count === Number(limit)) return;
  }
}

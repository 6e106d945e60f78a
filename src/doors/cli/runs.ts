import { Command } from 'commander';
import { PolicyError } from '../../policy/errors.ts';
import { jsonLine } from '../../report/escape.ts';
import { renderParent, renderRun, renderRuns, resumerOf } from '../../report/runs.ts';
import { type Style, styleOf } from '../../report/style.ts';
import { parentStatus, type RunRecord } from '../../index.ts';
import { findRun, openLedger, type ReadingFlags, withReading } from './flags.ts';
import { write } from './show.ts';

const MOST_RUNS = 1000;

const style = (): Style => styleOf(process.stdout, process.env);

/** `acr-retention runs`, and `runs show <id>`. */
export function runsCommand(): Command {
  const list = withReading(new Command('list').description('the recorded runs, the newest first'))
    .option('--limit <n>', 'how many', '20')
    .option('--parent <id>', 'only the runs of several registries that this one began')
    .action(async (flags: ReadingFlags & { readonly limit: string; readonly parent?: string }) => {
      if (!/^[1-9]\d{0,3}$/.test(flags.limit) || Number(flags.limit) > MOST_RUNS)
        throw new PolicyError('--limit', flags.limit, `write a number from 1 to ${MOST_RUNS}`);
      const runs: RunRecord[] = [];
      const query = flags.parent === undefined ? {} : { parent: flags.parent };
      for await (const run of openLedger(flags, process.env).ledger.runs(query)) {
        runs.push(run);
        if (runs.length === Number(flags.limit)) break;
      }
      await write(
        flags.output === 'text' ? renderRuns(runs, style()) : runs.map((run) => `${jsonLine(run)}\n`).join(''),
      );
    });
  const show = withReading(
    new Command('show').description('one run, or those of a parent: who, when, by which rule, and how it ended'),
  )
    .argument('<id>', 'its id')
    .action(async (id: string, flags: ReadingFlags) => {
      const { ledger } = openLedger(flags, process.env);
      const parent = (await ledger.run(id)) ? undefined : await parentStatus(ledger, id);
      if (parent) return write(flags.output === 'text' ? renderParent(parent, style()) : `${jsonLine(parent)}\n`);
      const run = await findRun(ledger, id);
      if (flags.output === 'text') {
        const resumer = await resumerOf(ledger, run, new Date());
        return write(renderRun(run, await Array.fromAsync(ledger.repositories(id)), style(), resumer));
      }
      await write(`${jsonLine(run)}\n`);
      for await (const decision of ledger.decisions(id)) await write(`${jsonLine(decision)}\n`);
    });
  return new Command('runs')
    .description('look at the recorded runs')
    .addCommand(list, { isDefault: true })
    .addCommand(show);
}

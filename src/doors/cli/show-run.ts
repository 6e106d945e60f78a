import { Command } from 'commander';
import { CSV, decisionSheet, withFindings } from '../../report/csv.ts';
import { renderParent, renderRun, resumerOf } from '../../report/runs.ts';
import { styleOf } from '../../report/style.ts';
import { verdictOf } from '../../report/verdict.ts';
import { renderVerdict } from '../../report/verdict-text.ts';
import {
  compareWithLast,
  decisionsOfAll,
  type Ledger,
  type ParentStatus,
  parentStatus,
  type RunRecord,
} from '../../index.ts';
import { findRun, type Form, openLedger, type ReadingFlags, withReading } from './flags.ts';
import { write, writeListed } from './write.ts';

/** `acr-retention show <id>`, and `runs show <id>`: one run, or those that a parent began. */
export function showCommand(): Command {
  return withReading(
    new Command('show').description('one run, or those of a parent: who, when, by which rule, and how it ended'),
  )
    .argument('<id>', 'its id')
    .action(async (id: string, flags: ReadingFlags) => {
      const { ledger } = openLedger(flags, process.env);
      const parent = (await ledger.run(id)) ? undefined : await parentStatus(ledger, id);
      if (parent) await showParent(ledger, parent, flags.output);
      else await showRun(ledger, await findRun(ledger, id), flags.output);
    });
}

async function showParent(ledger: Ledger, parent: ParentStatus, output: Form): Promise<void> {
  if (output === 'text') return write(renderParent(parent, styleOf(process.stdout, process.env)));
  await writeListed(output, decisionsOfAll(ledger, parent), {
    name: 'decisions',
    sheet: withFindings(
      decisionSheet(CSV.several),
      parent.children.some(({ run }) => run?.findings),
    ),
    head: parent,
  });
}

/** For a program: the run, and every decision of it. */
async function showRun(ledger: Ledger, run: RunRecord, output: Form): Promise<void> {
  const repositories = await Array.fromAsync(ledger.repositories(run.id));
  if (output === 'text') {
    const style = styleOf(process.stdout, process.env);
    const resumer = await resumerOf(ledger, run, new Date());
    const comparison = await compareWithLast(ledger, run, repositories);
    await write(`${renderVerdict(verdictOf({ run, repositories, comparison }), style)}\n`);
    return write(renderRun(run, repositories, style, resumer));
  }
  const summaries = repositories.map(({ summary }) => summary);
  await writeListed(output, ledger.decisions(run.id), {
    name: 'decisions',
    sheet: withFindings(decisionSheet(), run.findings !== undefined),
    // A line of NDJSON stays short, however many repositories there are.
    head: output === 'json' ? { ...run, repositories: summaries } : run,
  });
}

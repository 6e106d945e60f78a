import { Command } from 'commander';
import { PolicyError } from '../../policy/errors.ts';
import { CSV, decisionSheet, withFindings } from '../../report/csv.ts';
import { renderParent, renderRun, resumerOf } from '../../report/runs.ts';
import { renderWithFindings } from '../../report/sighting.ts';
import { sentence, styleOf } from '../../report/style.ts';
import { totalsInWords } from '../../report/totals.ts';
import { verdictOf } from '../../report/verdict.ts';
import { renderVerdict } from '../../report/verdict-text.ts';
import {
  compareWithLast,
  decisionsOfAll,
  type Ledger,
  type ParentStatus,
  parentStatus,
  type RepositoryRecord,
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
    .option(
      '--repository <name>',
      'of a run each decision in this repository, with what is known of findings: their number, names, and fixes',
    )
    .action(async (id: string, { repository, output, ...flags }: ShowFlags) => {
      const { ledger } = openLedger(flags, process.env);
      const parent = (await ledger.run(id)) ? undefined : await parentStatus(ledger, id);
      if (parent && repository !== undefined)
        throw new PolicyError('--repository', repository, 'is of one run, and this is the parent of several');
      if (parent) return showParent(ledger, parent, output);
      const run = await findRun(ledger, id);
      return repository === undefined
        ? showRun(ledger, run, output)
        : showRepository(ledger, run, await findRepository(ledger, run, repository), output);
    });
}

interface ShowFlags extends ReadingFlags {
  readonly repository?: string;
}

/** @throws {PolicyError} where the run has no such repository */
async function findRepository(ledger: Ledger, { id }: RunRecord, name: string): Promise<RepositoryRecord> {
  const found = await ledger.repository(id, name);
  if (!found) throw new PolicyError('--repository', name, `the run ${id} has no such repository`);
  return found;
}

/** Each decision in one repository, what is deleted first. */
async function showRepository(
  ledger: Ledger,
  run: RunRecord,
  { summary }: RepositoryRecord,
  output: Form,
): Promise<void> {
  const { repository } = summary;
  if (output !== 'text') {
    const sheet = withFindings(decisionSheet(), run.findings !== undefined);
    return writeListed(output, ledger.decisions(run.id, { repository }), { name: 'decisions', sheet, head: summary });
  }
  const style = styleOf(process.stdout, process.env);
  for (const action of ['delete', 'restore', 'keep'] as const)
    for await (const decision of ledger.decisions(run.id, { repository, action }))
      await write(renderWithFindings(decision, style));
  for (const line of run.restores ? [] : totalsInWords(summary, run.dryRun)) await write(`${sentence(style, line)}\n`);
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

import { Command } from 'commander';
import prettyBytes from 'pretty-bytes';
import { PolicyError } from '../../policy/errors.ts';
import { printable } from '../../report/escape.ts';
import { sentence, styleOf } from '../../report/style.ts';
import { plural } from '../../report/page/format.ts';
import { verdictOf } from '../../report/verdict.ts';
import { renderVerdict } from '../../report/verdict-text.ts';
import {
  approvalOf,
  compareWithLast,
  type Ledger,
  PlanRefused,
  type RepositoryRecord,
  type RunRecord,
} from '../../index.ts';
import { carryOut } from './carry-out.ts';
import { type Ask, askOn, isInteractive } from './confirm.ts';
import { repeated } from './evidence-flags.ts';
import { findRun } from './flags.ts';
import { recordedRun, type RecordedRunFlags, withRecordedRun } from './recorded-run.ts';

interface Flags extends RecordedRunFlags {
  readonly repository?: readonly string[];
  readonly comment?: string;
  readonly hash?: string;
  readonly yes?: boolean;
}

/** `acr-retention approve <plan>`: shows what a plan would do, asks, and carries it out although guards hold it back. */
export function approveCommand(finish: (exitCode: 0 | 1) => void): Command {
  return withRecordedRun(new Command('approve'), 'plan')
    .description(
      'approve a plan, or some repositories of it: show its verdict, ask, record who approved it, and carry it out',
    )
    .argument('<plan>', 'the run whose plan it is')
    .option(
      '--repository <name>',
      'only this repository of the plan; may be repeated (default: all that is left)',
      repeated,
    )
    .option('--comment <text>', 'recorded with the approval')
    .option(
      '--hash <hash>',
      'the beginning of the hash of the plan that was looked at; without a terminal it is required',
    )
    .option('-y, --yes', 'do not ask')
    .option('--verbose', 'list every decision')
    .action(async (id: string, flags: Flags) => {
      const recorded = recordedRun(flags, process.env);
      const { stdin, stdout, stderr } = process;
      const run = await findRun(recorded.ledger, id);
      const hash = hashOf(run, flags, isInteractive(stdin, stdout));
      if (flags.yes !== true && isInteractive(stdin, stdout)) {
        // Standard output holds the answer alone where a program reads it.
        const terminal = flags.output === 'text' ? stdout : stderr;
        if (!(await isConfirmed(recorded.ledger, run, flags.repository, terminal, askOn(stdin, terminal)))) {
          terminal.write(
            `Nothing was approved, and nothing deleted. To reject the plan: acr-retention reject ${id} --reason '…'\n`,
          );
          finish(1);
          return;
        }
      }
      const { repository: repositories, comment } = flags;
      // Guards are what an approval is about.
      finish((await carryOut(id, recorded, { guards: {}, approve: hash, repositories, comment })) ? 0 : 1);
    });
}

/**
 * The beginning of the hash of the plan that a person looks at now, or has looked at.
 * @throws {PolicyError} where a program approves what it does not name
 * @throws {PlanRefused} where there is no plan
 */
function hashOf({ id, plan }: RunRecord, { hash }: Flags, isLookedAt: boolean): string {
  if (hash !== undefined) return hash;
  if (!plan) throw new PlanRefused(`the run ${id} has no plan: nothing in it waits to be deleted`);
  if (!isLookedAt)
    throw new PolicyError(
      '--hash',
      undefined,
      `without a terminal, say which plan was looked at; acr-retention show ${id} --output json has it in plan.hash`,
    );
  return approvalOf(plan);
}

/** Shows the verdict of a plan, and asks. */
async function isConfirmed(
  ledger: Ledger,
  run: RunRecord,
  only: readonly string[] | undefined,
  terminal: NodeJS.WriteStream,
  ask: Ask,
): Promise<boolean> {
  const all = await Array.fromAsync(ledger.repositories(run.id));
  const verdict = verdictOf({ run, repositories: all, comparison: await compareWithLast(ledger, run, all) });
  const style = styleOf(terminal, process.env);
  terminal.write(`${renderVerdict(verdict, style)}\n`);
  return ask(sentence(style, approvalInWords(run, all, only)));
}

/** What is approved, as a question. */
export function approvalInWords(
  { registry }: Pick<RunRecord, 'registry'>,
  repositories: readonly Pick<RepositoryRecord, 'summary' | 'planned'>[],
  only: readonly string[] | undefined,
): string {
  const asked = repositories.filter(({ summary, planned }) =>
    only ? only.includes(summary.repository) : planned.deletions > 0,
  );
  const deletions = asked.reduce((sum, { planned }) => sum + planned.deletions, 0);
  const bytes = asked.reduce((sum, { summary }) => sum + summary.bytes, 0);
  const size = bytes > 0 ? ` (at most ${prettyBytes(bytes)})` : '';
  const where = only ? `${only.join(', ')} of ${registry}` : `${plural(asked.length, 'repository')} of ${registry}`;
  return printable(`Approve, and delete ${plural(deletions, 'artifact')}${size} in ${where} now?`);
}

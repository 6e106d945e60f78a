import { Command } from 'commander';
import { createPolicy } from '../../policy/purge-policy.ts';
import { renderDifference } from '../../report/diff.ts';
import { listed } from '../../report/listing.ts';
import { DIFFERENCES } from '../../report/sheets.ts';
import { sentence, styleOf } from '../../report/style.ts';
import { type Difference, type Trial, tryPolicy } from '../../index.ts';
import { findRun, type Form, type LedgerFlags, openLedger, withLedger, withOutput } from './flags.ts';
import { pathOf, readPolicyFrom } from './policy-file.ts';
import { write as writeOut } from './write.ts';

interface TryFlags extends LedgerFlags {
  readonly against: string;
  readonly output: Form;
}

/** `acr-retention policy try`: what a policy file would do to a registry as a run saw it. */
export function tryCommand(write: (text: string) => Promise<void> | void = writeOut): Command {
  return withOutput(withLedger(new Command('try')))
    .description('what a policy file would do to the registry as a recorded run saw it; without a call to the registry')
    .argument('[file]', 'the policy file; - is the standard input (default: RETENTION_POLICY_FILE)')
    .requiredOption('--against <run>', 'the run; acr-retention runs lists them')
    .action(async (path: string | undefined, { against, output, ...flags }: TryFlags) => {
      const file = await readPolicyFrom(pathOf(path, process.env), 'file', process.stdin);
      const { ledger } = openLedger(flags, process.env);
      const run = await findRun(ledger, against);
      const found: Difference[] = [];
      const trial = await tryPolicy(ledger, run, createPolicy({ file, dryRun: true }), (difference) =>
        output === 'text' ? write(renderDifference(difference)) : void found.push(difference),
      );
      const style = styleOf(process.stdout, process.env);
      if (output === 'text') for (const line of linesOf(run.id, trial)) await write(`${sentence(style, line)}\n`);
      else {
        const end = () => ({ runId: run.id, ...trial });
        for await (const piece of listed(output, found, { name: 'differences', sheet: DIFFERENCES, end }))
          await write(piece);
      }
    });
}

function linesOf(id: string, { repositories, deletes, before, notKnown }: Trial): readonly string[] {
  const counted = ({ tags, manifests }: Trial['deletes']): string => `${tags} tags and ${manifests} manifests`;
  const unknown = [
    [notKnown['not recorded'], 'the run did not record when these were updated, or what they hold'],
    [notKnown.pulls, 'the policy asks when these were pulled, which no run records'],
    [notKnown.findings, 'the policy asks for findings, or for the end of life, and the run recorded none of these'],
    [
      notKnown.use,
      'the run found these in use, or pulled lately, or could not tell; the policy would delete them otherwise',
    ],
  ] as const;
  return [
    `In the ${repositories === 1 ? 'one repository' : `${repositories} repositories`} that run ${id} saw, the policy deletes ${counted(deletes)}; the run decided to delete ${counted(before)}.`,
    ...unknown.flatMap(([count, why]) =>
      count === 0 ? [] : [`Not known, and counted as kept: ${count}. ${why[0]?.toUpperCase() ?? ''}${why.slice(1)}.`],
    ),
  ];
}

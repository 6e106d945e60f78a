import { Command } from 'commander';
import { type GuardFlags, guardsOf, withGuards } from '../../policy/guards.ts';
import { readGuardSettings } from '../../policy/settings.ts';
import { jsonLine, printable } from '../../report/escape.ts';
import { guardsInWords } from '../../report/text.ts';
import { plural } from '../../report/totals.ts';
import { type Applied, apply, approvalOf, commandInWords, type Ledger, type RunRecord } from '../../index.ts';
import { recordedRun, type RecordedRunFlags, withRecordedRun } from './recorded-run.ts';
import { show } from './show.ts';
import { telling } from './tell.ts';
import { write } from './write.ts';

interface Flags extends RecordedRunFlags, GuardFlags {
  readonly approve?: string;
}

/** `acr-retention apply <id>`: applies the plan of a recorded run, and nothing else. */
export function applyCommand(finish: (exitCode: 0 | 1) => void): Command {
  return withRecordedRun(withGuards(new Command('apply')), 'plan')
    .description('delete exactly what a recorded dry run said, or what guards held back')
    .argument('<id>', 'the run whose plan it is')
    .option('--approve <hash>', 'the beginning of the hash of the plan: apply it although guards hold it back')
    .option('--verbose', 'list every decision')
    .action(async (id: string, flags: Flags) => {
      const { ledger, settings, timeBudget, evidence, hosts, display, target } = recordedRun(flags, process.env);
      const tell = telling(process.env, { ledger, log: display.log, registries: hosts });
      let before: RunRecord | undefined;
      let left: Extract<Applied, { readonly state: 'in part' }> | undefined;
      const summary = await tell(() =>
        show(display, process.stdout, async (shown) => {
          const applied = await apply(id, target, {
            ...shown,
            ledger,
            now: new Date(),
            timeBudget,
            evidence,
            planAgeMilliseconds: settings.planAgeMilliseconds,
            guards: { ...readGuardSettings(process.env), ...guardsOf(flags, process.argv) },
            approve: flags.approve,
            hosts,
          });
          if (applied.state === 'applied-before') before = applied.run;
          if (applied.state === 'in part') left = applied;
          return applied.state === 'applied-before' ? undefined : applied.summary;
        }),
      );
      if (before && flags.output !== 'text') process.stdout.write(`${jsonLine({ appliedBefore: before.id })}\n`);
      else if (before)
        process.stdout.write(`The plan ${id} was carried out by the run ${before.id}; nothing was done now.\n`);
      if (left && flags.output === 'text') await write(await leftInWords(ledger, id, left));
      const isHeld = left !== undefined && left.breakers.length > 0;
      finish(!isHeld && (before || summary?.succeeded) ? 0 : 1);
    });
}

/** What of a plan is left, what holds it back, and what carries it out. */
async function leftInWords(
  ledger: Ledger,
  id: string,
  { left, breakers }: Extract<Applied, { readonly state: 'in part' }>,
): Promise<string> {
  const run = await ledger.run(id);
  const approval = breakers.length > 0 && run?.plan ? approvalOf(run.plan) : undefined;
  const how = run ? ` To delete them as well: ${commandInWords('apply', run, approval)}` : '';
  const lines = [...guardsInWords(breakers, false), printable(`Left of the plan: ${plural(left, 'deletion')}.${how}`)];
  return lines.map((line) => `${line}\n`).join('');
}

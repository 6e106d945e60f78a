import { Command } from 'commander';
import { type GuardFlags, guardsOf, withGuards } from '../../policy/guards.ts';
import { readGuardSettings } from '../../policy/settings.ts';
import { carryOut } from './carry-out.ts';
import { recordedRun, type RecordedRunFlags, withRecordedRun } from './recorded-run.ts';

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
      const guards = { ...readGuardSettings(process.env), ...guardsOf(flags, process.argv) };
      const done = await carryOut(id, recordedRun(flags, process.env), { guards, approve: flags.approve });
      finish(done ? 0 : 1);
    });
}

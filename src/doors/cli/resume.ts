import { Command } from 'commander';
import { printable } from '../../report/escape.ts';
import { resume, type RunRecord } from '../../index.ts';
import { recordedRun, type RecordedRunFlags, withRecordedRun } from './recorded-run.ts';
import { show } from './show.ts';
import { telling } from './tell.ts';

/** `acr-retention resume [id]`: resumes a run that was stopped. */
export function resumeCommand(finish: (exitCode: 0 | 1) => void): Command {
  return withRecordedRun(new Command('resume'), 'run')
    .description('resume a run that was stopped before it was done')
    .argument('[id]', 'the run (default: the newest that can be resumed)')
    .option('--verbose', 'list every decision that is made now')
    .action(async (id: string | undefined, flags: RecordedRunFlags) => {
      const { settings, hosts, display, target, ...about } = recordedRun(flags, process.env);
      const { ledger } = about;
      const tell = telling(process.env, { ledger, log: display.log, registries: hosts });
      const summary = await tell(() =>
        show({ ...display, withFindings: about.findings !== undefined }, process.stdout, (shown) =>
          resume(id, hosts, target, {
            ...shown,
            ...about,
            now: new Date(),
            planAgeMilliseconds: settings.planAgeMilliseconds,
            onResume: (run) => process.stderr.write(`${printable(resumed(run))}\n`),
          }),
        ),
      );
      finish(summary.succeeded ? 0 : 1);
    });
}

/** Which run is resumed. Said on standard error: standard output holds nothing but the answer. */
function resumed({ id, kind, dryRun, registry, started, progress: { done, of } }: RunRecord): string {
  const what = dryRun && kind !== 'dry-run' ? `${kind}, dry run` : kind;
  const far = of === 0 ? 'its repositories had not been listed yet' : `${done} of ${of} repositories are done`;
  return `Resumes the run ${id} (${what}) of ${started} on ${registry}: ${far}.`;
}

import { Command } from 'commander';
import { plural } from '../../report/page/format.ts';
import { printable } from '../../report/escape.ts';
import { sentence, styleOf } from '../../report/style.ts';
import { parseRegistry, splitRegistries } from '../../policy/registries.ts';
import { readRememberSetting } from '../../policy/settings.ts';
import { restoreAt, type RunSummary, whatToRestore } from '../../index.ts';
import { type ArchiveFlags, archiveOf } from './archive-flags.ts';
import { askOn, isInteractive } from './confirm.ts';
import { repeated } from './evidence-flags.ts';
import {
  type DisplayFlags,
  displayOf,
  identityOf,
  type LedgerFlags,
  openLedger,
  withDisplay,
  withLedger,
} from './flags.ts';
import { type OutputOptions, show } from './show.ts';

interface Flags extends LedgerFlags, DisplayFlags, ArchiveFlags {
  readonly registry?: string;
  readonly username?: string;
  readonly password?: string;
  readonly repository?: readonly string[];
  readonly dryRun?: boolean;
  readonly force?: boolean;
  readonly yes?: boolean;
}

/** Calls in flight at once. */
const CONCURRENCY = 8;

/** `acr-retention restore <run-or-image>`: brings back what a run deleted, as far as there are copies. */
export function restoreCommand(finish: (exitCode: 0 | 1) => void): Command {
  return withDisplay(withLedger(new Command('restore')))
    .description('bring back what a run deleted, or an image, as far as there are copies; says what cannot come back')
    .argument('<run-or-image>', 'the id of the run that deleted it; or repository:tag, or repository@sha256:…')
    .option('--dry-run', 'say what would be brought back, and change nothing')
    .option('--force', 'also set back tags that name what was pushed since')
    .option('--repository <name>', 'only this repository of the run; may be repeated (default: all of it)', repeated)
    .option('--archive <url>', 'where runs have archived what they deleted (default: ARCHIVE)')
    .option('-r, --registry <name>', "registry (default: the run's)")
    .option('-u, --username <name>', 'user name (default: an Entra identity)')
    .option('-p, --password <secret>', 'password; better in the environment as ACR_PASSWORD')
    .option('-y, --yes', 'do not ask before restoring; without a terminal nothing is asked')
    .option('--verbose', 'list every decision')
    .action(async (text: string, flags: Flags) => {
      const { stdin, stdout, stderr } = process;
      const { ledger } = openLedger(flags, process.env);
      const names = splitRegistries(flags.registry ?? process.env['ACR_REGISTRY'] ?? '');
      const hosts = names.length === 0 ? undefined : names.map((name) => parseRegistry(name).host);
      const archive = archiveOf(flags, process.env);
      const keepReleasedMilliseconds = readRememberSetting(process.env);
      const display = displayOf(flags, process.env, stdout);
      const toRestore = await whatToRestore(ledger, text, hosts);
      const endpoint = parseRegistry(toRestore.registry);
      const target = { endpoint, concurrency: CONCURRENCY, ...identityOf(flags, process.env) };
      const { repository: repositories, dryRun = false, force = false } = flags;
      const restored = (isDry: boolean, output: OutputOptions, terminal: NodeJS.WriteStream): Promise<RunSummary> =>
        show(output, terminal, (shown) => {
          const options = {
            ...shown,
            ledger,
            toRestore,
            repositories,
            force,
            archive,
            keepReleasedMilliseconds,
            now: new Date(),
          };
          return restoreAt(target, isDry, options);
        });
      if (!dryRun && flags.yes !== true && isInteractive(stdin, stdout)) {
        const terminal = flags.output === 'text' ? stdout : stderr;
        const style = styleOf(terminal, process.env);
        const planned = await restored(true, { ...display, output: 'text', passing: true }, terminal);
        const { tags, manifests } = planned.totals;
        const [ofTags, ofManifests] = [tags.restored ?? 0, manifests.restored ?? 0];
        if (ofTags + ofManifests === 0) {
          finish(planned.succeeded ? 0 : 1);
          return;
        }
        const what = `${plural(ofTags, 'tag')} and ${plural(ofManifests, 'manifest')} to ${printable(planned.registry)}`;
        if (!(await askOn(stdin, terminal)(sentence(style, `Restore ${what}?`)))) {
          terminal.write('Nothing was restored.\n');
          finish(1);
          return;
        }
      }
      const summary = await restored(dryRun, display, stdout);
      finish(summary.succeeded ? 0 : 1);
    });
}

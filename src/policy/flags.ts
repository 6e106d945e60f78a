import { Command } from 'commander';
import { attempts, InvalidPolicy } from './errors.ts';
import { refuseSingleHyphen } from './advice/flags.ts';
import { readSwitch } from './values.ts';
import { DEFAULTS, MAX_CONCURRENCY, type PurgeFlags } from './purge-policy.ts';

/** Where to purge, and who asks: what is not part of the policy. */
interface TargetFlags {
  readonly registry?: string;
  readonly username?: string;
  readonly password?: string;
}

export type CommandFlags = Omit<PurgeFlags, 'file'> & TargetFlags & { readonly verbose?: boolean };

/** A command that takes a policy file. */
export interface PolicyFileFlags {
  readonly policy?: string;
}

const BOOLEANS = ['--untagged', '--untagged-only', '--dry-run', '--include-locked', '--verbose', '--keep-last-tag'];

const collect = (value: string, previous: readonly string[] = []): readonly string[] => [...previous, value];

/** The command `purge` with the flags of `acr purge`: their names, short forms and meaning. */
export function purgeCommand(): Command {
  return new Command('purge')
    .description('delete images from a registry by age and name, as acr purge does, without breaking what is kept')
    .allowExcessArguments(false)
    .option(
      '-r, --registry <name>',
      'registry: a name (contoso), a login server, or an https:// URL (default: ACR_REGISTRY, else ACR_DEFAULT_REGISTRY)',
    )
    .option(
      '-f, --filter <repository:tag>',
      'regular expressions for the whole name of a repository and for a part of a tag; may be repeated',
      collect,
    )
    .option('--ago <duration>', 'delete what was last updated longer ago than this: 30d, 2d3h30m, 90m')
    .option('--keep <n>', `keep the newest n of what would be deleted, in each repository (default: ${DEFAULTS.keep})`)
    .option(
      '--keep-at-least <n>',
      'keep the newest n of what each filter matches in a repository, whatever their age (default: 0)',
    )
    .option(
      '--protect <repository:tag>',
      'never delete what these globs name, e.g. **:latest, or team/**:* for whole repositories; may be repeated; the command line reads @file, a list of them',
      collect,
    )
    .option(
      '--quarantine <duration>',
      'make unreadable first what would be deleted, and delete it in a run after that time: 14d; off: delete at once (default: QUARANTINE, else off)',
    )
    .option('--untagged', 'afterwards delete the manifests left without a tag')
    .option('--untagged-only', 'delete only manifests without a tag; --filter, --ago and --keep are optional then')
    .option('--dry-run', 'say what would be deleted and why; delete nothing')
    .option('--include-locked', 'unlock what is locked, and delete it too')
    .option('--concurrency <n>', `calls in flight at once, 1 to ${MAX_CONCURRENCY} (default: the number of processors)`)
    .option('--repository-page-size <n>', `repositories listed at once (default: ${DEFAULTS.repositoryPageSize})`)
    .option(
      '--filter-timeout-seconds <n>',
      `seconds that matching all filters of a run may take together (default: ${DEFAULTS.filterTimeoutSeconds})`,
    )
    .option('-u, --username <name>', 'user name (default: ACR_USERNAME, else an Entra identity)')
    .option('-p, --password <secret>', 'password; better in the environment (default: ACR_PASSWORD)')
    .option('--verbose', 'list every decision');
}

/** Where a policy file can be read: not in a command of the settings, or of a request. */
export function withPolicyFile(command: Command): Command {
  return command.option(
    '--policy <file>',
    'a policy file, instead of --filter, --ago, --keep and --untagged (default: RETENTION_POLICY_FILE)',
  );
}

/**
 * Arguments in the forms that `acr purge` takes besides: `--untagged=true`, `-f=app:.*`.
 * @throws {InvalidPolicy} for a switch with a value that is neither true nor false
 */
export function normalizeArguments(args: readonly string[]): readonly string[] {
  refuseSingleHyphen(args, longFlags(purgeCommand()));
  const { problems, attempt } = attempts();
  const normalized = args.flatMap((argument) => {
    const [, name, value = ''] = /^(--[a-z-]+)=(.*)$/s.exec(argument) ?? [];
    if (name !== undefined && BOOLEANS.includes(name)) return attempt(() => readSwitch(name, value)) ? [name] : [];
    const [, short, attached] = /^(-[rfup])=(.*)$/s.exec(argument) ?? [];
    return short === undefined ? [argument] : [short, attached ?? ''];
  });
  if (problems.length > 0) throw new InvalidPolicy(problems);
  return normalized;
}

/** The flags of a command, as they are written. */
export function longFlags({ options }: Command): readonly string[] {
  return options.flatMap(({ long }) => long ?? []);
}

/** A flag of a command, for the documentation. */
export interface FlagDocumentation {
  /** As it is written, with its argument: `--keep <n>`. */
  readonly name: string;
  readonly short?: string;
  readonly description: string;
  /** What holds where it is not given. */
  readonly default?: string;
}

/** The flags of a command as a table, for the documentation: all that commander knows of them. */
export function flagsTable({ options }: Command): readonly FlagDocumentation[] {
  return options.map((option) => {
    const [, description = '', said] = /^(.*?)(?: \(default: (.*)\))?$/s.exec(option.description) ?? [];
    const preset: unknown = option.defaultValue;
    const standard = said ?? (typeof preset === 'string' ? preset : option.isBoolean() ? 'off' : undefined);
    return {
      name: option.flags.replace(/^-\w, /, ''),
      ...(option.short !== undefined && { short: option.short }),
      description,
      ...(standard !== undefined && { default: standard }),
    };
  });
}

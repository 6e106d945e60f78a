import type { Command } from 'commander';
import { HELP } from './help-texts.ts';

/* What `--help` says of a command besides its flags, and the documentation too: examples, environment variables, exit codes. */

interface Example {
  readonly says: string;
  /** One line, as it is typed. */
  readonly command: string;
}

export interface CommandHelp {
  readonly examples: readonly [Example, ...Example[]];
  /** The environment variables that it reads. */
  readonly environment: readonly Variable[];
  readonly exitCodes: readonly (readonly [code: 0 | 1 | 2, says: string])[];
}

/** What the command line reads from the environment: each counts where the flag that says the same is not given. */
export const VARIABLES = {
  ACR_REGISTRY: 'the registry, where --registry is not given',
  ACR_USERNAME: 'a user name, instead of an Entra identity',
  ACR_PASSWORD: 'its password',
  ACR_AUDIENCE: 'the audience of tokens, in another cloud than the public one',
  AZURE_CLIENT_ID: 'the client id of a managed identity',
  RETENTION_STORAGE: 'where runs are recorded: a storage account, or a folder',
  RETENTION_LEDGER_DAYS: 'how many days a run stays recorded',
  RETENTION_POLICY_FILE: 'the policy file, where neither --policy nor --filter is given',
  PLAN_MAX_AGE: 'how old a plan may be when it is applied',
  IN_USE: 'what says which images are in use',
  FINDINGS: 'what says which vulnerabilities images have',
  IN_USE_REMEMBER: 'how long is kept what was in use, released or restored',
  KEEP_PULLED_WITHIN: 'how recent pulls keep what was pulled',
  REGISTRY_RESOURCE_ID: 'the resource id of the registry, by which its log and its soft delete are found',
  ARCHIVE: 'where what is deleted is archived first',
  PULL_IGNORE: 'whose pulls do not count',
  QUARANTINE: 'how long what would be deleted is unreadable first',
  MAX_DELETIONS: 'guard: how many artifacts may be deleted',
  MAX_DELETION_PERCENT: 'guard: what percentage of a repository, and of the registry',
  MAX_MEDIAN_FACTOR: 'guard: how many times the usual',
  KEEP_LAST_TAG: 'guard: whether a repository keeps a tag',
  NOTIFY: 'who is told of a run: addresses of Teams, Slack and others',
  NOTIFY_ON: 'of which kinds of event',
  REVIEW_URL: 'where the links in messages lead',
  PURGE_SCHEDULE: 'with PURGE_COMMAND and the others in docs/settings.md: the app, whose settings are read and checked',
  LOG_FORMAT: 'json: log to standard error',
  LOG_LEVEL: 'how much is logged',
  NO_COLOR: 'set to anything: no colours',
} as const;

type Variable = keyof typeof VARIABLES;

/** Adds to `--help` of a command what stands here of it. */
export function withHelp(command: Command, name: string): Command {
  const help = HELP[name];
  return help ? command.addHelpText('after', () => textOf(help)) : command;
}

function textOf(help: CommandHelp): string {
  const examples = help.examples.map(({ says, command }) => `  ${says}:\n    ${command}`);
  const variables = aligned(help.environment.map((name) => [name, VARIABLES[name]]));
  const codes = aligned(help.exitCodes.map(([code, says]) => [String(code), says]));
  return [
    '',
    'Examples:',
    ...examples,
    ...(variables.length === 0 ? [] : ['', 'Environment variables:', ...variables]),
    '',
    'Exit codes:',
    ...codes,
  ].join('\n');
}

function aligned(rows: readonly (readonly [string, string])[]): readonly string[] {
  const width = rows.reduce((widest, [{ length }]) => Math.max(widest, length), 0);
  return rows.map(([name, says]) => `  ${name.padEnd(width)}  ${says}`);
}

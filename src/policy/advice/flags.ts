import { parseDuration } from '../duration.ts';
import { PolicyError, quote } from '../errors.ts';

/** What to write instead of an unknown flag, by the value that was given with it. */
type Hint = (value: string | undefined) => string;

/** A filter as it is written in a shell. */
export function filterFlag(repository: string, tags: string): string {
  return `--filter '${repository}:${tags}'`;
}

const repository: Hint = (value = '<repository>') => {
  const [name = '', tag] = value.split(':');
  return `write ${filterFlag(name, tag === undefined ? '.*' : `^${escaped(tag)}$`)}`;
};
const keep: Hint = (value) =>
  `write --keep ${value !== undefined && /^\d+$/.test(value) ? value : '<n>'}, which keeps the newest of what would be deleted`;
const schedule: Hint = (value) =>
  `the schedule of the Function app is its setting PURGE_SCHEDULE${value === undefined ? '' : `, here ${quote(value)}`}`;
const exclude: Hint = (value = '<tag>') =>
  `write a filter that leaves it out: ${filterFlag('<repository>', `^(?!${value}$).*`)}`;

/** Flags that other tools have, or that `acr purge` has or had, by their names without hyphens. */
const HINTS: ReadonlyMap<string, string | Hint> = new Map(
  (
    [
      ['repository repositories repo repos repositoryname image images imagename', repository],
      [
        'tag tags tagfilter tagregex tagpattern pattern regex regexp match',
        (value = '<regular expression>') => `write ${filterFlag('<repository>', value)}`,
      ],
      [
        'dangling prune orphaned orphans deleteuntagged untaggedmanifests pruneuntagged removeuntagged',
        'write --untagged to delete manifests without a tag after the tags, or --untagged-only to delete nothing else',
      ],
      [
        'olderthan older age days before until since maxage minage createdbefore daysold retentiondays',
        (value) => `write --ago ${asDays(value) ?? '30d'}`,
      ],
      ['keeplast keeplatest keepnewest keeptags keepcount keepn retain retention minkeep mintags', keep],
      [
        'loginserver server host url acr registryname registryurl acrname',
        (value = '<name>') => `write --registry ${value}`,
      ],
      [
        'timeout timelimit maxtime maxduration tasktimeout steptimeout',
        (value) => `write --time-budget ${asTime(value) ?? '1h'}`,
      ],
      ['filtertimeout', (value = '<n>') => `write --filter-timeout-seconds ${value}`],
      ['execute delete nodryrun commit doit run confirmdelete', 'without --dry-run it deletes'],
      ['whatif preview noop simulate check test dry plan', 'write --dry-run'],
      [
        'y force confirm assumeyes noprompt noconfirm noninteractive skipconfirmation approve autoapprove',
        'write --yes, so that it does not ask before it deletes',
      ],
      [
        'subscription s resourcegroup g suffix tenant tenantid cloud',
        'leave it away; --registry <name> is all that says which registry it is',
      ],
      [
        'cmd context file platform agentpool assignidentity commandline values set',
        'it belongs to az acr, not to the purge: write only what follows acr purge, here or in PURGE_COMMAND',
      ],
      ['schedule cron timer', schedule],
      [
        'config c configs dockerconfig authfile creds auth',
        'there is no Docker configuration to read: sign in with az login, or set ACR_USERNAME and ACR_PASSWORD',
      ],
      ['accesstoken token refreshtoken', 'set ACR_PASSWORD to the token, or sign in with az login'],
      ['archiverepository archive', 'nothing is moved here: copy what you want to keep with az acr import first'],
      ['debug trace v loglevel', 'write --log-level debug'],
      ['parallelism parallel workers jobs maxconcurrency threads j', (value = '<n>') => `write --concurrency ${value}`],
      ['pagesize repopagesize', (value = '<n>') => `write --repository-page-size ${value}`],
      ['locked unlock deletelocked', 'write --include-locked'],
      [
        'all allrepositories allrepos recursive a',
        `for every repository and every tag write ${filterFlag('.*', '.*')}`,
      ],
      ['exclude except ignore skip excludetag excludetags protect', exclude],
      ['yes', 'leave it away: only the command line asks, and only on a terminal'],
      ['output quiet logformat runs', 'leave it away: it belongs to the command line'],
      ['timebudget', 'the Function app has the setting RUN_TIME_BUDGET for it'],
      ['json', 'write --output json'],
      ['format o', (value = 'json') => `write --output ${value}`],
    ] satisfies readonly (readonly [string, string | Hint])[]
  ).flatMap(([names, hint]) => names.split(' ').map((name) => [name, hint] as const)),
);

/** What is given for a flag. Not what may hold a password, as an address with a user name does. */
function valueOf(args: readonly string[], written: string): string | undefined {
  const [, attached] = /^[^=]*=(.*)$/s.exec(written) ?? [];
  const value = attached ?? args[args.indexOf(written) + 1];
  return value === undefined || (attached === undefined && value.startsWith('-')) || value.includes('@')
    ? undefined
    : value;
}

/**
 * What to write instead of an unknown flag. Names the flag but not its value, which may be a secret under a mistyped name,
 * unless the flag is one that is known to hold none.
 *
 * @param written the flag as it stands among the arguments, perhaps with a value attached
 * @param known the flags of the command
 * @param similar one of them that looks much like it
 */
export function unknownFlag(
  written: string,
  args: readonly string[],
  known: readonly string[],
  similar?: string,
  cause?: unknown,
): PolicyError {
  const [, name = 'command'] = /^(--?[\w-]*)/.exec(written) ?? [];
  const plain = plainName(name);
  const same = known.find((flag) => plainName(flag) === plain);
  const said = HINTS.get(plain);
  const hint = typeof said === 'function' ? said(valueOf(args, written)) : said;
  const meant = same ?? (hint === undefined ? similar : undefined);
  const instead = meant === undefined ? (hint ?? 'see --help') : `did you mean ${meant}?`;
  // What follows a short flag without a blank is its value.
  const isName = name.startsWith('--') || same !== undefined || hint !== undefined;
  return new PolicyError(isName ? name : name.slice(0, 2), undefined, `unknown option; ${instead}`, { cause });
}

/**
 * A long flag with one hyphen is read as a short one with its value: `-filter` as `-f ilter`.
 * @throws {PolicyError} for such a flag
 */
export function refuseSingleHyphen(args: readonly string[], known: readonly string[]): void {
  for (const argument of args) {
    if (argument === '--') return;
    const [, name = ''] = /^-([A-Za-z][\w-]{2,})(?:=.*)?$/s.exec(argument) ?? [];
    const meant = known.find((flag) => flag === `--${name.toLowerCase()}`);
    if (meant !== undefined) throw new PolicyError(`-${name}`, undefined, `unknown option; did you mean ${meant}?`);
  }
}

/**
 * What to write instead of an argument that belongs to no flag.
 * @param stray the argument
 * @param shown how a message may repeat it
 * @param before the argument that stands before it
 */
export function strayArgument(stray: string, shown: string, before: string | undefined): PolicyError {
  const wrong = (problem: string): PolicyError => new PolicyError('argument', shown, problem);
  if (/^[\u2010-\u2015\u2212]/.test(stray))
    return wrong('begins with a long dash, as text processors make it; write two hyphens: --');
  if (/^(?:&&|\|\|?|;|#.*)$/s.test(stray) || before?.endsWith(';') === true)
    return wrong('belongs to no flag; write one command a line, and nothing behind it');
  if (/^(?:true|false|yes|no|on|off|0|1)$/i.test(stray) && before?.startsWith('--') === true)
    return wrong(`belongs to no flag; write ${before} alone to switch it on, or ${before}=false to switch it off`);
  if (/^["'`‘’“”]/.test(stray))
    return wrong('belongs to no flag; put one pair of plain quotation marks around a filter');
  if (/^[^:=]+:[^:/]/.test(stray) && shown === stray)
    return wrong(`belongs to no flag; each filter takes its own --filter: write --filter '${stray}'`);
  return wrong(
    'belongs to no flag; a filter takes its own --filter, and quotation marks around it: a shell puts file names in the place of *',
  );
}

function plainName(flag: string): string {
  return flag.replaceAll(/[-_]/g, '').toLowerCase();
}

function escaped(text: string): string {
  return text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
}

/** An age as other tools take it: a bare number is in days. */
function asDays(value: string | undefined): string | undefined {
  return value !== undefined && /^\d{1,6}$/.test(value) ? `${value}d` : sound(value);
}

/** A time as other tools take it: a bare number is in seconds. */
function asTime(value: string | undefined): string | undefined {
  if (value === undefined || !/^\d{1,9}s?$/.test(value)) return sound(value);
  const seconds = Number.parseInt(value, 10);
  if (seconds % 3600 === 0) return `${seconds / 3600}h`;
  return seconds % 60 === 0 ? `${seconds / 60}m` : `${seconds}s`;
}

function sound(value: string | undefined): string | undefined {
  if (value === undefined) return undefined;
  try {
    parseDuration(value);
    return value;
  } catch {
    return undefined;
  }
}

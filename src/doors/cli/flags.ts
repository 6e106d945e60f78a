import { hostname, userInfo } from 'node:os';
import { type Command, Option } from 'commander';
import { parseTimeBudget, type TimeBudget } from '../../policy/duration.ts';
import { PolicyError } from '../../policy/errors.ts';
import type { CommandFlags } from '../../policy/flags.ts';
import { parseRegistry, splitRegistries } from '../../policy/registries.ts';
import {
  type Environment,
  type LedgerSettings,
  LOG_LEVELS,
  type LogLevel,
  readLedgerSettings,
  readLogLevel,
} from '../../policy/settings.ts';
import { createLog, type Log } from '../../report/log.ts';
import type { Listed } from '../../report/output.ts';
import { type Style, styleOf } from '../../report/style.ts';
import { type Actor, type Ledger, ledgerAt, type RunRecord, type TargetOptions } from '../../index.ts';

/* Flags that several commands have: how each is described, and what it means. */

/** How a command can answer. */
const FORMS = ['text', 'json', 'ndjson', 'csv'] as const;

export type Form = (typeof FORMS)[number];

const MEANINGS: Readonly<Record<Form, string>> = {
  text: 'for people',
  json: 'one document',
  ndjson: 'a line for each entry',
  csv: 'a table',
};

/** Adds the option that says how a command answers. @param forms those that make sense for it */
export function withOutput(command: Command, forms: readonly Form[] = FORMS): Command {
  const meaning = forms.map((form) => `${form}: ${MEANINGS[form]}`).join('; ');
  return command.addOption(new Option('--output <form>', meaning).choices(forms).default('text'));
}

const LOG_FORMATS = ['text', 'json'] as const;

/** Flags that say how a run is shown. */
export interface DisplayFlags {
  readonly output: Form;
  readonly verbose?: boolean;
  readonly quiet?: boolean;
  readonly logFormat?: (typeof LOG_FORMATS)[number];
  readonly logLevel?: LogLevel;
}

/** Adds the options that say how a run is shown. */
export function withDisplay(command: Command): Command {
  return command
    .addOption(
      new Option(
        '--output <form>',
        'text: a summary; json: one document; ndjson: a decision a line, then the summary; csv: the decisions',
      )
        .choices(FORMS)
        .default('text'),
    )
    .option('-q, --quiet', 'of a text only the summary: without a terminal each deletion has a line, too')
    .addOption(
      new Option(
        '--log-format <form>',
        'json: log to standard error, a record a line (default: LOG_FORMAT, else no log)',
      ).choices(LOG_FORMATS),
    )
    .addOption(
      new Option('--log-level <level>', 'how much is logged; debug also tells the causes of errors').choices(
        LOG_LEVELS,
      ),
    );
}

/** How a run is shown. */
export interface Display {
  readonly output: Form;
  readonly listed: Listed;
  readonly style: Style;
  readonly log: Log | undefined;
}

/**
 * @param stdout where it is shown
 * @throws {PolicyError} for settings that there are not
 */
export function displayOf(
  { output, verbose = false, quiet = false, logFormat, logLevel }: DisplayFlags,
  environment: NodeJS.ProcessEnv,
  stdout: NodeJS.WriteStream,
): Display {
  if (verbose && quiet)
    throw new PolicyError('--quiet', undefined, 'cannot be combined with --verbose; use one of them');
  const level = logLevel ?? readLogLevel(environment);
  const isLogged = (logFormat ?? readLogFormat(environment)) === 'json';
  return {
    output,
    // A log of a pipeline is read by a person, who wants to see what was deleted; on a terminal there is the summary.
    listed: verbose ? 'all' : quiet || stdout.isTTY ? 'none' : 'deletions',
    style: styleOf(stdout, environment),
    log: isLogged ? createLog(level) : undefined,
  };
}

function readLogFormat(environment: NodeJS.ProcessEnv): (typeof LOG_FORMATS)[number] {
  const text = (environment['LOG_FORMAT'] ?? '').trim().toLowerCase();
  const form = text === '' ? 'text' : LOG_FORMATS.find((one) => one === text);
  if (form === undefined) throw new PolicyError('LOG_FORMAT', text, `must be one of ${LOG_FORMATS.join(', ')}`);
  return form;
}

const FOLDER = 'runs';

export interface LedgerFlags {
  readonly runs?: string;
}

/** The option that says where the ledger is. */
export function withLedger(command: Command): Command {
  return command.addOption(
    new Option('--runs <folder>', `where runs are recorded (default: RETENTION_STORAGE, else ./${FOLDER})`),
  );
}

/**
 * The ledger of the command line: a folder, unless RETENTION_STORAGE names another place.
 * @throws {PolicyError}
 */
export function openLedger(
  { runs }: LedgerFlags,
  environment: Environment,
): { readonly ledger: Ledger; readonly settings: LedgerSettings } {
  if (runs?.trim() === '') throw new PolicyError('--runs', runs, 'names no folder');
  const settings = readLedgerSettings(environment);
  const location =
    runs === undefined
      ? (settings.storage ?? { kind: 'folder' as const, folder: FOLDER })
      : { kind: 'folder' as const, folder: runs };
  return { ledger: ledgerAt(location, process.cwd(), environment['AZURE_CLIENT_ID']), settings };
}

/** Who is at the command line: the account, and the machine where it is one. */
export function accountHere(): { readonly by: string; readonly actor: Actor } {
  const by = accountName();
  return { by, actor: { kind: 'account', name: `${by} on ${hostname()}` } };
}

function accountName(): string {
  try {
    return userInfo().username;
  } catch {
    // Some containers run as a user that has no name.
    return `user ${process.getuid?.() ?? 'unknown'}`;
  }
}

export interface BudgetFlags {
  readonly timeBudget?: string;
}

/** Adds the option that ends a run after some time. */
export function withTimeBudget(command: Command): Command {
  return command.option(
    '--time-budget <duration>',
    'stop between deletions once this time is used up, e.g. 25m; acr-retention resume does the rest (default: no limit)',
  );
}

/** @throws {PolicyError} */
export function timeBudgetOf({ timeBudget }: BudgetFlags): TimeBudget | undefined {
  return timeBudget === undefined ? undefined : parseTimeBudget(timeBudget, '--time-budget');
}

/** @throws {PolicyError} for several, as the setting of the app may name them */
export function oneRegistry(text: string): URL {
  const names = splitRegistries(text);
  if (names.length > 1 && !text.includes('@'))
    throw new PolicyError('--registry', undefined, `say which one: ACR_REGISTRY names ${names.join(', ')}`);
  return parseRegistry(text);
}

/** Who asks the registry. */
export function identityOf(
  { username, password }: Pick<CommandFlags, 'username' | 'password'>,
  environment: NodeJS.ProcessEnv,
): Omit<TargetOptions, 'endpoint' | 'concurrency'> {
  return {
    username: username ?? environment['ACR_USERNAME'],
    password: password ?? environment['ACR_PASSWORD'],
    audience: environment['ACR_AUDIENCE'],
    clientId: environment['AZURE_CLIENT_ID'],
  };
}

/** Flags of the commands that read what is recorded. */
export interface ReadingFlags extends LedgerFlags {
  readonly output: Form;
}

/** Adds the options of a command that reads what is recorded. */
export function withReading(command: Command): Command {
  return withOutput(withLedger(command));
}

/** @throws {PolicyError} where the ledger has no such run */
export async function findRun(ledger: Ledger, id: string): Promise<RunRecord> {
  const run = await ledger.run(id);
  if (!run) throw new PolicyError('run', id, `there is no such run in ${ledger.place}; acr-retention runs lists them`);
  return run;
}

import { CommanderError } from 'commander';
import { join as quoteWords, split } from 'shlex';
import { PolicyError, quote, attempts, InvalidPolicy } from './errors.ts';
import { strayArgument, unknownFlag } from './advice/flags.ts';
import {
  type CommandFlags,
  longFlags,
  normalizeArguments,
  type PolicyFileFlags,
  purgeCommand,
  withPolicyFile,
} from './flags.ts';
import { GUARD_FIELDS, type GuardFlags, guardsOf, settingOfGuard, withGuards, type Guards } from './guards.ts';
import { createPolicy, type PolicyFile, type PurgePolicy } from './purge-policy.ts';
import { commandsInYaml, isTaskYaml, readWrapped } from './advice/wrapped-command.ts';

/** One `acr purge`: as it was written, and the policy that it means. */
export interface PurgeCommand {
  readonly text: string;
  readonly policy: PurgePolicy;
  /** `--registry`, unless it stands for the task's own registry. */
  readonly registry: string | undefined;
  /** Its guards, where `Limits.guards` allows them. */
  readonly guards?: Guards;
}

/** A template of ACR Tasks, such as `{{.Values.age}}`. */
const TEMPLATE = /\{\{\s*[.$]/;

/** What a request may ask for. Absent ones do not limit. */
export interface Limits {
  /** The longest `--filter-timeout-seconds`, and its default: a request waits while names are matched. */
  readonly filterTimeoutSeconds?: number;
  /** The most commands, and the most filters of each. */
  readonly commands?: number;
  readonly filters?: number;
  /** Whether a command may say its guards. */
  readonly guards?: boolean;
  /** Where a command may name a policy file: reads it. @throws {InvalidPolicy} */
  readonly policyFile?: (name: string) => PolicyFile;
}

/** The program in front of the flags: the alias of ACR Tasks, its image under any name and tag, or this command line. */
const PROGRAM =
  /^(?:acr|acr-retention|(?:(?:\{\{\.Run\.Registry\}\}|\$Registry|[\w.-]+(?::\d+)?)\/)*acr(?:-cli)?(?::[\w.-]+)?(?:@sha256:[0-9a-f]{64})?)$/;

/** How an ACR Task writes "the registry that this task belongs to": its login server, or its name. */
const OWN_REGISTRY = /^(?:\{\{\s*\.Run\.Registry(?:Name)?\s*\}\}|\$Registry(?:Name)?)$/;

/**
 * Reads commands, one a line: the flags of `acr purge`, or whole lines of an ACR Task. A backslash at the end of a line
 * joins it with the next. Empty lines and those that begin with `#` are skipped. Words are split as a shell splits them,
 * with quotes and backslashes, but nothing is expanded.
 *
 * @throws {InvalidPolicy} with every mistake of every command; a message names its line where there are several
 */
export function parsePurgeCommands(text: string, limits: Limits = {}): readonly PurgeCommand[] {
  const lines = text
    .split(/\r?\n/)
    .filter((line) => !line.trimStart().startsWith('#'))
    .join('\n')
    .replace(/\\[ \t]*\n/g, ' ')
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '');
  if (isTaskYaml(text))
    throw new InvalidPolicy([
      new PolicyError(
        'command',
        undefined,
        `is the YAML of an ACR Task; name a file that holds it in ACR_TASK_FILE, or write its commands: ${shown(commandsInYaml(text).join('; '))}`,
      ),
    ]);
  if (lines.length > (limits.commands ?? Infinity))
    throw new InvalidPolicy([
      new PolicyError(
        'command',
        undefined,
        `there are ${lines.length}; ask for ${limits.commands ?? 0} at most at once`,
      ),
    ]);
  const { problems, attempt } = attempts();
  const commands = lines
    .map((line, index) =>
      attempt(() => parsePurgeCommand(line, limits), lines.length === 1 ? undefined : `command ${index + 1}`),
    )
    .filter((command) => command !== undefined);
  if (problems.length > 0) throw new InvalidPolicy(problems);
  return commands;
}

/** @throws {InvalidPolicy} */
export function parsePurgeCommand(text: string, limits: Limits = {}): PurgeCommand {
  // Without blanks a template is one word.
  return readWords(text, splitWords(text.replace(/\{\{\s*(\.[\w.]+)\s*\}\}/g, '{{$1}}')), limits);
}

/** The same of words that a shell has split already. @throws {InvalidPolicy} */
export function parsePurgeWords(words: readonly string[], limits: Limits = {}): PurgeCommand {
  const flags = flagsOf(words);
  if (!flags) throw new InvalidPolicy([new PolicyError('command', shown(words.join(' ')), 'is not acr purge')]);
  return readWords(quoteWords([...flags]), flags, limits);
}

/**
 * Reads the flags of a request, as fields or query parameters: `untaggedOnly` and `untagged-only` both mean
 * `--untagged-only`. A field holds text, a number, a boolean, or a list of texts where a flag may be repeated.
 *
 * @param limits with the policy file that stands in the place of some of the flags, where there is one
 * @throws {InvalidPolicy} for an unknown field too
 */
export function parsePurgeFields(
  fields: Readonly<Record<string, unknown>>,
  { file, ...limits }: Limits & { readonly file?: PolicyFile } = {},
): PurgeCommand {
  const known = new Map(
    purgeCommand().options.map((option) => [option.attributeName(), { flag: option.long ?? '', option }]),
  );
  const problems: PolicyError[] = [];
  const seen = new Set<string>();
  const words = Object.entries(fields).flatMap(([name, value]) => {
    const field = known.get(name.replace(/-([a-z])/g, (_, letter: string) => letter.toUpperCase()));
    if (!field) {
      problems.push(
        new PolicyError(name, undefined, `there is no such field; there are ${fieldsInWords(known.keys())}`),
      );
      return [];
    }
    const { flag, option } = field;
    const values: readonly unknown[] = Array.isArray(value) ? value : [value];
    if (seen.has(flag) || (values.length !== 1 && !REPEATED.has(flag)))
      problems.push(new PolicyError(flag, undefined, 'may be given once'));
    seen.add(flag);
    if (values.some((one) => !['string', 'number', 'boolean'].includes(typeof one))) {
      problems.push(new PolicyError(flag, undefined, 'must be a text, a number, or true or false'));
      return [];
    }
    // `?untagged` is a switch that is on.
    return values.map((one) => `${flag}=${one === '' && option.isBoolean() ? 'true' : String(one)}`);
  });
  if (problems.length > 0) throw new InvalidPolicy(problems);
  const all = file ? [`--policy=${file.name}`, ...words] : words;
  const command = readWords(quoteWords(all), all, { ...limits, ...(file && { policyFile: () => file }) });
  if (seen.has('--dry-run') && !command.policy.dryRun)
    throw new InvalidPolicy([new PolicyError('--dry-run', 'false', 'only a dry run can be asked for; leave it away')]);
  return command;
}

/** Flags that may be given more than once. */
const REPEATED: ReadonlySet<string> = new Set(['--filter', '--protect']);

/** The fields that a request may have: guards too, but no credentials. */
function fieldsInWords(flags: Iterable<string>): string {
  return [...[...flags].filter((name) => name !== 'username' && name !== 'password'), ...GUARD_FIELDS].join(', ');
}

/** What may stand in front of a secret: a flag for one, perhaps mistyped, or a variable. */
const NEAR_SECRET =
  /(?:^|[\s"'\\])-[pPuU]|--(?:pas|pw|user|key|secret|token)|(?:pass|secret|token|key)\w*=|passw|secret/i;

/** A command as a message may repeat it: not at all where it may hold a secret. */
export function shown(text: string): string {
  return NEAR_SECRET.test(text) ? '(not shown: it may hold a secret)' : text;
}

function splitWords(text: string): readonly string[] {
  let words: readonly string[];
  try {
    words = split(text);
  } catch (cause) {
    throw new InvalidPolicy([
      new PolicyError('command', shown(text), 'a quotation mark is not closed, or a backslash stands at the end', {
        cause,
      }),
    ]);
  }
  const flags = flagsOf(words);
  if (flags) return flags;
  const wrapped = readWrapped(text, (inner) => flagsOf(inner) !== undefined);
  const problem = wrapped
    ? [`${wrapped.is}; write ${shown(wrapped.command)}`, ...wrapped.besides].join('; ')
    : 'is not acr purge; write its flags, or e.g. acr purge --filter "app:^dev-" --ago 30d';
  throw new InvalidPolicy([new PolicyError('command', shown(text), problem)]);
}

/** The flags of a command, without its program; `undefined` where it is another one. */
function flagsOf(words: readonly string[]): readonly string[] | undefined {
  const [program, purge] = words;
  if (program === undefined || program.startsWith('-')) return words;
  if (program === 'purge') return words.slice(1);
  return PROGRAM.test(program) && purge === 'purge' ? words.slice(2) : undefined;
}

function readWords(text: string, words: readonly string[], limits: Limits): PurgeCommand {
  const { filterTimeoutSeconds: most, filters: mostFilters = Infinity } = limits;
  const { registry, username, password, policy: name, ...given } = parseFlags(words, limits);
  const timeout = Number(given.filterTimeoutSeconds ?? 0);
  // Zero stands for the default. A text that is no number is left as it is, and createPolicy refuses it.
  const flags =
    most !== undefined && (timeout === 0 || timeout > most) ? { ...given, filterTimeoutSeconds: String(most) } : given;
  const { problems, attempt } = attempts();
  for (const [flag, { length: count = 0 } = []] of [
    ['--filter', given.filter],
    ['--protect', given.protect],
  ] as const)
    if (count > mostFilters)
      throw new InvalidPolicy([
        new PolicyError(flag, undefined, `is given ${count} times; ask for ${mostFilters} at most at once`),
      ]);
  if (username !== undefined || password !== undefined) {
    const elsewhere = 'credentials do not belong here, where they are shown; set ACR_USERNAME and ACR_PASSWORD';
    problems.push(new PolicyError(password === undefined ? '--username' : '--password', undefined, elsewhere));
  }
  const own = registry !== undefined && OWN_REGISTRY.test(registry);
  const template = [...(given.filter ?? []), given.ago, own ? '' : registry].find((value) =>
    TEMPLATE.test(value ?? ''),
  );
  if (template !== undefined) {
    const problem = 'of the templates of ACR Tasks only {{ .Run.Registry }} is known, as the value of --registry';
    problems.push(new PolicyError('command', template, problem));
  }
  const file = name === undefined ? undefined : attempt(() => limits.policyFile?.(name));
  const policy = attempt(() => createPolicy({ ...flags, ...(file && { file }) }));
  const guards = attempt(() => guardsOf(given, words));
  if (policy && guards && problems.length === 0)
    return { text, policy, registry: own ? undefined : registry, ...(limits.guards && { guards }) };
  throw new InvalidPolicy(problems);
}

/** @throws {InvalidPolicy} for unknown flags, in the words of the argument parser */
function parseFlags(
  words: readonly string[],
  { guards = false, policyFile }: Limits,
): CommandFlags & GuardFlags & PolicyFileFlags {
  const purge = policyFile ? withPolicyFile(purgeCommand()) : purgeCommand();
  const command = (guards ? withGuards(purge) : purge)
    .exitOverride()
    .helpOption(false)
    .configureOutput({ writeOut: () => undefined, outputError: () => undefined });
  try {
    command.allowExcessArguments().parse(normalizeArguments(words), { from: 'user' });
  } catch (cause) {
    if (!(cause instanceof CommanderError)) throw cause;
    throw new InvalidPolicy([flagProblem(cause, words, longFlags(command))]);
  }
  const [extra] = command.args;
  if (extra === undefined) return command.opts<CommandFlags & GuardFlags & PolicyFileFlags>();
  throw new InvalidPolicy([strayArgument(extra, shown(extra), words[words.indexOf(extra) - 1])]);
}

/**
 * What the argument parser found wrong, and what to write instead.
 * @param words the arguments that it was given
 * @param known the flags of the command
 */
export function flagProblem(cause: CommanderError, words: readonly string[], known: readonly string[]): PolicyError {
  const problem = cause.message.replace(/^error: /, '').replaceAll('\n', ' ');
  if (cause.code === 'commander.unknownOption') {
    const [, written = ''] = /unknown option '(.*?)'(?: \(Did you mean|$)/.exec(problem) ?? [];
    const setting = settingOfGuard(/^--[\w-]*/.exec(written)?.[0] ?? '');
    if (setting !== undefined && !known.includes(written))
      return new PolicyError(written.replace(/=.*/s, ''), undefined, `is no flag of a command here; set ${setting}`, {
        cause,
      });
    const [, similar] = /Did you mean (?:one of )?(--[a-z-]+)/.exec(problem) ?? [];
    return unknownFlag(written, words, known, similar, cause);
  }
  const [, flag = 'command'] = /(--[a-z-]+)/.exec(problem) ?? [];
  return new PolicyError(flag, undefined, quote(problem).slice(1, -1), { cause });
}

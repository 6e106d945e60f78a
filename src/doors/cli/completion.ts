import { Argument, Command, type Option } from 'commander';
import { PolicyError } from '../../policy/errors.ts';
import { readLedgerSettings } from '../../policy/settings.ts';
import { SCRIPTS } from './completion-scripts.ts';
import { openLedger } from './flags.ts';
import { write } from './write.ts';

/** What the scripts call. The words of the command line stand behind `--`; the last one is the one to complete. */
export const COMPLETE = '__complete';

const SHELLS = Object.keys(SCRIPTS);

/** `acr-retention completion <shell>`: a script that completes commands, flags, their values and ids of runs. */
export function completionCommand(): Command {
  return new Command('completion')
    .description('write the script that completes commands, flags and ids of runs in a shell')
    .addArgument(new Argument('<shell>', 'the shell').choices(SHELLS))
    .action(async (shell: string) => {
      const script = SCRIPTS[shell];
      if (script === undefined) throw new PolicyError('shell', shell, `write one of ${SHELLS.join(', ')}`);
      await write(script(COMPLETE));
    });
}

/** What the scripts call: a completion a line, and behind a tab what it is. Nothing: the shell completes names of files. */
export function completeCommand(program: () => Command): Command {
  return new Command(COMPLETE)
    .argument('[words...]')
    .helpOption(false)
    .action(async (words: readonly string[]) => {
      const found = await completionsOf(program(), words, newestRuns);
      await write(found.map(([value, says]) => `${value}\t${says}\n`).join(''));
    });
}

type Completion = readonly [value: string, says: string];

/** What stands for a run in the usage of a command. */
const NAMES_OF_RUNS: ReadonlySet<string> = new Set(['id', 'run', 'plan', 'run-or-image']);

/**
 * What the last of these words may become.
 * @param runs the ids of runs, and what each was
 */
export async function completionsOf(
  program: Command,
  given: readonly string[],
  runs: (words: readonly string[]) => Promise<readonly Completion[]>,
): Promise<readonly Completion[]> {
  // bash takes `--output=json` for three words.
  const words = given.flatMap((word, index) =>
    word !== '=' || !given[index - 1]?.startsWith('--') ? [word] : index === given.length - 1 ? [''] : [],
  );
  const partial = words.at(-1) ?? '';
  const starting = (found: readonly Completion[], prefix = partial): readonly Completion[] =>
    found.filter(([value]) => value.startsWith(prefix)).map(([value, says]) => [value, says.split('\n')[0] ?? '']);
  const { command, positional, open } = walk(program, words.slice(0, -1));
  if (open) return starting(await valuesOf(open, () => runs(words)));
  const [, name = '', value] = /^(--[\w-]+)=(.*)$/s.exec(partial) ?? [];
  const option = value === undefined ? undefined : optionOf(command, name);
  if (option && value !== undefined)
    return starting(await valuesOf(option, () => runs(words)), value).map(([one, says]) => [`${name}=${one}`, says]);
  if (partial.startsWith('-')) return starting(flagsOf(command));
  const subcommands = command
    .createHelp()
    .visibleCommands(command)
    .map((one): Completion => [one.name(), one.description()]);
  const argument =
    command.registeredArguments[positional] ?? command.registeredArguments.findLast((one) => one.variadic);
  const isRun = argument !== undefined && NAMES_OF_RUNS.has(argument.name());
  const choices = argument?.argChoices?.map((choice): Completion => [choice, '']) ?? [];
  return starting([...(positional === 0 ? subcommands : []), ...choices, ...(isRun ? await runs(words) : [])]);
}

/** The command that words call, how many arguments it has been given, and an option that waits for its value. */
function walk(
  program: Command,
  words: readonly string[],
): { readonly command: Command; readonly positional: number; readonly open: Option | undefined } {
  let [command, positional, open]: [Command, number, Option | undefined] = [program, 0, undefined];
  for (const word of words) {
    const inner: Command | undefined = command.commands.find((one) => one.name() === word);
    if (open) open = undefined;
    else if (word.startsWith('-')) {
      const option: Option | undefined = optionOf(command, word);
      open = option && (option.required || option.optional) ? option : undefined;
    } else if (inner && positional === 0) command = inner;
    else positional += 1;
  }
  return { command, positional, open };
}

function optionOf(command: Command, flag: string): Option | undefined {
  return command.options.find(({ long, short }) => long === flag || short === flag);
}

function flagsOf(command: Command): readonly Completion[] {
  const options = command.createHelp().visibleOptions(command);
  return options.flatMap(({ long, description }): readonly Completion[] => (long ? [[long, description]] : []));
}

async function valuesOf(option: Option, runs: () => Promise<readonly Completion[]>): Promise<readonly Completion[]> {
  if (option.argChoices) return option.argChoices.map((choice) => [choice, '']);
  const [, argument = ''] = /<(\w+)>$/.exec(option.flags) ?? [];
  return NAMES_OF_RUNS.has(argument) ? runs() : [];
}

const MOST_RUNS = 20;

/** The newest runs of a ledger that is a folder: a storage account would be asked over the network at each key. */
async function newestRuns(words: readonly string[]): Promise<readonly Completion[]> {
  try {
    const named = words[words.indexOf('--runs') + 1];
    const isNamed = words.includes('--runs') && named !== undefined;
    if (!isNamed && (readLedgerSettings(process.env).storage?.kind ?? 'folder') !== 'folder') return [];
    const { ledger } = openLedger(isNamed ? { runs: named } : {}, process.env);
    const found: Completion[] = [];
    for await (const { id, kind, state, registry } of ledger.runs()) {
      if (found.push([id, `${kind}, ${state}, ${registry}`]) === MOST_RUNS) break;
    }
    return found;
  } catch {
    // A completion that cannot be found is none: the command itself says what is wrong.
    return [];
  }
}

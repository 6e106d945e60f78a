#!/usr/bin/env node
import { type Command, CommanderError } from 'commander';
import { PolicyError, InvalidPolicy } from '../../policy/errors.ts';
import { flagProblem, shown } from '../../policy/purge-command.ts';
import { strayArgument } from '../../policy/advice/flags.ts';
import { longFlags, normalizeArguments } from '../../policy/flags.ts';
import { printable } from '../../report/escape.ts';
import { newProgram } from './commands.ts';
import { COMPLETE } from './completion.ts';
import { addSecretsIn, addSecretsOf } from '../../ledger/redact/environment.ts';
import { allWritten, guardStreams, OutputLost, outputLost } from './streams.ts';
import { secrets } from '../../ledger/redact/known.ts';
import { CancelRefused, PlanRefused, ReleaseRefused, RestoreRefused } from '../../index.ts';

/** 0: done; 1: something failed or was refused; 2: the input was wrong. */
type ExitCode = 0 | 1 | 2;

async function main(args: readonly string[]): Promise<ExitCode> {
  let exitCode: ExitCode = 0;
  const finish = (code: ExitCode): void => {
    exitCode = code;
  };
  const program = newProgram(finish);
  try {
    // A completion is asked for with words that are not complete.
    await program.parseAsync(args[0] === COMPLETE ? args : normalizeArguments(args), { from: 'user' });
    return exitCode;
  } catch (error) {
    if (error instanceof CommanderError) {
      // Help and version are no errors. Help that was not asked for has said what is missing.
      if (error.exitCode === 0) return 0;
      if (error.code === 'commander.help') return 2;
      return complain(wrongArguments(error, program, args), 2);
    }
    // `withoutOutput` reports it at the end.
    if (outputLost.aborted) return 1;
    return complain(error as Error, isWrongInput(error) ? 2 : 1);
  }
}

/** What the argument parser found wrong, and what to write instead. */
function wrongArguments(error: CommanderError, program: Command, args: readonly string[]): Error {
  if (error.code === 'commander.unknownOption') return flagProblem(error, args, longFlags(commandOf(program, args)));
  if (error.code === 'commander.excessArguments') {
    const { args: given, registeredArguments } = commandOf(program, args);
    const stray = given[registeredArguments.length];
    if (stray !== undefined) return strayArgument(stray, shown(stray), args[args.indexOf(stray) - 1]);
  }
  return new Error(
    `${error.message
      .replace(/^error: /, '')
      .replace(/\.$/, '')
      .replaceAll('\n', ' ')}; see --help`,
  );
}

/** The command that the arguments call. */
function commandOf(program: Command, args: readonly string[]): Command {
  return args.reduce((command, word) => command.commands.find((one) => one.name() === word) ?? command, program);
}

function isWrongInput(error: unknown): boolean {
  return (
    error instanceof InvalidPolicy ||
    error instanceof PolicyError ||
    error instanceof CancelRefused ||
    error instanceof ReleaseRefused ||
    error instanceof RestoreRefused ||
    (error instanceof PlanRefused && error.breakers.length === 0)
  );
}

/** Output was lost, so the command was not done as asked. */
function withoutOutput(code: ExitCode): ExitCode {
  const { reason } = outputLost as { readonly reason: unknown };
  if (reason instanceof OutputLost && !reason.closed) complain(reason, 1);
  return code === 0 ? 1 : code;
}

function complain(error: Error, code: ExitCode): ExitCode {
  const causes = isDebugging(process.argv, process.env) ? causesOf(error) : [];
  for (const line of [error.message, ...causes].join('\n').split('\n'))
    process.stderr.write(`acr-retention: ${printable(line)}\n`);
  return code;
}

/** The causes of an error, for --log-level debug. */
function causesOf({ cause }: Error): readonly string[] {
  // A service may have written the message, and repeated a password that is too short to be redacted everywhere.
  const told = (text: string): string => secrets.redactAnswer(text);
  return cause instanceof Error ? [`caused by ${cause.name}: ${told(cause.message)}`, ...causesOf(cause)] : [];
}

function isDebugging(args: readonly string[], { LOG_LEVEL = '' }: NodeJS.ProcessEnv): boolean {
  const given = args.find((arg, index) => arg.startsWith('--log-level=') || args[index - 1] === '--log-level');
  return /^(?:debug|trace)$/i.test(given?.replace('--log-level=', '') ?? LOG_LEVEL.trim());
}

addSecretsOf(process.env);
addSecretsIn(process.argv);
guardStreams();
process.on('uncaughtException', (error) => {
  process.exitCode = complain(error, 1);
  setImmediate(() => process.exit());
});
const code = await main(process.argv.slice(2));
process.exitCode = (await allWritten()) ? code : withoutOutput(code);

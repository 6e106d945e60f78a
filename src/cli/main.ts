#!/usr/bin/env node
import { createRequire } from 'node:module';
import { Command, CommanderError } from 'commander';
import { PolicyError } from '../policy/error.ts';
import { normalizeArguments } from '../policy/flags.ts';
import { InvalidPolicy } from '../policy/policy.ts';
import { printable } from '../report/escape.ts';
import { demoCommand } from './demo.ts';
import { emulatorCommand } from './emulator.ts';
import { runPurgeCommand } from './purge.ts';
import { scheduleCommand } from './schedule.ts';

/** 0: done; 1: something failed or was refused; 2: the input was wrong. */
type ExitCode = 0 | 1 | 2;

const { version } = createRequire(import.meta.url)('#package.json') as { readonly version: string };

async function main(args: readonly string[]): Promise<ExitCode> {
  let exitCode: ExitCode = 0;
  const finish = (code: ExitCode): void => {
    exitCode = code;
  };
  const program = new Command('acr-retention')
    .description('Retention for Azure Container Registry: deletes what is old, keeps what is needed, says why.')
    .version(version)
    .exitOverride()
    .configureOutput({ outputError: () => undefined });
  for (const command of [runPurgeCommand(finish), scheduleCommand(), emulatorCommand(), demoCommand(finish)]) {
    program.addCommand(command.copyInheritedSettings(program));
  }
  try {
    await program.parseAsync(normalizeArguments(args), { from: 'user' });
    return exitCode;
  } catch (error) {
    if (error instanceof CommanderError) {
      // Help and version are no errors; and help that nobody asked for has said what is missing.
      if (error.exitCode === 0) return 0;
      if (error.code === 'commander.help') return 2;
      return complain(new Error(`${error.message.replace(/^error: /, '')}; see --help`), 2);
    }
    return complain(error as Error, error instanceof InvalidPolicy || error instanceof PolicyError ? 2 : 1);
  }
}

function complain(error: Error, code: ExitCode): ExitCode {
  for (const line of error.message.split('\n')) process.stderr.write(`acr-retention: ${printable(line)}\n`);
  return code;
}

// Whoever reads the output may go (`| head`): the run goes on without.
process.stdout.on('error', () => undefined);
process.exitCode = await main(process.argv.slice(2));

import { Command } from 'commander';
import { version } from '../../index.ts';
import { applyCommand } from './apply.ts';
import { approveCommand } from './approve.ts';
import { cancelCommand } from './cancel.ts';
import { checksCommand } from './check.ts';
import { COMPLETE, completeCommand, completionCommand } from './completion.ts';
import { demoCommand } from './demo.ts';
import { diffCommand } from './diff.ts';
import { emulatorCommand } from './emulator.ts';
import { explainCommand } from './explain.ts';
import { runPurgeCommand } from './purge.ts';
import { withHelp } from './help.ts';
import { inUseCommand } from './in-use.ts';
import { notifyCommand } from './notify.ts';
import { quarantineCommand } from './quarantine.ts';
import { releaseCommand } from './release.ts';
import { reportImagesCommand } from './report-images.ts';
import { policyCommand } from './policy.ts';
import { rejectCommand } from './reject.ts';
import { riskCommand } from './risk.ts';
import { restoreCommand } from './restore.ts';
import { resumeCommand } from './resume.ts';
import { runsCommand } from './runs.ts';
import { scheduleCommand } from './schedule.ts';
import { showCommand } from './show-run.ts';
import { statusCommand } from './status.ts';
import { unpulledCommand } from './unpulled.ts';

/** The commands of the command line, by what they are for. @param finish is told the exit code of one that has ended */
function groups(finish: (exitCode: 0 | 1) => void): Readonly<Record<string, readonly Command[]>> {
  return {
    'Delete:': [runPurgeCommand(finish), applyCommand(finish), resumeCommand(finish), cancelCommand()],
    'Take a deletion back:': [quarantineCommand(), releaseCommand(finish), restoreCommand(finish)],
    'Decide on a plan:': [approveCommand(finish), rejectCommand()],
    'Look at runs:': [runsCommand(), showCommand(), diffCommand(), explainCommand()],
    'Look at a registry:': [
      statusCommand(finish),
      inUseCommand(finish),
      reportImagesCommand(finish),
      unpulledCommand(finish),
      riskCommand(),
    ],
    'Policies and schedules:': [policyCommand(finish), scheduleCommand()],
    'Set up, and try it out:': [
      checksCommand(finish),
      notifyCommand(finish),
      completionCommand(),
      demoCommand(finish),
      emulatorCommand(),
    ],
  };
}

/** The command line as a whole. */
export function newProgram(finish: (exitCode: 0 | 1) => void): Command {
  const program = new Command('acr-retention')
    .description('Retention for Azure Container Registry: deletes what is old, keeps what is needed, says why.')
    .version(version)
    .exitOverride()
    .configureOutput({ outputError: () => undefined });
  const add = (command: Command, hidden = false): void => {
    for (const one of [command, ...command.commands]) one.copyInheritedSettings(program);
    program.addCommand(command, { hidden });
  };
  for (const [group, commands] of Object.entries(groups(finish)))
    for (const command of commands) add(command.helpGroup(group));
  add(
    completeCommand(() => program),
    true,
  );
  for (const [name, command] of namedCommands(program)) withHelp(command, name);
  return program.addHelpText('after', ROOT_HELP);
}

/** The commands of a program, those within others too, by the words that call them; without hidden ones. */
export function namedCommands(program: Command): ReadonlyMap<string, Command> {
  return new Map(
    program.commands
      .filter((command) => command.name() !== COMPLETE)
      .flatMap((command) =>
        command.commands.length === 0
          ? [[command.name(), command] as const]
          : command.commands.map((inner) => [`${command.name()} ${inner.name()}`, inner] as const),
      ),
  );
}

const ROOT_HELP = `
Begin with acr-retention demo, which needs no registry; then
  acr-retention purge -r <registry> -f '<repository>:<tag>' --ago 30d --untagged --dry-run
acr-retention <command> --help has examples, environment variables and exit codes.

Exit codes:
  0  it was done
  1  something failed, was refused, or is missing
  2  the input is wrong`;

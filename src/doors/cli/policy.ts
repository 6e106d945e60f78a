import { Command } from 'commander';
import { checkCommand } from './policy-check.ts';
import { convertCommand } from './policy-convert.ts';
import { testCommand } from './policy-test.ts';
import { tryCommand } from './policy-try.ts';

/**
 * `acr-retention policy …`: what can be done with a policy file without a registry.
 * @param finish is told the exit code of a command that has ended
 */
export function policyCommand(finish: (exitCode: 0 | 1) => void): Command {
  return new Command('policy')
    .description('work on a policy file, without a registry')
    .addCommand(checkCommand())
    .addCommand(testCommand(finish))
    .addCommand(convertCommand())
    .addCommand(tryCommand());
}

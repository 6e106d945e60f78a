import { Command } from 'commander';
import { checkCommand } from './policy-check.ts';

/** `acr-retention policy …`: what can be done with a policy file without a registry. */
export function policyCommand(): Command {
  return new Command('policy').description('work on a policy file, without a registry').addCommand(checkCommand());
}

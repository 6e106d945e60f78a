import type { CommandHelp } from './help.ts';
import { HELP_OF_RUNS } from './help-runs.ts';
import { HELP_OF_TOOLS } from './help-tools.ts';

/** The examples, environment variables and exit codes of each command, by the words that call it. */
export const HELP: Readonly<Record<string, CommandHelp>> = { ...HELP_OF_RUNS, ...HELP_OF_TOOLS };

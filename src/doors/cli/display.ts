import { type Command, Option } from 'commander';
import { LOG_LEVELS, type LogLevel, readLogLevel } from '../../policy/settings.ts';
import { PolicyError } from '../../policy/errors.ts';
import { createLog, type Log } from '../../report/log.ts';
import { type Listed, type OutputForm, OUTPUTS } from '../../report/output.ts';
import { type Style, styleOf } from '../../report/style.ts';

const LOG_FORMATS = ['text', 'json'] as const;

/** Flags that say how a run is shown. */
export interface DisplayFlags {
  readonly output: OutputForm;
  readonly verbose?: boolean;
  readonly quiet?: boolean;
  readonly logFormat?: (typeof LOG_FORMATS)[number];
  readonly logLevel?: LogLevel;
}

/** Adds the options that say how a run is shown. */
export function withDisplay(command: Command): Command {
  return command
    .addOption(
      new Option('--output <form>', 'text: a summary; json; ndjson: a decision a line, then the summary')
        .choices(OUTPUTS)
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
  readonly output: OutputForm;
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

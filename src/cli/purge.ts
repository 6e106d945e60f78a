import { MultiBar, Presets } from 'cli-progress';
import { type Command, Option } from 'commander';
import { parseRegistry } from '../policy/address.ts';
import { type CommandFlags, purgeCommand } from '../policy/flags.ts';
import { attempts, createPolicy, InvalidPolicy, type PurgePolicy } from '../policy/policy.ts';
import { readLogLevel } from '../policy/settings.ts';
import { printable } from '../report/escape.ts';
import { createLog, type Log } from '../report/log.ts';
import { type OutputForm, outputOf, OUTPUTS } from '../report/output.ts';
import type { RunSummary } from '../report/summary.ts';
import { type Decision, dryRun, openRegistry, purge, type Registry, type TargetOptions } from '../retention.ts';

interface CliFlags extends CommandFlags {
  readonly output: OutputForm;
}

/** `acr-retention purge`: `acr purge`, with a choice of outputs. */
export function runPurgeCommand(finish: (exitCode: 0 | 1) => void): Command {
  return purgeCommand()
    .addOption(
      new Option('--output <form>', 'text: a summary; json; ndjson: a decision a line, then the summary')
        .choices(OUTPUTS)
        .default('text'),
    )
    .action(async (flags: CliFlags) => {
      const { policy, target } = prepare(flags, process.env);
      const registry = await openRegistry(target);
      // On a terminal there is a progress bar, and the summary says it all.
      const log = process.stderr.isTTY ? undefined : createLog(readLogLevel(process.env));
      const summary = await runPurge(registry, policy, { ...flags, log }, process.stdout);
      finish(summary.succeeded ? 0 : 1);
    });
}

/**
 * Reads everything that the input says before anything is contacted.
 * @throws {InvalidPolicy} with every mistake
 */
function prepare(flags: CommandFlags, environment: NodeJS.ProcessEnv): { policy: PurgePolicy; target: TargetOptions } {
  const { problems, attempt } = attempts();
  const policy = attempt(() => createPolicy(flags));
  // ACR Tasks set the second for the commands they run.
  const name = flags.registry ?? environment['ACR_REGISTRY'] ?? environment['ACR_DEFAULT_REGISTRY'] ?? '';
  const endpoint = attempt(() => parseRegistry(name));
  if (!policy || !endpoint) throw new InvalidPolicy(problems);
  const target = {
    endpoint,
    concurrency: policy.concurrency,
    username: flags.username ?? environment['ACR_USERNAME'],
    password: flags.password ?? environment['ACR_PASSWORD'],
    audience: environment['ACR_AUDIENCE'],
    clientId: environment['AZURE_CLIENT_ID'],
  };
  return { policy, target };
}

/** How long after a run that was stopped the process may take to end by itself. */
const EXIT_MS = 1_000;

export interface RunPurgeOptions {
  readonly output: OutputForm;
  readonly verbose?: boolean;
  readonly log?: Log | undefined;
}

/** Runs a purge or a dry run, and writes what it decides. Ends between deletions at the first Ctrl-C. */
export async function runPurge(
  registry: Registry,
  policy: PurgePolicy,
  { output: form, verbose = false, log }: RunPurgeOptions,
  stdout: NodeJS.WriteStream,
): Promise<RunSummary> {
  const stop = new AbortController();
  const interrupt = (): void => {
    process.stderr.write('Stopping: what is under way is finished, nothing else is begun.\n');
    stop.abort();
  };
  process.once('SIGINT', interrupt).once('SIGTERM', interrupt);
  const output = outputOf(form, verbose);
  const write = (text: string): Promise<void> => new Promise((resolve) => stdout.write(text, () => resolve()));
  const progress = showProgress();
  try {
    const options = {
      policies: [policy],
      now: new Date(),
      startedBy: 'command line' as const,
      signal: stop.signal,
      onProgress: progress.update,
      onDecisions: async (decisions: readonly Decision[]) => {
        for (const piece of output.decisions(decisions)) await write(piece);
      },
      ...(log && { log }),
    };
    const summary = policy.dryRun ? await dryRun(registry, options) : await purge(registry, options);
    progress.stop();
    await write(output.end(summary));
    // The text says them itself, and so does the log.
    for (const warning of form === 'text' || log ? [] : summary.warnings)
      process.stderr.write(`Warning: ${printable(warning)}\n`);
    return summary;
  } finally {
    progress.stop();
    process.off('SIGINT', interrupt).off('SIGTERM', interrupt);
    // Reads that nobody waits for any more, and their retries, would keep the process.
    if (stop.signal.aborted) setTimeout(() => process.exit(), EXIT_MS).unref();
  }
}

/** A bar on a terminal; nothing where standard error goes elsewhere. */
function showProgress(): { readonly update: (done: number, of: number) => void; readonly stop: () => void } {
  if (!process.stderr.isTTY) return { update: () => undefined, stop: () => undefined };
  const bars = new MultiBar(
    { clearOnComplete: true, hideCursor: true, format: '{bar} {value}/{total} repositories' },
    Presets.shades_classic,
  );
  const bar = bars.create(0, 0);
  return {
    update: (done, of) => {
      bar.setTotal(of);
      bar.update(done);
    },
    stop: () => bars.stop(),
  };
}

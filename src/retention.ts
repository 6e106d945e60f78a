import type { DecisionError } from './planner/decision.ts';
import type { PurgeCommand } from './policy/command.ts';
import { parseRegistry } from './policy/address.ts';
import { PolicyError } from './policy/error.ts';
import type { Configuration, Settings } from './policy/settings.ts';
import { credentialsOf, type IdentitySettings } from './registry/identity.ts';
import type { Registry, RegistryReader } from './registry/types.ts';
import type { Log } from './report/log.ts';
import type { RunSummary } from './report/summary.ts';
import { run, type RunOptions } from './run.ts';

export type { Decision } from './planner/decision.ts';
export { RegistryError } from './registry/error.ts';
export type { Registry, RegistryReader } from './registry/types.ts';
export type { RunOptions } from './run.ts';

export interface TargetOptions extends IdentitySettings {
  readonly endpoint: URL;
  /** Calls in flight at once. */
  readonly concurrency: number;
  /** A certificate authority to trust besides the system's (PEM). */
  readonly certificate?: string;
}

/** A registry to purge. Nothing is sent before it is used. */
export async function openRegistry({
  endpoint,
  concurrency,
  certificate,
  ...identity
}: TargetOptions): Promise<Registry> {
  // Loaded when it is needed: the SDK takes as long to load as all the rest, and a wrong request needs none of it.
  const { openRegistry: open } = await import('./registry/registry.ts');
  return open({
    endpoint,
    concurrency,
    credentials: credentialsOf(identity),
    ...(certificate !== undefined && { certificate }),
  });
}

/** A registry to look at: it has nothing that could change one, whoever holds it and whatever they cast it to. */
export async function openReader(target: TargetOptions): Promise<RegistryReader> {
  const { loginServer, check, repositories, tags, manifests, manifest, referrers } = await openRegistry(target);
  return { loginServer, check, repositories, tags, manifests, manifest, referrers };
}

/**
 * Says what a purge would do. It is given a registry that cannot delete.
 * @throws {PolicyError} where a filter takes too long
 * @throws {RegistryError} where the repositories cannot be listed
 */
export function dryRun(registry: RegistryReader, options: RunOptions): Promise<RunSummary> {
  return run(registry, options, undefined);
}

/**
 * Purges: plans and carries out one repository after the other, several side by side.
 * @throws as `dryRun`
 */
export function purge(registry: Registry, options: RunOptions): Promise<RunSummary> {
  return run(registry, options, registry);
}

/** What is asked for cannot be done, because the app's settings are wrong. Says every mistake. */
export class Misconfigured extends Error {
  override readonly name = 'Misconfigured';
  readonly mistakes: readonly PolicyError[];

  constructor(mistakes: readonly PolicyError[]) {
    super(`the app settings are wrong: ${mistakes.map(({ message }) => message).join('; ')}`);
    this.mistakes = mistakes;
  }
}

/** @throws {Misconfigured} */
function settingsOf(configuration: Configuration): Settings {
  if (configuration.state === 'invalid') throw new Misconfigured(configuration.mistakes);
  return configuration.settings;
}

/** What a function is started with: everything of a run but what is wanted. */
export type Trigger = Omit<RunOptions, 'policies'> & { readonly log: Log };

/**
 * The configured purge, as the timer starts it. It deletes where PURGE_DRY_RUN is false, and no command has `--dry-run`.
 * @throws {Misconfigured} and whatever `dryRun` throws
 */
export async function scheduledPurge(configuration: Configuration, trigger: Trigger): Promise<RunSummary> {
  if (configuration.state === 'invalid') {
    const mistakes = configuration.mistakes.map(({ message }) => message);
    trigger.log.error({ event: 'misconfigured', mistakes }, 'nothing was done: the app settings are wrong');
  }
  const settings = settingsOf(configuration);
  const { commands, timeLimitSeconds } = settings;
  const options = {
    ...trigger,
    policies: commands.map(({ policy }) => policy),
    ...(timeLimitSeconds !== undefined && {
      signal: anySignal(trigger.signal, AbortSignal.timeout(timeLimitSeconds * 1000)),
    }),
  };
  return isDryRun(settings)
    ? dryRun(await openReader(targetOf(settings, commands)), options)
    : purge(await openRegistry(targetOf(settings, commands)), options);
}

/** One `--dry-run` holds for all: what is written after it was meant to be tried, too. */
function isDryRun({ dryRun, commands }: Settings): boolean {
  return dryRun || commands.some(({ policy }) => policy.dryRun);
}

/**
 * A dry run that somebody asked for, of the configured commands or of their own.
 * @throws {Misconfigured} and whatever `dryRun` throws
 * @throws {PolicyError} for a command that names another registry
 * @throws {Unreadable} where there are repositories, and none could be read
 */
export async function requestedDryRun(
  configuration: Configuration,
  commands: readonly PurgeCommand[] | undefined,
  trigger: Trigger,
): Promise<RunSummary> {
  const settings = settingsOf(configuration);
  const wanted = commands ?? settings.commands;
  const { host } = settings.endpoint;
  const other = wanted.find(({ registry }) => registry !== undefined && parseRegistry(registry).host !== host);
  // The identity of the app is shown to the registry that its owner chose, and to no other.
  if (other) throw new PolicyError('--registry', other.registry, `this app serves ${host} only`);
  const policies = wanted.map(({ policy }) => policy);
  const summary = await dryRun(await openReader(targetOf(settings, wanted)), { ...trigger, policies });
  const [first] = summary.repositories;
  if (first?.error && summary.repositories.every(({ state }) => state === 'failed')) throw new Unreadable(first.error);
  return summary;
}

/** Not one repository could be read: the reason is that of the first. */
export class Unreadable extends Error {
  override readonly name = 'Unreadable';
  /** HTTP status of the registry's answer; `undefined` where none came. */
  readonly status: number | undefined;

  constructor({ message, status }: DecisionError) {
    super(`no repository could be read: ${message}`);
    this.status = status;
  }
}

function targetOf({ endpoint, identity }: Settings, commands: readonly PurgeCommand[]): TargetOptions {
  return { endpoint, concurrency: Math.max(...commands.map(({ policy }) => policy.concurrency)), ...identity };
}

function anySignal(...signals: readonly (AbortSignal | undefined)[]): AbortSignal {
  return AbortSignal.any(signals.filter((signal) => signal !== undefined));
}

/** What the app is set to do, and whether it could. */
export interface Status {
  readonly version: string;
  readonly state: 'ready' | 'misconfigured';
  readonly mistakes: readonly { readonly setting: string; readonly message: string }[];
  /** The app settings as they were given, without secrets. */
  readonly settings: Configuration['given'];
  readonly registry?: { readonly loginServer: string; readonly answers: boolean; readonly error?: string };
  readonly commands?: readonly string[];
  /** What is legal in the commands, and hardly meant. */
  readonly warnings?: readonly string[];
  readonly dryRun?: boolean;
  readonly timeLimitSeconds?: number;
  /** Times are UTC. */
  readonly schedule?: { readonly expression: string; readonly description: string; readonly next: readonly string[] };
}

/** How long a status waits for the registry. */
const STATUS_TIMEOUT_MS = 20_000;
const NEXT_RUNS = 3;

/** Tells what is configured, what is wrong with it, whether the registry answers, and when the next runs are. */
export async function status(configuration: Configuration, version: string, now: Date): Promise<Status> {
  if (configuration.state === 'invalid') {
    const mistakes = configuration.mistakes.map(({ flag, message }) => ({ setting: flag, message }));
    return { version, state: 'misconfigured', mistakes, settings: configuration.given };
  }
  const { settings } = configuration;
  const { commands, schedule, timeLimitSeconds, endpoint } = settings;
  const problem = await checkRegistry(settings);
  return {
    version,
    state: 'ready',
    mistakes: [],
    settings: configuration.given,
    registry: {
      loginServer: endpoint.host,
      answers: problem === undefined,
      ...(problem !== undefined && { error: problem }),
    },
    commands: commands.map(({ text }) => text),
    warnings: commands.flatMap(({ policy }) => policy.warnings),
    dryRun: isDryRun(settings),
    ...(timeLimitSeconds !== undefined && { timeLimitSeconds }),
    schedule: {
      expression: schedule.expression,
      description: schedule.description,
      next: schedule.next(now, NEXT_RUNS).map((run) => run.toISOString().replace('.000', '')),
    },
  };
}

/** Asks the registry for what a run asks first: one repository, or where filters name repositories outright, one of those. */
async function checkRegistry(settings: Settings): Promise<string | undefined> {
  const { commands } = settings;
  const [literal] = commands.flatMap(({ policy }) =>
    policy.filters.length > 0 ? (policy.compiled.literalRepositories() ?? []) : [],
  );
  const timeout = AbortSignal.timeout(STATUS_TIMEOUT_MS);
  try {
    const reader = await openReader(targetOf(settings, commands));
    await Promise.race([
      reader.check(literal),
      new Promise((_, reject) => {
        timeout.addEventListener('abort', () => reject(new Error(`no answer within ${STATUS_TIMEOUT_MS / 1000} s`)));
      }),
    ]);
    return undefined;
  } catch (error) {
    return (error as Error).message;
  }
}

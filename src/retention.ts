import type { DecisionError } from './planner/decision.ts';
import type { PurgeCommand } from './policy/command.ts';
import { parseRegistry } from './policy/address.ts';
import { PolicyError } from './policy/error.ts';
import type { PurgePolicy } from './policy/policy.ts';
import type { Configuration, Settings } from './policy/settings.ts';
import type { Registry, RegistryReader } from './registry/types.ts';
import type { Log } from './report/log.ts';
import type { RunSummary } from './report/summary.ts';
import { type Applied, applyPlan, type ApplyOptions } from './apply.ts';
import { recordPolicy } from './ledger/policy.ts';
import { lastScheduled, newestResumable, resumeRun, type ResumeOptions } from './resume.ts';
import { ResumeRefused, run, type RunOptions } from './run.ts';
import { StopReason } from './stop.ts';
import { concurrencyOf, isDryRun, openReader, openRegistry, targetOf, type TargetOptions } from './target.ts';
import { type WatchedLedger, watchSchedule } from './watch.ts';

export { type Applied, PlanRefused } from './apply.ts';
export { CancelRefused, cancelRun } from './cancel.ts';
export { ResumeRefused } from './run.ts';
export { StopReason } from './stop.ts';
export { HeldError, LedgerError } from './ledger/store.ts';
export { ledgerAt, passingLedger } from './ledger/open.ts';
export { differences } from './ledger/diff.ts';
export { parseImage } from './ledger/image.ts';
export type { Ledger } from './ledger/ledger.ts';
export type { RunRecord } from './ledger/types.ts';
export type { Decision, Decisions } from './planner/decision.ts';
export { RegistryError } from './registry/error.ts';
export type { Registry, RegistryReader } from './registry/types.ts';
export type { RunOptions } from './run.ts';
export { type Status, status } from './status.ts';
export { openReader, openRegistry, type TargetOptions } from './target.ts';

/**
 * Says what a purge would do. It is given a registry that cannot delete.
 * @throws {PolicyError} where a filter takes too long
 * @throws {RegistryError} where the repositories cannot be listed
 */
export function dryRun(registry: RegistryReader, options: RunOptions): Promise<RunSummary> {
  return run(registry, options);
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

function logMistakes(mistakes: readonly PolicyError[], log: Log): void {
  const messages = mistakes.map(({ message }) => message);
  log.error({ event: 'misconfigured', mistakes: messages }, 'nothing was done: the app settings are wrong');
}

/** What a function is started with: everything of a run but what is wanted. */
export type Trigger = Omit<RunOptions, 'policies' | 'kind' | 'policyFrom' | 'guards' | 'timeBudget'> & {
  readonly log: Log;
};

/**
 * The configured purge, as the timer starts it. It deletes where PURGE_DRY_RUN is false, and no command has `--dry-run`.
 * Where the last one was stopped before it was done, it goes on with that instead.
 * @throws {Misconfigured} and whatever `dryRun` throws
 */
export async function scheduledPurge(configuration: Configuration, trigger: Trigger): Promise<RunSummary> {
  if (configuration.state === 'invalid') logMistakes(configuration.mistakes, trigger.log);
  const settings = settingsOf(configuration);
  const { commands, timeLimitSeconds, timeBudget, guards, ledger } = settings;
  const options = {
    ...trigger,
    kind: 'scheduled' as const,
    policyFrom: 'settings' as const,
    guards,
    timeBudget,
    policies: commands.map(({ policy }) => policy),
    ...(timeLimitSeconds !== undefined && { signal: anySignal(trigger.signal, timeLimit(timeLimitSeconds)) }),
  };
  const summary =
    (await goOnScheduled(settings, options)) ??
    (isDryRun(settings)
      ? await dryRun(await openReader(targetOf(settings, commands)), options)
      : await purge(await openRegistry(targetOf(settings, commands)), options));
  // What is too old to be kept can go the next time as well.
  await trigger.ledger.prune(new Date(Date.now() - ledger.days * DAY_MS)).catch((error: unknown) => {
    trigger.log.warn({ event: 'warning', runId: summary.runId }, (error as Error).message);
  });
  return summary;
}

/**
 * Looks whether the schedule is kept, and logs it: for the alerts. Wrong settings are logged, too, and so are known
 * within the hour instead of with the next run. Neither is thrown: the log says more than a failed invocation.
 */
export async function watch(configuration: Configuration, ledger: WatchedLedger, now: Date, log: Log): Promise<void> {
  if (configuration.state === 'invalid') logMistakes(configuration.mistakes, log);
  else await watchSchedule(configuration.settings, ledger, now, log);
}

/** Goes on with the last scheduled run, where that was stopped. Nothing where a new one is to begin. */
async function goOnScheduled(settings: Settings, options: RunOptions & Trigger): Promise<RunSummary | undefined> {
  const { commands, endpoint, guards } = settings;
  const { policies, kind, policyFrom, ...trigger } = options;
  const wanted = {
    registry: endpoint.host,
    policyHash: recordPolicy(policies, policyFrom ?? 'settings').hash,
    dryRun: isDryRun(settings),
  };
  const found = await lastScheduled(trigger.ledger, wanted, trigger.now);
  if (!found) return undefined;
  const leave = (why: string): void => {
    const about = { event: 'run-not-resumed', runId: found.run.id, kind, why };
    trigger.log.warn(about, `the stopped run ${found.run.id} is left as it is: ${why}`);
  };
  if (found.state === 'left') {
    leave(found.why);
    return undefined;
  }
  const target = targetOf(settings, commands);
  try {
    return await resumeRun(
      found.run,
      { reader: () => openReader(target), writer: () => openRegistry(target) },
      { ...trigger, guards, planAgeMilliseconds: settings.ledger.planAgeMilliseconds },
    );
  } catch (error) {
    if (!(error instanceof ResumeRefused)) throw error;
    leave(error.message);
    return undefined;
  }
}

/** The end of the time that the steps of a task file may take. */
function timeLimit(seconds: number): AbortSignal {
  const over = new AbortController();
  const reason = new StopReason('signal', `the timeouts of the task file (${seconds} s) were over`);
  setTimeout(() => over.abort(reason), seconds * 1000).unref();
  return over.signal;
}

const DAY_MS = 86_400_000;

/**
 * Carries out a plan that somebody approved, by its id.
 * @throws {Misconfigured | PlanRefused} and whatever `dryRun` throws
 */
export function requestedApply(
  configuration: Configuration,
  id: string,
  approve: string | undefined,
  trigger: Trigger,
): Promise<Applied> {
  const settings = settingsOf(configuration);
  const configured = recordPolicy(
    settings.commands.map(({ policy }) => policy),
    'settings',
  ).hash;
  return applyPlan(
    id,
    (_, policies) => openRegistry({ ...targetOf(settings, settings.commands), concurrency: concurrencyOf(policies) }),
    {
      ...trigger,
      timeBudget: settings.timeBudget,
      guards: settings.guards,
      planAgeMilliseconds: settings.ledger.planAgeMilliseconds,
      host: settings.endpoint.host,
      configured,
      approve,
    },
  );
}

/**
 * Carries out a plan from the command line, where there is nothing but the ledger to go by.
 * @param target where the registry is and who asks, for its host
 * @throws {PlanRefused} and whatever `dryRun` throws
 */
export function apply(
  id: string,
  target: (host: string) => Omit<TargetOptions, 'concurrency'>,
  options: ApplyOptions,
): Promise<Applied> {
  return applyPlan(
    id,
    ({ registry }, policies) => openRegistry({ ...target(registry), concurrency: concurrencyOf(policies) }),
    options,
  );
}

/**
 * Goes on with a run that was stopped, from the command line.
 * @param id absent: the newest that can go on
 * @param host only a run on this registry
 * @param target where the registry is and who asks, for its host
 * @throws {ResumeRefused} and whatever `dryRun` throws
 */
export async function resume(
  id: string | undefined,
  host: string | undefined,
  target: (host: string) => Omit<TargetOptions, 'concurrency'>,
  options: ResumeOptions,
): Promise<RunSummary> {
  const { ledger, now } = options;
  const record = id === undefined ? await newestResumable(ledger, host, now) : await ledger.run(id);
  if (!record)
    throw new ResumeRefused(
      id === undefined
        ? `no run in ${ledger.place} was stopped${host === undefined ? '' : ` on ${host}`} and can go on`
        : `there is no run ${id} in ${ledger.place}`,
    );
  if (host !== undefined && host !== record.registry)
    throw new ResumeRefused(`the run ${record.id} is about the registry ${record.registry}, not ${host}`);
  const about = (policies: readonly PurgePolicy[]) => ({
    ...target(record.registry),
    concurrency: concurrencyOf(policies),
  });
  return resumeRun(
    record,
    { reader: (_, policies) => openReader(about(policies)), writer: (_, policies) => openRegistry(about(policies)) },
    options,
  );
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
  const summary = await dryRun(await openReader(targetOf(settings, wanted)), {
    ...trigger,
    timeBudget: settings.timeBudget,
    policies,
    policyFrom: commands ? 'request' : 'settings',
  });
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

function anySignal(...signals: readonly (AbortSignal | undefined)[]): AbortSignal {
  return AbortSignal.any(signals.filter((signal) => signal !== undefined));
}

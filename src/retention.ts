import type { DecisionError, Decisions } from './planner/decision.ts';
import type { PurgeCommand } from './policy/command.ts';
import { parseRegistry } from './policy/address.ts';
import { PolicyError } from './policy/error.ts';
import type { PurgePolicy } from './policy/policy.ts';
import type { Configuration, RegistrySettings, Settings } from './policy/settings.ts';
import type { Registry, RegistryReader } from './registry/types.ts';
import type { Log } from './report/log.ts';
import type { Outcome, RunSummary } from './report/summary.ts';
import { type Applied, applyPlan, type ApplyOptions } from './apply.ts';
import { cancelParent, cancelRun } from './cancel.ts';
import { eachRegistry, type Share } from './each-registry.ts';
import type { Ledger } from './ledger/ledger.ts';
import { recordPolicy } from './ledger/policy.ts';
import type { Cancellation, ParentStatus, RunRecord } from './ledger/types.ts';
import { lastScheduled, newestResumable, resumeRun, type ResumeOptions } from './resume.ts';
import { ResumeRefused, run, type RunOptions } from './run.ts';
import { StopReason } from './stop.ts';
import { concurrencyOf, isDryRun, openReader, openRegistry, targetOf, type TargetOptions } from './target.ts';
import { lastActivity, type WatchedLedger, watchSchedule } from './watch.ts';

export { type Applied, PlanRefused } from './apply.ts';
export { CancelRefused, cancelRun } from './cancel.ts';
export { ResumeRefused } from './run.ts';
export { HandOver, StopReason } from './stop.ts';
export { HeldError, LedgerError } from './ledger/store.ts';
export { ledgerAt, passingLedger } from './ledger/open.ts';
export { differences } from './ledger/diff.ts';
export { parseImage } from './ledger/image.ts';
export type { Ledger } from './ledger/ledger.ts';
export type { ParentStatus, RunRecord } from './ledger/types.ts';
export { parentStatus } from './parent-status.ts';
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

/**
 * The settings, for a timer: nobody else would say what is wrong with them.
 * @throws {Misconfigured}
 */
export function configured(configuration: Configuration, log: Log): Settings {
  if (configuration.state === 'invalid') logMistakes(configuration.mistakes, log);
  return settingsOf(configuration);
}

/** What a function is started with: everything of a run but what is wanted. */
export type Trigger = Omit<RunOptions, 'policies' | 'kind' | 'policyFrom' | 'guards' | 'timeBudget'> & {
  readonly log: Log;
};

/**
 * The configured purge, as the timer starts it. It deletes where PURGE_DRY_RUN is false, and no command has `--dry-run`.
 * Where the last one was stopped before it was done, it goes on with that instead. Several registries are done one after
 * the other; what goes wrong with one of them is its outcome.
 *
 * @throws {Misconfigured}, and for the only registry whatever `dryRun` throws
 */
export async function scheduledPurge(configuration: Configuration, trigger: Trigger): Promise<readonly Outcome[]> {
  const settings = configured(configuration, trigger.log);
  const { timeBudget, ledger } = settings;
  const registries = settings.registries.filter(({ commands }) => commands.length > 0);
  const [first] = registries;
  const outcomes =
    first && registries.length === 1
      ? [{ registry: first.endpoint.host, summary: await purgeRegistry(settings, first, { ...trigger, timeBudget }) }]
      : await eachRegistry(
          await longestAgoFirst(registries, trigger.ledger),
          registries,
          { ...trigger, kind: 'scheduled', startedBy: trigger.startedBy ?? 'schedule', timeBudget },
          (registry, share) => purgeRegistry(settings, registry, { ...trigger, ...share }),
        );
  // What is too old to be kept can go the next time as well.
  await trigger.ledger.prune(new Date(Date.now() - ledger.days * DAY_MS)).catch((error: unknown) => {
    trigger.log.warn({ event: 'warning' }, (error as Error).message);
  });
  return outcomes;
}

/** So that none starves where the time is never enough for all: first the one that was worked on the longest ago. */
async function longestAgoFirst(
  registries: readonly RegistrySettings[],
  ledger: Ledger,
): Promise<readonly RegistrySettings[]> {
  const last = new Map<string, number>();
  for await (const run of ledger.runs({ kinds: ['scheduled'] })) {
    if (!last.has(run.registry)) last.set(run.registry, lastActivity(run).getTime());
    if (registries.every(({ endpoint }) => last.has(endpoint.host))) break;
  }
  const activeAt = ({ endpoint }: RegistrySettings): number => last.get(endpoint.host) ?? 0;
  return registries.toSorted((a, b) => activeAt(a) - activeAt(b));
}

async function purgeRegistry(
  settings: Settings,
  registry: RegistrySettings,
  trigger: Trigger & Pick<RunOptions, 'timeBudget'>,
): Promise<RunSummary> {
  const { timeLimitSeconds, guards } = settings;
  const options = {
    ...trigger,
    kind: 'scheduled' as const,
    policyFrom: 'settings' as const,
    guards,
    policies: registry.commands.map(({ policy }) => policy),
    ...(timeLimitSeconds !== undefined && { signal: anySignal(trigger.signal, timeLimit(timeLimitSeconds)) }),
  };
  const resumed = await goOnScheduled(settings, registry, options);
  if (resumed) return resumed;
  const target = targetOf(settings, registry);
  return isDryRun(settings, registry)
    ? dryRun(await openReader(target), options)
    : purge(await openRegistry(target), options);
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
async function goOnScheduled(
  settings: Settings,
  registry: RegistrySettings,
  options: RunOptions & Trigger,
): Promise<RunSummary | undefined> {
  const { policies, kind, policyFrom, ...trigger } = options;
  const wanted = {
    registry: registry.endpoint.host,
    policyHash: recordPolicy(policies, policyFrom ?? 'settings').hash,
    dryRun: isDryRun(settings, registry),
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
  const target = targetOf(settings, registry);
  try {
    return await resumeRun(
      found.run,
      { reader: () => openReader(target), writer: () => openRegistry(target) },
      { ...trigger, planAgeMilliseconds: settings.ledger.planAgeMilliseconds },
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
export async function requestedApply(
  configuration: Configuration,
  id: string,
  approve: string | undefined,
  trigger: Trigger,
): Promise<Applied> {
  const settings = settingsOf(configuration);
  const { registries, timeBudget, guards } = settings;
  const planned = (await trigger.ledger.run(id))?.registry;
  const served = registries.find(({ endpoint }) => endpoint.host === planned);
  const configured = served?.commands.map(({ policy }) => policy);
  return applyPlan(
    id,
    ({ registry }, policies) => {
      // What it is about was looked at before; this is where the identity of the app would be shown to it.
      if (!served) throw new PolicyError('--registry', registry, notServed(settings));
      return openRegistry(targetOf(settings, served, concurrencyOf(policies)));
    },
    {
      ...trigger,
      timeBudget,
      guards,
      planAgeMilliseconds: settings.ledger.planAgeMilliseconds,
      hosts: registries.map(({ endpoint }) => endpoint.host),
      configured: configured && recordPolicy(configured, 'settings').hash,
      approve,
    },
  );
}

/** What is said of a registry that the app does not serve. */
function notServed({ registries }: Settings): string {
  const hosts = registries.map(({ endpoint }) => endpoint.host);
  return `this app serves ${hosts.join(', ')} only`;
}

/**
 * Asks a run to end, or all the runs of a parent: as `cancelRun` says.
 * @throws {CancelRefused}
 */
export async function cancel(
  ledger: Ledger,
  id: string,
  about: Omit<Cancellation, 'at'> & { readonly now: Date },
): Promise<{ readonly run: RunRecord } | { readonly parent: ParentStatus }> {
  const parent = await cancelParent(ledger, id, about);
  return parent ? { parent } : { run: await cancelRun(ledger, id, about) };
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
 * @param hosts only a run on one of these registries
 * @param target where the registry is and who asks, for its host
 * @throws {ResumeRefused} and whatever `dryRun` throws
 */
export async function resume(
  id: string | undefined,
  hosts: readonly string[] | undefined,
  target: (host: string) => Omit<TargetOptions, 'concurrency'>,
  options: ResumeOptions,
): Promise<RunSummary> {
  const { ledger, now } = options;
  const record = id === undefined ? await newestResumable(ledger, hosts, now) : await ledger.run(id);
  if (!record)
    throw new ResumeRefused(
      id === undefined
        ? `no run in ${ledger.place} was stopped${hosts ? ` on ${hosts.join(', ')}` : ''} and can go on`
        : `there is no run ${id} in ${ledger.place}`,
    );
  if (hosts && !hosts.includes(record.registry))
    throw new ResumeRefused(`the run ${record.id} is about the registry ${record.registry}, not ${hosts.join(', ')}`);
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

/** What is told of a dry run that somebody asked for, while it goes on. */
export interface Asked extends Omit<Trigger, 'onDecisions'> {
  /** Takes the decisions of a repository, one repository at a time, and one registry after the other. */
  readonly onDecisions: (decisions: Decisions, registry: string) => Promise<void>;
  /** Takes what became of a registry, once all its decisions were told. */
  readonly onOutcome: (outcome: Outcome) => Promise<void>;
}

/** A dry run as it was asked for. */
export interface RequestedDryRun {
  /** Login servers of the registries that it is about. */
  readonly registries: readonly string[];
  /**
   * Does it. `onBegin` is told the id of the run, or that of the parent of several.
   * @throws whatever `dryRun` throws, and `Unreadable` where there are repositories, and none could be read; of several
   * registries only where that holds for each: then what it was for the first
   */
  readonly start: (asked: Asked) => Promise<void>;
}

/**
 * A dry run that somebody asked for, of the configured commands or of their own.
 * @throws {Misconfigured}
 * @throws {PolicyError} for a command that names a registry which the app does not serve
 */
export function requestedDryRun(
  configuration: Configuration,
  commands: readonly PurgeCommand[] | undefined,
): RequestedDryRun {
  const settings = settingsOf(configuration);
  const hosts = settings.registries.map(({ endpoint }) => endpoint.host);
  const hostOf = ({ registry }: PurgeCommand): string | undefined =>
    registry === undefined ? undefined : parseRegistry(registry).host;
  const other = commands?.find((command) => !hosts.includes(hostOf(command) ?? hosts[0] ?? ''));
  // The identity of the app is shown to the registries that its owner chose, and to no other.
  if (other) throw new PolicyError('--registry', other.registry, notServed(settings));
  const wanted = settings.registries
    .map((registry) => ({
      endpoint: registry.endpoint,
      commands:
        commands?.filter((one) => (hostOf(one) ?? registry.endpoint.host) === registry.endpoint.host) ??
        registry.commands,
    }))
    .filter((registry) => registry.commands.length > 0);
  const policyFrom = commands ? 'request' : 'settings';
  const of = async (registry: RegistrySettings, asked: Asked, share: Partial<Share>): Promise<RunSummary> => {
    const { host } = registry.endpoint;
    const summary = await dryRun(await openReader(targetOf(settings, registry)), {
      timeBudget: settings.timeBudget,
      ...asked,
      ...share,
      onDecisions: (decisions) => asked.onDecisions(decisions, host),
      policies: registry.commands.map(({ policy }) => policy),
      policyFrom,
    });
    const [first] = summary.repositories;
    if (!summary.handedOver && first?.error && summary.repositories.every(({ state }) => state === 'failed'))
      throw new Unreadable(first.error);
    return summary;
  };
  return {
    registries: wanted.map(({ endpoint }) => endpoint.host),
    async start(asked) {
      const [only, ...others] = wanted;
      if (only && others.length === 0)
        return asked.onOutcome({ registry: only.endpoint.host, summary: await of(only, asked, {}) });
      const { timeBudget } = settings;
      const together = { ...asked, kind: 'dry-run', startedBy: asked.startedBy ?? 'request', timeBudget } as const;
      const outcomes = await eachRegistry(wanted, wanted, together, (registry, share) => of(registry, asked, share));
      const [first] = outcomes;
      if (first && 'error' in first && outcomes.every((outcome) => 'error' in outcome)) throw first.cause;
    },
  };
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

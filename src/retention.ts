import type { DecisionError } from './planner/decision.ts';
import type { PurgeCommand } from './policy/command.ts';
import { parseRegistry } from './policy/address.ts';
import { PolicyError } from './policy/error.ts';
import type { Configuration, Settings } from './policy/settings.ts';
import type { Registry, RegistryReader } from './registry/types.ts';
import type { Log } from './report/log.ts';
import type { RunSummary } from './report/summary.ts';
import { type Applied, applyPlan, type ApplyOptions } from './apply.ts';
import { recordPolicy } from './ledger/policy.ts';
import { run, type RunOptions } from './run.ts';
import { concurrencyOf, isDryRun, openReader, openRegistry, targetOf, type TargetOptions } from './target.ts';

export { type Applied, PlanRefused } from './apply.ts';
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

/** What a function is started with: everything of a run but what is wanted. */
export type Trigger = Omit<RunOptions, 'policies' | 'kind' | 'policyFrom' | 'guards'> & { readonly log: Log };

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
  const { commands, timeLimitSeconds, guards, ledger } = settings;
  const options = {
    ...trigger,
    kind: 'scheduled' as const,
    policyFrom: 'settings' as const,
    guards,
    policies: commands.map(({ policy }) => policy),
    ...(timeLimitSeconds !== undefined && {
      signal: anySignal(trigger.signal, AbortSignal.timeout(timeLimitSeconds * 1000)),
    }),
  };
  const summary = isDryRun(settings)
    ? await dryRun(await openReader(targetOf(settings, commands)), options)
    : await purge(await openRegistry(targetOf(settings, commands)), options);
  // What is too old to be kept can go the next time as well.
  await trigger.ledger.prune(new Date(Date.now() - ledger.days * DAY_MS)).catch((error: unknown) => {
    trigger.log.warn({ event: 'warning', runId: summary.runId }, (error as Error).message);
  });
  return summary;
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

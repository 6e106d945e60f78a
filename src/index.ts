import { PolicyError } from './policy/errors.ts';
import type { PurgePolicy } from './policy/purge-policy.ts';
import type { Configuration, Settings } from './policy/settings.ts';
import type { ReadOnlyRegistry, Registry } from './registry/types.ts';
import type { Log } from './report/log.ts';
import type { Overdue } from './report/notification-words.ts';
import type { RunSummary } from './ledger/summary.ts';
import { type Agreeing, type Applied, applyPlan, type ApplyOptions, whyNotApplied } from './engine/apply.ts';
import { archiveFrom } from './engine/archive/archive.ts';
import { storageFrom } from './engine/storage/used.ts';
import { cancelParent, cancelRun } from './engine/cancel.ts';
import { logMistakes, notServed, settingsOf, type Trigger } from './engine/registries.ts';
import type { Ledger } from './ledger/ledger.ts';
import { policiesOf, recordPolicy } from './ledger/policy-record.ts';
import type { Cancellation, ParentStatus, RunRecord } from './ledger/records.ts';
import { PlanRefused } from './engine/plans.ts';
import { newestResumable, resumeRun, type ResumeOptions } from './engine/resume.ts';
import { ResumeRefused } from './engine/begin.ts';
import { notifyDue } from './engine/notify/notify.ts';
import { AFTER_RUN_MS, notifyingOf, WATCH_MS } from './engine/notify/tell.ts';
import { run, type RunOptions } from './engine/run.ts';
import { concurrencyOf, openReader, openRegistry, targetOf, type TargetOptions } from './engine/registries.ts';
import { evidenceFrom, findingsFrom, pulledFor } from './engine/sources.ts';
import { type WatchedLedger, watchSchedule } from './engine/schedule-monitor.ts';

export type { Applied } from './engine/apply.ts';
export { PlanRefused, rejectPlan } from './engine/plans.ts';
export { type Actor, actorOf } from './ledger/reviews.ts';
export { CancelRefused, cancelRun } from './engine/cancel.ts';
export { configured, Misconfigured, type Trigger } from './engine/registries.ts';
export { requestedDryRun, Unreadable } from './engine/dry-run.ts';
export { notifyDue } from './engine/notify/notify.ts';
export { tellMisconfigured } from './engine/notify/tell.ts';
export { type Tested, testNotify } from './engine/notify/test-notify.ts';
export { scheduledPurge } from './engine/scheduled.ts';
export { ResumeRefused } from './engine/begin.ts';
export { restoreAt, RestoreRefused, whatToRestore } from './engine/restore/restore.ts';
export { StopReason } from './engine/stop.ts';
export { ConflictError, HeldError, LedgerError } from './ledger/store/store.ts';
export { commandInWords } from './ledger/command.ts';
export { ledgerAt, memoryLedger, temporaryLedger } from './ledger/open.ts';
export { sumsByRepository } from './ledger/sums.ts';
export { type Difference, differences } from './ledger/plan-diff.ts';
export { newDifferenceTotals } from './ledger/diff-totals.ts';
export { parseImage } from './ledger/reader.ts';
export type { Ledger } from './ledger/ledger.ts';
export type { ParentStatus, RunRecord } from './ledger/records.ts';
export { decisionsOfAll, parentStatus } from './engine/parent-status.ts';
export { DELETE_REASONS, KEEP_REASONS, type Decision, type Decisions } from './planner/decision.ts';
export { RESTORE_REASONS } from './planner/restore.ts';
export { RegistryError } from './registry/errors.ts';
export type { Registry } from './registry/types.ts';
export type { RunView } from './engine/progress.ts';
export type { RunOptions } from './engine/run.ts';
export { type RegistryStatus, type Status, status, statusOfRegistry } from './engine/status.ts';
export { openReader, openRegistry, readOnly, type TargetOptions } from './engine/registries.ts';
export { activitiesOf } from './engine/durable/activities.ts';
export { newConnections } from './engine/durable/context.ts';
export { newUseOf } from './engine/evidence.ts';
export type { DefenderOf } from './engine/findings/findings.ts';
export { newFresh } from './engine/fresh.ts';
export { inUseAt, requestedInUse } from './engine/in-use.ts';
export { reportImages } from './engine/report-images.ts';
export { archiveFrom } from './engine/archive/archive.ts';
export { storageFrom } from './engine/storage/used.ts';
export { defenderFrom, evidenceFrom, findingsFrom, pullsFrom } from './engine/sources.ts';
export { type Trial, tryPolicy } from './engine/try-policy.ts';
export { requestedRisk } from './engine/risk/risk-request.ts';
export { risk as riskOf } from './engine/risk/risk.ts';
export { unpulled } from './engine/pulls/unpulled.ts';
export { registriesWithPulls, requestedUnpulled, type UnpulledQuery } from './engine/pulls/unpulled-request.ts';
export { releaseAt, whatToRelease } from './engine/quarantine/release-at.ts';
export { ReleaseRefused, type ToRelease } from './engine/quarantine/release-now.ts';
export { requestedRelease } from './engine/quarantine/release-request.ts';
export { checkQuarantineAt } from './engine/quarantine/check-quarantine.ts';
export { checkRegistryAt } from './engine/check/check-registry.ts';
export { requestedCheck, requestedLastCheck } from './engine/check/check-request.ts';
export { CHECK_KINDS, CHECK_STATES, type RegistryCheck } from './ledger/checks.ts';
export { listQuarantine, requestedQuarantine } from './engine/quarantine/quarantine-listing.ts';
export { ACTIVITIES, registry, retention, settled, worker } from './engine/durable/orchestrators.ts';
export { type DurableClient, startScheduled } from './engine/durable/start.ts';
export { version } from './engine/version.ts';
export { isRunId } from './ledger/paths.ts';
export { compareWithLast, lastComparable, toDeleteOf } from './ledger/compare.ts';
export { usesOf } from './ledger/uses-of.ts';
export { foresee } from './engine/foresee.ts';
export type { DecisionQuery, ImageName, RunQuery, Sighting } from './ledger/reader.ts';
export type { LedgerReader } from './ledger/reader.ts';
export { type RegistryOutcome, type RunSummary, hasFailed } from './ledger/summary.ts';
export { approvalOf, type ChildStatus, RUN_KINDS, RUN_STATES, type RepositoryRecord } from './ledger/records.ts';
export { inInvocation } from './report/log.ts';
export { answerOf } from './report/output.ts';
export type { InUseReport as InUse } from './report/in-use.ts';
export type { UnpulledReport } from './report/unpulled.ts';

/** The Durable Functions SDK: loaded only where it is used, since the host loads its extension for it. */
export const durableSdk = () => import('./engine/durable/sdk.ts');

/**
 * Says what a purge would do. It is given a registry that cannot delete.
 * @throws {PolicyError} where a filter takes too long
 * @throws {RegistryError} where the repositories cannot be listed
 */
export function dryRun(registry: ReadOnlyRegistry, options: RunOptions): Promise<RunSummary> {
  return run({ ...options, reader: registry });
}

/**
 * Purges: plans and carries out one repository after the other, several side by side.
 * @throws as `dryRun`
 */
export function purge(registry: Registry, options: RunOptions): Promise<RunSummary> {
  return run({ ...options, reader: registry, writer: registry });
}

/**
 * Looks whether the schedule is kept, and logs it: for the alerts. Wrong settings are logged, too, and so are known
 * within the hour instead of with the next run. Neither is thrown: the log says more than a failed invocation.
 */
export async function watch(
  configuration: Configuration,
  ledger: WatchedLedger,
  now: Date,
  log: Log,
): Promise<readonly Overdue[]> {
  if (configuration.state === 'valid') return watchSchedule(configuration.settings, ledger, now, log);
  logMistakes(configuration.mistakes, log);
  return [];
}

/** The same, and tells people what they were not told yet. */
export async function watchAndNotify(
  configuration: Configuration,
  { ledger, now, log, signal }: Pick<Trigger, 'ledger' | 'now' | 'log' | 'signal'>,
): Promise<void> {
  const overdue = await watch(configuration, ledger, now, log);
  await notifyDue({ ...notifyingOf(configuration), ledger, log, signal, milliseconds: WATCH_MS, overdue });
}

/** What of a plan is to be carried out, and who says so. */
export type Asked = Pick<ApplyOptions, 'approve' | 'repositories' | 'comment'>;

/**
 * Carries out an approved plan, by its id, or some repositories of it.
 * @throws {Misconfigured | PlanRefused} and whatever `dryRun` throws
 */
export async function requestedApply(
  configuration: Configuration,
  id: string,
  asked: Asked,
  trigger: Trigger,
): Promise<Applied> {
  const settings = settingsOf(configuration);
  const { registries, timeBudget, guards } = settings;
  const record = await trigger.ledger.run(id);
  const planned = record?.registry;
  const served = registries.find(({ endpoint }) => endpoint.host === planned);
  // The policy file of a request may have asked for pulls where the settings do not.
  const pulled = pulledFor(settings, (record && policiesOf(record.policy)) ?? []);
  const { ledger, log, signal } = trigger;
  const applied = applyPlan(
    id,
    ({ registry }, policies) => {
      // What it is about was looked at before; this is where the identity of the app would be shown to it.
      if (!served) throw new PolicyError('--registry', registry, notServed(settings));
      return (trigger.open ?? openRegistry)(targetOf(settings, served, concurrencyOf(policies)));
    },
    {
      ...trigger,
      timeBudget,
      evidence: evidenceFrom({ ...settings, pulled }, trigger.ledger.system.clock, trigger.openSources),
      findings: findingsFrom(settings, trigger.ledger.system.clock),
      guards,
      archive: archiveFrom(settings),
      storage: storageFrom(settings, trigger.ledger.system.clock),
      keepReleasedMilliseconds: settings.rememberMilliseconds,
      ...agreeing(settings, planned),
      fourEyes: settings.approvals.fourEyes,
      ...asked,
    },
  );
  const tell = () => notifyDue({ ...notifyingOf(configuration), ledger, log, signal, milliseconds: AFTER_RUN_MS });
  try {
    const came = await applied;
    await tell();
    return came;
  } catch (error) {
    // A request that is refused changes nothing, unless guards held the plan back.
    if (!(error instanceof PlanRefused) || error.breakers.length > 0) await tell();
    throw error;
  }
}

/** What a plan of a registry must agree with. */
function agreeing({ registries, ledger }: Settings, registry: string | undefined): Omit<Agreeing, 'now'> {
  const served = registries.find(({ endpoint }) => endpoint.host === registry);
  const configured = served?.commands.map(({ policy }) => policy);
  return {
    planAgeMilliseconds: ledger.planAgeMilliseconds,
    hosts: registries.map(({ endpoint }) => endpoint.host),
    configured: configured && recordPolicy(configured, 'settings').hash,
  };
}

/**
 * Why the app would not carry out the plan of a run any more, by its age or its policy; `undefined` where it would. A plan
 * of a registry that the app does not serve is for the command line.
 */
export function whyNotAppliedHere(configuration: Configuration, run: RunRecord, now: Date): string | undefined {
  if (configuration.state !== 'valid') return undefined;
  const { hosts: _, ...about } = agreeing(configuration.settings, run.registry);
  return whyNotApplied(run, { ...about, now });
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

type Evidence = RunOptions['evidence'];

/** What is asked what is in use, or was pulled; by the recorded policies, whose rules may ask for pulls themselves. */
interface Asking {
  readonly evidence?: Evidence | ((policies: readonly PurgePolicy[]) => Evidence);
}

function evidenceFor(record: RunRecord | undefined, { evidence }: Asking): Evidence {
  return typeof evidence === 'function' ? evidence((record && policiesOf(record.policy)) ?? []) : evidence;
}

/**
 * Carries out a plan from the command line, where there is nothing but the ledger to go by.
 * @param target where the registry is and who asks, for its host
 * @throws {PlanRefused} and whatever `dryRun` throws
 */
export async function apply(
  id: string,
  target: (host: string) => Omit<TargetOptions, 'concurrency'>,
  options: Omit<ApplyOptions, 'evidence'> & Asking,
): Promise<Applied> {
  const evidence = evidenceFor(await options.ledger.run(id), options);
  return applyPlan(
    id,
    ({ registry }, policies) => openRegistry({ ...target(registry), concurrency: concurrencyOf(policies) }),
    { ...options, evidence },
  );
}

/**
 * Resumes a run that was stopped, from the command line.
 * @param id absent: the newest that can resume
 * @param hosts only a run on one of these registries
 * @param target where the registry is and who asks, for its host
 * @throws {ResumeRefused} and whatever `dryRun` throws
 */
export async function resume(
  id: string | undefined,
  hosts: readonly string[] | undefined,
  target: (host: string) => Omit<TargetOptions, 'concurrency'>,
  options: Omit<ResumeOptions, 'evidence'> & Asking,
): Promise<RunSummary> {
  const { ledger, now } = options;
  const record = id === undefined ? await newestResumable(ledger, hosts, now) : await ledger.run(id);
  if (!record)
    throw new ResumeRefused(
      id === undefined
        ? `no run in ${ledger.place} was stopped${hosts ? ` on ${hosts.join(', ')}` : ''} and can resume`
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
    { ...options, evidence: evidenceFor(record, options) },
  );
}

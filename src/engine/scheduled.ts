import { archiveFrom } from './archive/archive.ts';
import { eachRegistry } from './batch.ts';
import type { Ledger } from '../ledger/ledger.ts';
import { recordPolicy } from '../ledger/policy-record.ts';
import type { RegistrySettings } from '../policy/registries.ts';
import type { Configuration, Settings } from '../policy/settings.ts';
import type { RegistryOutcome, RunSummary } from '../ledger/summary.ts';
import type { Log } from '../report/log.ts';
import { lastScheduled, resumeRun, type Wanted } from './resume.ts';
import { ResumeRefused } from './begin.ts';
import { run, type RunOptions } from './run.ts';
import { evidenceFrom, findingsFrom, sourcesNamed } from './sources.ts';
import { StopReason } from './stop.ts';
import { storageFrom } from './storage/used.ts';
import { configured, isDryRun, openReader, openRegistry, targetOf, type Trigger } from './registries.ts';
import { lastActivity } from './schedule-monitor.ts';
import { newTeller, notifyingOf } from './notify/tell.ts';

const DAY_MS = 86_400_000;

/**
 * The configured purge, as the timer starts it. It deletes where PURGE_DRY_RUN is false, and no command has `--dry-run`.
 * Where the last one was stopped before it was done, it resumes that instead. Several registries are done one after
 * the other; what goes wrong with one of them is its outcome.
 *
 * @throws {Misconfigured}, and for the only registry whatever `dryRun` throws
 */
export async function scheduledPurge(
  configuration: Configuration,
  trigger: Trigger,
): Promise<readonly RegistryOutcome[]> {
  const settings = configured(configuration, trigger.log);
  const { timeBudget } = settings;
  const registries = settings.registries.filter(({ commands }) => commands.length > 0);
  const [first] = registries;
  const { ledger, log, signal } = trigger;
  const teller = newTeller({ ...notifyingOf(configuration), ledger, log, signal });
  const purgeAndTell = (registry: RegistrySettings, how: Parameters<typeof purgeRegistry>[2]): Promise<RunSummary> =>
    teller.after(registry.endpoint.host, (begun) =>
      purgeRegistry(settings, registry, {
        ...how,
        onBegin(runId) {
          begun();
          how.onBegin?.(runId);
        },
      }),
    );
  try {
    const outcomes =
      first && registries.length === 1
        ? [{ registry: first.endpoint.host, summary: await purgeAndTell(first, { ...trigger, timeBudget }) }]
        : await eachRegistry(
            await longestAgoFirst(registries, ledger),
            registries,
            { ...trigger, kind: 'scheduled', startedBy: trigger.startedBy ?? 'schedule', timeBudget },
            (registry, share) => purgeAndTell(registry, { ...trigger, ...share }),
          );
    await pruneRuns(settings, ledger, log);
    return outcomes;
  } finally {
    await teller.settled();
  }
}

/** Removes the runs that are too old to be kept. Those that cannot be removed now are removed the next time. */
export async function pruneRuns({ ledger: { days } }: Settings, ledger: Ledger, log: Log): Promise<void> {
  await ledger.prune(new Date(ledger.system.clock.now() - days * DAY_MS)).catch((error: unknown) => {
    log.warn({ event: 'warning' }, (error as Error).message);
  });
}

/** What the last scheduled run of a registry must be, as the settings are now, to be resumed. */
export function wantedOf(settings: Settings, registry: RegistrySettings): Wanted {
  const policies = registry.commands.map(({ policy }) => policy);
  return {
    registry: registry.endpoint.host,
    policyHash: recordPolicy(policies, 'settings').hash,
    dryRun: isDryRun(settings, registry),
    sources: sourcesNamed(settings).map(({ source }) => source),
    findings: settings.findings,
    archive: archiveFrom(settings),
  };
}

/** Logs that a stopped run is not resumed, and why. */
export function logLeft(log: Log, runId: string, why: string): void {
  const about = { event: 'run-not-resumed', runId, kind: 'scheduled', why };
  log.warn(about, `the stopped run ${runId} is left as it is: ${why}`);
}

/** The registry that was purged the longest ago comes first, so that none starves where the time is never enough for all. */
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
  const { timeLimitSeconds } = settings;
  if (timeLimitSeconds === undefined) return runInTime(settings, registry, trigger);
  const over = new AbortController();
  const reason = new StopReason('timeout', `the timeouts of the task file (${timeLimitSeconds} s) were over`);
  const timer = trigger.ledger.system.clock.after(timeLimitSeconds * 1000, () => over.abort(reason), 'background');
  try {
    return await runInTime(settings, registry, { ...trigger, signal: anySignal(trigger.signal, over.signal) });
  } finally {
    timer.cancel();
  }
}

async function runInTime(
  settings: Settings,
  registry: RegistrySettings,
  trigger: Trigger & Pick<RunOptions, 'timeBudget'>,
): Promise<RunSummary> {
  const options = {
    ...trigger,
    kind: 'scheduled' as const,
    policyFrom: 'settings' as const,
    guards: settings.guards,
    archive: archiveFrom(settings),
    storage: storageFrom(settings, trigger.ledger.system.clock),
    evidence: evidenceFrom(settings, trigger.ledger.system.clock, trigger.openSources),
    findings: findingsFrom(settings, trigger.ledger.system.clock),
    keepReleasedMilliseconds: settings.rememberMilliseconds,
    policies: registry.commands.map(({ policy }) => policy),
  };
  const resumed = await resumeScheduled(settings, registry, options);
  if (resumed) return resumed;
  const target = targetOf(settings, registry);
  const { open = openRegistry } = trigger;
  if (isDryRun(settings, registry)) return run({ ...options, reader: await openReader(target, open) });
  const writer = await open(target);
  return run({ ...options, reader: writer, writer });
}

/** Resumes the last scheduled run, where that was stopped. `undefined`: a new one is to begin. */
async function resumeScheduled(
  settings: Settings,
  registry: RegistrySettings,
  trigger: RunOptions & Trigger,
): Promise<RunSummary | undefined> {
  const found = await lastScheduled(trigger.ledger, wantedOf(settings, registry), trigger.now);
  if (!found) return undefined;
  const leave = (why: string): void => logLeft(trigger.log, found.run.id, why);
  if (found.state === 'left') {
    leave(found.why);
    return undefined;
  }
  const target = targetOf(settings, registry);
  const { open = openRegistry } = trigger;
  try {
    return await resumeRun(
      found.run,
      { reader: () => openReader(target, open), writer: () => open(target) },
      { ...trigger, planAgeMilliseconds: settings.ledger.planAgeMilliseconds },
    );
  } catch (error) {
    if (!(error instanceof ResumeRefused)) throw error;
    leave(error.message);
    return undefined;
  }
}

function anySignal(...signals: readonly (AbortSignal | undefined)[]): AbortSignal {
  return AbortSignal.any(signals.filter((signal) => signal !== undefined));
}

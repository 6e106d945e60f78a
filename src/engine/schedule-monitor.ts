import type { Ledger } from '../ledger/ledger.ts';
import type { RunRecord } from '../ledger/records.ts';
import type { RegistrySettings, Settings } from '../policy/settings.ts';
import type { Log } from '../report/log.ts';
import type { Overdue } from '../report/notification-words.ts';
import { isDryRun } from './registries.ts';

/** How late a run may begin, or how far beyond its budget it may end, before it is missed: hosts start, timers are late. */
const GRACE_MS = 15 * 60_000;

/** A timer may be early by a little: the moment of a run is not one that went by after it. */
const EARLY_MS = 1000;

/** What is looked at. */
export type WatchedLedger = Pick<Ledger, 'runs' | 'watchedSince'>;

/**
 * Looks whether the schedule is kept, and logs it. Alerts look back two days at most and a schedule may be weekly: so
 * the app itself says what no query could find out. What is wrong is in the log, and nothing is thrown for it.
 * @returns the registries whose schedule is not kept
 */
export async function watchSchedule(
  settings: Settings,
  ledger: WatchedLedger,
  now: Date,
  log: Log,
): Promise<readonly Overdue[]> {
  const overdue: Overdue[] = [];
  for (const registry of settings.registries) {
    // The schedule passes over what has no commands.
    if (registry.commands.length === 0) continue;
    const since = await watchRegistry(settings, registry, ledger, now, log);
    if (since) overdue.push({ registry: registry.endpoint.host, since, schedule: settings.schedule.expression });
  }
  return overdue;
}

/** @returns since when it is overdue; `undefined` where it is not */
async function watchRegistry(
  settings: Settings,
  registry: RegistrySettings,
  ledger: WatchedLedger,
  now: Date,
  log: Log,
): Promise<Date | undefined> {
  const { schedule, timeBudget } = settings;
  const { endpoint } = registry;
  const [next] = schedule.next(now, 1);
  const about = {
    event: 'watch',
    registry: endpoint.host,
    schedule: schedule.expression,
    dryRun: isDryRun(settings, registry),
    ...(next && { nextRun: next.toISOString() }),
  };
  let found: { readonly last: RunRecord | undefined; readonly since: Date };
  try {
    found = await lastKept(ledger, endpoint.host, timeBudget.milliseconds, now);
  } catch (error) {
    // It is not known whether a run is missing, so the record does not say that none is.
    const { message } = error as Error;
    log.error({ ...about, error: { message } }, `the record of runs cannot be read: ${message}`);
    return undefined;
  }
  const { last, since } = found;
  const overdue = !(last && mayBeAtWork(last, timeBudget.milliseconds, now)) && isMissed(since, schedule, now);
  const record = {
    ...about,
    ...(last && { lastRun: last.started, lastRunId: last.id, lastState: last.state }),
    overdue,
  };
  if (overdue) log.error(record, `no scheduled run has come to its end since ${since.toISOString()}: two are missing`);
  else
    log.info(
      record,
      last ? 'the schedule is kept' : `no scheduled run is recorded; watched since ${since.toISOString()}`,
    );
  return overdue ? since : undefined;
}

/** Runs that are looked through for one that did not die. More would not change what is said. */
const MOST_DEAD = 50;

/**
 * The newest scheduled run, and since when none is known to have been: since the newest one ended whose process did not
 * die. Where all have died, since the first of those; where there is none, since the schedule is watched.
 */
async function lastKept(
  ledger: WatchedLedger,
  registry: string,
  budgetMilliseconds: number,
  now: Date,
): Promise<{ readonly last: RunRecord | undefined; readonly since: Date }> {
  let last: RunRecord | undefined;
  let since: Date | undefined;
  let count = 0;
  for await (const run of ledger.runs({ registry, kinds: ['scheduled'] })) {
    last ??= run;
    const hasDied =
      run.state === 'interrupted' || (run.state === 'running' && !mayBeAtWork(run, budgetMilliseconds, now));
    since = hasDied ? new Date(run.started) : lastActivity(run);
    if (!hasDied || ++count === MOST_DEAD) break;
  }
  return { last, since: since ?? (await ledger.watchedSince(registry, now)) };
}

/** When a run last began, resumed or ended: one that is stopped resumes in slices, and each is as good as a run. */
export function lastActivity({ started, resumed, ended, progress }: RunRecord): Date {
  const moments = [started, resumed?.at(-1)?.at ?? started, progress.at ?? started, ended ?? started];
  return new Date(moments.reduce((last, at) => Math.max(last, Date.parse(at)), Number.NEGATIVE_INFINITY));
}

/** The process of a run that should have stopped itself long ago has died, whatever its record says. */
function mayBeAtWork(run: RunRecord, budgetMilliseconds: number, now: Date): boolean {
  return run.state === 'running' && now.getTime() - lastActivity(run).getTime() <= budgetMilliseconds + GRACE_MS;
}

/** Two moments of the schedule have gone by: that is twice the interval, however uneven its pauses are. */
function isMissed(since: Date, schedule: Settings['schedule'], now: Date): boolean {
  const [, second] = schedule.next(new Date(since.getTime() + EARLY_MS), 2);
  return second !== undefined && second.getTime() + GRACE_MS < now.getTime();
}

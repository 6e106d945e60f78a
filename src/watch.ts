import type { LedgerReader } from './ledger/reader.ts';
import type { RunRecord } from './ledger/types.ts';
import type { Settings } from './policy/settings.ts';
import type { Log } from './report/log.ts';
import { isDryRun } from './target.ts';

/** How late a run may begin, or how far beyond its budget it may end, before it is missed: hosts start, timers are late. */
const GRACE_MS = 15 * 60_000;

/** A timer may be early by a little: the moment of a run is not one that went by after it. */
const EARLY_MS = 1000;

/**
 * Looks whether the schedule is kept, and logs it. Alerts look back two days at most and a schedule may be weekly: so
 * the app itself says what no query could find out. What is wrong is in the log, and nothing is thrown for it.
 */
export async function watchSchedule(settings: Settings, ledger: LedgerReader, now: Date, log: Log): Promise<void> {
  const { schedule, endpoint, timeBudget } = settings;
  const [next] = schedule.next(now, 1);
  const about = {
    event: 'watch',
    registry: endpoint.host,
    schedule: schedule.expression,
    dryRun: isDryRun(settings),
    ...(next && { nextRun: next.toISOString() }),
  };
  let last: RunRecord | undefined;
  try {
    last = await newestScheduled(ledger, endpoint.host);
  } catch (error) {
    // Whether a run is missing nobody knows, so the record does not say that none is.
    const { message } = error as Error;
    log.error({ ...about, error: { message } }, `the record of runs cannot be read: ${message}`);
    return;
  }
  if (!last) {
    log.info({ ...about, overdue: false }, 'no scheduled run is recorded, so nobody knows whether one is missing');
    return;
  }
  const overdue = !mayBeAtWork(last, timeBudget.milliseconds, now) && isMissed(lastActivity(last), schedule, now);
  const found = { ...about, lastRun: last.started, lastRunId: last.id, lastState: last.state, overdue };
  if (overdue) log.error(found, `no scheduled run since ${lastActivity(last).toISOString()}: two are missing`);
  else log.info(found, 'the schedule is kept');
}

async function newestScheduled(ledger: LedgerReader, registry: string): Promise<RunRecord | undefined> {
  for await (const run of ledger.runs({ registry, kinds: ['scheduled'] })) return run;
  return undefined;
}

/** When a run last began, went on or ended: one that is stopped goes on in slices, and each is as good as a run. */
function lastActivity({ started, resumed, ended }: RunRecord): Date {
  return new Date(Math.max(...[started, resumed?.at(-1)?.at ?? started, ended ?? started].map((at) => Date.parse(at))));
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

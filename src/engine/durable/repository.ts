import { ConflictError } from '../../ledger/store/store.ts';
import type { Ledger } from '../../ledger/ledger.ts';
import type { RepositoryRecord, RunRecord } from '../../ledger/records.ts';
import { type RepositorySummary, unfinishedRepository } from '../../ledger/summary.ts';
import type { DecisionError, Decisions } from '../../planner/decision.ts';
import type { TimeBudget } from '../../policy/duration.ts';
import { PolicyError } from '../../policy/errors.ts';
import type { Settings } from '../../policy/settings.ts';
import type { Clock } from '../../registry/clock.ts';
import { mayDoBetter } from '../../registry/errors.ts';
import { checksFirst } from '../../registry/request.ts';
import { watchForCancel } from '../cancel.ts';
import type { RunContext } from '../context.ts';
import { commandsFor, recordMatched } from '../list.ts';
import { isLeft, isOver, isPlanned, triedIn } from '../merge.ts';
import { isNothingLeft, type Pass, processRepository } from '../repository.ts';
import { checkLocks, startBudget } from '../stop.ts';
import { type App, contextOf, inRepository, isOwn } from './context.ts';
import { millisecondsLeft } from './cut-short.ts';
import type { Attempted, GivenUp, GiveUp, Matched, ProcessRepository, Run } from './messages.ts';
import { afterAttempt, counted, recordProgress, tellProgress } from './progress.ts';

/**
 * Processes one repository in one pass, for as long as RUN_TIME_BUDGET lasts. Repeated, or twice at the same time, it comes
 * to the same: one worker has a repository at a time, and what an earlier one left open is completed first.
 *
 * @throws where it cannot be done now, and may be later
 */
export async function attemptRepository(app: App, about: ProcessRepository): Promise<Attempted> {
  const { ledger } = app;
  const { clock } = ledger.system;
  const { run, repository: name, worker } = about;
  // A dry run only plans, whatever the orchestration was told.
  const pass = run.dryRun ? 'plan' : about.pass;
  const attempted = await inRepository<Attempted>(app, about, async (open, registry, locks) => {
    const { record, policies } = open;
    // Nothing is carried out that the guards were not asked about, whatever the orchestration was told.
    if (pass === 'carry out' && !record.breakersAsked) return { state: 'over' };
    await tellProgress(ledger, run, record, worker);
    const before = await ledger.repository(record.id, name);
    const abort = new AbortController();
    const signal = AbortSignal.any([abort.signal, app.signal, ...locks.map(({ lost }) => lost)]);
    checksFirst(signal, () => checkLocks(locks, abort));
    const own = contextOf(app, open, registry, signal, locks);
    const context = pass === 'plan' ? { ...own, writes: whileOpen(app, run, own.writes) } : own;
    const commands = await commandsFor(name, policies, context.match);
    // Where the answer of an earlier attempt was lost, it is not certain of any of its filters that it matches nothing.
    if (before && pass !== 'carry out')
      for (const { filters } of commands) for (const filter of filters) context.matched.add(filter);
    // The guards have been asked, and not about this repository: it is not planned any more.
    const isTooLate = pass === 'plan' && record.breakersAsked;
    if (isTooLate && !before) return { state: 'done', matched: recordMatched(context.matched, policies) };
    if (before && (isTooLate || isNothingLeft(record, pass, before)))
      return attemptedAs(before, pass, recordMatched(context.matched, policies));
    const budget = startBudget(sliceOf(app.settings(), record, clock), abort, clock);
    checksFirst(signal, budget.check);
    const cancel = watchForCancel(ledger, record.id, abort);
    try {
      // It may have been cancelled since the record was read.
      if (await cancel.cancellation()) return { state: 'over' };
      const processed = await processRepository(context, pass, { name, commands, before });
      if (processed.state === 'planned' && (await ledger.run(record.id))?.breakersAsked)
        await planTooLate(ledger, record.id, name);
      const matched = recordMatched(context.matched, policies);
      if (processed.state === 'absent') return { state: 'done', matched };
      const { summary } = processed.record;
      if (processed.state === 'final' && isLeft(summary)) {
        if (await cancel.cancellation()) return { state: 'over' };
        if (!locks.every((lock) => lock.isHeld())) return { state: 'busy' };
        return { state: 'left', moved: triedIn(summary) > (before ? triedIn(before.summary) : 0), matched };
      }
      const state = attemptedAs(processed.record, pass, matched);
      if (state.state !== 'failed' || processed.state !== 'final') return state;
      return { ...state, again: hasFailed(processed.decisions) || mayPass(processed.record) };
    } catch (error) {
      // Another worker has it after all.
      if (error instanceof ConflictError) return { state: 'busy' };
      // It would take as long everywhere.
      if (error instanceof PolicyError) return { state: 'hopeless', why: error.message };
      throw error;
    } finally {
      budget.clear();
      cancel.clear();
    }
  });
  if (about.isLast && attempted) await recordProgress(ledger, run, afterAttempt(worker, pass, attempted));
  return attempted ?? { state: 'over' };
}

/**
 * Records a plan only while its run is open: what was done before a worker came to it may have been begun anew, and closed
 * the record with what was there by then. A purge need not look: what it deletes is completed by the next run.
 */
function whileOpen({ ledger }: App, run: Run, written: RunContext['writes']): RunContext['writes'] {
  return {
    ...written,
    repository(name) {
      const writer = written.repository(name);
      return {
        ...writer,
        async write(summary, decisions) {
          const record = await ledger.run(run.runId);
          if (!record || !isOwn(record, run)) throw new ConflictError(`the run ${run.runId} was closed meanwhile`);
          return writer.write(summary, decisions);
        },
      };
    },
  };
}

/**
 * Marks a plan as failed that was recorded after the guards were asked, by a repeated attempt. The caller holds the
 * repository's lock.
 */
export async function planTooLate(ledger: Ledger, runId: string, repository: string): Promise<void> {
  const known = (await ledger.repository(runId, repository))?.summary;
  await recordFailed(ledger, runId, {
    repository,
    known,
    error: { message: 'planned after the guards had been asked' },
  });
}

interface FailedRepository {
  readonly repository: string;
  readonly known: RepositorySummary | undefined;
  readonly error: DecisionError;
  readonly stage?: RepositorySummary['stage'] | undefined;
}

/** Records that a repository failed, with what was decided in it before. */
async function recordFailed(
  ledger: Ledger,
  runId: string,
  { repository, known, error, stage }: FailedRepository,
): Promise<void> {
  const decisions = known ? await Array.fromAsync(ledger.decisions(runId, { repository })) : [];
  const failed = unfinishedRepository(repository, 'failed', error, decisions, known?.listed);
  const written = ledger.writer(runId).repository(repository);
  await written.write({ ...failed, ...(stage && { stage }) }, decisions);
}

/** Records a repository as failed that keeps failing, where its record does not say so itself. */
export async function giveUp(app: App, { error, ...about }: GiveUp): Promise<GivenUp> {
  const { ledger } = app;
  const { repository, run, worker, pass, isLast } = about;
  const given = await inRepository<GivenUp>(app, about, async ({ record }) => {
    const known = (await ledger.repository(record.id, repository))?.summary;
    // Done, and something in it failed: its decisions say what.
    if (known && known.state !== 'stopped') return { state: 'recorded' };
    const parts = [error?.message, known?.error?.message].filter((part) => part !== undefined);
    const message = [...new Set(parts)].join(': ') || 'it failed';
    const why = { ...known?.error, ...error, message };
    await recordFailed(ledger, record.id, { repository, known, error: why, stage: known?.stage });
    return { state: 'recorded' };
  });
  if (isLast && given?.state === 'recorded') await recordProgress(ledger, run, counted(worker, pass, 1));
  return given ?? { state: 'over' };
}

/** How long an attempt may last: what is left of the task file's time, if that is less. */
function sliceOf(settings: Settings, record: RunRecord, clock: Clock): TimeBudget {
  const { timeBudget } = settings;
  const milliseconds = Math.min(timeBudget.milliseconds, millisecondsLeft(settings, record, clock));
  return { ...timeBudget, milliseconds };
}

function attemptedAs(record: RepositoryRecord, pass: Pass, matched: Matched): Attempted {
  if (pass === 'plan' && isPlanned(record)) return { state: 'planned', matched };
  return isOver(record) ? { state: 'done', matched } : { state: 'failed', again: false, matched };
}

/** Whether a deletion failed: what was refused is refused the next time as well, and what failed may not fail again. */
function hasFailed(decisions: Decisions): boolean {
  for (const decision of decisions) if (decision.action === 'delete' && decision.outcome === 'failed') return true;
  return false;
}

function mayPass({ summary: { state, error } }: RepositoryRecord): boolean {
  return state === 'failed' && mayDoBetter(error?.status);
}

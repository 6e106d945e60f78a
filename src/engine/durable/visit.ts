import { nobody, thisProcess } from '../begin.ts';
import { watchForCancel } from '../cancel.ts';
import { purgeOne } from '../carry-out.ts';
import { isOver } from '../earlier.ts';
import { newMatch, secondsOf } from '../matching.ts';
import type { Ledger } from '../../ledger/ledger.ts';
import { ConflictError, HeldError, type Lock } from '../../ledger/store/store.ts';
import type { RepositoryRecord, RunRecord } from '../../ledger/records.ts';
import type { Decision, DecisionError } from '../../planner/decision.ts';
import type { TimeBudget } from '../../policy/duration.ts';
import { PolicyError } from '../../policy/errors.ts';
import type { TagFilter } from '../../policy/filter.ts';
import type { Settings } from '../../policy/settings.ts';
import { recoverRepository } from '../recover.ts';
import { interruptible } from '../../registry/abortable.ts';
import type { Registry } from '../../registry/types.ts';
import { type RepositorySummary, unfinishedRepository } from '../../ledger/summary.ts';
import { recordMatched, selectRepositories } from '../select.ts';
import { carryOutPlanned, planAhead, planOne, type Plot } from '../steps.ts';
import { startBudget } from '../stop.ts';
import { isLeft, newTally } from '../tally.ts';
import { finisher, type Work } from '../work.ts';
import { mayDoBetter } from './answering.ts';
import { afterVisit, counted, recordProgress, tellProgress } from './far.ts';
import { type AtWork, atWork, type House, logOf, millisecondsLeft, targetOf } from './house.ts';
import type { GivenUp, GiveUp, Matched, Pass, Run, Visit, Visited } from './messages.ts';

/**
 * Does what is left to do in one repository, for as long as RUN_TIME_BUDGET lasts. Done again, or twice at the same time,
 * it comes to the same: one worker has a repository at a time, and what it left open is completed first.
 *
 * @throws where it cannot be done now, and may be later
 */
export async function visit(house: House, about: Visit): Promise<Visited> {
  const { run, pass, repository, lane } = about;
  const visited = await inRepository<Visited>(house, about, async (at, registry, lost) => {
    const { record, policies, log } = at;
    const { ledger } = house;
    // Nothing is carried out that the breakers were not asked about, whatever the orchestration was told.
    if (pass === 'carry-out' && !record.breakersAsked) return { state: 'over' };
    await tellProgress(ledger, run, record, lane);
    const before = await ledger.repository(record.id, repository);
    const match = newMatch(secondsOf(policies));
    const tasks = (await selectRepositories(registry, { policies, match, among: [repository] })).get(repository) ?? [];
    // Where an earlier attempt was not heard of, it is certain of none of its filters that it matches nothing.
    const isUnheard = before !== undefined && pass !== 'carry-out';
    const matched = new Set<TagFilter>(isUnheard ? tasks.flatMap(({ filters }) => filters) : []);
    // The breakers were asked: what they were not asked about is not planned any more, and stays as it is.
    const isTooLate = pass === 'plan-ahead' && record.breakersAsked;
    if (isTooLate && !before) return { state: 'done', matched: recordMatched(matched, policies) };
    if (before && (isTooLate || !isLeftIn(before, pass)))
      return stateOf(before, pass, recordMatched(matched, policies));
    const abort = new AbortController();
    const budget = startBudget(sliceOf(house.settings(), record), abort);
    const cancel = watchForCancel(ledger, record.id, abort);
    const signal = AbortSignal.any([abort.signal, house.signal, ...lost]);
    const tally = newTally();
    const failures: Decision[] = [];
    const work: Work = {
      context: {
        reader: interruptible(registry, signal),
        now: new Date(record.agesFrom),
        signal,
        preview: record.dryRun,
        matched,
        match,
        log,
        facts: (name) => ledger.manifestCache(record.registry, name),
      },
      ledger,
      written: ledger.writer(record.id),
      selected: new Map([[repository, tasks]]),
      earlier: new Map(before && [[repository, before]]),
      concurrency: 1,
      tally,
      onDecisions: (decisions) => {
        for (const decision of decisions) if (hasFailed(decision)) failures.push(decision);
      },
      onDone: () => undefined,
      onPlanned: () => undefined,
    };
    try {
      const site = { work, writer: registry, name: repository, tasks, finish: finisher(work) };
      const ahead = await step(site, pass, before, at);
      if (ahead?.summary.stage === 'planned' && (await ledger.run(record.id))?.breakersAsked)
        await planTooLate(ledger, record.id, repository);
      const after = ahead ?? tally.records()[0];
      const places = recordMatched(matched, policies);
      if (!after) return { state: 'done', matched: places };
      if (isLeft(after.summary) && !isPlannedAhead(after, pass)) {
        if (await cancel.cancellation()) return { state: 'over' };
        if (lost.some(({ aborted }) => aborted)) return { state: 'busy' };
        return { state: 'left', moved: triedIn(after) > triedIn(before), matched: places };
      }
      const state = stateOf(after, pass, places);
      return state.state === 'failed' ? { ...state, again: failures.length > 0 || mayPass(after) } : state;
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
  if (about.isLast && visited) await recordProgress(house.ledger, run, afterVisit(lane, pass, visited));
  return visited ?? { state: 'over' };
}

/**
 * Takes a plan back that the breakers were not asked about: by a visit that was done again, and came later than they.
 * To be called by whoever holds the repository's lock.
 */
export async function planTooLate(ledger: Ledger, runId: string, repository: string): Promise<void> {
  const known = (await ledger.repository(runId, repository))?.summary;
  const error = { message: 'planned after the breakers had been asked' };
  await recordFailed(ledger, runId, { repository, known, error });
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

/** What is done in a pass. Returns the record of what is carried out later. */
async function step(
  site: Plot & { readonly writer: Registry },
  pass: Pass,
  before: RepositoryRecord | undefined,
  { record }: AtWork,
): Promise<RepositoryRecord | undefined> {
  // A dry run only plans, whatever the orchestration was told.
  if (pass === 'plan-ahead' && !record.dryRun) return planAhead(site);
  if (pass === 'plan' || record.dryRun) await planOne(site);
  else if (pass === 'purge') await purgeOne(site);
  else if (before) await carryOutPlanned(site, before, record.breakers);
  return undefined;
}

/** Marks a repository as failed that keeps failing, where its record does not say so itself. */
export async function giveUp(house: House, { error, ...where }: GiveUp): Promise<GivenUp> {
  const { repository, run, lane, pass, isLast } = where;
  const given = await inRepository<GivenUp>(house, where, async ({ record }) => {
    const { ledger } = house;
    const known = (await ledger.repository(record.id, repository))?.summary;
    // Done, and something in it failed: its decisions say what.
    if (known && known.state !== 'stopped') return { state: 'recorded' };
    const parts = [error?.message, known?.error?.message].filter((part) => part !== undefined);
    const message = [...new Set(parts)].join(': ') || 'it failed';
    const why = { ...known?.error, ...error, message };
    await recordFailed(ledger, record.id, { repository, known, error: why, stage: known?.stage });
    return { state: 'recorded' };
  });
  if (isLast && given?.state === 'recorded') await recordProgress(house.ledger, run, counted(lane, pass, 1));
  return given ?? { state: 'over' };
}

/** How long a visit may last: what is left of the task file's time, if that is less. */
function sliceOf(settings: Settings, record: RunRecord): TimeBudget {
  const { timeBudget } = settings;
  const milliseconds = Math.min(timeBudget.milliseconds, millisecondsLeft(settings, record));
  return { ...timeBudget, milliseconds };
}

type Where = Pick<Visit, 'run' | 'repository' | 'pass'>;

/**
 * Works on a repository that nobody else works on meanwhile. What a worker left open in it is completed first. Nothing
 * where the run is over; `busy` where somebody else has it.
 */
async function inRepository<T>(
  house: House,
  { run, repository, pass }: Where,
  work: (at: AtWork, registry: Registry, lost: readonly AbortSignal[]) => Promise<T>,
): Promise<T | { readonly state: 'busy' } | undefined> {
  const { ledger } = house;
  try {
    return await locked(house, { run, repository, pass }, async (lost) => {
      // Only now: whoever had the lock before may have closed it.
      const at = await atWork(house, run);
      if (!at) return undefined;
      const { record, target, log } = at;
      return house.connections.using(target, async (registry) => {
        const written = ledger.writer(record.id);
        if (!record.dryRun) await recoverRepository(ledger, registry, { written, record, repository, log });
        return work(at, registry, lost);
      });
    });
  } catch (error) {
    if (!(error instanceof HeldError)) throw error;
    // Whoever has the registry may have closed the run: then there is nothing to wait for.
    return (await atWork(house, run)) && { state: 'busy' };
  }
}

/**
 * Does something in a repository that no other worker of the run is in, and no other run where it may change something.
 * @param work is told when that does not hold any more
 * @throws {HeldError} where somebody else is
 */
export async function locked<T>(
  { ledger }: House,
  { run, repository, pass }: Where,
  work: (lost: readonly AbortSignal[]) => Promise<T>,
): Promise<T> {
  const anybody = nobody(run.runId, 'orchestration');
  const holder = { ...anybody, ...thisProcess() };
  const locks: Lock[] = [];
  try {
    // Other runs may plan it at the same time; of two workers of this one, one that is stopped would undo the other's.
    if (pass === 'plan') locks.push(await ledger.lockRepository(run.registry, `${repository} ${run.runId}`, holder));
    else {
      locks.push(await ledger.lockShared(run.registry, anybody, run.sharedBy));
      locks.push(await ledger.lockRepository(run.registry, repository, holder));
    }
    return await work(locks.map(({ lost }) => lost));
  } finally {
    for (const lock of locks.reverse()) await lock.release();
  }
}

/**
 * Completes what a worker left open in a repository that has ended, of a run that is over.
 * @throws {HeldError} where one still works on it
 */
export async function complete(house: House, run: Run, repository: string): Promise<void> {
  const { ledger } = house;
  const record = await ledger.run(run.runId);
  if (!record) return;
  const about = { written: ledger.writer(record.id), record, repository, log: logOf(house.log, record) };
  await locked(house, { run, repository, pass: 'carry-out' }, () =>
    house.connections.using(targetOf(house.settings(), run.registry, 1), (registry) =>
      recoverRepository(ledger, registry, about),
    ),
  );
}

/** Whether something is left to do in a repository in this pass. */
export function isLeftIn(record: RepositoryRecord, pass: Pass): boolean {
  if (pass === 'carry-out') return !isOver(record) && record.summary.stage === 'planned';
  return !isOver(record) && !isPlannedAhead(record, pass);
}

function isPlannedAhead({ summary }: RepositoryRecord, pass: Pass): boolean {
  return pass === 'plan-ahead' && summary.stage === 'planned';
}

function stateOf(record: RepositoryRecord, pass: Pass, matched: Matched): Visited {
  if (isPlannedAhead(record, pass)) return { state: 'planned', matched };
  if (isOver(record)) return { state: 'done', matched };
  return { state: 'failed', again: false, matched };
}

/** How much of a repository has been carried out, or was tried. */
function triedIn(record: RepositoryRecord | undefined): number {
  if (!record) return 0;
  const { tags, manifests } = record.summary;
  return [tags, manifests].reduce((sum, { deleted, alreadyGone, failed }) => sum + deleted + alreadyGone + failed, 0);
}

/** What was refused is refused the next time as well; what failed may not fail again. */
function hasFailed(decision: Decision): boolean {
  return decision.action === 'delete' && decision.outcome === 'failed';
}

function mayPass({ summary: { state, error } }: RepositoryRecord): boolean {
  return state === 'failed' && mayDoBetter(error?.status);
}

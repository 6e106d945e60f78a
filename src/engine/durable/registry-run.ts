import { beginRecord, freshRecord, thisProcess, nobody } from '../begin.ts';
import { conclude } from '../conclude.ts';
import { passCancellationOn } from '../batch.ts';
import { eachOf } from '../each.ts';
import { isOver } from '../earlier.ts';
import { newMatch, secondsOf } from '../matching.ts';
import { NOTHING_PLANNED } from '../../ledger/plan-hash.ts';
import type { Ledger } from '../../ledger/ledger.ts';
import { policiesOf } from '../../ledger/policy-record.ts';
import { HeldError, type Lock } from '../../ledger/store/store.ts';
import { cancelledInWords, type RepositoryRecord, type RunRecord } from '../../ledger/records.ts';
import { isGuarded, isPlannedOrOver } from '../phases.ts';
import { usualOf } from '../../planner/guards.ts';
import type { TagFilter } from '../../policy/filter.ts';
import type { RegistrySettings, Settings } from '../../policy/settings.ts';
import { recover } from '../recover.ts';
import { StoppedError } from '../../registry/errors.ts';
import { interruptible } from '../../registry/abortable.ts';
import { total, unfinishedRepository } from '../../ledger/summary.ts';
import { lastScheduled, whyNotTakenUp } from '../resume.ts';
import { ResumeRefused } from '../run.ts';
import { logLeft, pruneRuns, wantedOf } from '../scheduled.ts';
import { matchedBefore, recordMatched, selectAndRecord, selectedBefore } from '../select.ts';
import { STOPPED } from '../steps.ts';
import { startBudget, stopOf, StopReason } from '../stop.ts';
import { isLeft, newTally } from '../tally.ts';
import { concurrencyOf, isDryRun } from '../target.ts';
import { deletionsIn, lastDeletions, askGuards } from '../guards.ts';
import { foreseeIn } from './foresee.ts';
import { recordProgress } from './far.ts';
import { atWork, holding, type House, isOurs, logOf, startOf, underParent, whyCutShort } from './house.ts';
import type {
  Asked,
  Begin,
  Begun,
  End,
  Ended,
  Errand,
  Listed,
  Page,
  Pass,
  Refuse,
  Run,
  Start,
  TurnPage,
} from './messages.ts';
import { complete, isLeftIn, locked, planTooLate } from './visit.ts';

/** Begins the run of a registry, or goes on with the one that was stopped. Done again, it finds what it has begun. */
export async function begin(house: House, { start, errand }: Begin): Promise<Begun> {
  const { ledger } = house;
  const settings = house.settings();
  const begun = async (record: RunRecord): Promise<Begun> => {
    if (start.parent !== undefined) {
      // Each time: the first attempt may have ended right before.
      await ledger.child(start.parent, { registry: record.registry, runId: record.id });
      await passCancellationOn(ledger, start.parent, record.id);
    }
    const policies = policiesOf(record.policy) ?? [];
    // None of several workers may have less than one call in flight.
    const parallelism = Math.min(settings.parallelism, policies.length === 0 ? 1 : concurrencyOf(policies));
    const run = {
      runId: record.id,
      registry: record.registry,
      by: start.by,
      sharedBy: errand.runId,
      parallelism,
    };
    // Of one that goes on, and did not record it, nobody knows which of its filters matched nothing.
    const known = record.matched || record.resumed ? matchedBefore(record.matched, policies) : new Set<TagFilter>();
    // A worker that begins it again has not heard of it: no lane has begun.
    const { done, planned = 0 } = record.progress;
    const far = { done, planned };
    return { state: 'begun', run, passes: passesOf(record), matched: recordMatched(known, policies), far };
  };
  const before = await begunBefore(ledger, start, errand);
  if (before) return before === 'over' ? { state: 'over' } : begun(before);
  const cancelled = start.parent === undefined ? undefined : await ledger.cancellation(start.parent);
  if (start.parent !== undefined && cancelled) {
    const error = { message: `not begun: ${cancelledInWords(cancelled)}` };
    await ledger.child(start.parent, { registry: errand.registry, error, notBegun: 'cancel' });
    return { state: 'over' };
  }
  const served = settings.registries.find(({ endpoint }) => endpoint.host === errand.registry);
  if (!served || served.commands.length === 0) {
    const error = { message: `not begun: the app does not purge ${errand.registry} any more` };
    if (start.parent !== undefined) await ledger.child(start.parent, { registry: errand.registry, error });
    return { state: 'over' };
  }
  try {
    const record = await beginScheduled(house, settings, served, { start, errand });
    return record === 'over' ? { state: 'over' } : await begun(record);
  } catch (error) {
    if (error instanceof HeldError) return { state: 'held', message: error.message };
    throw error;
  }
}

/** The run that an earlier attempt has begun, or gone on with. */
async function begunBefore(ledger: Ledger, start: Start, errand: Errand): Promise<RunRecord | 'over' | undefined> {
  const known = await ledger.run(errand.runId);
  if (known) return known.state === 'running' ? known : 'over';
  // The run of a request is begun by whoever was asked.
  if (start.kind === 'dry-run') return 'over';
  for await (const last of ledger.runs({ registry: errand.registry, kinds: ['scheduled'] }))
    return startOf(last) === start.by ? (last.state === 'running' ? last : 'over') : undefined;
  return undefined;
}

function passesOf({ dryRun, guards, breakersAsked }: RunRecord): readonly Pass[] {
  if (dryRun) return ['plan'];
  // Nothing may go that they were not asked about.
  if (breakersAsked) return ['carry-out'];
  return isGuarded(guards) ? ['plan-ahead', 'carry-out'] : ['purge'];
}

async function beginScheduled(
  house: House,
  settings: Settings,
  served: RegistrySettings,
  { start, errand }: Begin,
): Promise<RunRecord | 'over'> {
  const { ledger } = house;
  const { endpoint, commands } = served;
  const policies = commands.map(({ policy }) => policy);
  const dryRun = isDryRun(settings, served);
  const { startedBy, by, parent, pastDue } = start;
  const now = new Date(start.now);
  const fresh = freshRecord({
    id: errand.runId,
    kind: 'scheduled',
    dryRun,
    startedBy,
    by,
    parent,
    registry: endpoint.host,
    policies,
    policyFrom: 'settings',
    now,
    holder: nobody(errand.runId, startedBy),
    guards: settings.guards,
  });
  const locks: Lock[] = [];
  try {
    if (!dryRun) {
      locks.push(await ledger.lockShared(endpoint.host, fresh.holder, errand.runId));
      // The same activity at the same time shares that one, and must not take the run for one whose process has ended.
      locks.push(await ledger.lockRepository(endpoint.host, BEGINNING, { ...fresh.holder, ...thisProcess() }));
      const before = await begunBefore(ledger, start, errand);
      if (before) return before;
    }
    const log = logOf(house.log, fresh);
    const { warnings, locksLost } = dryRun
      ? { warnings: [], locksLost: 0 }
      : await house.connections.using(
          { endpoint, concurrency: concurrencyOf(policies), ...settings.identity },
          (registry) => recover(ledger, registry, log),
        );
    const found = await lastScheduled(ledger, wantedOf(settings, served), now);
    if (found?.state === 'left') logLeft(underParent(house.log, start), found.run.id, found.why);
    const stopped = found?.state === 'resumable' ? found.run : undefined;
    const goneOn =
      stopped &&
      (await beginRecord(ledger, fresh, {
        id: stopped.id,
        check(current) {
          const why = whyNotTakenUp(current, stopped, now);
          if (why !== undefined) throw new ResumeRefused(why);
        },
      }).catch((error: unknown) => {
        if (!(error instanceof ResumeRefused)) throw error;
        logLeft(underParent(house.log, start), stopped.id, error.message);
        return undefined;
      }));
    const { record, written } = goneOn ?? (await beginRecord(ledger, fresh, undefined));
    // What an earlier slice of it could not put back was that one's failure.
    if (warnings.length > 0 || record.locksLost !== undefined)
      await written.update({ warnings: [...record.warnings, ...warnings], locksLost });
    if (goneOn) logOf(house.log, record).resumed(record);
    else log.started(policies, { startedBy, pastDue });
    return record;
  } finally {
    for (const lock of locks.reverse()) await lock.release();
  }
}

/** What is locked while a run is begun: no repository is called so. */
const BEGINNING = '';

/** Finds out which repositories a run is about. */
export async function select(house: House, run: Run): Promise<Listed> {
  const { ledger } = house;
  const abort = new AbortController();
  const budget = startBudget(house.settings().timeBudget, abort);
  try {
    const listed = await holding(house, run, async ({ record, policies, target }): Promise<Listed> => {
      const signal = AbortSignal.any([abort.signal, house.signal]);
      const selected = await house.connections.using(target, (registry) =>
        selectAndRecord(interruptible(registry, signal), {
          ledger,
          written: ledger.writer(record.id),
          record,
          policies,
          match: newMatch(secondsOf(policies)),
          mayBeRecorded: true,
        }),
      );
      return { state: 'listed', of: selected.size };
    });
    return listed ?? { state: 'over' };
  } catch (error) {
    if (error instanceof StoppedError) return { state: 'left' };
    throw error;
  } finally {
    budget.clear();
  }
}

/** Repositories of a page: few enough for the history, and so that the lanes have about as much to do. */
const PAGE = 25;

/** Records that are read at once. */
const READ_AT_ONCE = 8;

/** Hands out a page of repositories, and records how far the lane is. */
export async function page(house: House, { run, pass, page: nth, lane }: TurnPage): Promise<Page> {
  const at = await atWork(house, run);
  if (!at) return { state: 'over' };
  const { ledger } = house;
  const selected = (await ledger.selected(run.runId)) ?? [];
  await recordProgress(ledger, run, lane, selected.length);
  const some = selected.slice(nth * PAGE, (nth + 1) * PAGE).map(({ repository }) => repository);
  const open: string[] = [];
  await eachOf(some, READ_AT_ONCE, async (name) => {
    const record = await ledger.repository(run.runId, name);
    if (record ? isLeftIn(record, pass) : pass !== 'carry-out') open.push(name);
  });
  return { state: 'page', names: some.filter((name) => open.includes(name)), size: PAGE };
}

/** Asks the breakers about everything that is planned. That they were asked is recorded before anything goes, and once. */
export async function breakers(house: House, run: Run): Promise<Asked> {
  const asked = await holding<Asked>(house, run, async ({ record, target, log }) => {
    if (record.breakersAsked) return { state: 'asked' };
    const { ledger } = house;
    const records = await Array.fromAsync(ledger.repositories(run.runId));
    const going = records.filter(isPlannedOrOver).map(deletionsIn);
    const holds = await house.connections.using(target, (registry) =>
      askGuards(going, record.guards ?? {}, { ledger, registry, name: record.registry }),
    );
    // The same activity may have asked them before, and something been carried out since.
    const changed = await ledger.changeRun(run.runId, (now) =>
      isOurs(now, run) && !now.breakersAsked ? { ...now, breakers: holds, breakersAsked: true } : now,
    );
    if (changed.breakers === holds) for (const hold of holds) log.heldBack(hold, run.runId);
    // A visit that was done again may have planned something meanwhile, and not know yet that it was too late.
    const known = new Set(going.map(({ repository }) => repository));
    for await (const { summary } of ledger.repositories(run.runId)) {
      const { repository, stage } = summary;
      if (stage === 'planned' && !known.has(repository))
        await locked(house, { run, repository, pass: 'plan-ahead' }, () => planTooLate(ledger, run.runId, repository));
    }
    return { state: changed.breakersAsked ? 'asked' : 'over' };
  });
  return asked ?? { state: 'over' };
}

/** Sums a run up, and closes its record. One that is closed stays as it is, and is only completed. */
export async function end(house: House, about: End): Promise<Ended> {
  const { ledger } = house;
  const { run } = about;
  const known = await ledger.run(run.runId);
  if (!known) return { runId: run.runId, state: 'unknown' };
  if (known.dryRun) return close(house, about);
  // Nobody goes on with it while it is closed.
  const lock = await ledger.lockShared(run.registry, nobody(run.runId, 'orchestration'), run.sharedBy);
  try {
    return await close(house, about);
  } finally {
    await lock.release();
    await ledger.releaseShared(run.registry, run.sharedBy);
  }
}

async function close(house: House, { run, matched, isCutShort = false, error }: End): Promise<Ended> {
  const { ledger } = house;
  const { runId } = run;
  await settleOpen(house, run);
  // Before anything is read that it is summed up from: whoever takes it up meanwhile is found out when it is closed.
  const written = await ledger.reopen({ id: runId });
  const record = await ledger.run(runId);
  if (!record) return { runId, state: 'unknown' };
  // It was taken up by somebody else.
  if (record.state === 'running' && !isOurs(record, run)) return { runId, state: record.state };
  // Before this one is among them.
  const usual = record.dryRun ? undefined : await lastDeletions(ledger, record.registry).then(usualOf, () => undefined);
  const policies = policiesOf(record.policy);
  const selected = policies && (await ledger.selected(runId));
  const log = logOf(house.log, record);
  const records = new Map<string, RepositoryRecord>();
  for await (const one of ledger.repositories(runId)) records.set(one.summary.repository, one);
  const tally = newTally();
  let left = 0;
  for (const { repository } of selected ?? []) {
    const known = records.get(repository);
    if (known) tally.add(known);
    // What is not there any more has no record. Where the run did not come to its end, nobody knows which those are.
    else if (isCutShort)
      tally.add({ summary: unfinishedRepository(repository, 'stopped', STOPPED), planned: NOTHING_PLANNED });
    if (known ? isLeft(known.summary) && !isOver(known) : isCutShort) left += 1;
  }
  if (record.state !== 'running') {
    // An earlier attempt may have ended right after it had closed it, and a worker that was at it twice right after that.
    await written.end({ totals: tally.sums().totals }, tally.records());
    await pruneRuns(house.settings(), ledger, underParent(house.log, record).child({ runId }));
    return { runId, state: record.state };
  }
  const of = selected?.length ?? 0;
  const far = { done: of - left, of };
  if (error !== undefined || !policies) {
    const broke = error ?? {
      message: 'the run was begun by a version that understands its policy otherwise, or its policy was changed since',
    };
    const totals = total(Array.from(records.values(), ({ summary }) => summary));
    await written.end({ state: 'failed', ended: new Date().toISOString(), progress: far, error: broke, totals }, [
      ...records.values(),
    ]);
    log.broke(new Error(broke.message));
    await pruneRuns(house.settings(), ledger, underParent(house.log, record).child({ runId }));
    return { runId, state: 'failed' };
  }
  const why = whyCutShort(house.settings(), record) ?? new StopReason('signal', 'it was cut short');
  // Asked to end when there was nothing left to do, it is done.
  const isStopped = isCutShort && (!selected || left > 0);
  const cancelled = isStopped ? record.cancelled : undefined;
  const cause =
    isStopped && !cancelled ? stopOf(AbortSignal.abort(why), record, far, selected !== undefined) : undefined;
  const guarded =
    record.dryRun && !isStopped
      ? await foreseeIn(house, record, tally.records(), log)
      : { holds: record.breakers, warnings: [] };
  const { planned, ...sums } = await conclude({
    ledger,
    record,
    written,
    policies,
    selected: selected && (await selectedBefore(selected, policies, newMatch(secondsOf(policies)))),
    earlier: records,
    tally,
    matched: matchedBefore(matched ?? [], policies),
    breakers: guarded.holds,
    progress: far,
    recovered: [...record.warnings, ...guarded.warnings],
    locksLost: record.locksLost ?? 0,
    cancelled,
    cause,
  });
  const summary = {
    runId,
    registry: record.registry,
    dryRun: record.dryRun,
    ...sums,
    ...(planned && { plan: { id: runId, hash: planned.hash, deletions: planned.deletions } }),
  };
  log.ended(summary, usual);
  await pruneRuns(house.settings(), ledger, underParent(house.log, record).child({ runId }));
  return { runId, state: (await ledger.run(runId))?.state ?? 'unknown' };
}

/**
 * Completes what workers left open that have ended, and whose repositories nobody visits any more.
 * @throws {HeldError} where one is still at it
 */
async function settleOpen(house: House, run: Run): Promise<void> {
  for await (const { repository } of house.ledger.journals(run.runId)) {
    await complete(house, run, repository).catch(async (error: unknown) => {
      if (error instanceof HeldError) throw error;
      // Then the next run does so before it begins.
      const record = await house.ledger.run(run.runId);
      underParent(house.log, record ?? {}).warn({ event: 'warning', runId: run.runId }, (error as Error).message);
    });
  }
}

/** Says why a registry has no run. */
export async function refuse(house: House, { start, errand, error }: Refuse): Promise<void> {
  const { registry } = errand;
  underParent(house.log, start).error({ event: 'run-not-begun', registry, why: error.message }, error.message);
  if (start.parent !== undefined) await house.ledger.child(start.parent, { registry, error });
  const record = await house.ledger.run(errand.runId);
  if (record?.state !== 'running') return;
  const written = await house.ledger.reopen(record);
  const records = await Array.fromAsync(house.ledger.repositories(record.id));
  const totals = total(records.map(({ summary }) => summary));
  await written.end({ state: 'failed', ended: new Date().toISOString(), error, totals }, records);
}

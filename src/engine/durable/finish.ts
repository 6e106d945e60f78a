import type { Ledger } from '../../ledger/ledger.ts';
import type { RunWriter } from '../../ledger/writer.ts';
import { policiesOf } from '../../ledger/policy-record.ts';
import type { RepositoryRecord, RunRecord } from '../../ledger/records.ts';
import { HeldError } from '../../ledger/store/store.ts';
import { usualOf } from '../../planner/guards.ts';
import type { PurgePolicy } from '../../policy/purge-policy.ts';
import { noProcess } from '../begin.ts';
import { countAnew, totalAnew } from '../count-anew.ts';
import { fail, finish as finishRun } from '../finish.ts';
import { foresee, lastDeletions } from '../guards.ts';
import { matchedBefore, selectedBefore } from '../list.ts';
import { matchOf } from '../matching.ts';
import { isLeft, isOver } from '../merge.ts';
import { recoverRepository } from '../recover.ts';
import { notBegun } from '../left.ts';
import { pruneRuns } from '../scheduled.ts';
import { tell } from './tell.ts';
import { StopReason } from '../stop.ts';
import { catalogIn } from '../storage/storage.ts';
import { storageFrom, usedBy } from '../storage/used.ts';
import { type App, inBatch, isOwn, logOf, OTHER_POLICY, targetIn, withRepositoryLock } from './context.ts';
import { whyCutShort } from './cut-short.ts';
import type { Finish, Finished, Run } from './messages.ts';

/** Sums a run up, and closes its record. A record that is closed stays as it is, and is only completed. */
export async function finish(app: App, about: Finish): Promise<Finished> {
  const { ledger } = app;
  const { run } = about;
  const known = await ledger.run(run.runId);
  if (!known) return { runId: run.runId, state: 'unknown' };
  const finished = known.dryRun ? await close(app, about) : await closeLocked(app, about);
  // Whatever comes of it: the record of the run is closed, and this activity is not repeated for a message.
  await tell(app);
  return finished;
}

async function closeLocked(app: App, about: Finish): Promise<Finished> {
  const { ledger } = app;
  const { run } = about;
  // No other start resumes it while it is closed.
  const lock = await ledger.lockShared(
    run.registry,
    noProcess(run.runId, 'orchestration', ledger.system.clock),
    run.sharedBy,
  );
  try {
    return await close(app, about);
  } finally {
    await lock.release();
    await ledger.releaseShared(run.registry, run.sharedBy);
  }
}

async function close(app: App, about: Finish): Promise<Finished> {
  const { ledger } = app;
  const { runId } = about.run;
  const settled = await recoverOpen(app, about.run);
  // Reopened before reading: if another start resumes the run meanwhile, closing it fails.
  const written = await ledger.reopen({ id: runId });
  const record = await ledger.run(runId);
  if (!record) return { runId, state: 'unknown' };
  if (record.state === 'running' && !isOwn(record, about.run)) return { runId, state: record.state };
  const state = await closeRecord(app, { ...about, settled }, record, written);
  await countAnew(ledger, runId);
  await pruneRuns(app.settings(), ledger, inBatch(app.log, record).child({ runId }));
  return { runId, state };
}

/** @returns the state of the run */
async function closeRecord(
  app: App,
  { matched = [], isCutShort = false, error, settled }: Finish & { readonly settled: readonly string[] },
  record: RunRecord,
  written: RunWriter,
): Promise<string> {
  const { ledger } = app;
  const policies = policiesOf(record.policy);
  const selected = policies && (await ledger.selected(record.id));
  const names = (selected ?? []).map(({ repository }) => repository);
  const { records, left, all } = await recordsOf(ledger, record.id, { selected: names, settled, isCutShort });
  if (record.state !== 'running') {
    // A repeated attempt finds the record closed, perhaps without its totals: it completes them.
    await written.end(
      {
        totals: totalAnew(
          record,
          records.map(({ summary }) => summary),
        ),
      },
      records,
    );
    return record.state;
  }
  const log = logOf(app.log, record);
  const progress = { done: names.length - left, of: names.length };
  if (error !== undefined || !policies) {
    const why = error ?? { message: OTHER_POLICY };
    await fail(written, ledger.system.clock, why, all, { progress });
    log.broke(new Error(why.message));
    return 'failed';
  }
  // Before this run is among them.
  const usual = record.dryRun ? undefined : await lastDeletions(ledger, record.registry).then(usualOf, () => undefined);
  // Asked to end when there was nothing left to do, it is done.
  const isStopped = isCutShort && (!selected || left > 0);
  const cancelled = isStopped ? record.cancelled : undefined;
  const stop = isStopped
    ? (whyCutShort(app.settings(), record, ledger.system.clock) ?? new StopReason('signal', 'it was cut short'))
    : undefined;
  const foreseen =
    record.dryRun && !isStopped && record.guards !== undefined
      ? await app.connections.using(targetIn(app.settings(), record.registry, 1), (reader) =>
          foresee({ ledger, reader, record }, records),
        )
      : undefined;
  const summary = await finishRun(
    { ledger, record, policies, matched: matchedBefore(matched, policies), log },
    {
      end: written.end,
      selected: selected && (await selectedBefore(selected, policies, matchOf(policies))),
      records,
      progress,
      stop: cancelled ? undefined : stop,
      cancelled,
      foreseen,
      storage: {
        catalog: () => catalogOf(app, record, policies),
        used: usedIn(app, record),
      },
      warnings: record.warnings,
      locksLost: record.locksLost ?? 0,
    },
  );
  log.ended(summary, usual);
  return (await ledger.run(record.id))?.state ?? 'unknown';
}

function catalogOf(
  app: App,
  { registry }: RunRecord,
  policies: readonly PurgePolicy[],
): Promise<readonly string[] | undefined> {
  const target = targetIn(app.settings(), registry, 1);
  return app.connections.using(target, (reader) => catalogIn(reader, policies, app.signal));
}

function usedIn(app: App, { registry }: RunRecord) {
  const { clock } = app.ledger.system;
  const usage = storageFrom(app.settings(), clock)?.usage;
  return usage && (() => usedBy(usage, registry, clock, app.signal));
}

/**
 * The records of a run's repositories. What is not there any more has no record; where the run did not come to its end, it
 * is not known which those are, and they count as not begun.
 */
async function recordsOf(
  ledger: Ledger,
  runId: string,
  {
    selected,
    settled,
    isCutShort,
  }: { readonly selected: readonly string[]; readonly settled: readonly string[]; readonly isCutShort: boolean },
): Promise<{
  readonly records: readonly RepositoryRecord[];
  readonly left: number;
  readonly all: readonly RepositoryRecord[];
}> {
  const known = new Map<string, RepositoryRecord>();
  for await (const one of ledger.repositories(runId)) known.set(one.summary.repository, one);
  // The list of a record that was closed before still says what it said then.
  for (const name of settled) {
    const one = await ledger.repository(runId, name);
    if (one) known.set(name, one);
  }
  let left = 0;
  const records: RepositoryRecord[] = [];
  for (const repository of selected) {
    const record = known.get(repository);
    if (record) records.push(record);
    else if (isCutShort) records.push(notBegun(repository));
    if (record ? isLeft(record.summary) && !isOver(record) : isCutShort) left += 1;
  }
  return { records, left, all: [...known.values()] };
}

/**
 * Completes what workers left open that have ended, and whose repositories no other attempt comes to.
 * @returns these repositories
 * @throws {HeldError} where one is still at work
 */
async function recoverOpen(app: App, run: Run): Promise<readonly string[]> {
  const { ledger } = app;
  const settled: string[] = [];
  for await (const { repository } of ledger.journals(run.runId)) {
    const record = await ledger.run(run.runId);
    if (!record) return settled;
    const about = { written: ledger.writer(record.id), record, repository, log: logOf(app.log, record) };
    try {
      await withRepositoryLock(app, { run, repository }, () =>
        app.connections.using(targetIn(app.settings(), run.registry, 1), (registry) =>
          recoverRepository(ledger, registry, about),
        ),
      );
      settled.push(repository);
    } catch (error) {
      if (error instanceof HeldError) throw error;
      // Then the next run completes it before it begins.
      inBatch(app.log, record).warn({ event: 'warning', runId: run.runId }, (error as Error).message);
    }
  }
  return settled;
}

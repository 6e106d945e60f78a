import pLimit from 'p-limit';
import { newRunId } from '../ledger/paths.ts';
import { ConflictError } from '../ledger/store/store.ts';
import { checkHeld, type RunWriter, whileHeld } from '../ledger/writer.ts';
import type { RepositoryRecord } from '../ledger/records.ts';
import type { TagFilter } from '../policy/filter.ts';
import { interruptible } from '../registry/abortable.ts';
import { checksFirst } from '../registry/request.ts';
import { runLog } from '../report/log.ts';
import { begin, freshRecord, ResumeRefused } from './begin.ts';
import { watchForCancel } from './cancel.ts';
import { newPlanMemory, type RunContext } from './context.ts';
import { eachOf } from './each.ts';
import { askedIn, evidenceIn, newUseOf } from './evidence.ts';
import { findingsIn } from './findings/findings.ts';
import type { Ending } from './finish.ts';
import { matchedBefore, recordMatched, type Selected } from './list.ts';
import { matchOf } from './matching.ts';
import { isLeft, isOver, isPlanned } from './merge.ts';
import { newProgress, type Stage } from './progress.ts';
import { notBegun } from './left.ts';
import { isNothingLeft, type Pass, processRepository } from './repository.ts';
import type { InTurn, Job } from './run.ts';
import { quarantinesIn } from './quarantine/quarantine.ts';
import { undoIn } from './undo.ts';
import { storageIn } from './storage/used.ts';
import { type Budget, checkLocks, startBudget, stopReason, StopReason } from './stop.ts';

/** Drives a run in this process: several repositories side by side, under the registry's lock. */
export interface InlineDriver {
  readonly context: RunContext;
  /** Of each repository of the run that is recorded, or was left; by name. */
  readonly records: ReadonlyMap<string, RepositoryRecord>;
  /** What there is to say about runs before this one, and what this one said before it was resumed. */
  readonly warnings: readonly string[];
  readonly end: RunWriter['end'];
  /** Waits for the turn of the run, if it has to; then its time counts. */
  readonly inTurn: InTurn;
  /** Tells how many repositories there are; `undefined`: the run was stopped before it knew. */
  readonly listed: (selected: Selected | undefined, first: Pass) => void;
  /** One pass through the repositories. Once the run is stopped, the rest of them is left as it is. */
  readonly drive: (context: RunContext, pass: Pass) => Promise<void>;
  readonly ended: () => Promise<Omit<Ending, 'selected' | 'foreseen'>>;
  readonly release: () => Promise<void>;
}

/**
 * Takes the registry's lock, if the run may delete, and begins or resumes its record.
 * @throws as `begin`; and {HeldError} where another run changes the registry
 */
export async function beginInline(job: Job): Promise<InlineDriver> {
  const { policies, ledger, reader, writer, plan, resuming, startedBy = 'command line' } = job;
  const { process = processRepository } = job;
  const { clock, self } = ledger.system;
  const started = new Date(clock.now());
  const id = resuming?.id ?? newRunId(started);
  const registry = reader.loginServer;
  const dryRun = writer === undefined;
  const kind = job.kind ?? (dryRun ? 'dry-run' : 'purge');
  const log = job.log && runLog(job.log, { runId: id, registry, dryRun }, kind);
  const holder = { runId: id, startedBy, ...self(), since: started.toISOString() };
  const fresh = freshRecord({
    ...job,
    id,
    kind,
    dryRun,
    startedBy,
    registry,
    holder,
    plan,
    sources: askedIn(job.evidence),
  });
  const broke = (error: unknown): never => {
    if (!(error instanceof ResumeRefused)) log?.broke(error as Error);
    throw error;
  };
  const lock = writer && (await ledger.lock(registry, holder).catch(broke));
  const locks = lock ? [lock] : [];
  const held = checkHeld(locks);
  const abort = new AbortController();
  const signal = AbortSignal.any([abort.signal, job.signal, lock?.lost].filter((one) => one !== undefined));
  checksFirst(signal, () => checkLocks(locks, abort));
  let budget: Budget | undefined;
  const startTime = (): void => {
    if (budget || !job.timeBudget) return;
    budget = startBudget(job.timeBudget, abort, clock);
    checksFirst(signal, budget.check);
  };
  // A run that waits for its turn has used nothing up.
  if (!job.inTurn) startTime();
  if (!resuming) log?.started(policies, { startedBy: job.startedBy, pastDue: job.pastDue });
  const begun = await begin({
    ledger,
    writer,
    fresh,
    policies,
    locks,
    resuming: () => Promise.resolve(resuming),
    log,
  }).catch(async (error: unknown) => {
    budget?.clear();
    await lock?.release();
    return broke(error);
  });
  const { record, written } = begun;
  if (resuming) log?.resumed(record);
  const cancel = watchForCancel(ledger, id, abort, job.progressMilliseconds);
  // The record may have been there for long before the ledger said so.
  await cancel.cancellation();
  const matched = resuming ? matchedBefore(record.matched, policies) : new Set<TagFilter>();
  const progress = newProgress({
    clock,
    written,
    besides: () => ({ matched: recordMatched(matched, policies) }),
    onProgress: job.onProgress,
    onTaken: () => abort.abort(new StopReason('lock', 'another process has closed its record')),
    everyMilliseconds: job.progressMilliseconds,
  });
  job.watch?.(progress.view);
  const warnings = [...record.warnings, ...begun.warnings];
  const records = new Map(begun.repositories.map((one) => [one.summary.repository, one]));
  let selected: Selected | undefined;
  let current = record;
  // One change after the other: each is made of what the one before came to.
  const amending = pLimit(1);
  const amend: RunContext['amend'] = (change) =>
    amending(async () => {
      const part = change(current);
      if (!part) return current;
      await written.update(part);
      current = { ...current, ...part };
      return current;
    });
  const useOf = newUseOf(ledger);
  const watched = progress.watching(interruptible(reader, signal));
  const context: RunContext = {
    ledger,
    record,
    policies,
    reader: watched,
    writer: writer && progress.watching(writer),
    writes: whileHeld(written, locks),
    amend,
    signal,
    log,
    plans: newPlanMemory(clock),
    now: job.now,
    preview: dryRun,
    matched,
    archive: job.archive,
    match: matchOf(policies),
    facts: (repository) => ledger.manifestCache(registry, repository, held),
    quarantine: quarantinesIn(ledger, registry, held, keepReleasedOf(job)),
    ...evidenceIn(job.evidence, (options) => useOf(registry, options, signal), { amend, signal }),
    ...findingsIn(job.findings, registry, { amend, signal, ledger, content: watched.content, check: held }),
    ...undoIn(job.evidence?.softDelete, registry, { clock, signal }),
    ...storageIn({ ledger, record, signal, check: held }, job.storage, job.timeBudget),
  };
  const tellDecisions = pLimit(1);

  async function driveOne(context: RunContext, pass: Pass, name: string): Promise<void> {
    const before = records.get(name);
    if (isNothingLeft(context.record, pass, before)) {
      if (before && waits(before)) progress.planned(name, leftIn(before));
      else progress.step(name, true);
      return;
    }
    if (signal.aborted) {
      if (!before) records.set(name, notBegun(name));
      // A repository that failed before counts as done here; a resumed run tries it again.
      progress.step(name, before !== undefined && !isLeft(before.summary));
      return;
    }
    const commands = selected?.get(name) ?? [];
    const processed = await process(context, pass, { name, commands, before }).catch((error: unknown) => {
      if (error instanceof ConflictError && lock?.isHeld() === false) return error;
      throw error;
    });
    if (processed instanceof ConflictError) {
      // Another process may work here: what it records stands, and this run ends.
      abort.abort(new StopReason('lock', processed.message));
      records.set(name, (await ledger.repository(id, name)) ?? before ?? notBegun(name));
      progress.step(name, false);
      return;
    }
    // What an earlier attempt did not come to, and is gone by now, has no record.
    const record = processed.state === 'absent' ? await ledger.repository(id, name) : processed.record;
    if (record) records.set(name, record);
    else records.delete(name);
    // One repository after the other, whole.
    if (processed.state === 'final') await tellDecisions(() => job.onDecisions(processed.decisions));
    if (processed.state === 'planned') progress.planned(name, leftIn(processed.record));
    else progress.step(name, processed.state === 'absent' || !isLeft(processed.record.summary));
  }

  return {
    context,
    records,
    warnings,
    async end(change, repositories) {
      progress.stop();
      await written.end(change, repositories, { check: held });
    },
    inTurn: (work) =>
      whenItsTurn(job.inTurn, signal, () => {
        startTime();
        return work();
      }),
    listed(found, pass) {
      selected = found;
      const names = [...(found?.keys() ?? [])];
      const done = names.filter((name) => {
        const before = records.get(name);
        return isNothingLeft(record, pass, before) && !(before && waits(before));
      });
      progress.begin(names.length, done);
    },
    async drive(context, pass) {
      progress.at(kind === 'restore' ? 'restoring' : STAGES[pass]);
      const concurrency = policies.reduce((most, policy) => Math.max(most, policy.concurrency), 1);
      await eachOf([...(selected?.keys() ?? [])], concurrency, (name) => driveOne(context, pass, name));
      progress.at(pass === 'plan' && writer ? 'checking guards' : 'finishing');
    },
    async ended() {
      progress.stop();
      const { done, of } = progress.now();
      const isStopped = signal.aborted && (!selected || done < of);
      return {
        end: (change, repositories) => written.end(change, repositories, { check: held }),
        records: [...records.values()],
        progress: { done, of },
        stop: isStopped ? stopReason(signal) : undefined,
        // If the run was cancelled as well, that is recorded, so that no tick resumes it.
        cancelled: isStopped ? await cancel.cancellation() : undefined,
        warnings,
        locksLost: begun.locksLost,
      };
    },
    async release() {
      progress.stop();
      cancel.clear();
      budget?.clear();
      await lock?.release();
    },
  };
}

/** How many deletions of a repository that is planned are left. */
function leftIn({ summary: { tags, manifests } }: RepositoryRecord): number {
  return tags.notAttempted + manifests.notAttempted;
}

const STAGES: Readonly<Record<Pass, Stage>> = {
  plan: 'planning',
  'carry out': 'deleting',
  purge: 'planning and deleting',
};

/** Whether a repository is planned, and carried out in a later pass. */
function waits(record: RepositoryRecord): boolean {
  return isPlanned(record) && !isOver(record);
}

/** A run that is stopped while it waits for its turn waits no more: all that is left is to record it. */
function whenItsTurn<T>(inTurn: InTurn | undefined, signal: AbortSignal, work: () => Promise<T>): Promise<T> {
  if (!inTurn) return work();
  let begun: Promise<T> | undefined;
  const begin = (): Promise<T> => (begun ??= work());
  return new Promise((resolve, reject) => {
    const settle = (result: Promise<T>): void => void result.then(resolve, reject);
    settle(inTurn(begin));
    if (signal.aborted) settle(begin());
    else signal.addEventListener('abort', () => settle(begin()), { once: true });
  });
}

function keepReleasedOf({ keepReleasedMilliseconds, evidence }: Job): number | undefined {
  return keepReleasedMilliseconds ?? evidence?.rememberMilliseconds;
}

import type { CancelWatch } from './cancel.ts';
import { newMatch, secondsOf } from './matching.ts';
import { conclude, type Concluded } from './conclude.ts';
import { isOver, isWaiting } from './earlier.ts';
import type { RunWriter } from '../ledger/writer.ts';
import type { RepositoryRecord, RunRecord } from '../ledger/records.ts';
import { carryOutApproved, planAll, purgeAll } from './phases.ts';
import type { TagFilter } from '../policy/filter.ts';
import type { Guards } from '../policy/guards.ts';
import { newProgress } from './progress.ts';
import { StoppedError } from '../registry/errors.ts';
import type { Registry, RegistryReader } from '../registry/types.ts';
import type { RunLog } from '../report/log.ts';
import type { ApprovedPlan, RunOptions } from './run.ts';
import { matchedBefore, recordMatched, type Selected, selectAndRecord } from './select.ts';
import { isHandedOver, stopOf, StopReason } from './stop.ts';
import type { Tally } from './tally.ts';
import { nobody } from './begin.ts';
import { foresee, type Foreseen } from './guards.ts';
import type { Work } from './work.ts';

/** A run whose record is begun. */
export interface Job {
  readonly reader: RegistryReader;
  readonly writer: Registry | undefined;
  readonly options: RunOptions;
  readonly guards: Guards | undefined;
  readonly plan: ApprovedPlan | undefined;
  readonly record: RunRecord;
  /** Of a run that goes on: what it recorded of its repositories before, by name. */
  readonly earlier: ReadonlyMap<string, RepositoryRecord>;
  readonly isResumed: boolean;
  readonly written: RunWriter;
  readonly log: RunLog | undefined;
  readonly signal: AbortSignal;
  readonly abort: AbortController;
  readonly cancel: CancelWatch;
  readonly tally: Tally;
  /** What there is to say about runs before this one, and what it said itself before it was stopped. */
  readonly recovered: readonly string[];
  /** Locks that a run before this one took off, and that this one could not put back. */
  readonly locksLost: number;
}

/** Does the work of a run, or what is left of it, and closes its record. */
export async function conduct(job: Job): Promise<Concluded> {
  const { options, plan, record, earlier, written, log, signal, tally, recovered, guards } = job;
  const { policies, now, ledger } = options;
  const matched = job.isResumed ? matchedBefore(record.matched, policies) : new Set<TagFilter>();
  const progress = newProgress({
    written,
    besides: () => ({ matched: recordMatched(matched, policies) }),
    onProgress: options.onProgress,
    onTaken: () => job.abort.abort(new StopReason('lock', 'another process has closed its record')),
    everyMilliseconds: options.progressMilliseconds,
  });
  const match = newMatch(secondsOf(policies));
  const writer = job.writer && progress.watching(job.writer);
  const reader = progress.watching(job.reader);
  try {
    const listed = await selectAndRecord(reader, {
      ledger,
      written,
      record,
      policies,
      match,
      among: plan?.repositories,
      mayBeRecorded: job.isResumed,
    }).catch(noneWhenStopped);
    const selected: Selected = listed ?? new Map<string, never>();
    const work: Work = {
      context: {
        reader,
        now,
        signal,
        preview: !writer,
        matched,
        match,
        log,
        facts: (repository) => ledger.manifestCache(record.registry, repository),
      },
      ledger,
      written,
      selected,
      earlier,
      concurrency: policies.reduce((most, { concurrency }) => Math.max(most, concurrency), 1),
      tally,
      onDecisions: options.onDecisions,
      onDone: progress.step,
      onPlanned: progress.planned,
    };
    progress.begin(selected.size, nothingLeftIn(job, selected));
    let guarded: Foreseen = { holds: record.breakers, warnings: [] };
    if (!writer) await planAll(work);
    else if (plan) await carryOutApproved(work, writer, plan.id);
    else guarded = { ...guarded, holds: await purgeAll(work, writer, record, guards, written.update) };
    progress.stop();

    const { done, of } = progress.now();
    const isStopped = signal.aborted && (!listed || done < of);
    if (!writer && !isStopped) {
      guarded = await foresee(tally.records(), guards, { ledger, registry: reader, name: record.registry });
      for (const hold of guarded.holds) log?.foreseen(hold);
    }
    // Whatever ended it: where it was cancelled besides, nothing goes on with it, and that is what its record says.
    const cancelled = isStopped ? await job.cancel.cancellation() : undefined;
    const isHanded = isStopped && !cancelled && !writer && isHandedOver(signal);
    const cause = isStopped ? stopOf(signal, record, { done, of }, listed !== undefined) : undefined;
    return await conclude({
      ledger,
      record,
      written,
      policies,
      selected: listed,
      earlier,
      tally,
      matched,
      breakers: guarded.holds,
      progress: { done, of },
      recovered: [...recovered, ...guarded.warnings],
      locksLost: job.locksLost,
      cancelled,
      cause,
      ...(isHanded && { handTo: nobody(record.id, record.startedBy) }),
    });
  } finally {
    progress.stop();
  }
}

/** Repositories of a run that goes on, of which there is nothing left to do. */
function nothingLeftIn({ earlier, record, plan }: Job, selected: Selected): readonly string[] {
  return [...selected.keys()].filter((name) => {
    const known = earlier.get(name);
    // Once the breakers were asked, only what they let through is carried out.
    return record.breakersAsked && !plan ? !known || !isWaiting(known) : known && isOver(known);
  });
}

function noneWhenStopped(error: unknown): undefined {
  if (!(error instanceof StoppedError)) throw error;
}

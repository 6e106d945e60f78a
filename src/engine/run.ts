import { beginRecord, freshRecord, type Resuming, thisProcess, withoutInfinity } from './begin.ts';
import { watchForCancel } from './cancel.ts';
import { conduct } from './conduct.ts';
import { describe } from '../executor/results.ts';
import type { Ledger } from '../ledger/ledger.ts';
import { newRunId } from '../ledger/paths.ts';
import type { PolicyRecord, RunKind } from '../ledger/records.ts';
import { lastDeletions } from './guards.ts';
import { usualOf } from '../planner/guards.ts';
import type { Decisions } from '../planner/decision.ts';
import type { TimeBudget } from '../policy/duration.ts';
import type { Guards } from '../policy/guards.ts';
import type { PurgePolicy } from '../policy/purge-policy.ts';
import { recover } from './recover.ts';
import { interruptible } from '../registry/abortable.ts';
import type { Registry, RegistryReader } from '../registry/types.ts';
import { type Log, runLog } from '../report/log.ts';
import { type RunSummary, total } from '../ledger/summary.ts';
import { startBudget } from './stop.ts';
import { newTally } from './tally.ts';

export interface RunOptions {
  /** What is wanted, in the order in which it is done in each repository. At least one. */
  readonly policies: readonly PurgePolicy[];
  /** Ages are counted back from here. */
  readonly now: Date;
  readonly ledger: Ledger;
  /** Takes the decisions of a repository once they are final, one repository at a time. The run waits for it. */
  readonly onDecisions: (decisions: Decisions) => void | Promise<void>;
  readonly onProgress?: (done: number, of: number) => void;
  /** Once aborted, nothing more is deleted and no further repository begun. */
  readonly signal?: AbortSignal;
  /** The same once so much time is used up. */
  readonly timeBudget?: TimeBudget | undefined;
  /** How often the record says how far the run is, and the run looks whether somebody has cancelled it. */
  readonly progressMilliseconds?: number;
  readonly log?: Log;
  /** `purge` where it deletes and `dry-run` where it does not, unless it is told. */
  readonly kind?: RunKind;
  /** What began the run, more closely who, and whether a timer did so later than its schedule says. */
  readonly startedBy?: 'schedule' | 'request' | 'command line';
  readonly by?: string;
  readonly pastDue?: boolean;
  /** Id of what began it together with those of other registries. */
  readonly parent?: string;
  /** Told once the run is recorded, before anything is asked of the registry for it. */
  readonly onBegin?: (runId: string) => void;
  /** Lets it work when its turn comes; from its record it is seen that it waits. Its time counts from then on. */
  readonly inTurn?: InTurn;
  /** Where the policies come from. */
  readonly policyFrom?: PolicyRecord['from'];
  /** What holds a purge back. */
  readonly guards?: Guards;
}

/** Does some work once there is room for it. */
export type InTurn = <T>(work: () => Promise<T>) => Promise<T>;

/** A plan that somebody approved, to be carried out and nothing else. */
export interface ApprovedPlan {
  readonly id: string;
  /** The repositories in which something would go. */
  readonly repositories: readonly string[];
  /** Told once the run is recorded, before anything is deleted. */
  readonly onBegin: (runId: string) => Promise<void>;
}

/** A run cannot go on. Nothing was done. */
export class ResumeRefused extends Error {
  override readonly name = 'ResumeRefused';
}

/**
 * One run: every repository that a command selects, several side by side. A repository that fails is named in the
 * summary, and the others are done. Everything is recorded in the ledger; what is deleted, before it is.
 *
 * @param writer nothing is deleted without it
 * @throws {PolicyError} where a filter takes too long
 * @throws {RegistryError} where the repositories cannot be listed
 * @throws {HeldError} where another run changes the registry
 * @throws {LedgerError} where it cannot be recorded
 * @throws {ResumeRefused} where it was to go on, and must not
 */
export async function run(
  reader: RegistryReader,
  options: RunOptions,
  writer?: Registry,
  plan?: ApprovedPlan,
  resuming?: Resuming,
): Promise<RunSummary> {
  const { policies, ledger, startedBy = 'command line' } = options;
  const started = new Date();
  const id = resuming?.id ?? newRunId(started);
  const guards = withoutInfinity(options.guards);
  const holder = { runId: id, startedBy, ...thisProcess(), since: started.toISOString() };
  const about = { runId: id, registry: reader.loginServer, dryRun: writer === undefined };
  const kind = options.kind ?? (writer ? 'purge' : 'dry-run');
  const log = options.log && runLog(options.log, about, kind);
  const fresh = freshRecord({
    ...options,
    id,
    kind,
    dryRun: about.dryRun,
    startedBy,
    registry: reader.loginServer,
    holder,
    guards,
    plan,
  });
  const lock =
    writer &&
    (await ledger.lock(reader.loginServer, holder).catch((error: unknown) => {
      log?.broke(error as Error);
      throw error;
    }));
  const abort = new AbortController();
  const signals = [abort.signal, options.signal, lock?.lost].filter((signal) => signal !== undefined);
  const signal = AbortSignal.any(signals);
  // What waits for its turn has used nothing up.
  let budget = options.inTurn ? undefined : timed(options, abort);
  if (!resuming) log?.started(policies, { startedBy: options.startedBy, pastDue: options.pastDue });
  try {
    const { warnings, locksLost } = writer ? await recover(ledger, writer, log) : { warnings: [], locksLost: 0 };
    const begun = await beginRecord(ledger, fresh, resuming);
    const { record, written, repositories } = begun;
    if (resuming) log?.resumed(record);
    const cancel = watchForCancel(ledger, id, abort, options.progressMilliseconds);
    const tally = newTally();
    const job = {
      reader: interruptible(reader, signal),
      writer,
      options,
      guards,
      plan,
      record,
      earlier: new Map(repositories.map((one) => [one.summary.repository, one])),
      isResumed: resuming !== undefined,
      written,
      log,
      signal,
      abort,
      cancel,
      tally,
      recovered: [...record.warnings, ...warnings],
      locksLost,
    };
    try {
      await plan?.onBegin(id);
      // For those who read the log, and beside the work: where it cannot be told, it is left out.
      const usual = writer && log ? lastDeletions(ledger, record.registry).then(usualOf, () => undefined) : undefined;
      options.onBegin?.(id);
      const { planned, ...sums } = await whenItsTurn(options.inTurn, signal, () => {
        budget ??= timed(options, abort);
        return conduct(job);
      });
      const summary = {
        ...about,
        ...sums,
        ...(planned && { plan: { id, hash: planned.hash, deletions: planned.deletions } }),
      };
      if (summary.handedOver) log?.handedOver();
      else log?.ended(summary, await usual);
      return summary;
    } catch (error) {
      const known = new Map(job.earlier);
      for (const one of tally.records()) known.set(one.summary.repository, one);
      const ended = {
        state: 'failed' as const,
        ended: new Date().toISOString(),
        error: describe(error as Error),
        totals: total(Array.from(known.values(), ({ summary }) => summary)),
        warnings: job.recovered,
      };
      // Where this fails too, the next run finds the record as it is.
      await written.end(ended).catch(() => undefined);
      throw error;
    } finally {
      cancel.clear();
    }
  } catch (error) {
    if (!(error instanceof ResumeRefused)) log?.broke(error as Error);
    throw error;
  } finally {
    budget?.clear();
    await lock?.release();
  }
}

function timed({ timeBudget }: RunOptions, abort: AbortController): ReturnType<typeof startBudget> | undefined {
  return timeBudget && startBudget(timeBudget, abort);
}

/** What is told to end while it waits for its turn does not wait for it any more: all that is left is to say so. */
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

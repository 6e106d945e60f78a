import { hostname } from 'node:os';
import { describe } from './executor/results.ts';
import { planOf } from './ledger/hash.ts';
import type { Ledger, RunWriter } from './ledger/ledger.ts';
import { newRunId } from './ledger/paths.ts';
import { recordPolicy } from './ledger/policy.ts';
import { processIdentity } from './ledger/process.ts';
import { ConflictError } from './ledger/store.ts';
import type { PlanRecord, PolicyRecord, RunKind, RunRecord, RunState } from './ledger/types.ts';
import type { Decisions, Trip } from './planner/decision.ts';
import type { TagFilter } from './policy/filter.ts';
import type { Guards } from './policy/guards.ts';
import type { PurgePolicy } from './policy/policy.ts';
import { recover } from './recover.ts';
import { StoppedError } from './registry/error.ts';
import { interruptible } from './registry/interruptible.ts';
import type { Registry, RegistryReader } from './registry/types.ts';
import { type Log, type RunLog, runLog } from './report/log.ts';
import type { RunSummary } from './report/summary.ts';
import { selectRepositories, type Selected, unmatched } from './select.ts';
import { carryOutApproved, planAll, purgeAll, type Work } from './phases.ts';
import { newTally, type Tally } from './tally.ts';
import { version } from './version.ts';

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
  readonly log?: Log;
  /** `purge` where it deletes and `dry-run` where it does not, unless it is told. */
  readonly kind?: RunKind;
  /** What began the run, more closely who, and whether a timer did so later than its schedule says. */
  readonly startedBy?: 'schedule' | 'request' | 'command line';
  readonly by?: string;
  readonly pastDue?: boolean;
  /** Where the policies come from. */
  readonly policyFrom?: PolicyRecord['from'];
  /** What holds a purge back. */
  readonly guards?: Guards;
}

/** A plan that somebody approved, to be carried out and nothing else. */
export interface ApprovedPlan {
  readonly id: string;
  /** The repositories in which something would go. */
  readonly repositories: readonly string[];
  /** Told once the run is recorded, before anything is deleted. */
  readonly onBegin: (runId: string) => Promise<void>;
}

/** While a run goes on its record says so once in this time. */
const PROGRESS_MS = 5_000;

/**
 * One run: every repository that a command selects, several side by side. A repository that fails is named in the
 * summary, and the others are done. Everything is recorded in the ledger; what is deleted, before it is.
 *
 * @param writer nothing is deleted without it
 * @throws {PolicyError} where a filter takes too long
 * @throws {RegistryError} where the repositories cannot be listed
 * @throws {HeldError} where another run changes the registry
 * @throws {LedgerError} where it cannot be recorded
 */
export async function run(
  reader: RegistryReader,
  options: RunOptions,
  writer?: Registry,
  plan?: ApprovedPlan,
): Promise<RunSummary> {
  const { policies, ledger, startedBy = 'command line' } = options;
  const started = new Date();
  const id = newRunId(started);
  const identity = processIdentity(process.pid);
  const holder = {
    runId: id,
    startedBy,
    host: hostname(),
    pid: process.pid,
    ...(identity !== undefined && { process: identity }),
    since: started.toISOString(),
  };
  const about = { runId: id, registry: reader.loginServer, dryRun: writer === undefined };
  const log = options.log && runLog(options.log, about);
  const record: RunRecord = {
    format: 1,
    id,
    kind: options.kind ?? (writer ? 'purge' : 'dry-run'),
    dryRun: about.dryRun,
    startedBy,
    ...(options.by !== undefined && { by: options.by }),
    registry: reader.loginServer,
    policy: recordPolicy(policies, options.policyFrom ?? 'command line'),
    toolVersion: version,
    started: started.toISOString(),
    agesFrom: options.now.toISOString(),
    holder,
    state: 'running',
    progress: { done: 0, of: plan?.repositories.length ?? 0 },
    warnings: [],
    breakers: [],
    ...(plan && { applies: plan.id }),
  };
  const lock =
    writer &&
    (await ledger.lock(reader.loginServer, holder).catch((error: unknown) => {
      log?.broke(error as Error);
      throw error;
    }));
  const abort = new AbortController();
  const signals = [abort.signal, options.signal, lock?.lost].filter((signal) => signal !== undefined);
  const signal = AbortSignal.any(signals);
  log?.started(policies, { startedBy: options.startedBy, pastDue: options.pastDue });
  try {
    const recovered = writer ? await recover(ledger, writer, log) : [];
    const written = await ledger.begin(record);
    const tally = newTally();
    const job = {
      reader: interruptible(reader, signal),
      writer,
      options,
      plan,
      record,
      written,
      log,
      signal,
      abort,
      tally,
      recovered,
      lost: lock?.lost,
    };
    try {
      await plan?.onBegin(id);
      const { planned, ...sums } = await conduct(job);
      const summary = {
        ...about,
        ...sums,
        ...(planned && { plan: { id, hash: planned.hash, deletions: planned.deletions } }),
      };
      log?.ended(summary);
      return summary;
    } catch (error) {
      const { totals } = tally.sums();
      const ended = {
        state: 'failed' as const,
        ended: new Date().toISOString(),
        error: describe(error as Error),
        totals,
        warnings: recovered,
      };
      // Where this fails too, the next run finds the record as it is.
      await written.end(ended).catch(() => undefined);
      throw error;
    }
  } catch (error) {
    log?.broke(error as Error);
    throw error;
  } finally {
    await lock?.release();
  }
}

interface Job {
  readonly reader: RegistryReader;
  readonly writer: Registry | undefined;
  readonly options: RunOptions;
  readonly plan: ApprovedPlan | undefined;
  readonly record: RunRecord;
  readonly written: RunWriter;
  readonly log: RunLog | undefined;
  readonly signal: AbortSignal;
  readonly abort: AbortController;
  readonly tally: Tally;
  /** Aborted when another process may change the registry. */
  readonly lost: AbortSignal | undefined;
  /** What there is to say about runs before this one. */
  readonly recovered: readonly string[];
}

type Conducted = Omit<RunSummary, 'runId' | 'registry' | 'dryRun' | 'plan'> & {
  readonly planned: PlanRecord | undefined;
};

async function conduct(job: Job): Promise<Conducted> {
  const { reader, writer, options, plan, record, written, log, signal, tally, recovered } = job;
  const { policies, now, ledger, guards } = options;
  const matched = new Set<TagFilter>();
  const progress = newProgress(job);
  const listed = await selectRepositories(reader, policies, plan?.repositories).catch(noneWhenStopped);
  const selected: Selected = listed ?? new Map<string, never>();
  const work: Work = {
    context: {
      reader,
      now,
      signal,
      preview: writer === undefined,
      matched,
      log,
      facts: (repository) => ledger.facts(reader.loginServer, repository),
    },
    ledger,
    written,
    selected,
    concurrency: Math.max(...policies.map(({ concurrency }) => concurrency)),
    tally,
    onDecisions: options.onDecisions,
    onDone: progress.step,
  };
  progress.begin(selected.size);
  let breakers: readonly Trip[] = [];
  if (!writer) await planAll(work);
  else if (plan) await carryOutApproved(work, writer, plan.id);
  else breakers = await purgeAll(work, writer, record, guards);

  const sums = tally.sums();
  const records = tally.records();
  const warnings = plan
    ? []
    : policies.flatMap((policy) => [...policy.warnings, ...unmatched(policy, selected, sums.repositories, matched)]);
  const stopped = 'the run was stopped before the repositories were listed';
  const conducted = {
    started: record.started,
    ended: new Date().toISOString(),
    ...sums,
    warnings: [...recovered, ...(listed ? new Set(warnings) : [stopped])],
    breakers,
    succeeded: sums.succeeded && listed !== undefined,
  };
  const planned = planOf(record, records);
  await written.end(
    {
      state: stateOf(conducted, signal),
      ended: conducted.ended,
      totals: conducted.totals,
      warnings: conducted.warnings,
      breakers,
      progress: progress.now(),
      ...(job.lost?.aborted && { error: { message: LOST } }),
      ...(planned && { plan: planned }),
    },
    records,
  );
  return { ...conducted, planned };
}

const LOST = 'the lock of the registry was lost, so nothing more was done';

function stateOf(
  { succeeded, repositories, totals, breakers }: Omit<Conducted, 'planned'>,
  signal: AbortSignal,
): RunState {
  if (succeeded) return 'done';
  if (totals.tags.failed + totals.manifests.failed > 0 || repositories.some(({ state }) => state === 'failed'))
    return 'failed';
  if (signal.aborted || repositories.some(({ state }) => state === 'stopped')) return 'stopped';
  return breakers.length > 0 ? 'waiting' : 'failed';
}

/** Tells how far the run is: whoever asked, and now and then the ledger. */
function newProgress({ options, written, abort, record }: Job) {
  let { progress } = record;
  let told = Date.now();
  return {
    now: () => progress,
    begin: (of: number) => {
      progress = { done: 0, of };
      options.onProgress?.(0, of);
      tell();
    },
    step: () => {
      progress = { ...progress, done: progress.done + 1 };
      options.onProgress?.(progress.done, progress.of);
      if (Date.now() - told >= PROGRESS_MS) tell();
    },
  };

  function tell(): void {
    told = Date.now();
    written.update({ progress }).catch((error: unknown) => {
      // Another process took this one for ended, and has closed its record.
      if (error instanceof ConflictError) abort.abort();
    });
  }
}

function noneWhenStopped(error: unknown): undefined {
  if (!(error instanceof StoppedError)) throw error;
}

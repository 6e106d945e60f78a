import { describe } from '../executor/results.ts';
import type { Archive } from '../ledger/archive.ts';
import type { Ledger } from '../ledger/ledger.ts';
import type { PolicyRecord, Releases, Restores, RunKind, RunRecord } from '../ledger/records.ts';
import type { Actor } from '../ledger/reviews.ts';
import { ConflictError } from '../ledger/store/store.ts';
import type { RunSummary } from '../ledger/summary.ts';
import type { Decisions } from '../planner/decision.ts';
import { usualOf } from '../planner/guards.ts';
import type { TimeBudget } from '../policy/duration.ts';
import type { Guards } from '../policy/guards.ts';
import type { PurgePolicy } from '../policy/purge-policy.ts';
import { StoppedError } from '../registry/errors.ts';
import type { Registry, RegistryReader } from '../registry/types.ts';
import type { Log } from '../report/log.ts';
import type { Resuming } from './begin.ts';
import type { EvidenceOptions } from './evidence.ts';
import type { FindingsOptions } from './findings/findings.ts';
import { countAnew } from './count-anew.ts';
import { fail, finish } from './finish.ts';
import { checkGuards, foresee, isGuarded, lastDeletions } from './guards.ts';
import { beginInline } from './inline.ts';
import { list } from './list.ts';
import type { RunView } from './progress.ts';
import type { Pass, processRepository } from './repository.ts';
import { catalogIn } from './storage/storage.ts';
import type { StorageOptions } from './storage/used.ts';

export interface RunOptions {
  /** What is wanted, in the order in which it is done in each repository. At least one. */
  readonly policies: readonly PurgePolicy[];
  /** Ages are counted back from here. */
  readonly now: Date;
  readonly ledger: Ledger;
  /** Takes the decisions of a repository once they are final, one repository at a time. The run waits for it. */
  readonly onDecisions: (decisions: Decisions) => void | Promise<void>;
  readonly onProgress?: (done: number, of: number) => void;
  /** Given what tells at any time how far the run is. */
  readonly watch?: (view: () => RunView) => void;
  /** Once aborted, nothing more is deleted and no further repository is begun. */
  readonly signal?: AbortSignal;
  /** The same once so much time is used up. */
  readonly timeBudget?: TimeBudget | undefined;
  /** How often the record says how far the run is, and the run looks whether it was cancelled. */
  readonly progressMilliseconds?: number;
  readonly log?: Log;
  /** Absent: `purge` where the run deletes, `dry-run` where it does not. */
  readonly kind?: RunKind;
  /** What began the run, which invocation or account, and whether a timer did so later than its schedule says. */
  readonly startedBy?: 'schedule' | 'request' | 'command line';
  readonly by?: string;
  /** The person who began it, where one had signed in. */
  readonly actor?: Actor | undefined;
  readonly pastDue?: boolean;
  /** Id of the batch that it belongs to, with the runs of other registries. */
  readonly parent?: string;
  /** Told once the run is recorded, before anything is asked of the registry for it. */
  readonly onBegin?: (runId: string) => void;
  /** Lets it work when its turn comes; its record shows that it waits. Its time counts from then on. */
  readonly inTurn?: InTurn;
  /** Where the policies come from. */
  readonly policyFrom?: PolicyRecord['from'];
  /** What holds a purge back. */
  readonly guards?: Guards;
  /** What is asked what is in use. Absent: nothing is. */
  readonly evidence?: EvidenceOptions | undefined;
  /** What is asked which vulnerabilities images have. Absent: nothing is. */
  readonly findings?: FindingsOptions | undefined;
  /** Where what is deleted is archived first. Absent: it is not. */
  readonly archive?: Archive | undefined;
  /** What is asked about storage. Absent: what a deletion frees is not computed. */
  readonly storage?: StorageOptions | undefined;
  /** How long is kept what is released from quarantine, or restored. Absent: as long as what was seen in use. */
  readonly keepReleasedMilliseconds?: number | undefined;
}

/** What of a run stands on its own where what is wanted, and how ages count, was recorded before. */
export type RecordedBefore = Pick<
  RunOptions,
  | 'ledger'
  | 'onDecisions'
  | 'onProgress'
  | 'watch'
  | 'onBegin'
  | 'signal'
  | 'timeBudget'
  | 'evidence'
  | 'findings'
  | 'archive'
  | 'storage'
  | 'keepReleasedMilliseconds'
  | 'log'
  | 'startedBy'
  | 'by'
  | 'actor'
>;

/** Does some work once there is room for it. */
export type InTurn = <T>(work: () => Promise<T>) => Promise<T>;

/** A plan that was approved, to be carried out and nothing else. */
export interface ApprovedPlan {
  readonly id: string;
  /** The repositories in which something is to be deleted. */
  readonly repositories: readonly string[];
  /** These are not all of the plan. */
  readonly isPart?: boolean;
  /** Told once the run is recorded, before anything is deleted. */
  readonly onBegin: (runId: string) => Promise<void>;
}

/** One run, driven by this process. */
export interface Job extends RunOptions {
  readonly reader: RegistryReader;
  /** Nothing is deleted without it. */
  readonly writer?: Registry | undefined;
  readonly plan?: ApprovedPlan | undefined;
  /** What it brings back. */
  readonly restores?: Restores | undefined;
  /** What it makes readable. */
  readonly releases?: Releases | undefined;
  /** What is done in each repository in a pass. Absent: what a purge does. */
  readonly process?: typeof processRepository | undefined;
  readonly resuming?: Resuming | undefined;
}

/** The passes that a run makes through its repositories, or has left to make. */
export function passesOf({ dryRun, applies, guards, breakersAsked }: RunRecord): readonly [Pass, ...Pass[]] {
  if (dryRun) return ['plan'];
  // Nothing may be deleted that was not approved, or that the guards were not asked about.
  if (applies !== undefined || breakersAsked) return ['carry out'];
  return isGuarded(guards) ? ['plan', 'carry out'] : ['purge'];
}

/**
 * One run: every repository that a command selects, several side by side. A repository that fails is named in the
 * summary, and the others are done. Everything is recorded in the ledger, and each deletion before it is sent.
 *
 * @throws {PolicyError} where a filter takes too long
 * @throws {RegistryError} where the repositories cannot be listed
 * @throws {HeldError} where another run changes the registry
 * @throws {LedgerError} where it cannot be recorded
 * @throws {ResumeRefused} where it was to resume, and must not
 */
export async function run(job: Job): Promise<RunSummary> {
  const driver = await beginInline(job);
  const { ledger, log, signal } = driver.context;
  let { context } = driver;
  try {
    await job.plan?.onBegin(context.record.id);
    // Only for the log: the run does not wait for it, and where it cannot be computed it is left out.
    const usual = job.writer && log && lastDeletions(ledger, context.record.registry).then(usualOf, () => undefined);
    job.onBegin?.(context.record.id);
    const summary = await driver.inTurn(async () => {
      const selected = await list(context, job.plan?.repositories).catch(noneWhenStopped);
      const passes = passesOf(context.record);
      driver.listed(selected, passes[0]);
      for (const pass of selected ? passes : []) {
        await driver.drive(context, pass);
        if (pass === passes.at(-1)) break;
        const record = signal.aborted
          ? undefined
          : await checkGuards(context, driver.records.values()).catch(noneWhenStopped);
        // Nothing is carried out that the guards were not asked about.
        if (!record) break;
        context = { ...context, record };
      }
      const ended = await driver.ended();
      const isWhole = !ended.stop && !ended.cancelled;
      const foreseen = !job.writer && isWhole ? await foresee(context, ended.records) : undefined;
      const record = await context.amend(() => undefined);
      const { reader, policies, used } = context;
      const storage = { catalog: () => catalogIn(reader, policies), used };
      return finish({ ...context, record }, { ...ended, selected, foreseen, storage });
    });
    log?.ended(summary, await usual);
    return summary;
  } catch (error) {
    // What a repository recorded before the run broke off counts as well.
    const recorded = Array.fromAsync(ledger.repositories(context.record.id));
    const records = await recorded.catch(() => [...driver.records.values()]);
    await fail(driver, ledger.system.clock, describe(error as Error), records, { warnings: driver.warnings }).catch(
      () => undefined,
    );
    // Another process has closed the record, and what this one recorded late is not in its totals.
    if (error instanceof ConflictError) await countAnew(ledger, context.record.id).catch(() => undefined);
    log?.broke(error as Error);
    throw error;
  } finally {
    await driver.release();
  }
}

function noneWhenStopped(error: unknown): undefined {
  if (!(error instanceof StoppedError)) throw error;
}

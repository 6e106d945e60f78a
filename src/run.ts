import { randomUUID } from 'node:crypto';
import pLimit from 'p-limit';
import { eachOf } from './each.ts';
import type { Decision, Reason } from './planner/decision.ts';
import type { TagFilter } from './policy/filter.ts';
import type { PurgePolicy } from './policy/policy.ts';
import { StoppedError } from './registry/error.ts';
import { interruptible } from './registry/interruptible.ts';
import type { Registry, RegistryReader } from './registry/types.ts';
import { type Log, type RunLog, runLog } from './report/log.ts';
import { type Counts, type RepositorySummary, type RunSummary, total, unfinishedRepository } from './report/summary.ts';
import { purgeRepository, type Task } from './unit.ts';

export interface RunOptions {
  /** What is wanted, in the order in which it is done in each repository. At least one. */
  readonly policies: readonly PurgePolicy[];
  /** Ages are counted back from here. */
  readonly now: Date;
  /** Takes the decisions of a repository once they are final, one repository at a time. The run waits for it. */
  readonly onDecisions: (decisions: readonly Decision[]) => void | Promise<void>;
  readonly onProgress?: (done: number, of: number) => void;
  /** Once aborted, nothing more is deleted and no further repository begun. */
  readonly signal?: AbortSignal;
  readonly log?: Log;
  /** For the log: what began the run, and whether a timer did so later than its schedule says. */
  readonly startedBy?: 'schedule' | 'request' | 'command line';
  readonly pastDue?: boolean;
}

/** Failures that a summary repeats in full. All of them are among the decisions. */
const MAX_FAILURES = 20;

/** An id for a run, that sorts by time: `20261124T010000Z-3f9a0c`. */
function newRunId(now: Date): string {
  return `${now.toISOString().replace(/[-:]|\.\d+/g, '')}-${randomUUID().slice(0, 6)}`;
}

/**
 * One run: every repository that a command selects, several side by side. A repository that fails is named in the
 * summary, and the others are done.
 *
 * @param writer nothing is deleted without it
 * @throws {PolicyError} where a filter takes too long
 * @throws {RegistryError} where the repositories cannot be listed
 */
export async function run(
  reader: RegistryReader,
  options: RunOptions,
  writer: Registry | undefined,
): Promise<RunSummary> {
  const { policies, now, startedBy, pastDue } = options;
  const about = { runId: newRunId(now), registry: reader.loginServer, dryRun: writer === undefined };
  const log = options.log && runLog(options.log, about);
  log?.started(policies, { startedBy, pastDue });
  try {
    const stoppable = options.signal ? interruptible(reader, options.signal) : reader;
    const summary = { ...about, ...(await purgeAll(stoppable, options, writer, log)) };
    log?.ended(summary);
    return summary;
  } catch (error) {
    log?.broke(error as Error);
    throw error;
  }
}

async function purgeAll(
  reader: RegistryReader,
  options: RunOptions,
  writer: Registry | undefined,
  log: RunLog | undefined,
): Promise<Omit<RunSummary, 'runId' | 'registry' | 'dryRun'>> {
  const { policies, signal } = options;
  const started = new Date();
  const matched = new Set<TagFilter>();
  const failures: Decision[] = [];
  const examples: Partial<Record<Reason, Decision>> = {};
  const summaries: RepositorySummary[] = [];
  const inTurn = pLimit(1);
  const context = { reader, writer, now: options.now, signal, matched, log };

  const listed = await selectRepositories(reader, policies).catch(noneWhenStopped);
  const selected: Selected = listed ?? new Map<string, readonly Task[]>();
  let done = 0;
  options.onProgress?.(done, selected.size);
  await eachOf([...selected], Math.max(...policies.map(({ concurrency }) => concurrency)), async ([name, tasks]) => {
    if (signal?.aborted) {
      summaries.push(unfinishedRepository(name, 'stopped', { message: 'not begun: the run was stopped' }));
      return;
    }
    const result = await purgeRepository(context, name, tasks);
    if (result) {
      // One repository after the other, whole.
      await inTurn(() => options.onDecisions(result.decisions));
      for (const decision of result.decisions) {
        // The first by name, so that the same run shows the same examples whichever repository is done first.
        const { reason, repository } = decision;
        if (repository < (examples[reason]?.repository ?? '\uffff')) examples[reason] = decision;
        if (failures.length < MAX_FAILURES && isFailure(decision)) failures.push(decision);
      }
      summaries.push(result.summary);
    }
    options.onProgress?.((done += 1), selected.size);
  });
  const sorted = summaries.toSorted((a, b) => (a.repository < b.repository ? -1 : 1));
  const warnings = policies.flatMap((policy) => [...policy.warnings, ...unmatched(policy, selected, sorted, matched)]);
  return {
    started: started.toISOString(),
    ended: new Date().toISOString(),
    repositories: sorted,
    totals: total(sorted),
    warnings: listed ? [...new Set(warnings)] : ['the run was stopped before the repositories were listed'],
    examples,
    failures,
    succeeded:
      listed !== undefined &&
      sorted.every(({ state, tags, manifests }) => state === 'done' && isDone(tags) && isDone(manifests)),
  };
}

type Selected = ReadonlyMap<string, readonly Task[]>;

function noneWhenStopped(error: unknown): undefined {
  if (!(error instanceof StoppedError)) throw error;
}

/** The repositories that a command selects: all of them where it has no filter, and what its filters match. */
async function selectRepositories(registry: RegistryReader, policies: readonly PurgePolicy[]): Promise<Selected> {
  let catalog: readonly string[] | undefined;
  const selected = new Map<string, Task[]>();
  for (const policy of policies) {
    const { compiled, filters, repositoryPageSize } = policy;
    // What filters name outright needs no listing.
    const literal = filters.length > 0 ? compiled.literalRepositories() : undefined;
    const names = literal ?? (catalog ??= await registry.repositories(repositoryPageSize));
    const matching = compiled.repositoryFilters(names);
    for (const [index, name] of names.entries()) {
      const filtersOfIt = matching[index] ?? [];
      if (filters.length > 0 && filtersOfIt.length === 0) continue;
      const tasks = selected.get(name);
      if (tasks) tasks.push({ policy, filters: filtersOfIt });
      else selected.set(name, [{ policy, filters: filtersOfIt }]);
    }
  }
  return selected;
}

/** Filters that had no effect: mistyped, most likely. */
function unmatched(
  policy: PurgePolicy,
  selected: Selected,
  done: readonly RepositorySummary[],
  matched: ReadonlySet<TagFilter>,
): readonly string[] {
  const { filters, compiled, tags } = policy;
  const found = new Set(done.map(({ repository }) => repository));
  const literal = compiled.literalRepositories() !== undefined;
  return filters.flatMap((filter) => {
    const repositories = [...selected]
      .filter(([name, tasks]) => tasks.some((task) => task.filters.includes(filter)) && (!literal || found.has(name)))
      .map(([name]) => name);
    if (repositories.length === 0) return [`the filter "${filter.text}" matches no repository`];
    const failed = done.some(({ repository, state }) => state !== 'done' && repositories.includes(repository));
    return tags && !matched.has(filter) && !failed ? [`the filter "${filter.text}" matches no tag`] : [];
  });
}

function isDone({ failed, notAttempted }: Counts): boolean {
  return failed + notAttempted === 0;
}

/** What was tried in vain; what was not tried for it is only counted. */
function isFailure(decision: Decision): boolean {
  return decision.action === 'delete' && (decision.outcome === 'refused' || decision.outcome === 'failed');
}

import { execute } from '../executor/execute.ts';
import { describe, ofReading } from '../executor/results.ts';
import { type PlannedRepository, type Planning, planTask, type Task } from './inventory.ts';
import type { RepositoryWriter } from '../ledger/writer.ts';
import { LedgerError } from '../ledger/store/store.ts';
import { type Decision, type Decisions, type Deleted, keyOf, withOutcome } from '../planner/decision.ts';
import type { Approved } from '../planner/types.ts';
import { PolicyError } from '../policy/errors.ts';
import { afterwards, type Gone, remembering } from '../registry/overlay.ts';
import { StoppedError } from '../registry/errors.ts';
import type { Registry } from '../registry/types.ts';
import type { RunLog } from '../report/log.ts';
import { type RepositorySummary, summarizeInTurns, unfinishedRepository } from '../ledger/summary.ts';
import { changesSincePlan } from './since-plan.ts';
import { isDone } from './tally.ts';
import { eachInTurns } from '../ledger/turns.ts';

export interface Context extends Planning {
  readonly signal: AbortSignal | undefined;
  readonly log: RunLog | undefined;
}

export interface RepositoryResult {
  readonly decisions: Decisions;
  readonly summary: RepositorySummary;
}

/** What planning found out about a repository. */
type Found = Pick<PlannedRepository, 'listed' | 'warnings' | 'unread'>;

/**
 * Plans one repository by each command in turn, each shown what the ones before it would leave. Nothing where there is
 * no such repository.
 *
 * @throws {PolicyError} where a filter takes too long
 */
export async function planRepository(
  context: Context,
  repository: string,
  tasks: readonly Task[],
): Promise<RepositoryResult | undefined> {
  let reader = tasks.length === 1 ? context.reader : remembering(context.reader);
  return settled(repository, async (progress) => {
    for (const [index, task] of tasks.entries()) {
      const planned = await planTask({ ...context, reader }, repository, task);
      if (!planned) continue;
      if (context.signal?.aborted) throw new StoppedError(`plan ${repository}`);
      await progress.add(planned.plan.decisions, planned);
      if (index < tasks.length - 1) reader = afterwards(reader, await goneBy(planned.plan.decisions));
    }
  });
}

/** What carries a repository out, and records it. */
export interface Means {
  readonly writer: Registry;
  readonly record: RepositoryWriter;
  /** The plan that is carried out, by key; nothing else goes. Absent: whatever the commands select. */
  readonly approved?: ReadonlyMap<string, Deleted>;
}

/**
 * The unit of work: one repository, planned, carried out, recorded and summed up, by each command in turn. Safe to do
 * again. Nothing where there is no such repository.
 *
 * @throws {PolicyError} where a filter takes too long
 * @throws {LedgerError} where it cannot be recorded: what is not, is not deleted
 */
export async function purgeRepository(
  context: Context,
  repository: string,
  tasks: readonly Task[],
  { writer, record, approved }: Means,
): Promise<RepositoryResult | undefined> {
  const only = approved && (await approvedOf(approved.values()));
  // Of several commands: once the last of them is planned, nothing else may go than what is planned by then. A command that
  // is asked again would take what another one of them has left untagged.
  let stage: Pick<RepositorySummary, 'stage'> = {};
  const result = await settled(repository, async (progress) => {
    for (const task of tasks) {
      const planned = await planTask(context, repository, task, only);
      if (!planned) continue;
      if (context.signal?.aborted) throw new StoppedError(`plan ${repository}`);
      const { decisions, tags, manifests } = planned.plan;
      await progress.intend(withOutcome(decisions, 'not-attempted'), planned);
      if (tasks.length > 1 && task === tasks.at(-1)) stage = { stage: 'planned' };
      if (tags.length + manifests.length > 0)
        await record.write({ ...(await progress.summary('stopped', ENDED)), ...stage }, progress.decisions());
      const made = await execute(writer, planned.plan, {
        inventory: planned.inventory.manifests,
        tags: planned.inventory.tags ?? [],
        includeLocked: task.policy.includeLocked,
        ...(context.signal && { signal: context.signal }),
        onIntent: record.intend,
        onSettled: async (some) => {
          record.settled(some);
          await context.log?.decided(some);
        },
      });
      await progress.add(made);
      await context.log?.kept(decisions);
      // Whatever was refused besides: what the stop kept from being tried is left, and the run resumes with it.
      if (context.signal?.aborted && hasUntried(made)) throw new StoppedError(`purge ${repository}`);
    }
    if (!approved) return;
    const changes = await changesSincePlan(writer, repository, approved, progress.decisions());
    await progress.add(changes);
    await context.log?.decided(changes);
  });
  if (result && !approved && !isDone(result.summary)) return { ...result, summary: { ...result.summary, ...stage } };
  if (!approved || !result?.summary.error || result.summary.state === 'done') return result;
  // Whatever was in the plan has a decision, also where it could not be looked at.
  const { state, error, listed } = result.summary;
  const missing = new Map(approved);
  await eachInTurns(result.decisions, (decision) => void missing.delete(keyOf(decision)));
  const decisions = [...result.decisions, ...withOutcome([...missing.values()], 'not-attempted')];
  const unfinished = state === 'stopped' ? state : 'failed';
  return { decisions, summary: unfinishedRepository(repository, unfinished, error, decisions, listed) };
}

/** What a record says of a repository until it is closed. */
const ENDED = { message: 'the process ended before it was done' };

/** What is known of a repository so far. */
interface Progress {
  readonly add: (decisions: Decisions, found?: Found) => Promise<void>;
  /** The same, until it is known what became of them. */
  readonly intend: (decisions: Decisions, found: Found) => Promise<void>;
  readonly decisions: () => Decisions;
  readonly summary: (
    state: 'failed' | 'stopped',
    error: RepositorySummary['error'] & object,
  ) => Promise<RepositorySummary>;
}

/** Does the work on a repository. What goes wrong with it is how it ended. */
async function settled(
  repository: string,
  work: (progress: Progress) => Promise<void>,
): Promise<RepositoryResult | undefined> {
  let decisions: Decisions | undefined;
  let intended: Decisions | undefined;
  let listed: Found['listed'] | undefined;
  let unread: Found['unread'];
  const warnings = new Set<string>();
  const take = (found: Found | undefined): void => {
    // Of several commands, the first one found all that there was.
    listed = { ...found?.listed, ...listed };
    for (const warning of found?.warnings ?? []) warnings.add(warning);
    unread ??= found?.unread;
  };
  const warned = (summary: RepositorySummary): RepositorySummary =>
    warnings.size === 0 ? summary : { ...summary, warnings: [...warnings] };
  const after = async (made: Decisions): Promise<Decisions> => (decisions ? latest(decisions, made) : made);
  const progress: Progress = {
    async add(made, found) {
      decisions = await after(made);
      intended = undefined;
      take(found);
    },
    async intend(some, found) {
      intended = await after(some);
      take(found);
    },
    decisions: () => intended ?? decisions ?? [],
    summary: async (state, error) =>
      warned({ ...(await summarizeInTurns(repository, progress.decisions(), listed)), state, error }),
  };
  try {
    await work(progress);
  } catch (error) {
    // A filter that takes too long takes too long everywhere; and without a ledger nothing is done anywhere.
    if (error instanceof PolicyError || !(error instanceof Error) || error instanceof LedgerError) throw error;
    const state = error instanceof StoppedError ? 'stopped' : 'failed';
    // Deletions do not throw: what was refused is a read.
    const why = ofReading(describe(error));
    return { decisions: progress.decisions(), summary: await progress.summary(state, why) };
  }
  if (!decisions) return undefined;
  const summary = await summarizeInTurns(repository, decisions, listed);
  return { decisions, summary: warned({ ...summary, ...(unread && { error: unread }) }) };
}

function hasUntried(decisions: Decisions): boolean {
  for (const decision of decisions)
    if (decision.action === 'delete' && decision.outcome === 'not-attempted') return true;
  return false;
}

/** One decision for each artifact: that of the last command that had one, but no deletion is taken back by a later one. */
async function latest(earlier: Decisions, later: Decisions): Promise<Decisions> {
  const decisions = new Map<string, Decision>();
  await eachInTurns(earlier, (decision) => void decisions.set(keyOf(decision), decision));
  await eachInTurns(later, (decision) => {
    if (decision.action === 'delete' || decisions.get(keyOf(decision))?.action !== 'delete')
      decisions.set(keyOf(decision), decision);
  });
  return [...decisions.values()];
}

async function approvedOf(decisions: Iterable<Deleted>): Promise<Approved> {
  const tags = new Map<string, { readonly digest: string | undefined; readonly locked: boolean }>();
  const manifests = new Map<string, { readonly locked: boolean }>();
  await eachInTurns(decisions, ({ kind, tag = '', digest, locked = false }) => {
    if (kind === 'tag') tags.set(tag, { digest, locked });
    else manifests.set(digest ?? '', { locked });
  });
  return { tags, manifests };
}

async function goneBy(decisions: Decisions): Promise<Gone> {
  const tags = new Set<string>();
  const digests = new Set<string>();
  await eachInTurns(decisions, ({ action, kind, tag, digest }) => {
    if (action !== 'delete') return;
    if (kind === 'tag' && tag !== undefined) tags.add(tag);
    if (kind === 'manifest' && digest !== undefined) digests.add(digest);
  });
  return { tags, digests };
}

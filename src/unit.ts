import { eachOf } from './each.ts';
import { execute } from './executor/execute.ts';
import { describe } from './executor/results.ts';
import type { RepositoryWriter } from './ledger/ledger.ts';
import { LedgerError } from './ledger/store.ts';
import { type Decision, type Deleted, keyOf, withOutcome } from './planner/decision.ts';
import { plan } from './planner/plan.ts';
import type { Approved, Inventory, Plan, Rule } from './planner/types.ts';
import { PolicyError } from './policy/error.ts';
import type { TagFilter } from './policy/filter.ts';
import type { PurgePolicy } from './policy/policy.ts';
import { afterwards, type Gone, remembering } from './registry/afterwards.ts';
import { StoppedError } from './registry/error.ts';
import { toInstant } from './registry/time.ts';
import type { Registry, RegistryReader } from './registry/types.ts';
import type { RunLog } from './report/log.ts';
import { type RepositorySummary, summarize, unfinishedRepository } from './report/summary.ts';
import { changesSincePlan } from './since-plan.ts';

/** What one command wants of a repository. */
export interface Task {
  readonly policy: PurgePolicy;
  /** Those of its filters that match the repository. */
  readonly filters: readonly TagFilter[];
}

export interface Context {
  readonly reader: RegistryReader;
  readonly now: Date;
  readonly signal: AbortSignal | undefined;
  /** Takes the filters that matched a tag. */
  readonly matched: Set<TagFilter>;
  readonly log: RunLog | undefined;
}

export interface RepositoryResult {
  readonly decisions: readonly Decision[];
  readonly summary: RepositorySummary;
}

type Listed = RepositorySummary['listed'];

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
    for (const task of tasks) {
      const planned = await planTask(reader, repository, ruleFor(task, context), task.policy);
      if (!planned) continue;
      if (context.signal?.aborted) throw new StoppedError(`plan ${repository}`);
      progress.add(planned.plan.decisions, listedIn(planned.inventory));
      reader = afterwards(reader, goneBy(planned.plan.decisions));
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
  const only = approved && approvedOf([...approved.values()]);
  const result = await settled(repository, async (progress) => {
    for (const task of tasks) {
      const planned = await planTask(
        context.reader,
        repository,
        { ...ruleFor(task, context), ...(only && { only }) },
        task.policy,
      );
      if (!planned) continue;
      if (context.signal?.aborted) throw new StoppedError(`plan ${repository}`);
      const { decisions } = planned.plan;
      const going = new Set(decisions.filter(({ action }) => action === 'delete').map(keyOf));
      progress.intend(withOutcome(decisions, 'not-attempted'), listedIn(planned.inventory));
      if (going.size > 0) await record.write(progress.summary('stopped', ENDED), progress.decisions());
      const made = await execute(writer, planned.plan, {
        inventory: planned.inventory.manifests,
        tagCount: planned.inventory.tags?.length ?? 0,
        includeLocked: task.policy.includeLocked,
        ...(context.signal && { signal: context.signal }),
        onIntent: record.intend,
        onSettled: async (some) => {
          record.settled(some.filter((decision) => going.has(keyOf(decision))));
          await context.log?.decided(some);
        },
      });
      progress.add(made);
    }
    if (!approved) return;
    const changes = await changesSincePlan(writer, repository, approved, progress.decisions());
    progress.add(changes);
    await context.log?.decided(changes);
  });
  if (!approved || !result?.summary.error) return result;
  // Whatever was in the plan has a decision, also where it could not be looked at.
  const { state, error, listed } = result.summary;
  const known = new Set(result.decisions.map(keyOf));
  const missing = [...approved.values()].filter((decision) => !known.has(keyOf(decision)));
  const decisions = [...result.decisions, ...withOutcome(missing, 'not-attempted')];
  const unfinished = state === 'stopped' ? state : 'failed';
  return { decisions, summary: unfinishedRepository(repository, unfinished, error, decisions, listed) };
}

/** What a record says of a repository until it is closed. */
const ENDED = { message: 'the process ended before it was done' };

/** What is known of a repository so far. */
interface Progress {
  readonly add: (decisions: readonly Decision[], listed?: Listed) => void;
  /** The same, until it is known what became of them. */
  readonly intend: (decisions: readonly Decision[], listed: Listed) => void;
  readonly decisions: () => readonly Decision[];
  readonly summary: (state: 'failed' | 'stopped', error: RepositorySummary['error'] & object) => RepositorySummary;
}

/** Does the work on a repository. What goes wrong with it is how it ended. */
async function settled(
  repository: string,
  work: (progress: Progress) => Promise<void>,
): Promise<RepositoryResult | undefined> {
  let decisions: readonly Decision[] | undefined;
  let intended: readonly Decision[] | undefined;
  let listed: Listed | undefined;
  const after = (made: readonly Decision[]) => (decisions ? latest(decisions, made) : made);
  const progress: Progress = {
    add(made, found) {
      decisions = after(made);
      intended = undefined;
      listed = { ...found, ...listed };
    },
    intend(some, found) {
      intended = after(some);
      listed = { ...found, ...listed };
    },
    decisions: () => intended ?? decisions ?? [],
    summary: (state, error) => unfinishedRepository(repository, state, error, progress.decisions(), listed),
  };
  try {
    await work(progress);
  } catch (error) {
    // A filter that takes too long takes too long everywhere; and without a ledger nothing is done anywhere.
    if (error instanceof PolicyError || !(error instanceof Error) || error instanceof LedgerError) throw error;
    const state = error instanceof StoppedError ? 'stopped' : 'failed';
    return { decisions: progress.decisions(), summary: progress.summary(state, describe(error)) };
  }
  return decisions && { decisions, summary: summarize(repository, decisions, listed) };
}

/** One decision for each artifact: that of the last command that had one, but no deletion is taken back by a later one. */
function latest(earlier: readonly Decision[], later: readonly Decision[]): readonly Decision[] {
  const decisions = new Map(earlier.map((decision) => [keyOf(decision), decision]));
  for (const decision of later) {
    if (decision.action === 'delete' || decisions.get(keyOf(decision))?.action !== 'delete')
      decisions.set(keyOf(decision), decision);
  }
  return [...decisions.values()];
}

function approvedOf(decisions: readonly Deleted[]): Approved {
  const of = (kind: Decision['kind']) => decisions.filter((decision) => decision.kind === kind);
  return {
    tags: new Map(of('tag').map(({ tag = '', digest, locked = false }) => [tag, { digest, locked }])),
    manifests: new Map(of('manifest').map(({ digest = '', locked = false }) => [digest, { locked }])),
  };
}

function goneBy(decisions: readonly Decision[]): Gone {
  const going = decisions.filter(({ action }) => action === 'delete');
  return {
    tags: new Set(going.flatMap(({ kind, tag }) => (kind === 'tag' && tag !== undefined ? [tag] : []))),
    digests: new Set(
      going.flatMap(({ kind, digest }) => (kind === 'manifest' && digest !== undefined ? [digest] : [])),
    ),
  };
}

interface PlannedRepository {
  readonly plan: Plan;
  readonly inventory: Inventory;
}

function listedIn({ tags, manifests }: Inventory): Listed {
  return { ...(tags && { tags: tags.length }), ...(manifests && { manifests: manifests.byDigest.size }) };
}
function ruleFor({ policy, filters }: Task, { now, matched }: Context): Rule {
  const matcher = policy.compiled.tags(filters);
  return {
    matches: policy.tags
      ? (names) => {
          for (const filter of filters) {
            if (!matched.has(filter) && policy.compiled.tags([filter]).matches(names).includes(true))
              matched.add(filter);
          }
          return matcher.matches(names);
        }
      : undefined,
    filterOf: (tag) => `"${matcher.which(tag)?.text ?? filters.map(({ text }) => text).join('|')}"`,
    cutOff: toInstant(new Date(now.getTime() - policy.agoMilliseconds)),
    ago: policy.ago,
    now,
    keep: policy.keep,
    untagged: policy.untagged,
    includeLocked: policy.includeLocked,
  };
}

/** Lists a repository, plans it, and reads what the plan turns out to need, until it needs nothing more. */
async function planTask(
  registry: RegistryReader,
  repository: string,
  rule: Rule,
  { concurrency }: PurgePolicy,
): Promise<PlannedRepository | undefined> {
  // The tags first: a tag that is set meanwhile then shows on its manifest, and not the other way round.
  const tags = rule.matches && (await registry.tags(repository));
  const listed = rule.untagged ? await registry.manifests(repository) : undefined;
  if (!tags && !listed) return undefined;
  const facts = new Map<string, Awaited<ReturnType<RegistryReader['manifest']>>>();
  const referrers = new Map<string, readonly string[] | 'unknown'>();
  let inventory: Inventory = { repository, tags, manifests: listed, facts, referrers };
  for (;;) {
    const planned = plan(inventory, rule);
    if (planned.state === 'planned') return { plan: planned.plan, inventory };
    if (planned.listing) {
      const manifests = (await registry.manifests(repository)) ?? { byDigest: new Map(), newest: undefined };
      inventory = { ...inventory, manifests };
    }
    await eachOf(planned.manifests, concurrency, async (digest) => {
      facts.set(digest, await registry.manifest(repository, digest));
    });
    const ask = async (digest: string): Promise<void> => {
      referrers.set(digest, (await registry.referrers(repository, digest).catch(() => undefined)) ?? 'unknown');
    };
    const [first, ...others] = planned.referrers;
    if (first !== undefined) await ask(first);
    // Where the registry does not answer that, one call was enough to find out.
    if (first !== undefined && referrers.get(first) !== 'unknown') await eachOf(others, concurrency, ask);
  }
}

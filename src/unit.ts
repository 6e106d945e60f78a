import { eachOf } from './each.ts';
import { execute } from './executor/execute.ts';
import { describe, keyOf } from './executor/results.ts';
import type { Decision } from './planner/decision.ts';
import { plan } from './planner/plan.ts';
import type { Inventory, Plan, Rule } from './planner/types.ts';
import { PolicyError } from './policy/error.ts';
import type { TagFilter } from './policy/filter.ts';
import type { PurgePolicy } from './policy/policy.ts';
import { afterwards, type Gone, remembering } from './registry/afterwards.ts';
import { StoppedError } from './registry/error.ts';
import { toInstant } from './registry/time.ts';
import type { Registry, RegistryReader } from './registry/types.ts';
import type { RunLog } from './report/log.ts';
import { type RepositorySummary, summarize, unfinishedRepository } from './report/summary.ts';

/** What one command wants of a repository. */
export interface Task {
  readonly policy: PurgePolicy;
  /** Those of its filters that match the repository. */
  readonly filters: readonly TagFilter[];
}

export interface Context {
  readonly reader: RegistryReader;
  /** Nothing is deleted without it. */
  readonly writer: Registry | undefined;
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

/**
 * The unit of work: one repository, planned, carried out and summed up, by each command in turn. Safe to do again.
 * Nothing where there is no such repository.
 *
 * @throws {PolicyError} where a filter takes too long
 */
export async function purgeRepository(
  context: Context,
  repository: string,
  tasks: readonly Task[],
): Promise<RepositoryResult | undefined> {
  let decisions: readonly Decision[] | undefined;
  let reader = context.writer || tasks.length === 1 ? context.reader : remembering(context.reader);
  try {
    for (const task of tasks) {
      const planned = await planRepository(reader, repository, ruleFor(task, context), task.policy);
      if (!planned) continue;
      if (context.signal?.aborted) throw new StoppedError(`plan ${repository}`);
      const made = context.writer
        ? await carryOut(context.writer, planned, task.policy, context)
        : planned.plan.decisions;
      if (!context.writer) await context.log?.decided(made);
      decisions = decisions ? latest(decisions, made) : made;
      // A dry run has left everything in place: the next command is shown what would be left. A purge looks again.
      if (!context.writer) reader = afterwards(reader, goneBy(made));
    }
  } catch (error) {
    // A filter that takes too long takes too long everywhere.
    if (error instanceof PolicyError) throw error;
    const done = decisions ?? [];
    const state = error instanceof StoppedError ? 'stopped' : 'failed';
    return { decisions: done, summary: unfinishedRepository(repository, state, describe(error as Error), done) };
  }
  return decisions && { decisions, summary: summarize(repository, decisions) };
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

function carryOut(
  writer: Registry,
  { plan: made, inventory }: PlannedRepository,
  { includeLocked }: PurgePolicy,
  { signal, log }: Context,
): Promise<readonly Decision[]> {
  return execute(writer, made, {
    inventory: inventory.manifests,
    tagCount: inventory.tags?.length ?? 0,
    includeLocked,
    ...(signal && { signal }),
    ...(log && { onSettled: log.decided }),
  });
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
async function planRepository(
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

import { execute } from './executor/execute.ts';
import { describe } from './executor/results.ts';
import type { Decision, Reason } from './planner/decision.ts';
import { plan } from './planner/plan.ts';
import type { Inventory, Plan, Rule } from './planner/types.ts';
import { PolicyError } from './policy/error.ts';
import type { TagFilter } from './policy/filter.ts';
import type { PurgePolicy } from './policy/policy.ts';
import { credentialsOf, type IdentitySettings } from './registry/identity.ts';
import { openRegistry as open } from './registry/registry.ts';
import { toInstant } from './registry/time.ts';
import type { Registry, RegistryReader } from './registry/types.ts';
import {
  type Counts,
  failedRepository,
  type RepositorySummary,
  type RunSummary,
  summarize,
  total,
} from './report/summary.ts';

export type { Decision } from './planner/decision.ts';
export type { Registry, RegistryReader } from './registry/types.ts';

export interface TargetOptions extends IdentitySettings {
  readonly endpoint: URL;
  /** Calls in flight at once. */
  readonly concurrency: number;
  /** A certificate authority to trust besides the system's (PEM). */
  readonly certificate?: string;
}

/** A registry to purge. Nothing is sent before it is used. */
export function openRegistry({ endpoint, concurrency, certificate, ...identity }: TargetOptions): Registry {
  return open({
    endpoint,
    concurrency,
    credentials: credentialsOf(identity),
    ...(certificate !== undefined && { certificate }),
  });
}

export interface RunOptions {
  readonly policy: PurgePolicy;
  /** Ages are counted back from here. */
  readonly now: Date;
  /** Takes the decisions of a repository once they are final. The run waits for it. */
  readonly onDecisions: (decisions: readonly Decision[]) => void | Promise<void>;
  readonly onProgress?: (done: number, of: number) => void;
  /** Once aborted, nothing more is deleted and no further repository begun. */
  readonly signal?: AbortSignal;
}

/** Failures that a summary repeats in full. All of them are among the decisions. */
const MAX_FAILURES = 20;

/**
 * Says what a purge would do. It is given a registry that cannot delete.
 * @throws {PolicyError} where a filter takes too long
 * @throws {RegistryError} where the repositories cannot be listed
 */
export function dryRun(registry: RegistryReader, options: RunOptions): Promise<RunSummary> {
  return run(registry, options, undefined);
}

/**
 * Purges: plans and carries out one repository after the other, several side by side. A repository that fails is named
 * in the summary, and the others are done.
 * @throws as `dryRun`
 */
export function purge(registry: Registry, options: RunOptions): Promise<RunSummary> {
  return run(registry, options, registry);
}

async function run(reader: RegistryReader, options: RunOptions, writer: Registry | undefined): Promise<RunSummary> {
  const { policy } = options;
  const started = new Date();
  const matched = new Set<TagFilter>();
  const warnings = [...policy.warnings];
  const failures: Decision[] = [];
  const examples: Partial<Record<Reason, Decision>> = {};
  const summaries: RepositorySummary[] = [];

  const repositories = await selectRepositories(reader, policy);
  let done = 0;
  options.onProgress?.(done, repositories.length);
  await eachOf(repositories, policy.concurrency, async (selected) => {
    if (options.signal?.aborted) {
      summaries.push(failedRepository(selected.repository, { message: 'not begun: the run was stopped' }));
      return;
    }
    const result = await purgeRepository(reader, selected, options, writer, matched);
    if (result) {
      await options.onDecisions(result.decisions);
      for (const decision of result.decisions) {
        // The first by name, so that the same run shows the same examples whichever repository is done first.
        const { reason, repository } = decision;
        if (repository < (examples[reason]?.repository ?? '\uffff')) examples[reason] = decision;
      }
      for (const decision of result.decisions) {
        if (failures.length < MAX_FAILURES && isFailure(decision)) failures.push(decision);
      }
      summaries.push(result.summary);
    }
    options.onProgress?.((done += 1), repositories.length);
  });
  warnings.push(...unmatched(policy, repositories, summaries, matched));
  const sorted = summaries.toSorted((a, b) => (a.repository < b.repository ? -1 : 1));
  const totals = total(sorted);
  return {
    registry: reader.loginServer,
    dryRun: writer === undefined,
    started: started.toISOString(),
    ended: new Date().toISOString(),
    repositories: sorted,
    totals,
    warnings,
    examples,
    failures,
    succeeded: sorted.every(({ state, tags, manifests }) => state === 'done' && isDone(tags) && isDone(manifests)),
  };
}

interface Selected {
  readonly repository: string;
  readonly filters: readonly TagFilter[];
}

/** The repositories that a filter matches; all of them without a filter. What filters name outright needs no listing. */
async function selectRepositories(registry: RegistryReader, policy: PurgePolicy): Promise<readonly Selected[]> {
  const { compiled, filters, repositoryPageSize } = policy;
  const literal = filters.length > 0 ? compiled.literalRepositories() : undefined;
  const names = literal ?? (await registry.repositories(repositoryPageSize));
  const matching = compiled.repositoryFilters(names);
  return names
    .map((repository, index) => ({ repository, filters: matching[index] ?? [] }))
    .filter((selected) => filters.length === 0 || selected.filters.length > 0);
}

/** The unit of work: one repository, planned, carried out and summed up. Nothing where there is no such repository. */
async function purgeRepository(
  reader: RegistryReader,
  { repository, filters }: Selected,
  options: RunOptions,
  writer: Registry | undefined,
  matched: Set<TagFilter>,
): Promise<{ readonly decisions: readonly Decision[]; readonly summary: RepositorySummary } | undefined> {
  try {
    const planned = await planRepository(
      reader,
      repository,
      ruleFor(options, filters, matched),
      options.policy.concurrency,
    );
    if (!planned) return undefined;
    const { plan: made, inventory } = planned;
    const decisions = writer
      ? await execute(writer, made, {
          inventory: inventory.manifests,
          tagCount: inventory.tags?.length ?? 0,
          includeLocked: options.policy.includeLocked,
          ...(options.signal && { signal: options.signal }),
        })
      : made.decisions;
    return { decisions, summary: summarize(repository, decisions) };
  } catch (error) {
    // A filter that takes too long takes too long everywhere.
    if (error instanceof PolicyError) throw error;
    return { decisions: [], summary: failedRepository(repository, describe(error as Error)) };
  }
}

function ruleFor({ policy, now }: RunOptions, filters: readonly TagFilter[], matched: Set<TagFilter>): Rule {
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
  concurrency: number,
): Promise<{ readonly plan: Plan; readonly inventory: Inventory } | undefined> {
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

/** Filters that had no effect: mistyped, most likely. */
function unmatched(
  { filters, compiled, tags }: PurgePolicy,
  selected: readonly Selected[],
  done: readonly RepositorySummary[],
  matched: ReadonlySet<TagFilter>,
): readonly string[] {
  const found = new Set(done.map(({ repository }) => repository));
  const literal = compiled.literalRepositories() !== undefined;
  return filters.flatMap((filter) => {
    const repositories = selected.filter(
      (one) => one.filters.includes(filter) && (!literal || found.has(one.repository)),
    );
    if (repositories.length === 0) return [`the filter "${filter.text}" matches no repository`];
    const failed = done.some(
      ({ repository, state }) => state === 'failed' && repositories.some((one) => one.repository === repository),
    );
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

/** Runs `work` for each item, at most `limit` at once. After an error none is begun, and those under way are waited for. */
async function eachOf<T>(items: readonly T[], limit: number, work: (item: T) => Promise<void>): Promise<void> {
  const queue = items.values();
  let failed = false;
  const worker = async (): Promise<void> => {
    for (const item of queue) {
      if (failed) return;
      await work(item).catch((error: unknown) => {
        failed = true;
        throw error;
      });
    }
  };
  const workers = await Promise.allSettled(Array.from({ length: Math.min(limit, items.length) }, worker));
  const rejected = workers.find((one) => one.status === 'rejected');
  if (rejected) throw rejected.reason;
}

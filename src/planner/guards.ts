import type { Guards } from '../policy/guards.ts';
import type { Hold } from './decision.ts';

/** How much of a repository would be deleted. */
export interface RepositoryDeletions {
  readonly repository: string;
  readonly tags: { readonly deleted: number; readonly listed: number };
  readonly manifests: { readonly deleted: number; readonly listed: number };
}

/** The median of fewer runs says nothing. */
const FEWEST_RUNS = 3;

/** How many artifacts a run usually deletes; `undefined` where there were too few runs to tell. */
export function usualOf(lastRuns: readonly number[]): number | undefined {
  return lastRuns.length < FEWEST_RUNS ? undefined : medianOf(lastRuns);
}

/**
 * What the guards hold back of what is planned. A hold without a repository holds back the whole run.
 *
 * @param lastRuns how many artifacts each of the last runs deleted
 * @param manifestsBesides manifests of the registry in repositories that were not looked at
 */
export function guardHolds(
  repositories: readonly RepositoryDeletions[],
  limits: Guards,
  lastRuns: readonly number[],
  manifestsBesides = 0,
): readonly Hold[] {
  const single = repositories.flatMap((one) => holdsOfRepository(one, limits));
  const held = new Set(single.map(({ repository }) => repository));
  // What a repository holds back is not deleted, whatever holds for the others.
  const others = repositories.filter(({ repository }) => !held.has(repository));
  const deletions = sum(others, ({ tags, manifests }) => tags.deleted + manifests.deleted);
  const holds: Hold[] = [];
  const { maxDeletions, maxDeletionPercent, maxMedianFactor } = limits;
  if (maxDeletions !== undefined && deletions > maxDeletions) {
    const detail = `${deletions} artifacts would be deleted, and ${maxDeletions} ${maxDeletions === 1 ? 'is' : 'are'} allowed in one run`;
    holds.push({ breaker: 'max-deletions', found: deletions, limit: maxDeletions, detail });
  }
  const usual = usualOf(lastRuns);
  if (maxMedianFactor !== undefined && usual !== undefined) {
    // A quiet week must not make one deletion suspicious.
    const median = Math.max(usual, 1);
    const limit = maxMedianFactor * median;
    if (deletions > limit) {
      const detail = `${deletions} artifacts would be deleted, more than ${maxMedianFactor} times the median of the last ${lastRuns.length} runs (${median})`;
      holds.push({ breaker: 'far-above-median', found: deletions, limit, detail });
    }
  }
  if (maxDeletionPercent !== undefined) {
    const manifests = {
      deleted: sum(others, (one) => one.manifests.deleted),
      listed: sum(repositories, (one) => one.manifests.listed) + manifestsBesides,
    };
    if (isOver(manifests, maxDeletionPercent)) {
      const detail = `${inWords(manifests, 'manifests')} would be deleted, and ${maxDeletionPercent} % are allowed`;
      holds.push({ breaker: 'max-deletion-percent', found: percent(manifests), limit: maxDeletionPercent, detail });
    }
  }
  return [...holds, ...single];
}

function holdsOfRepository(
  { repository, tags }: RepositoryDeletions,
  { maxDeletionPercent, keepLastTag }: Guards,
): readonly Hold[] {
  const holds: Hold[] = [];
  if (maxDeletionPercent !== undefined && isOver(tags, maxDeletionPercent)) {
    const detail = `${inWords(tags, 'tags')} would be deleted, and ${maxDeletionPercent} % are allowed`;
    holds.push({
      breaker: 'max-deletion-percent',
      repository,
      found: percent(tags),
      limit: maxDeletionPercent,
      detail,
    });
  }
  if (keepLastTag && tags.deleted > 0 && tags.deleted >= tags.listed) {
    const all = tags.listed === 1 ? 'its only tag' : `all ${tags.listed} tags`;
    const detail = `${all} would be deleted, and a repository must keep one`;
    holds.push({ breaker: 'no-tag-left', repository, found: tags.deleted, limit: tags.listed - 1, detail });
  }
  return holds;
}

type Share = RepositoryDeletions['tags'];

function isOver({ deleted, listed }: Share, limit: number): boolean {
  return deleted > 0 && deleted * 100 > limit * listed;
}

function percent({ deleted, listed }: Share): number {
  return listed === 0 ? 100 : Math.round((deleted / listed) * 1000) / 10;
}

function inWords(share: Share, what: string): string {
  return `${share.deleted} of ${share.listed} ${what} (${percent(share)} %)`;
}

function medianOf(numbers: readonly number[]): number {
  const sorted = numbers.toSorted((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  const upper = sorted[middle] ?? 0;
  return sorted.length % 2 === 1 ? upper : ((sorted[middle - 1] ?? 0) + upper) / 2;
}

function sum<T>(all: readonly T[], of: (one: T) => number): number {
  return all.reduce((total, one) => total + of(one), 0);
}

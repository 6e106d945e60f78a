import type { Guards } from '../policy/guards.ts';
import type { Hold } from './decision.ts';

/** How much would go of what there is. */
export interface RepositoryDeletions {
  readonly repository: string;
  readonly tags: { readonly going: number; readonly listed: number };
  readonly manifests: { readonly going: number; readonly listed: number };
}

/** Fewer runs have no median that tells anything. */
const FEWEST_RUNS = 3;

/** How many artifacts a run usually deletes; `undefined` where there were too few runs to tell. */
export function usualOf(lastRuns: readonly number[]): number | undefined {
  return lastRuns.length < FEWEST_RUNS ? undefined : medianOf(lastRuns);
}

/**
 * The breakers that what is planned would trip. One without a repository holds back everything.
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
  // What is held back by itself does not go, whatever the others do.
  const others = repositories.filter(({ repository }) => !held.has(repository));
  const going = sum(others, ({ tags, manifests }) => tags.going + manifests.going);
  const holds: Hold[] = [];
  const { maxDeletions, maxDeletionPercent, maxMedianFactor } = limits;
  if (maxDeletions !== undefined && going > maxDeletions) {
    const detail = `${going} artifacts would be deleted, and ${maxDeletions} ${maxDeletions === 1 ? 'is' : 'are'} allowed in one run`;
    holds.push({ breaker: 'max-deletions', found: going, limit: maxDeletions, detail });
  }
  const usual = usualOf(lastRuns);
  if (maxMedianFactor !== undefined && usual !== undefined) {
    // A quiet week must not make one deletion suspicious.
    const median = Math.max(usual, 1);
    const limit = maxMedianFactor * median;
    if (going > limit) {
      const detail = `${going} artifacts would be deleted, more than ${maxMedianFactor} times the median of the last ${lastRuns.length} runs (${median})`;
      holds.push({ breaker: 'far-above-median', found: going, limit, detail });
    }
  }
  if (maxDeletionPercent !== undefined) {
    const manifests = {
      going: sum(others, (one) => one.manifests.going),
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
  if (keepLastTag && tags.going > 0 && tags.going >= tags.listed) {
    const all = tags.listed === 1 ? 'its only tag' : `all ${tags.listed} tags`;
    const detail = `${all} would be deleted, and a repository must keep one`;
    holds.push({ breaker: 'no-tag-left', repository, found: tags.going, limit: tags.listed - 1, detail });
  }
  return holds;
}

type Part = RepositoryDeletions['tags'];

function isOver({ going, listed }: Part, limit: number): boolean {
  return going > 0 && going * 100 > limit * listed;
}

function percent({ going, listed }: Part): number {
  return listed === 0 ? 100 : Math.round((going / listed) * 1000) / 10;
}

function inWords(part: Part, what: string): string {
  return `${part.going} of ${part.listed} ${what} (${percent(part)} %)`;
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

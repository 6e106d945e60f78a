import { changeFile } from './change-file.ts';
import { pullsSchema } from './use-schemas.ts';
import type { Store } from './store/store.ts';

/** When an image was pulled last, by a tag, a digest or both. */
export interface RememberedPull {
  readonly repository: string;
  readonly tag?: string;
  readonly digest?: string;
  /** ISO 8601, UTC. */
  readonly last: string;
  /** What pulled, without who. */
  readonly client?: string;
}

/** A stretch of time of which every pull is known: ISO 8601, UTC. */
export interface Covered {
  readonly since: string;
  readonly until: string;
}

/** What is known of the pulls of a registry. */
export interface KnownPulls {
  /** Absent: there may have been pulls at any time. */
  readonly covers?: Covered;
  /** Whose pulls are left out. */
  readonly ignored: readonly string[];
  readonly pulls: readonly RememberedPull[];
}

/** So many are remembered; those that are the longest ago are forgotten first. Some 10 MB. */
const MOST = 50_000;

/**
 * Adds what a log says of pulls to what is remembered, and forgets what is older than `before` (ISO 8601, UTC).
 * @returns all that is known then, also what is more than can be remembered
 */
export async function rememberPulls(store: Store, path: string, seen: KnownPulls, before: string): Promise<KnownPulls> {
  return changeFile<KnownPulls, KnownPulls>(store, path, pullsSchema, (now) => {
    const known = merged(now, seen);
    return { content: bounded(known, before), told: known };
  });
}

function merged(before: KnownPulls | undefined, seen: KnownPulls): KnownPulls {
  if (!before) return seen;
  const newest = new Map<string, RememberedPull>();
  for (const pull of [...before.pulls, ...seen.pulls]) {
    const key = JSON.stringify([pull.repository, pull.tag, pull.digest]);
    const known = newest.get(key);
    if (!known || known.last < pull.last) newest.set(key, pull);
  }
  const covers = joined(before, seen);
  return { ignored: seen.ignored, ...(covers && { covers }), pulls: [...newest.values()] };
}

/** What is covered up to now: with what was remembered, where that reaches the log, and left out no pull that now counts. */
function joined(before: KnownPulls, seen: KnownPulls): Covered | undefined {
  if (!seen.covers || !before.covers) return seen.covers;
  const { since, until } = seen.covers;
  const leftOutMore = before.ignored.some((one) => !seen.ignored.includes(one));
  if (leftOutMore || before.covers.until < since) return seen.covers;
  return {
    since: before.covers.since < since ? before.covers.since : since,
    until: before.covers.until > until ? before.covers.until : until,
  };
}

/** What is kept of it. Of the time of which anything is forgotten, not every pull is known. */
function bounded({ covers, ignored, pulls }: KnownPulls, before: string): KnownPulls {
  const newestFirst = pulls
    .filter(({ last }) => last >= before)
    .sort((a, b) => (a.last < b.last ? 1 : a.last > b.last ? -1 : 0));
  const [forgotten] = newestFirst.slice(MOST);
  const from = forgotten ? new Date(Date.parse(forgotten.last) + 1).toISOString() : before;
  if (!covers || covers.until < from) return { ignored, pulls: newestFirst.slice(0, MOST) };
  const since = covers.since < from ? from : covers.since;
  return { covers: { ...covers, since }, ignored, pulls: newestFirst.slice(0, MOST) };
}

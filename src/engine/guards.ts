import type { Ledger } from '../ledger/ledger.ts';
import { isPurge, type RepositoryRecord, type RunRecord } from '../ledger/records.ts';
import type { Counts } from '../ledger/summary.ts';
import type { Hold } from '../planner/decision.ts';
import { guardHolds, type RepositoryDeletions } from '../planner/guards.ts';
import type { Guards } from '../policy/guards.ts';
import { RegistryError } from '../registry/errors.ts';
import type { RegistryReader } from '../registry/types.ts';
import type { RunContext } from './context.ts';
import { eachOf } from './each.ts';
import { isOver, isPlannedOrOver, type RepositoryResult } from './merge.ts';

/** Whether a run plans everything before it deletes anything. */
export function isGuarded(guards: Guards | undefined): guards is Guards {
  return guards !== undefined && Object.keys(guards).length > 0;
}

/**
 * Asks the guards of a run about everything that is planned, and records what they hold back before anything is deleted.
 * Done again, it changes nothing: nothing may be deleted that they were not asked about.
 *
 * @param records of all repositories of the run; those that failed, or were not begun, do not count
 * @returns the run's record as it is then
 * @throws {RegistryError} where the manifests of the registry cannot be counted; then nothing is deleted
 */
export async function checkGuards(context: RunContext, records: Iterable<RepositoryRecord>): Promise<RunRecord> {
  const { record, ledger, reader, log } = context;
  if (record.breakersAsked) return record;
  const planned = [...records].filter(isPlannedOrOver).map(deletionsIn);
  const surroundings = { ledger, registry: reader, name: record.registry, run: record.id };
  const holds = await askGuards(planned, record.guards ?? {}, surroundings);
  const asked = await context.amend((now) =>
    now.breakersAsked ? undefined : { breakers: holds, breakersAsked: true },
  );
  // Another attempt may have been quicker: what that one recorded holds.
  if (asked.breakers === holds) for (const hold of holds) log?.heldBack(hold, record.id);
  return asked;
}

/** Runs that the median is taken of. */
const LAST_RUNS = 10;

/** How much each of the last runs deleted that came to their end, the newest first. */
export async function lastDeletions(ledger: Ledger, registry: string): Promise<readonly number[]> {
  const found: number[] = [];
  for await (const run of ledger.runs({ registry, states: ['done', 'waiting'] })) {
    const { dryRun, totals, breakers } = run;
    // What was held back as a whole is no measure.
    if (dryRun || !totals || !isPurge(run) || breakers.some(({ repository }) => repository === undefined)) continue;
    if (found.push(changedIn(totals.tags) + changedIn(totals.manifests)) === LAST_RUNS) break;
  }
  return found;
}

/** What the guards look at besides the plan. */
interface Surroundings {
  readonly ledger: Ledger;
  readonly registry: RegistryReader;
  /** The registry's, in the ledger. */
  readonly name: string;
  /** The id of the run whose plan it is. */
  readonly run: string;
}

/** What the guards hold back of a plan. */
export async function askGuards(
  planned: readonly RepositoryDeletions[],
  guards: Guards,
  surroundings: Surroundings,
): Promise<readonly Hold[]> {
  const { registry } = surroundings;
  // By name, in whichever order they were planned.
  const inOrder = planned.toSorted((a, b) => (a.repository < b.repository ? -1 : 1));
  const countsTags = guards.keepLastTag === true || guards.maxDeletionPercent !== undefined;
  const sorted = countsTags ? await withoutWaiting(inOrder, surroundings) : inOrder;
  const lastRuns = await lastDeletionsFor(guards, surroundings);
  const holds = guardHolds(sorted, guards, lastRuns);
  const ofAll = holds.some(({ breaker, repository }) => breaker === 'max-deletion-percent' && repository === undefined);
  if (!ofAll) return holds;
  // What was looked at may be a small part of the registry: how much there is besides is asked for where it matters.
  const looked = new Set(sorted.map(({ repository }) => repository));
  const others = (await registry.repositories(CATALOG_PAGE)).filter((repository) => !looked.has(repository));
  let besides = 0;
  await eachOf(others, ASKED_AT_ONCE, async (repository) => {
    besides += await registry.manifestCount(repository);
  });
  return guardHolds(sorted, guards, lastRuns, besides);
}

/**
 * Without the tags that wait in quarantine and that the plan says nothing of, because no filter of it selects them: they
 * are none that a client can pull, so that none of them is the tag that a repository keeps.
 */
async function withoutWaiting(
  planned: readonly RepositoryDeletions[],
  { ledger, name, run }: Surroundings,
): Promise<readonly RepositoryDeletions[]> {
  const results: RepositoryDeletions[] = [];
  for (const one of planned) {
    const { repository, tags } = one;
    const { entries } = tags.deleted > 0 ? await ledger.quarantine(name, repository) : { entries: [] };
    const waiting = new Set(
      entries.flatMap((entry) => [...entry.tags, ...(entry.tag === undefined ? [] : [entry.tag])]),
    );
    if (waiting.size > 0)
      for await (const { kind, tag = '' } of ledger.decisions(run, { repository }))
        if (kind === 'tag') waiting.delete(tag);
    results.push({ ...one, tags: { ...tags, listed: tags.listed - waiting.size } });
  }
  return results;
}

/** What guards would hold back of a plan that is only shown. */
export interface Foreseen {
  readonly holds: readonly Hold[];
  readonly warnings: readonly string[];
}

/**
 * Asks the guards about the plan of a dry run, as a purge asks them before its first deletion. The plan stays as it is.
 * @param records of all repositories of the run; those that failed, or were not looked at, do not count
 */
export async function foresee(
  { ledger, reader, record }: Pick<RunContext, 'ledger' | 'reader' | 'record'>,
  records: readonly RepositoryRecord[],
): Promise<Foreseen> {
  const { guards, registry: name } = record;
  if (guards === undefined) return { holds: [], warnings: [] };
  const planned = records.filter(isOver).map(deletionsIn);
  const surroundings = { ledger, registry: reader, name, run: record.id };
  try {
    return { holds: await askGuards(planned, guards, surroundings), warnings: [] };
  } catch (error) {
    if (!(error instanceof RegistryError)) throw error;
    // Nothing is deleted here, so the plan is shown all the same; a purge would fail.
    const warning =
      `the guard max-deletion-percent was asked about the ${planned.length} repositories of this run only, ` +
      `because the manifests of the others could not be counted: ${error.message}`;
    return { holds: guardHolds(planned, guards, await lastDeletionsFor(guards, surroundings)), warnings: [warning] };
  }
}

function lastDeletionsFor(
  { maxMedianFactor }: Guards,
  { ledger, name }: Pick<Surroundings, 'ledger' | 'name'>,
): Promise<readonly number[]> {
  return maxMedianFactor === undefined ? Promise.resolve([]) : lastDeletions(ledger, name);
}

const CATALOG_PAGE = 1000;
const ASKED_AT_ONCE = 8;

/** What is deleted, and what is made unreadable: a guard counts them alike. */
function changedIn({ deleted, quarantined = 0 }: Counts): number {
  return deleted + quarantined;
}

/** How much would go of what there is in a repository. */
export function deletionsIn({ summary }: Pick<RepositoryResult, 'summary'>): RepositoryDeletions {
  const { repository, stage, listed, tags, manifests, quarantine } = summary;
  // What is planned and recorded until it is carried out was not attempted.
  const planned = (counts: Counts) => changedIn(counts) + (stage === 'planned' ? counts.notAttempted : 0);
  return {
    repository,
    // A tag that waits in quarantine is none that a client can pull.
    tags: { deleted: planned(tags), listed: (listed.tags ?? 0) - (quarantine?.tagsWaiting ?? 0) },
    manifests: { deleted: planned(manifests), listed: listed.manifests ?? 0 },
  };
}

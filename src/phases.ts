import pLimit from 'p-limit';
import { allOf, eachOf } from './each.ts';
import { isPlanned } from './ledger/hash.ts';
import type { Ledger, RunWriter } from './ledger/ledger.ts';
import type { RepositoryRecord, RunRecord } from './ledger/types.ts';
import { breakersTripped, type Going } from './planner/breakers.ts';
import { type Decisions, type Deleted, keyOf, type Trip, withOutcome } from './planner/decision.ts';
import type { Guards } from './policy/guards.ts';
import type { Registry, RegistryReader } from './registry/types.ts';
import { summarize, unfinishedRepository } from './report/summary.ts';
import type { Selected } from './select.ts';
import type { Tally } from './tally.ts';
import { type Context, planRepository, purgeRepository, type RepositoryResult } from './unit.ts';

/** What the repositories of a run have in common. */
export interface Work {
  readonly context: Context;
  readonly ledger: Ledger;
  readonly written: RunWriter;
  readonly selected: Selected;
  /** Repositories at once. */
  readonly concurrency: number;
  readonly tally: Tally;
  readonly onDecisions: (decisions: Decisions) => void | Promise<void>;
  /** Called when a repository is done, or will not be. */
  readonly onDone: () => void;
}

/** Plans every repository, and records what would go. */
export async function planAll(work: Work): Promise<void> {
  const finish = finisher(work);
  await each(work, [...work.selected.keys()], finish, async (name, tasks) => {
    const result = await planRepository(work.context, name, tasks);
    if (!result) {
      work.onDone();
      return;
    }
    await finish(await work.written.repository(name).write(result.summary, result.decisions), result);
    await work.context.log?.decided(result.decisions);
  });
}

/**
 * Purges every repository. Where there are guards, all of them are planned first: what a breaker holds back is recorded,
 * and waits; the rest of the plan is carried out.
 *
 * @returns the breakers that tripped
 */
export async function purgeAll(
  work: Work,
  writer: Registry,
  run: RunRecord,
  guards: Guards | undefined,
): Promise<readonly Trip[]> {
  const { context, written, selected } = work;
  const finish = finisher(work);
  if (!guards || Object.keys(guards).length === 0) {
    await each(work, [...selected.keys()], finish, async (name, tasks) => {
      const record = written.repository(name);
      const result = await purgeRepository(context, name, tasks, { writer, record });
      if (!result) {
        work.onDone();
        return;
      }
      await finish(await record.close(result.summary, result.decisions), result);
    });
    return [];
  }

  const going: Going[] = [];
  const waiting = new Map<string, RepositoryRecord>();
  await each(work, [...selected.keys()], finish, async (name, tasks) => {
    const result = await planRepository(context, name, tasks);
    if (!result) {
      work.onDone();
      return;
    }
    const { summary, decisions } = result;
    if (summary.state === 'done') going.push(goingIn(result));
    if (summary.tags.deleted + summary.manifests.deleted === 0) {
      await finish(await written.repository(name).write(summary, decisions), result);
      await context.log?.decided(decisions);
      return;
    }
    // That is how it stands until it is carried out, whatever becomes of this process.
    const stands = withOutcome(decisions, 'not-attempted');
    const { state, error = STOPPED, listed } = summary;
    const unfinished = unfinishedRepository(name, state === 'failed' ? state : 'stopped', error, stands, listed);
    const record = await written.repository(name).write(unfinished, stands);
    if (state === 'done') waiting.set(name, record);
    else await finish(record, { summary: unfinished, decisions: stands });
  });
  const trips = context.signal?.aborted
    ? []
    : await tripsOf(going, guards, { ledger: work.ledger, registry: writer, name: run.registry });
  for (const trip of trips) context.log?.tripped(trip, run.id);
  await eachOf([...waiting], work.concurrency, async ([name, record]) => {
    if (context.signal?.aborted) return finish(record, { summary: record.summary, decisions: [] });
    const tripped = trips.find(({ repository }) => repository === undefined || repository === name);
    if (tripped) return hold(work, record, tripped, finish);
    const planned = await plannedIn(work.ledger, run.id, name, 'not-attempted');
    return carryOut(work, writer, name, selected.get(name) ?? [], planned, finish);
  });
  return trips;
}

/** Carries out the plan of another run, and nothing else. */
export async function carryOutApproved(work: Work, writer: Registry, planId: string): Promise<void> {
  const finish = finisher(work);
  await each(work, [...work.selected.keys()], finish, async (name, tasks) =>
    carryOut(work, writer, name, tasks, await plannedIn(work.ledger, planId, name, 'planned'), finish),
  );
}

const STOPPED = { message: 'not begun: the run was stopped' };

/** Records what a breaker holds back. */
async function hold(
  { ledger, written, context }: Work,
  { summary: { repository, listed } }: RepositoryRecord,
  trip: Trip,
  finish: Finish,
): Promise<void> {
  const held = withOutcome(await allOf(ledger.decisions(written.id, { repository })), 'held');
  const error = { message: `held back: ${trip.detail}` };
  const summary = { ...summarize(repository, held, listed), state: 'held' as const, error };
  await finish(await written.repository(repository).write(summary, held), { summary, decisions: held });
  await context.log?.decided(held);
}

async function carryOut(
  { context, written, onDone }: Work,
  writer: Registry,
  name: string,
  tasks: Parameters<typeof purgeRepository>[2],
  approved: ReadonlyMap<string, Deleted>,
  finish: Finish,
): Promise<void> {
  const record = written.repository(name);
  const result = await purgeRepository(context, name, tasks, { writer, record, approved });
  if (!result) {
    onDone();
    return;
  }
  await finish(await record.close(result.summary, result.decisions), result);
}

/** What was to go in a repository, by key. */
async function plannedIn(
  ledger: Ledger,
  runId: string,
  repository: string,
  which: 'planned' | 'not-attempted',
): Promise<ReadonlyMap<string, Deleted>> {
  const found = new Map<string, Deleted>();
  for await (const decision of ledger.decisions(runId, { repository, action: 'delete' })) {
    if (decision.action !== 'delete') continue;
    if (which === 'planned' ? isPlanned(decision) : decision.outcome === which) found.set(keyOf(decision), decision);
  }
  return found;
}

/** Runs that the median is taken of. */
const LAST_RUNS = 10;

/** How much each of the last runs deleted that came to their end, the newest first. */
async function lastDeletions(ledger: Ledger, registry: string): Promise<readonly number[]> {
  const found: number[] = [];
  for await (const { dryRun, totals, breakers } of ledger.runs({ registry, states: ['done', 'waiting'] })) {
    // What was held back as a whole is no measure.
    if (dryRun || !totals || breakers.some(({ repository }) => repository === undefined)) continue;
    if (found.push(totals.tags.deleted + totals.manifests.deleted) === LAST_RUNS) break;
  }
  return found;
}

/** Where the breakers look. */
interface Surroundings {
  readonly ledger: Ledger;
  readonly registry: RegistryReader;
  /** The registry's, in the ledger. */
  readonly name: string;
}

/** The breakers that a plan trips. */
export async function tripsOf(
  going: readonly Going[],
  guards: Guards,
  { ledger, registry, name }: Surroundings,
): Promise<readonly Trip[]> {
  const lastRuns = guards.maxMedianFactor === undefined ? [] : await lastDeletions(ledger, name);
  const trips = breakersTripped(going, guards, lastRuns);
  const ofAll = trips.some(({ breaker, repository }) => breaker === 'max-deletion-percent' && repository === undefined);
  if (!ofAll) return trips;
  // What was looked at may be a small part of the registry: how much there is besides is asked for where it matters.
  const looked = new Set(going.map(({ repository }) => repository));
  const others = (await registry.repositories(CATALOG_PAGE)).filter((repository) => !looked.has(repository));
  let besides = 0;
  await eachOf(others, ASKED_AT_ONCE, async (repository) => {
    besides += await registry.manifestCount(repository);
  });
  return breakersTripped(going, guards, lastRuns, besides);
}

const CATALOG_PAGE = 1000;
const ASKED_AT_ONCE = 8;

/** How much would go of what there is in a repository. */
export function goingIn({ summary }: Pick<RepositoryResult, 'summary'>): Going {
  const { repository, listed, tags, manifests } = summary;
  return {
    repository,
    tags: { going: tags.deleted, listed: listed.tags ?? 0 },
    manifests: { going: manifests.deleted, listed: listed.manifests ?? 0 },
  };
}

type Finish = (record: RepositoryRecord, result: RepositoryResult) => Promise<void>;

/** What is done with a repository whose decisions are final. */
function finisher({ tally, onDecisions, onDone }: Work): Finish {
  const inTurn = pLimit(1);
  return async (record, result) => {
    // One repository after the other, whole.
    await inTurn(() => onDecisions(result.decisions));
    tally.add(record, result.decisions);
    onDone();
  };
}

/** Several side by side. Once the run is stopped the others are not begun, and say so. */
async function each(
  { selected, concurrency, context, written }: Work,
  names: readonly string[],
  finish: Finish,
  work: (name: string, tasks: NonNullable<ReturnType<Selected['get']>>) => Promise<void>,
): Promise<void> {
  await eachOf(names, concurrency, async (name) => {
    if (!context.signal?.aborted) return work(name, selected.get(name) ?? []);
    const summary = unfinishedRepository(name, 'stopped', STOPPED);
    await finish(await written.repository(name).write(summary, []), { summary, decisions: [] });
  });
}

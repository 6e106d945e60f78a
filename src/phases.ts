import pLimit from 'p-limit';
import { carryOut, carryOutRest, purgeOne } from './carry-out.ts';
import { allOf, eachOf } from './each.ts';
import { begunIn, isCarriedOut, isOver } from './earlier.ts';
import type { Task } from './inventory.ts';
import { isPlanned, plannedOf } from './ledger/hash.ts';
import type { Ledger, RunWriter } from './ledger/ledger.ts';
import type { RepositoryRecord, RunRecord } from './ledger/types.ts';
import { breakersTripped, type Going } from './planner/breakers.ts';
import { type Decisions, type Deleted, keyOf, type Trip, withOutcome } from './planner/decision.ts';
import type { Guards } from './policy/guards.ts';
import type { Registry, RegistryReader } from './registry/types.ts';
import { type Counts, summarize, unfinishedRepository } from './report/summary.ts';
import type { Selected } from './select.ts';
import { isLeft, type Tally } from './tally.ts';
import { type Context, planRepository, type RepositoryResult } from './unit.ts';

/** What the repositories of a run have in common. */
export interface Work {
  readonly context: Context;
  readonly ledger: Ledger;
  readonly written: RunWriter;
  readonly selected: Selected;
  /** Of a run that goes on: what it recorded of its repositories before, by name. */
  readonly earlier: ReadonlyMap<string, RepositoryRecord>;
  /** Repositories at once. */
  readonly concurrency: number;
  readonly tally: Tally;
  readonly onDecisions: (decisions: Decisions) => void | Promise<void>;
  /** Called when a repository is done, or is left. */
  readonly onDone: (name: string, isDone: boolean) => void;
  /** Called when a repository is planned that is carried out later. */
  readonly onPlanned: (name: string) => void;
}

/** Plans every repository, and records what would go. */
export async function planAll(work: Work): Promise<void> {
  const finish = finisher(work);
  await each(work, [...work.selected.keys()], async (name, tasks) => {
    const result = await planRepository(work.context, name, tasks);
    if (!result) {
      work.onDone(name, true);
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
  const finish = finisher(work);
  if (!guards || Object.keys(guards).length === 0) {
    await each(work, [...work.selected.keys()], (name, tasks) => purgeOne({ work, writer, name, tasks, finish }));
    return [];
  }

  const { waiting, trips } = run.breakersAsked
    ? { waiting: await plannedBefore(work), trips: run.breakers }
    : await planned(work, writer, run, guards, finish);
  await eachOf([...waiting], work.concurrency, async ([name, record]) => {
    if (work.context.signal?.aborted) {
      leave(work, name, record);
      return;
    }
    const tripped = trips.find(({ repository }) => repository === undefined || repository === name);
    if (tripped) return hold(work, record, tripped, finish);
    const site = { work, writer, name, tasks: work.selected.get(name) ?? [], finish };
    const begun = isCarriedOut(record) ? await begunIn(work.ledger, run.id, record) : undefined;
    if (begun) return carryOutRest(site, begun);
    const approved = await plannedIn(work.ledger, run.id, name, 'not-attempted');
    return carryOut(site, { decisions: [...approved.values()], approved });
  });
  return trips;
}

/** Repositories whose plan is recorded and complete, and is not carried out yet. */
type Waiting = ReadonlyMap<string, RepositoryRecord>;

/** Those that a run that goes on had planned before. */
function waitingBefore({ earlier, onPlanned }: Work): Map<string, RepositoryRecord> {
  const waiting = new Map([...earlier].filter(([, { summary }]) => summary.stage === 'planned'));
  for (const name of waiting.keys()) onPlanned(name);
  return waiting;
}

/** Plans what is not planned yet, and asks the breakers. That they were asked is recorded before anything goes. */
async function planned(
  work: Work,
  writer: Registry,
  run: RunRecord,
  guards: Guards,
  finish: Finish,
): Promise<{ readonly waiting: Waiting; readonly trips: readonly Trip[] }> {
  const { context, written, selected, earlier } = work;
  // What was done or planned before counts for the breakers like the rest.
  const going: Going[] = [...earlier.values()]
    .filter((record) => isOver(record) || record.summary.stage === 'planned')
    .map(goingIn);
  const waiting = waitingBefore(work);
  const names = [...selected.keys()].filter((name) => !waiting.has(name));
  await each(work, names, async (name, tasks) => {
    const result = await planRepository(context, name, tasks);
    if (!result) {
      work.onDone(name, true);
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
    const unfinished = {
      ...unfinishedRepository(name, state === 'failed' ? state : 'stopped', error, stands, listed),
      ...(state === 'done' && { stage: 'planned' as const }),
    };
    const record = await written.repository(name).write(unfinished, stands);
    if (state === 'done') {
      waiting.set(name, record);
      work.onPlanned(name);
    } else await finish(record, { summary: unfinished, decisions: stands });
  });
  if (context.signal?.aborted) return { waiting, trips: [] };
  const trips = await tripsOf(going, guards, { ledger: work.ledger, registry: writer, name: run.registry });
  for (const trip of trips) context.log?.tripped(trip, run.id);
  await written.update({ breakers: trips, breakersAsked: true });
  return { waiting, trips };
}

/** Of a run that goes on after its breakers were asked: nothing else may go than what they were asked about. */
async function plannedBefore(work: Work): Promise<Waiting> {
  const waiting = waitingBefore(work);
  const others = [...work.selected.keys()].filter((name) => !waiting.has(name));
  await each(work, others, (name) => {
    const record = work.earlier.get(name);
    if (record) work.tally.add(record, []);
    work.onDone(name, true);
    return Promise.resolve();
  });
  return waiting;
}

/** Carries out the plan of another run, and nothing else. */
export async function carryOutApproved(work: Work, writer: Registry, planId: string): Promise<void> {
  const finish = finisher(work);
  await each(work, [...work.selected.keys()], async (name, tasks) => {
    const site = { work, writer, name, tasks, finish };
    const begun = await begunIn(work.ledger, work.written.id, work.earlier.get(name));
    if (begun) return carryOutRest(site, begun);
    const approved = await plannedIn(work.ledger, planId, name, 'planned');
    return carryOut(site, { decisions: withOutcome([...approved.values()], 'not-attempted'), approved });
  });
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
export async function lastDeletions(ledger: Ledger, registry: string): Promise<readonly number[]> {
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
  const { repository, stage, listed, tags, manifests } = summary;
  // What is planned and recorded until it is carried out was not attempted.
  const going = ({ deleted, notAttempted }: Counts) => (stage === 'planned' ? deleted + notAttempted : deleted);
  return {
    repository,
    tags: { going: going(tags), listed: listed.tags ?? 0 },
    manifests: { going: going(manifests), listed: listed.manifests ?? 0 },
  };
}

export type Finish = (record: RepositoryRecord, result: RepositoryResult) => Promise<void>;

/** What is done with a repository whose decisions are final. */
function finisher({ tally, onDecisions, onDone }: Work): Finish {
  const inTurn = pLimit(1);
  return async (record, result) => {
    // One repository after the other, whole.
    await inTurn(() => onDecisions(result.decisions));
    tally.add(record, result.decisions);
    onDone(result.summary.repository, !isLeft(result.summary));
  };
}

/** Several side by side. Once the run is stopped the others are not begun; and what was done before is not done again. */
async function each(
  work: Work,
  names: readonly string[],
  task: (name: string, tasks: readonly Task[]) => Promise<void>,
): Promise<void> {
  await eachOf(names, work.concurrency, async (name) => {
    const before = work.earlier.get(name);
    if (before && isOver(before)) {
      work.tally.add(before, []);
      work.onDone(name, true);
      return;
    }
    if (work.context.signal?.aborted) leave(work, name, before);
    else await task(name, work.selected.get(name) ?? []);
  });
}

/** Counts a repository as left, as it is recorded: the run ends within seconds, however many there are. */
function leave({ tally, onDone }: Work, name: string, record: RepositoryRecord | undefined): void {
  const notBegun = () => ({ summary: unfinishedRepository(name, 'stopped', STOPPED), planned: plannedOf([]) });
  tally.add(record ?? notBegun(), []);
  onDone(name, false);
}

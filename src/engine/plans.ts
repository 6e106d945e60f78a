import type { Ledger } from '../ledger/ledger.ts';
import type { PlanRecord, RunRecord } from '../ledger/records.ts';
import { type Actor, actorOf, type PlanReview, rejectionOf, reviewInWords } from '../ledger/reviews.ts';
import type { Hold } from '../planner/decision.ts';
import { logReview } from '../report/log.ts';
import type { RunOptions } from './run.ts';

/** A plan cannot be carried out as it is asked for. Nothing was deleted. */
export class PlanRefused extends Error {
  override readonly name = 'PlanRefused';
  /** `unknown`: there is no such plan. */
  readonly why: 'unknown' | 'refused';
  readonly breakers: readonly Hold[];

  constructor(message: string, why: PlanRefused['why'] = 'refused', breakers: readonly Hold[] = []) {
    super(message);
    this.why = why;
    this.breakers = breakers;
  }
}

export type RecordedPlan = RunRecord & { readonly plan: PlanRecord };

/** What is said of a plan that cannot be carried out any more. */
export const AGAIN = 'make a new one with a dry run';

/**
 * The run of a plan.
 * @throws {PlanRefused} where there is none, or it is not complete
 */
export async function findPlan(ledger: Ledger, id: string): Promise<RecordedPlan> {
  const record = await ledger.run(id);
  if (!record) throw new PlanRefused(`there is no plan ${id} in ${ledger.place}`, 'unknown');
  const { plan, state, ended } = record;
  if (plan && ended !== undefined) return { ...record, plan };
  if (state === 'running') throw new PlanRefused(`the run ${id} has not ended; its plan is not complete`);
  throw new PlanRefused(`the run ${id} has no plan: nothing in it waits to be deleted`);
}

/** How much is planned in one repository. */
export interface Planned {
  readonly repository: string;
  readonly deletions: number;
}

/** The repositories in which something is to be deleted, by name. */
export async function plannedIn(ledger: Ledger, { id }: RunRecord): Promise<readonly Planned[]> {
  const found: Planned[] = [];
  for await (const { summary, planned } of ledger.repositories(id))
    if (planned.deletions > 0) found.push({ repository: summary.repository, deletions: planned.deletions });
  return found;
}

/** @throws {PlanRefused} where one is named in which nothing is to be deleted */
export function chosen(
  { id }: RunRecord,
  planned: readonly Planned[],
  repositories: readonly string[] | undefined,
): readonly Planned[] {
  if (!repositories) return planned;
  const byName = new Map(planned.map((one) => [one.repository, one]));
  const unknown = repositories.find((name) => !byName.has(name));
  if (unknown !== undefined)
    throw new PlanRefused(`the plan ${id} deletes nothing in the repository ${unknown}; name one of its own`);
  if (repositories.length === 0) throw new PlanRefused(`name the repositories of the plan ${id} to apply`);
  return [...new Set(repositories)].flatMap((name) => byName.get(name) ?? []);
}

/** What of a plan is carried out: the repositories of each run that has done a part of it, and the last run. */
export async function carriedOut(
  ledger: Ledger,
  { plan }: RecordedPlan,
): Promise<{ readonly last: RunRecord | undefined; readonly done: ReadonlySet<string> }> {
  const { appliedBy, parts = [] } = plan;
  const last = appliedBy === undefined ? undefined : await ledger.run(appliedBy);
  // A process may have ended right after its run was done, and before it said so in the plan.
  const ids = new Set([...parts, ...(last?.state === 'done' ? [last.id] : [])]);
  const done = new Set<string>();
  for (const id of ids) for (const { repository } of (await ledger.selected(id)) ?? []) done.add(repository);
  return { last, done };
}

/** Records that a run has done its part; once nothing of the plan is left, the plan is applied. */
export async function markDone(
  ledger: Ledger,
  record: RunRecord,
  runId: string,
  planned: readonly Planned[],
): Promise<void> {
  const known = await ledger.run(record.id);
  if (!known?.plan || known.plan.state === 'applied') return;
  const parts = [...new Set([...(known.plan.parts ?? []), runId])];
  const { done } = await carriedOut(ledger, { ...known, plan: { ...known.plan, parts } });
  const isWhole = planned.every(({ repository }) => done.has(repository));
  await ledger.changeRun(record.id, (now) => {
    if (!now.plan) return now;
    const plan = { ...now.plan, parts: [...new Set([...(now.plan.parts ?? []), runId])] };
    if (!isWhole) return { ...now, plan };
    // Nothing of it waits any more.
    return { ...now, plan: { ...plan, state: 'applied' }, ...(now.state === 'waiting' && { state: 'done' }) };
  });
}

/** Marks the plan of a resumed run that has come to its end. */
export async function markApplied(ledger: Ledger, id: string, appliedBy: string): Promise<void> {
  const record = await findPlan(ledger, id);
  await markDone(ledger, record, appliedBy, await plannedIn(ledger, record));
}

/** Who approves a plan, and what of it. */
export interface Approval extends Pick<RunOptions, 'startedBy' | 'by' | 'actor' | 'log'> {
  readonly now: Date;
  /** Absent: all that is left. */
  readonly repositories?: readonly string[] | undefined;
  readonly comment?: string | undefined;
}

/**
 * Records which run carries the plan out, unless another run began to meanwhile, or it was rejected.
 * @param approval who approves it, absent: nothing held it back
 */
export async function claim(
  ledger: Ledger,
  { id, plan }: RecordedPlan,
  runId: string,
  approval: Approval | undefined,
): Promise<void> {
  const review = approval && approvalBy(approval, plan.hash, runId);
  const record = await ledger.changeRun(id, (now) => {
    const { reviews = [], ...known } = unchanged(now, { id, plan });
    const all = review ? [...reviews, review] : reviews;
    return { ...now, plan: { ...known, appliedBy: runId, ...(all.length > 0 && { reviews: all }) } };
  });
  if (review && approval.log) logReview(approval.log, review, record);
}

/**
 * A plan right before it is changed.
 * @param looked as it was when it was decided that it may be
 * @throws {PlanRefused} where it was rejected, its run has resumed, or another run carries it out
 */
export function unchanged(now: RunRecord, { id, plan }: Pick<RecordedPlan, 'id' | 'plan'>): PlanRecord {
  if (now.plan?.state === 'rejected') throw wasRejected(id, now.plan);
  if (now.ended === undefined || now.plan?.hash !== plan.hash)
    throw new PlanRefused(`the run ${id} has resumed meanwhile; look at its plan again once it has ended`);
  const { appliedBy = 'none', resumptions } = now.plan;
  if (appliedBy !== (plan.appliedBy ?? 'none') || resumptions !== plan.resumptions)
    throw new PlanRefused(`the plan ${id} has been applied by the run ${appliedBy} meanwhile`);
  return now.plan;
}

/**
 * Records that the run that carries a plan out is resumed, unless the plan was rejected or another run carries it out.
 * Once this is recorded, a rejection finds that the run is at work.
 */
export async function resumeClaim(ledger: Ledger, id: string, runId: string): Promise<void> {
  await ledger.changeRun(id, (now) => {
    if (now.plan?.appliedBy !== runId)
      throw new PlanRefused(`the plan ${id} has been applied by the run ${now.plan?.appliedBy ?? 'none'} meanwhile`);
    if (now.plan.state === 'rejected') throw wasRejected(id, now.plan);
    return { ...now, plan: { ...now.plan, resumptions: (now.plan.resumptions ?? 0) + 1 } };
  });
}

function approvalBy({ now, repositories, comment, ...who }: Approval, hash: string, runId: string): PlanReview {
  return {
    verdict: 'approved',
    at: now.toISOString(),
    by: byOf(who),
    ...(comment !== undefined && comment !== '' && { comment }),
    hash,
    ...(repositories && { repositories }),
    runId,
  };
}

/** Who rejects a plan, and why. */
export interface Rejecting extends Pick<RunOptions, 'startedBy' | 'by' | 'actor' | 'log'> {
  readonly now: Date;
  readonly reason: string;
  /** The first characters of the hash of the plan that was looked at; absent: whichever it is. */
  readonly hash?: string | undefined;
}

/**
 * Rejects a plan: nothing of it, or nothing more of it, is ever carried out. The next run plans anew.
 *
 * @returns the run of the plan; of a plan that was rejected before, as it was
 * @throws {PlanRefused} where there is none, it is applied, or a run is at work on it
 */
export async function rejectPlan(ledger: Ledger, id: string, about: Rejecting): Promise<RunRecord> {
  const { now, reason, hash } = about;
  const record = await findPlan(ledger, id);
  const { plan } = record;
  if (plan.state === 'rejected') return record;
  if (hash !== undefined && !plan.hash.startsWith(hash))
    throw new PlanRefused(`the plan ${id} has another hash than the one that was looked at; look at it again`);
  const { last, done } = await carriedOut(ledger, record);
  if (last?.state === 'running')
    throw new PlanRefused(`the run ${last.id} carries out the plan ${id}; cancel that run first`);
  const planned = await plannedIn(ledger, record);
  if (plan.state === 'applied' || planned.every(({ repository }) => done.has(repository)))
    throw new PlanRefused(
      `the plan ${id} was carried out by the run ${last?.id ?? ''}; nothing of it is left to reject`,
    );
  const review = {
    verdict: 'rejected',
    at: now.toISOString(),
    by: byOf(about),
    comment: reason,
    hash: plan.hash,
  } as const;
  const rejected = await ledger.changeRun(id, (current) => {
    if (current.plan?.state === 'rejected') return current;
    const { reviews = [], ...known } = unchanged(current, record);
    return {
      ...current,
      plan: { ...known, state: 'rejected', reviews: [...reviews, review] },
      // Nothing of it waits any more.
      ...(current.state === 'waiting' && { state: 'done' }),
    };
  });
  if (about.log) logReview(about.log, review, rejected);
  return rejected;
}

function byOf({ startedBy = 'command line', by, actor }: Pick<RunOptions, 'startedBy' | 'by' | 'actor'>): Actor {
  return actorOf({ startedBy, ...(by !== undefined && { by }), ...(actor && { actor }) });
}

/** Why a plan that was rejected is not carried out. */
export function wasRejected(id: string, plan: PlanRecord): PlanRefused {
  const rejection = rejectionOf(plan);
  return new PlanRefused(`the plan ${id} was ${rejection ? reviewInWords(rejection) : 'rejected'}; ${AGAIN}`);
}

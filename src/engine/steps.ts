import { carryOut, carryOutRest, type Site } from './carry-out.ts';
import { begunIn, isCarriedOut } from './earlier.ts';
import { isPlanned } from '../ledger/plan-hash.ts';
import type { Ledger } from '../ledger/ledger.ts';
import type { RepositoryRecord } from '../ledger/records.ts';
import { type Deleted, keyOf, type Hold, withOutcome } from '../planner/decision.ts';
import { summarize, unfinishedRepository } from '../ledger/summary.ts';
import { planRepository } from './unit.ts';

/*
 * What a run does in one repository: planned only, planned to be carried out later, held back or carried out. Whoever
 * goes through the repositories, in one process or in many, does these; `purgeOne` in `carry-out.ts` does all at once.
 */

/** A repository that is only looked at. */
export type Plot = Omit<Site, 'writer'>;

/** Plans a repository, and records what would go. */
export async function planOne({ work, name, tasks, finish }: Plot): Promise<void> {
  const result = await planRepository(work.context, name, tasks);
  if (!result) {
    work.onDone(name, true);
    return;
  }
  await finish(await work.written.repository(name).write(result.summary, result.decisions), result);
  await work.context.log?.decided(result.decisions);
}

/**
 * Plans a repository that is carried out once the breakers were asked.
 * @returns its record: where something is to go its stage is `planned`. Nothing where there is no such repository
 */
export async function planAhead({ work, name, tasks, finish }: Plot): Promise<RepositoryRecord | undefined> {
  const { context, written } = work;
  const result = await planRepository(context, name, tasks);
  if (!result) {
    work.onDone(name, true);
    return undefined;
  }
  const { summary, decisions } = result;
  if (summary.tags.deleted + summary.manifests.deleted === 0) {
    const record = await written.repository(name).write(summary, decisions);
    await finish(record, result);
    await context.log?.decided(decisions);
    return record;
  }
  // That is how it stands until it is carried out, whatever becomes of this process.
  const stands = withOutcome(decisions, 'not-attempted');
  const { state, error = STOPPED, listed, warnings } = summary;
  const unfinished = {
    ...unfinishedRepository(name, state === 'failed' ? state : 'stopped', error, stands, listed),
    ...(state === 'done' && { stage: 'planned' as const }),
    ...(warnings && { warnings }),
  };
  const record = await written.repository(name).write(unfinished, stands);
  if (state === 'done') work.onPlanned(name);
  else await finish(record, { summary: unfinished, decisions: stands });
  return record;
}

/** What a repository's record says that was not begun. */
export const STOPPED = { message: 'not begun: the run was stopped' };

/** Carries out a repository that was planned ahead, or holds it back where a breaker tripped. */
export async function carryOutPlanned(site: Site, record: RepositoryRecord, holds: readonly Hold[]): Promise<void> {
  const { work, name } = site;
  const { ledger, written } = work;
  const held = holds.find(({ repository }) => repository === undefined || repository === name);
  if (held) return holdBack(site, record, held);
  const begun = isCarriedOut(record) ? await begunIn(ledger, written.id, record) : undefined;
  if (begun) return carryOutRest(site, begun);
  const approved = await plannedIn(ledger, written.id, name, 'not-attempted');
  return carryOut(site, { decisions: [...approved.values()], approved });
}

/** Carries out what the plan of another run says of a repository, and nothing else. */
export async function carryOutApprovedOne(site: Site, planId: string): Promise<void> {
  const { work, name } = site;
  const begun = await begunIn(work.ledger, work.written.id, work.earlier.get(name));
  if (begun) return carryOutRest(site, begun);
  const approved = await plannedIn(work.ledger, planId, name, 'planned');
  return carryOut(site, { decisions: withOutcome([...approved.values()], 'not-attempted'), approved });
}

/** Records what a breaker holds back. */
async function holdBack(
  { work: { ledger, written, context }, finish }: Plot,
  { summary: { repository, listed, error: found, warnings: before = [] } }: RepositoryRecord,
  hold: Hold,
): Promise<void> {
  const held = withOutcome(await Array.fromAsync(ledger.decisions(written.id, { repository })), 'held');
  const error = { message: `held back: ${hold.detail}`, ...(found?.missing && { missing: found.missing }) };
  // What could not be planned is said all the same.
  const unread = found && found.message !== STOPPED.message ? [`${repository}: ${found.message}`] : [];
  const warnings = [...before, ...unread];
  const summary = {
    ...summarize(repository, held, listed),
    state: 'held' as const,
    error,
    ...(warnings.length > 0 && { warnings }),
  };
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

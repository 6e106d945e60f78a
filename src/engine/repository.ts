import { plusArchived } from '../ledger/total.ts';
import type { RepositoryWriter } from '../ledger/writer.ts';
import { isPlanned as isPlannedDecision } from '../ledger/plan-hash.ts';
import type { RepositoryRecord, RunRecord } from '../ledger/records.ts';
import { type RepositorySummary, summarize, summarizeInTurns, unfinishedRepository } from '../ledger/summary.ts';
import { type Decisions, type Deleted, keyOf, withOutcome } from '../planner/decision.ts';
import { StoppedError } from '../registry/errors.ts';
import { afterwards, remembering } from '../registry/overlay.ts';
import type { Hides } from '../planner/types.ts';
import { archivePlanned, withOutcomes } from './archive/archive.ts';
import { planInMemory, type RunContext } from './context.ts';
import { changesSincePlan } from './drift.ts';
import { carryOut } from './carry-out.ts';
import { gather, hasUntried } from './gather.ts';
import { withLayers } from './storage/layers.ts';
import { deletionsIn } from './guards.ts';
import { planTask, type Task } from './inventory.ts';
import { ENDED, holdBack, NOT_BEGUN } from './left.ts';
import {
  approvedOf,
  deletedBy,
  deletedIn,
  type Attempt,
  isDone,
  isOver,
  isPlanned,
  merge,
  openIn,
  type RepositoryResult,
  triedIn,
} from './merge.ts';
import { withoutOldWarnings } from './lost-locks.ts';
import { absent } from './quarantine/quarantine-gone.ts';
import { heldBy, type HeldRepository } from './quarantine/quarantine.ts';
import { releaseKept } from './quarantine/release.ts';
import { NO_REMARKS, remarksOf, withRemarks } from './remarks.ts';

/**
 * What a run does in each repository in one pass through them:
 * - `plan`: decides and records; nothing is deleted
 * - `purge`: decides, records and deletes
 * - `carry out`: deletes what an earlier pass of this run planned, or the approved plan of another run
 */
export type Pass = 'plan' | 'purge' | 'carry out';

/** One repository of a run. */
export interface RepositoryWork {
  readonly name: string;
  /** The commands that select it, in their order. */
  readonly commands: readonly Task[];
  /** What an earlier pass, or an earlier attempt, recorded of it in this run. */
  readonly before: RepositoryRecord | undefined;
}

export type Processed =
  | { readonly state: 'final'; readonly record: RepositoryRecord; readonly decisions: Decisions }
  /** Recorded, and carried out in a later pass. */
  | { readonly state: 'planned'; readonly record: RepositoryRecord }
  /** There is no such repository. */
  | { readonly state: 'absent' };

/**
 * The unit of work: one repository in one pass. What it decides and deletes is in the ledger when it returns, and before
 * it is deleted. Safe to repeat, by this process or another one: what was deleted before is not looked for again, and
 * nothing else is deleted than what was planned before. What goes wrong in a repository is recorded as its state.
 *
 * @throws {PolicyError} where a filter takes too long
 * @throws {LedgerError} where it cannot be recorded; then nothing is deleted
 */
export async function processRepository(context: RunContext, pass: Pass, work: RepositoryWork): Promise<Processed> {
  if (pass === 'plan') return plan(context, work);
  const { breakers, applies } = context.record;
  if (pass === 'carry out' && applies === undefined && work.before) {
    const hold = breakers.find(({ repository }) => repository === undefined || repository === work.name);
    if (hold) return holdBack(context, work.before, hold);
  }
  const before = await attemptBefore(context, pass, work);
  if (before?.isPlan && before.open.size === 0) return recordAsItStands(context, work, before);
  return purge(context, work, before);
}

/** Whether a pass has nothing to do in a repository. */
export function isNothingLeft(
  run: Pick<RunRecord, 'applies'>,
  pass: Pass,
  before: RepositoryRecord | undefined,
): boolean {
  // Nothing may be deleted that the guards were not asked about.
  if (pass === 'carry out' && run.applies === undefined) return !before || !isPlanned(before) || isOver(before);
  if (!before) return false;
  return isOver(before) || (pass === 'plan' && isPlanned(before));
}

/** Plans a repository, and records the plan. */
async function plan(context: RunContext, work: RepositoryWork): Promise<Processed> {
  const { name, commands, before } = work;
  if (context.writer && before && triedIn(before.summary) > 0) {
    // The run was begun without guards, and deleted something here: its plan stands, and the guards are asked about it.
    const attempt = await attemptBefore(context, 'purge', work);
    if (attempt?.isPlan) {
      // What failed is part of the plan again, and the guards count it.
      const decisions = [...attempt.decisions].map((one) =>
        one.action === 'delete' && attempt.open.has(keyOf(one)) ? { ...one, outcome: 'not-attempted' as const } : one,
      );
      const summary = await summarizeInTurns(name, decisions, attempt.listed);
      const left = { ...summary, state: 'stopped' as const, error: NOT_BEGUN, stage: 'planned' as const };
      const stands = withRemarks(left, attempt.remarks);
      return { state: 'planned', record: await context.writes.repository(name).write(stands, decisions) };
    }
  }
  const result = await planCommands(context, name, commands);
  if (!result) return { state: 'absent' };
  const { summary, decisions } = result;
  const write = context.writes.repository(name).write;
  const { tags, manifests } = deletionsIn(result);
  if (!context.writer || tags.deleted + manifests.deleted === 0) {
    const record = await write(summary, decisions);
    await context.log?.decided(decisions);
    return { state: 'final', record, decisions };
  }
  // It stands like this until it is carried out, whatever happens to this process.
  const stands = withOutcome(decisions, 'not-attempted');
  const { state, error = NOT_BEGUN, listed, warnings } = summary;
  const unfinished = {
    ...unfinishedRepository(name, state === 'failed' ? state : 'stopped', error, stands, listed),
    ...(state === 'done' && { stage: 'planned' as const }),
    ...(warnings && { warnings }),
  };
  const record = await write(unfinished, stands);
  return state === 'done' ? { state: 'planned', record } : { state: 'final', record, decisions: stands };
}

/** Plans by each command in turn, each shown what the ones before it would leave. `undefined`: no such repository. */
async function planCommands(
  context: RunContext,
  name: string,
  commands: readonly Task[],
): Promise<RepositoryResult | undefined> {
  const { reader: collected, note } = withLayers(context, name);
  let reader = commands.length === 1 ? collected : remembering(collected);
  let held: HeldRepository | undefined;
  return gather(name, async (found) => {
    for (const [index, command] of commands.entries()) {
      const planned = await planTask({ ...context, reader }, name, command);
      if (!planned) continue;
      if (context.signal.aborted) throw new StoppedError(`plan ${name}`);
      await note(planned, command);
      await found.add(planned.plan.decisions, planned);
      // What is in use may change from one minute to the next: where that is asked, a plan is made again.
      const isKept = commands.length === 1 && context.writer && !command.policy.includeLocked && !context.evidence;
      if (isKept) context.plans?.keep(name, planned);
      if (index < commands.length - 1) reader = afterwards(reader, await deletedBy(planned.plan.decisions));
      held = heldBy(held, planned.held);
    }
    if (held) await found.add(await releaseKept(context, name, held, found.decisions()));
  });
}

/** Plans and deletes by each command in turn, and records what was decided together with what an earlier attempt did. */
async function purge(context: RunContext, work: RepositoryWork, before: Attempt | undefined): Promise<Processed> {
  const { name } = work;
  const record = context.writes.repository(name);
  const whole = (result: RepositoryResult): Promise<RepositoryResult> | RepositoryResult =>
    before ? merge(before, result) : result;
  const made = await purgeCommands(context, work, {
    before,
    record,
    write: async (summary, decisions) => {
      const merged = await whole({ summary, decisions });
      await record.write(merged.summary, merged.decisions);
    },
  });
  if (!made && !before) return absent(context, name);
  const result = await whole(made ?? { summary: summarize(name, []), decisions: [] });
  const { decisions } = result;
  const summary = await withoutOldWarnings(context.quarantine, result.summary);
  return { state: 'final', record: await record.close(summary, decisions), decisions };
}

const NO_HIDES: Pick<Hides, 'tags' | 'manifests'> = { tags: [], manifests: [] };

interface Purging {
  readonly before: Attempt | undefined;
  readonly record: RepositoryWriter;
  readonly write: (summary: RepositorySummary, decisions: Decisions) => Promise<void>;
}

async function purgeCommands(
  context: RunContext,
  { name, commands }: RepositoryWork,
  { before, record, write }: Purging,
): Promise<RepositoryResult | undefined> {
  const { writer, signal, log } = context;
  const { reader: collected, note } = withLayers(context, name, before);
  const isStopped = (): boolean => signal.aborted;
  if (!writer) throw new Error('a dry run deletes nothing');
  const only = before?.isPlan ? await approvedOf(before) : undefined;
  // Of several commands, none may be planned again once the last one is: it would select what another one left untagged.
  let stage: Pick<RepositorySummary, 'stage'> = {};
  let archived: RepositorySummary['archived'];
  let held: HeldRepository | undefined;
  const result = await gather(name, async (found) => {
    for (const command of commands) {
      const remembered = await planInMemory(context, name);
      const deleted = await deletedIn(before?.decisions ?? [], found.decisions());
      const planning = { ...context, reader: collected, deleted };
      const planned = remembered ?? (await planTask(planning, name, command, only));
      if (!planned) continue;
      if (isStopped()) throw new StoppedError(`plan ${name}`);
      if (!remembered) await note(planned, command);
      const { decisions } = planned.plan;
      await found.intend(withOutcome(decisions, 'not-attempted'), planned);
      if (commands.length > 1 && command === commands.at(-1)) stage = { stage: 'planned' };
      // Before the executor looks: a look counts for seconds, and this may take hours.
      const { plan, withheld, counts } = await archivePlanned(context, planned.plan);
      archived = plusArchived(archived, counts);
      if (isStopped()) throw new StoppedError(`archive ${name}`);
      const { tags, manifests, hides = NO_HIDES } = plan;
      if (tags.length + manifests.length + hides.tags.length + hides.manifests.length > 0)
        await write(
          { ...(await found.summary('stopped', ENDED)), ...stage, ...(archived && { archived }) },
          found.decisions(),
        );
      const { includeLocked } = command.policy;
      const made = await carryOut({ ...context, writer }, { ...planned, plan }, { includeLocked, record });
      await found.add(withOutcomes(made, withheld));
      await log?.decided([...withheld.values()]);
      held = heldBy(held, planned.held);
      await log?.kept(decisions, context.findings !== undefined);
      // Refusals do not make the run complete: the stop left some deletions untried, and a resume tries them.
      if (isStopped() && hasUntried(made)) throw new StoppedError(`purge ${name}`);
    }
    // A plan that is carried out says nothing of what is not in it.
    if (held && !before?.isPlan) {
      const released = await releaseKept(context, name, held, found.decisions());
      await found.add(released);
      await log?.decided(released);
    }
    if (!before) return;
    const isListedBefore = before.listed?.findings !== undefined;
    const changes = await changesSincePlan(writer, name, before.open, found.decisions(), { isListedBefore });
    await found.add(changes);
    await log?.decided(changes);
  });
  if (!result) return undefined;
  const summary = { ...result.summary, ...(archived && { archived }) };
  return !before?.isPlan && !isDone(summary)
    ? { ...result, summary: { ...summary, ...stage } }
    : { ...result, summary };
}

/** What an earlier pass or attempt left in a repository, or what an approved plan says of it; `undefined`: nothing. */
async function attemptBefore(
  { ledger, record: run }: RunContext,
  pass: Pass,
  { name, commands, before }: RepositoryWork,
): Promise<Attempt | undefined> {
  const waiting =
    run.applies === undefined
      ? []
      : await Array.fromAsync(ledger.decisions(run.applies, { repository: name, reason: 'quarantined' }));
  if (before) {
    const decisions = await Array.fromAsync(ledger.decisions(run.id, { repository: name }));
    // One command's decisions are its whole plan. Of several, it is not known how many of them had been planned.
    const isPlan = pass === 'carry out' || commands.length === 1 || isPlanned(before);
    const { listed, archived } = before.summary;
    const remarks = remarksOf(before.summary);
    if (decisions.length > 0) return { decisions, listed, remarks, archived, open: openIn(decisions), isPlan, waiting };
  }
  if (run.applies === undefined) return undefined;
  const open = new Map<string, Deleted>();
  for await (const decision of ledger.decisions(run.applies, { repository: name, action: 'delete' }))
    if (decision.action === 'delete' && isPlannedDecision(decision)) open.set(keyOf(decision), decision);
  const decisions = withOutcome([...open.values()], 'not-attempted');
  return { decisions, remarks: NO_REMARKS, open, isPlan: true, waiting };
}

/** Closes a repository of which nothing is left to delete; it is not even listed. */
async function recordAsItStands(context: RunContext, { name }: RepositoryWork, before: Attempt): Promise<Processed> {
  const { decisions, listed, remarks, archived } = before;
  const counted = { ...(await summarizeInTurns(name, decisions, listed)), ...(archived && { archived }) };
  const summary = withRemarks(counted, remarks);
  return { state: 'final', record: await context.writes.repository(name).write(summary, decisions), decisions };
}

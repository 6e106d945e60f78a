import { purgeOne } from './carry-out.ts';
import { eachOf } from './each.ts';
import { isOver } from './earlier.ts';
import { NOTHING_PLANNED } from '../ledger/plan-hash.ts';
import type { RunWriter } from '../ledger/writer.ts';
import type { RepositoryRecord, RunRecord } from '../ledger/records.ts';
import type { RepositoryDeletions } from '../planner/guards.ts';
import type { Hold } from '../planner/decision.ts';
import type { Guards } from '../policy/guards.ts';
import type { Registry } from '../registry/types.ts';
import { unfinishedRepository } from '../ledger/summary.ts';
import type { Task } from './inventory.ts';
import { carryOutApprovedOne, carryOutPlanned, planAhead, planOne, STOPPED } from './steps.ts';
import { deletionsIn, askGuards } from './guards.ts';
import { isLeft } from './tally.ts';
import { type Finish, finisher, type Work } from './work.ts';

/** Plans every repository, and records what would go. */
export async function planAll(work: Work): Promise<void> {
  const finish = finisher(work);
  await each(work, [...work.selected.keys()], (name, tasks) => planOne({ work, name, tasks, finish }));
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
  update: RunWriter['update'],
): Promise<readonly Hold[]> {
  const finish = finisher(work);
  if (!isGuarded(guards)) {
    await each(work, [...work.selected.keys()], (name, tasks) => purgeOne({ work, writer, name, tasks, finish }));
    return [];
  }

  const { waiting, holds } = run.breakersAsked
    ? { waiting: await plannedBefore(work), holds: run.breakers }
    : await planned({ work, writer, run, guards, finish, update });
  await eachOf([...waiting], work.concurrency, async ([name, record]) => {
    if (work.context.signal?.aborted) leave(work, name, record);
    else await carryOutPlanned({ work, writer, name, tasks: work.selected.get(name) ?? [], finish }, record, holds);
  });
  return holds;
}

/** Whether a run plans everything before it deletes anything. */
export function isGuarded(guards: Guards | undefined): guards is Guards {
  return guards !== undefined && Object.keys(guards).length > 0;
}

/** Repositories whose plan is recorded and complete, and is not carried out yet. */
type Waiting = ReadonlyMap<string, RepositoryRecord>;

/** Those that a run that goes on had planned before. */
function waitingBefore({ earlier, onPlanned }: Work): Map<string, RepositoryRecord> {
  const waiting = new Map([...earlier].filter(([, { summary }]) => summary.stage === 'planned'));
  for (const name of waiting.keys()) onPlanned(name);
  return waiting;
}

interface Guarded {
  readonly work: Work;
  readonly writer: Registry;
  readonly run: RunRecord;
  readonly guards: Guards;
  readonly finish: Finish;
  readonly update: RunWriter['update'];
}

/** Plans what is not planned yet, and asks the breakers. That they were asked is recorded before anything goes. */
async function planned({ work, writer, run, guards, finish, update }: Guarded): Promise<{
  readonly waiting: Waiting;
  readonly holds: readonly Hold[];
}> {
  const { context, selected, earlier } = work;
  // What was done or planned before counts for the breakers like the rest.
  const going: RepositoryDeletions[] = [...earlier.values()].filter(isPlannedOrOver).map(deletionsIn);
  const waiting = waitingBefore(work);
  const names = [...selected.keys()].filter((name) => !waiting.has(name));
  await each(work, names, async (name, tasks) => {
    const record = await planAhead({ work, name, tasks, finish });
    if (!record || !isPlannedOrOver(record)) return;
    going.push(deletionsIn(record));
    if (record.summary.stage === 'planned') waiting.set(name, record);
  });
  if (context.signal?.aborted) return { waiting, holds: [] };
  const holds = await askGuards(going, guards, { ledger: work.ledger, registry: writer, name: run.registry });
  for (const hold of holds) context.log?.heldBack(hold, run.id);
  await update({ breakers: holds, breakersAsked: true });
  return { waiting, holds };
}

/** Whether the plan of a repository is complete, or carried out. */
export function isPlannedOrOver(record: RepositoryRecord): boolean {
  return isOver(record) || record.summary.stage === 'planned';
}

/** Of a run that goes on after its breakers were asked: nothing else may go than what they were asked about. */
async function plannedBefore(work: Work): Promise<Waiting> {
  const waiting = waitingBefore(work);
  const others = [...work.selected.keys()].filter((name) => !waiting.has(name));
  await each(work, others, (name) => {
    const record = work.earlier.get(name);
    if (record) work.tally.add(record);
    work.onDone(name, true);
    return Promise.resolve();
  });
  return waiting;
}

/** Carries out the plan of another run, and nothing else. */
export async function carryOutApproved(work: Work, writer: Registry, planId: string): Promise<void> {
  const finish = finisher(work);
  await each(work, [...work.selected.keys()], (name, tasks) =>
    carryOutApprovedOne({ work, writer, name, tasks, finish }, planId),
  );
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
      work.tally.add(before);
      work.onDone(name, true);
      return;
    }
    if (work.context.signal?.aborted) leave(work, name, before);
    else await task(name, work.selected.get(name) ?? []);
  });
}

/** Counts a repository as left, as it is recorded: the run ends within seconds, however many there are. */
function leave({ tally, onDone }: Work, name: string, record: RepositoryRecord | undefined): void {
  const notBegun = () => ({ summary: unfinishedRepository(name, 'stopped', STOPPED), planned: NOTHING_PLANNED });
  tally.add(record ?? notBegun());
  // What failed before counts as what fails now: the run resumes for the sake of the others, and tries it again then.
  onDone(name, record !== undefined && !isLeft(record.summary));
}

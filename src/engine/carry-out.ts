import { type Before, type Begun, begunIn, joined, joining } from './earlier.ts';
import { describe } from '../executor/results.ts';
import type { Task } from './inventory.ts';
import type { Finish, Work } from './work.ts';
import type { Deleted } from '../planner/decision.ts';
import { RegistryError, StoppedError } from '../registry/errors.ts';
import type { Registry } from '../registry/types.ts';
import { summarize, summarizeInTurns } from '../ledger/summary.ts';
import { changesSincePlan } from './since-plan.ts';
import { purgeRepository } from './unit.ts';

/** Where it is carried out: one repository of a run. */
export interface Site {
  readonly work: Work;
  readonly writer: Registry;
  readonly name: string;
  readonly tasks: readonly Task[];
  readonly finish: Finish;
}

/** Purges one repository, or what a run that goes on has left of it. */
export async function purgeOne(site: Site): Promise<void> {
  const { work, writer, name, tasks, finish } = site;
  const begun = await begunIn(work.ledger, work.written.id, work.earlier.get(name));
  // One command's decisions are its whole plan. Of several, nobody knows how many of them had been planned.
  if (begun && (tasks.length === 1 || begun.record.summary.stage === 'planned')) return carryOutRest(site, begun);
  if (begun) return doOver(site, begun);
  const record = work.written.repository(name);
  const result = await purgeRepository(work.context, name, tasks, { writer, record });
  if (!result) {
    work.onDone(name, true);
    return;
  }
  await finish(await record.close(result.summary, result.decisions), result);
}

/** Carries out what was planned, and nothing else. */
export async function carryOut(
  { work: { context, written, onDone }, writer, name, tasks, finish }: Site,
  before: Before & { readonly approved: ReadonlyMap<string, Deleted> },
): Promise<void> {
  const record = written.repository(name);
  const means = { writer, record: joining(record, before), approved: before.approved };
  const made = await purgeRepository(context, name, tasks, means);
  if (!made) {
    onDone(name, true);
    return;
  }
  const result = await joined(before, made);
  await finish(await record.close(result.summary, result.decisions), result);
}

/** Carries out what was planned in a repository and has not gone; where that is nothing, it is not even looked at. */
export async function carryOutRest(site: Site, { record: { summary }, decisions, open }: Begun): Promise<void> {
  const { work, name, finish } = site;
  const { listed } = summary;
  if (open.size > 0) return carryOut(site, { decisions, listed, approved: open });
  const result = { decisions, summary: await summarizeInTurns(name, decisions, listed) };
  await finish(await work.written.repository(name).write(result.summary, decisions), result);
}

/** Purges a repository by all of its commands anew, and keeps what is known to have gone before. */
async function doOver(
  { work: { context, written }, writer, name, tasks, finish }: Site,
  { record: { summary }, decisions, open }: Begun,
): Promise<void> {
  const record = written.repository(name);
  const before = { decisions, listed: summary.listed };
  const made = await purgeRepository(context, name, tasks, { writer, record: joining(record, before) });
  let result = await joined(before, made ?? { decisions: [], summary: summarize(name, []) });
  if (result.summary.state === 'done') {
    try {
      // What was to go, and nobody listed any more.
      const changes = await changesSincePlan(writer, name, open, made?.decisions ?? []);
      result = await joined(before, { ...result, decisions: [...result.decisions, ...changes] });
      await context.log?.decided(changes);
    } catch (error) {
      if (!(error instanceof RegistryError)) throw error;
      const state = error instanceof StoppedError ? 'stopped' : 'failed';
      result = await joined(before, { ...result, summary: { ...result.summary, state, error: describe(error) } });
    }
  }
  await finish(await record.close(result.summary, result.decisions), result);
}

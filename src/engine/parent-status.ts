import { isFinal } from '../ledger/cancellation.ts';
import type { Parent } from '../ledger/batch.ts';
import { hasEnded, type System } from '../ledger/store/system.ts';
import type { DecisionQuery, LedgerReader } from '../ledger/reader.ts';
import type { ChildStatus, ParentRecord, ParentStatus, RunState } from '../ledger/records.ts';
import { total } from '../ledger/total.ts';
import type { Decision } from '../planner/decision.ts';

/** A parent with its runs as they are now; `undefined` where there is none of this id. */
export async function parentStatus(ledger: LedgerReader, id: string): Promise<ParentStatus | undefined> {
  const parent = await ledger.parent(id);
  return parent && statusOf(ledger, parent);
}

/** The decisions of the runs of a parent, one run after the other, each with its registry. */
export async function* decisionsOfAll(
  ledger: LedgerReader,
  { children }: ParentStatus,
  asked: DecisionQuery = {},
): AsyncGenerator<Decision & { readonly registry: string }> {
  for (const { registry, run } of children)
    if (run) for await (const decision of ledger.decisions(run.id, asked)) yield { registry, ...decision };
}

async function statusOf(ledger: LedgerReader, { record, children, cancelled }: Parent): Promise<ParentStatus> {
  const statuses = await Promise.all(
    record.registries.map(async (registry): Promise<ChildStatus> => {
      const { runId, ...child } = children.find((one) => one.registry === registry) ?? { registry };
      const run = runId === undefined ? undefined : await ledger.run(runId);
      if (run) return { ...child, state: run.state, run };
      return { ...child, state: child.error && !child.notBegun ? 'failed' : 'not-begun' };
    }),
  );
  const runs = statuses.map(({ run }) => run).filter((run) => run !== undefined);
  const progressOf = (of: 'done' | 'of'): number => runs.reduce((sum, { progress }) => sum + progress[of], 0);
  return {
    record,
    state: stateOf(statuses, hasDied(record, ledger.system), cancelled !== undefined),
    ...(cancelled && { cancelled }),
    children: statuses,
    totals: total(runs.map(({ totals }) => totals).filter((totals) => totals !== undefined)),
    progress: { done: progressOf('done'), of: progressOf('of') },
  };
}

/** What a run of all would be: the first of these that any of them is. */
const WORST_FIRST = ['running', 'failed', 'interrupted', 'stopped', 'waiting'] as const satisfies readonly RunState[];

function stateOf(children: readonly ChildStatus[], isDead: boolean, isCancelled: boolean): RunState {
  const states = children.map(({ state, notBegun }): RunState => {
    if (state !== 'not-begun') return state;
    if (notBegun !== undefined || isCancelled) return 'stopped';
    return isDead ? 'interrupted' : 'running';
  });
  return WORST_FIRST.find((state) => states.includes(state)) ?? 'done';
}

/** No process works on several registries for longer: a time budget is 24 days at most. */
const LONGEST_MS = 25 * 24 * 3_600_000;

/** Whether the process has ended that would begin what is not begun. */
function hasDied({ holder, started }: ParentRecord, system: System): boolean {
  return (holder !== undefined && hasEnded(system, holder)) || system.clock.now() - Date.parse(started) > LONGEST_MS;
}

/** Whether there is nothing left to cancel: every run is over, or has gone on without this parent, or never began. */
export function isParentOver({ record, children }: ParentStatus): boolean {
  return children.every(({ run, error, notBegun }) =>
    run ? isFinal(run) || run.parent !== record.id : error !== undefined && notBegun !== 'cancel',
  );
}

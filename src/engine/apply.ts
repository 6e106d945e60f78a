import { commandInWords } from '../ledger/command.ts';
import { isPlanned, planHashOf, plannedOf } from '../ledger/plan-hash.ts';
import type { Ledger } from '../ledger/ledger.ts';
import { policiesOf } from '../ledger/policy-record.ts';
import { approvalOf, type PlanRecord, type RunRecord } from '../ledger/records.ts';
import { namesIn, whyNotWithout } from './evidence.ts';
import { askGuards, deletionsIn } from './guards.ts';
import type { RepositoryDeletions } from '../planner/guards.ts';
import { type Decision, type Hold, holdInWords } from '../planner/decision.ts';
import type { Guards } from '../policy/guards.ts';
import type { PurgePolicy } from '../policy/purge-policy.ts';
import type { Registry } from '../registry/types.ts';
import type { RunSummary } from '../ledger/summary.ts';
import { type ApprovedPlan, run, type RunOptions } from './run.ts';

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

export interface ApplyOptions extends Pick<
  RunOptions,
  'onDecisions' | 'onProgress' | 'signal' | 'timeBudget' | 'evidence' | 'log' | 'startedBy' | 'by'
> {
  readonly ledger: Ledger;
  readonly now: Date;
  /** How old the plan may be. */
  readonly planAgeMilliseconds: number;
  readonly guards: Guards;
  /** The first characters of the plan's hash, at least eight: the person who gives them has seen what the guards hold back. */
  readonly approve?: string | undefined;
  /** Hosts of the registries that are served; absent: the plan's. */
  readonly hosts?: readonly string[] | undefined;
  /** Hash of the policy that is configured now. */
  readonly configured?: string | undefined;
}

export type Applied =
  /** `unfinished`: something of it failed, or it was stopped; applied again, it is continued. */
  | { readonly state: 'applied' | 'unfinished'; readonly summary: RunSummary }
  /** It had been carried out before: nothing was done now. */
  | { readonly state: 'applied-before'; readonly run: RunRecord };

type RecordedPlan = RunRecord & { readonly plan: PlanRecord };

const AGAIN = 'make a new one with a dry run';

const SHORTEST_APPROVAL = 8;

/** How far apart clocks may be. */
const CLOCK_SKEW_MS = 300_000;

/**
 * Carries out exactly the plan of an earlier run, and nothing else. What changed since is passed over, and says so. A
 * plan that was carried out already is left alone.
 *
 * @param open the registry of the plan
 * @throws {PlanRefused} for a plan that there is not, that is too old, was changed, or belongs to another registry or
 * policy; and where a guard holds back what was not approved
 * @throws whatever `run` throws
 */
export async function applyPlan(
  id: string,
  open: (plan: RunRecord, policies: readonly PurgePolicy[]) => Promise<Registry>,
  options: ApplyOptions,
): Promise<Applied> {
  const { ledger, approve, guards, now, planAgeMilliseconds, hosts, configured, ...shown } = options;
  const record = await find(ledger, id);
  const before = record.plan.appliedBy === undefined ? undefined : await ledger.run(record.plan.appliedBy);
  if (before?.state === 'done') {
    // Its process ended right after it was done.
    if (record.plan.state !== 'applied') await markApplied(ledger, id, before.id);
    return { state: 'applied-before', run: before };
  }
  const unasked = whyNotWithout(record, namesIn(options.evidence));
  if (unasked !== undefined) throw new PlanRefused(unasked);
  const policies = check(record, { approve, now, planAgeMilliseconds, hosts, configured });
  const { going, repositories } = await intact(ledger, record);
  if (approve === undefined && !record.dryRun)
    throw new PlanRefused(
      `${record.breakers.map(holdInWords).join('; ') || 'its run was interrupted'}. ${howToApprove(record)}`,
      'refused',
      record.breakers,
    );
  const writer = await open(record, policies);
  const holds =
    approve === undefined ? await askGuards(going, guards, { ledger, registry: writer, name: record.registry }) : [];
  if (holds.length > 0) {
    await ledger.changeRun(id, (now) => ({
      ...now,
      breakers: holds,
      plan: { ...(now.plan ?? record.plan), state: 'waiting' },
    }));
    throw new PlanRefused(`${holds.map(holdInWords).join('; ')}. ${howToApprove(record)}`, 'refused', holds);
  }

  const summary = await run({
    ...shown,
    reader: writer,
    writer,
    policies,
    now: new Date(record.agesFrom),
    ledger,
    kind: 'apply',
    policyFrom: record.policy.from,
    plan: { id, repositories, onBegin: (runId) => claim(ledger, record, runId) },
  });
  if (summary.succeeded) await markApplied(ledger, id, summary.runId);
  return { state: summary.succeeded ? 'applied' : 'unfinished', summary };
}

/**
 * The plan of a run that carries one out and was stopped: it must still be that run's, and may be carried out still.
 * @throws {PlanRefused}
 */
export async function approvedBefore(
  ledger: Ledger,
  run: RunRecord & { readonly applies: string },
  about: Pick<ApplyOptions, 'now' | 'planAgeMilliseconds' | 'configured'>,
): Promise<ApprovedPlan> {
  const record = await find(ledger, run.applies);
  const { appliedBy = 'none' } = record.plan;
  if (appliedBy !== run.id)
    throw new PlanRefused(`the plan ${record.id} has been applied by another run meanwhile: ${appliedBy}`);
  check(record, { ...about, hosts: [run.registry] });
  const { repositories } = await intact(ledger, record);
  return { id: record.id, repositories, onBegin: () => Promise.resolve() };
}

/** Records which run carries the plan out, unless another run began to meanwhile. */
async function claim(ledger: Ledger, { id, plan }: RecordedPlan, runId: string): Promise<void> {
  await ledger.changeRun(id, (now) => {
    if (now.plan?.appliedBy !== plan.appliedBy)
      throw new PlanRefused(`the plan ${id} has been applied by the run ${now.plan?.appliedBy ?? ''} meanwhile`);
    return { ...now, plan: { ...(now.plan ?? plan), appliedBy: runId } };
  });
}

export async function markApplied(ledger: Ledger, id: string, appliedBy: string): Promise<void> {
  await ledger.changeRun(id, (now) =>
    now.plan
      ? {
          ...now,
          plan: { ...now.plan, state: 'applied', appliedBy },
          // Nothing of it waits any more.
          ...(now.state === 'waiting' && { state: 'done' }),
        }
      : now,
  );
}

/** The commands that carry out a plan whatever the guards say: for a person who has looked at it. */
function howToApprove(record: RecordedPlan): string {
  const { id, plan } = record;
  const approval = approvalOf(plan);
  return (
    `To carry out this plan all the same: ${commandInWords('apply', record, approval)}, ` +
    `or POST /api/plans/${id}/apply?approve=${approval}`
  );
}

async function find(ledger: Ledger, id: string): Promise<RecordedPlan> {
  const record = await ledger.run(id);
  if (!record) throw new PlanRefused(`there is no plan ${id} in ${ledger.place}`, 'unknown');
  const { plan, state, ended } = record;
  if (plan && ended !== undefined) return { ...record, plan };
  if (state === 'running') throw new PlanRefused(`the run ${id} has not ended; its plan is not complete`);
  throw new PlanRefused(`the run ${id} has no plan: nothing in it waits to be deleted`);
}

/** @returns the policies of the plan */
function check(
  record: RecordedPlan,
  { approve, hosts, configured, now, planAgeMilliseconds }: Omit<ApplyOptions, 'ledger' | 'guards' | 'onDecisions'>,
): readonly PurgePolicy[] {
  const { id, plan, policy, registry } = record;
  if (hosts && !hosts.includes(registry))
    throw new PlanRefused(`the plan ${id} is for the registry ${registry}, not for ${hosts.join(', ')}`);
  if (approve !== undefined && (approve.length < SHORTEST_APPROVAL || !plan.hash.startsWith(approve)))
    throw new PlanRefused(`the plan ${id} has another hash than the one approved; look at it again`);
  // By the earlier of both: the hash holds the second one.
  const age = now.getTime() - Math.min(Date.parse(record.started), Date.parse(record.agesFrom));
  if (Number.isNaN(age)) throw wasChanged(id);
  if (age < -CLOCK_SKEW_MS) throw new PlanRefused(`the plan ${id} is from the future; look at the clocks, or ${AGAIN}`);
  if (age > planAgeMilliseconds)
    throw new PlanRefused(
      `the plan ${id} is ${Math.floor(age / 3_600_000)} hours old, and may be ${planAgeMilliseconds / 3_600_000} (PLAN_MAX_AGE); ${AGAIN}`,
    );
  if (policy.from === 'settings' && configured !== undefined && configured !== policy.hash)
    throw new PlanRefused(`the plan ${id} was made by another policy than the one that is configured now; ${AGAIN}`);
  const policies = policiesOf(policy);
  if (!policies)
    throw new PlanRefused(
      `the policy of the plan ${id} was changed since, or was recorded by a version that understands it otherwise; ${AGAIN}`,
    );
  return policies;
}

/** The repositories in which something is to be deleted, after making sure that the plan was not changed. */
async function intact(
  ledger: Ledger,
  record: RecordedPlan,
): Promise<{ readonly going: readonly RepositoryDeletions[]; readonly repositories: readonly string[] }> {
  const { id, plan } = record;
  const all = await Array.fromAsync(ledger.repositories(id));
  const planned = all.filter(({ planned: { deletions } }) => deletions > 0);
  for (const { summary, planned: recorded } of planned) {
    const { repository } = summary;
    const going: Decision[] = [];
    for await (const one of ledger.decisions(id, { repository, action: 'delete' })) {
      if (!isPlanned(one)) continue;
      // Not all of them first: any number may have been added.
      if (going.push(one) > recorded.deletions || one.repository !== repository) throw wasChanged(id);
    }
    if ((await plannedOf(going)).hash !== recorded.hash) throw wasChanged(id);
  }
  if (planHashOf(record, planned) !== plan.hash) throw wasChanged(id);
  return { going: all.map(deletionsIn), repositories: planned.map(({ summary: { repository } }) => repository) };
}

function wasChanged(id: string): PlanRefused {
  return new PlanRefused(
    `the plan ${id} is not what it was when it was made (its hash has changed), or an earlier version made it; ${AGAIN}`,
  );
}

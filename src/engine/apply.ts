import { commandInWords } from '../ledger/command.ts';
import { isPlanned, planHashOf, plannedOf } from '../ledger/plan-hash.ts';
import type { Ledger } from '../ledger/ledger.ts';
import { policiesOf } from '../ledger/policy-record.ts';
import { approvalOf, type RunRecord } from '../ledger/records.ts';
import { whyNotWithoutArchive } from './archive/archive.ts';
import { namesIn, whyNotWithout } from './evidence.ts';
import { askGuards, deletionsIn } from './guards.ts';
import type { RepositoryDeletions } from '../planner/guards.ts';
import { type Decision, type Hold, holdInWords } from '../planner/decision.ts';
import type { Guards } from '../policy/guards.ts';
import type { PurgePolicy } from '../policy/purge-policy.ts';
import type { Registry } from '../registry/types.ts';
import type { RunSummary } from '../ledger/summary.ts';
import {
  AGAIN,
  carriedOut,
  chosen,
  claim,
  findPlan,
  markDone,
  PlanRefused,
  plannedIn,
  type RecordedPlan,
  resumeClaim,
  unchanged,
  wasRejected,
} from './plans.ts';
import { findingsAsked, whyNotWithoutFindings } from './findings/rests-on-findings.ts';
import { type ApprovedPlan, type RecordedBefore, run } from './run.ts';
import { optionsBefore } from './storage/used.ts';

export interface ApplyOptions extends RecordedBefore {
  readonly now: Date;
  /** How old the plan may be. */
  readonly planAgeMilliseconds: number;
  readonly guards: Guards;
  /** The first characters of the plan's hash, at least eight: the person who gives them has seen what the guards hold back. */
  readonly approve?: string | undefined;
  /** Only these repositories of the plan; absent: all that is left of it. */
  readonly repositories?: readonly string[] | undefined;
  /** Recorded with an approval. */
  readonly comment?: string | undefined;
  /** A person cannot approve the plan of a run that the same person began. */
  readonly fourEyes?: boolean | undefined;
  /** Hosts of the registries that are served; absent: the plan's. */
  readonly hosts?: readonly string[] | undefined;
  /** Hash of the policy that is configured now. */
  readonly configured?: string | undefined;
}

export type Applied =
  /**
   * `in part`: so many artifacts of the plan are left, in repositories that guards hold back or that were not asked for;
   * `unfinished`: something of it failed, or it was stopped; applied again, it is continued
   */
  | { readonly state: 'applied' | 'unfinished'; readonly summary: RunSummary }
  | {
      readonly state: 'in part';
      readonly summary: RunSummary;
      readonly left: number;
      /** What guards hold back of that. */
      readonly breakers: readonly Hold[];
    }
  /** It had been carried out before: nothing was done now. */
  | { readonly state: 'applied-before'; readonly run: RunRecord };

const SHORTEST_APPROVAL = 8;

/** How far apart clocks may be. */
const CLOCK_SKEW_MS = 300_000;

/**
 * Carries out exactly the plan of an earlier run, or some repositories of it, and nothing else. What changed since is
 * passed over, and says so. What was carried out already is left alone.
 *
 * A guard holds back what it is about: one that is about a repository holds back that repository, and the others are
 * carried out; one that is about the whole run holds back everything.
 *
 * @param open the registry of the plan
 * @throws {PlanRefused} for a plan that there is not, that was rejected, is too old, was changed, or belongs to another
 * registry or policy; and where guards hold back everything that was asked for, and it was not approved
 * @throws whatever `run` throws
 */
export async function applyPlan(
  id: string,
  open: (plan: RunRecord, policies: readonly PurgePolicy[]) => Promise<Registry>,
  options: ApplyOptions,
): Promise<Applied> {
  const { ledger, approve, guards, now, planAgeMilliseconds, hosts, configured, repositories, ...others } = options;
  const { comment: _, fourEyes, ...shown } = others;
  const record = await findPlan(ledger, id);
  const { last, done } = await carriedOut(ledger, record);
  const planned = await plannedIn(ledger, record);
  const asked = chosen(record, planned, repositories);
  const left = record.plan.state === 'applied' ? [] : asked.filter(({ repository }) => !done.has(repository));
  if (last && left.length === 0) {
    // Its process may have ended right after its run was done.
    await markDone(ledger, record, last.id, planned);
    return { state: 'applied-before', run: last };
  }
  const unasked =
    whyNotWithout(record, namesIn(options.evidence)) ??
    whyNotWithoutFindings(record, findingsAsked(options.findings)) ??
    whyNotWithoutArchive(record, options.archive);
  if (unasked !== undefined) throw new PlanRefused(unasked);
  const policies = check(record, { approve, now, planAgeMilliseconds, hosts, configured });
  if (fourEyes && isSamePerson(record, options)) throw new PlanRefused(OWN_RUN);
  const all = await intact(ledger, record);
  if (approve === undefined && !record.dryRun)
    throw new PlanRefused(
      `${record.breakers.map(holdInWords).join('; ') || 'its run was interrupted'}. ${howToApprove(record)}`,
      'refused',
      record.breakers,
    );
  const writer = await open(record, policies);
  const wanted = new Set(left.map(({ repository }) => repository));
  const holds =
    approve === undefined
      ? (
          await askGuards(
            all.map((one) => (wanted.has(one.repository) || done.has(one.repository) ? one : nothingOf(one))),
            guards,
            { ledger, registry: writer, name: record.registry, run: record.id },
          )
        ).filter(({ repository }) => repository === undefined || wanted.has(repository))
      : [];
  const going = left.filter(
    ({ repository }) => !holds.some((hold) => hold.repository === undefined || hold.repository === repository),
  );
  if (holds.length > 0) {
    await ledger.changeRun(id, (now) => {
      return { ...now, breakers: holds, plan: { ...unchanged(now, record), state: 'waiting' } };
    });
    if (going.length === 0)
      throw new PlanRefused(`${holds.map(holdInWords).join('; ')}. ${howToApprove(record)}`, 'refused', holds);
  }

  const isPart = going.length < planned.length;
  const summary = await run({
    ...shown,
    storage: shown.storage ?? optionsBefore(record.storage),
    reader: writer,
    writer,
    policies,
    now: new Date(record.agesFrom),
    ledger,
    kind: 'apply',
    policyFrom: record.policy.from,
    plan: {
      id,
      repositories: going.map(({ repository }) => repository),
      isPart,
      onBegin: (runId) => claim(ledger, record, runId, approve === undefined ? undefined : options),
    },
  });
  if (!summary.succeeded) return { state: 'unfinished', summary };
  await markDone(ledger, record, summary.runId, planned);
  const remains = planned.filter(
    ({ repository }) => !done.has(repository) && !going.some((one) => one.repository === repository),
  );
  if (remains.length === 0) return { state: 'applied', summary };
  const artifacts = remains.reduce((count, { deletions }) => count + deletions, 0);
  return { state: 'in part', summary, left: artifacts, breakers: holds };
}

/** Nothing of a repository is deleted, and all that is in it counts. */
function nothingOf({ repository, tags, manifests }: RepositoryDeletions): RepositoryDeletions {
  return { repository, tags: { ...tags, deleted: 0 }, manifests: { ...manifests, deleted: 0 } };
}

const OWN_RUN =
  'the same person began its run, and another person is to approve it (APPROVAL_FOUR_EYES); ask a colleague to look at it';

/** Whether a person is about to approve the plan of a run that the same person began or resumed. */
function isSamePerson(record: RunRecord, { actor }: Pick<ApplyOptions, 'actor'>): boolean {
  if (actor?.kind !== 'person') return false;
  const began = [record.actor, ...(record.resumed ?? []).map((one) => one.actor)];
  return began.some((one) => one?.kind === 'person' && one.id === actor.id);
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
  const record = await findPlan(ledger, run.applies);
  const { appliedBy = 'none' } = record.plan;
  if (appliedBy !== run.id)
    throw new PlanRefused(`the plan ${record.id} has been applied by another run meanwhile: ${appliedBy}`);
  check(record, { ...about, hosts: [run.registry] });
  await intact(ledger, record);
  const planned = (await plannedIn(ledger, record)).map(({ repository }) => repository);
  const repositories = run.appliesPart ? (await ledger.selected(run.id))?.map(({ repository }) => repository) : planned;
  // Of a part nothing was deleted before it was recorded which one it is.
  if (!repositories)
    throw new PlanRefused(`it was stopped before it recorded its part of the plan ${record.id}; apply that part again`);
  return {
    id: record.id,
    repositories,
    isPart: run.appliesPart === true,
    onBegin: (runId) => resumeClaim(ledger, record.id, runId),
  };
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

/** What a plan must still agree with when it is carried out. */
export type Agreeing = Pick<ApplyOptions, 'hosts' | 'configured' | 'now' | 'planAgeMilliseconds'>;

/** Why a plan cannot be carried out any more, by its age and by what is configured; `undefined`: it can, or there is none. */
export function whyNotApplied(record: RunRecord, about: Agreeing): string | undefined {
  const { plan } = record;
  if (!plan) return undefined;
  try {
    check({ ...record, plan }, about);
    return undefined;
  } catch (error) {
    if (error instanceof PlanRefused) return error.message;
    throw error;
  }
}

/** @returns the policies of the plan */
function check(
  record: RecordedPlan,
  { approve, hosts, configured, now, planAgeMilliseconds }: Agreeing & Pick<ApplyOptions, 'approve'>,
): readonly PurgePolicy[] {
  const { id, plan, policy, registry } = record;
  if (plan.state === 'rejected') throw wasRejected(id, plan);
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

/** How much is planned in each repository, after making sure that the plan was not changed. */
async function intact(ledger: Ledger, record: RecordedPlan): Promise<readonly RepositoryDeletions[]> {
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
  return all.map(deletionsIn);
}

function wasChanged(id: string): PlanRefused {
  return new PlanRefused(
    `the plan ${id} is not what it was when it was made (its hash has changed), or an earlier version made it; ${AGAIN}`,
  );
}

import type { RepositoryRecord, RunRecord } from '../../../src/ledger/records.ts';
import type { Counts } from '../../../src/ledger/summary.ts';
import type { Decision } from '../../../src/planner/decision.ts';
import type { Guards } from '../../../src/policy/guards.ts';
import type { History, Recorded } from './history.ts';
import { isLate } from './agreement.ts';
import { nameOf } from './invariants.ts';
import { hasLostLock } from './lost-lock.ts';
import { isLocked } from './oracle.ts';
import { inWords } from './wanted.ts';
import { imageOf, type Told } from './told.ts';

/*
 * What must hold of each run, once everything is over.
 */

/** A run that a person cancelled. All times are true times. */
export interface Cancelled {
  readonly run: string;
  /** When the person was told that it will end. */
  readonly at: number;
  /** When a person resumed it after that. */
  readonly resumedAt?: number;
  /** Times in which a process could not find out: its store did not answer, or refused. */
  readonly hidden?: readonly Hidden[];
}

export interface Hidden {
  readonly process: string;
  readonly from: number;
  readonly to: number;
}

/** Whether what each run says of itself is true. */
export function untruths(runs: readonly Told[]): readonly string[] {
  return runs.flatMap((told) => {
    const { run, repositories, decisions } = told;
    const problems = [...countProblems(told), ...stateProblems(told, runs), ...holdProblems(told)];
    if (run.dryRun && decisions.some((one) => one.action === 'delete' && one.outcome !== 'planned'))
      problems.push('it was a dry run, and tells of deletions');
    const { done, of } = run.progress;
    if (done > of) problems.push(`${done} of ${of} repositories are done`);
    // What waited in it was done by the run that carried its plan out.
    if (run.state === 'done' && done < of && run.plan?.state !== 'applied')
      problems.push(`it is done, and ${of - done} repositories are not`);
    if (new Set(repositories.map(({ summary }) => summary.repository)).size < repositories.length)
      problems.push('it has a repository twice');
    return problems.map((problem) => `${run.id} (${run.kind}, ${run.state}): ${problem}`);
  });
}

function countProblems({ run, repositories, decisions }: Told): readonly string[] {
  const problems: string[] = [];
  const check = (what: string, told: Counts | undefined, of: readonly Decision[]): void => {
    const counted = inOrder(counts(of));
    if (told && inOrder(told) !== counted) problems.push(`${what}: ${inOrder(told)} are told, and decided ${counted}`);
  };
  for (const kind of ['tag', 'manifest'] as const) {
    const all = decisions.filter((one) => one.kind === kind);
    // A run that could not write its ledger knows what it has recorded, and not what it could not close.
    const isKnown = run.ended !== undefined && !(run.error?.message.startsWith('the ledger ') ?? false);
    if (isKnown) check(`${kind}s`, run.totals?.[`${kind}s`], all);
    for (const { summary } of repositories) {
      const own = all.filter(({ repository }) => repository === summary.repository);
      check(`${kind}s of ${summary.repository}`, summary[`${kind}s`], own);
    }
  }
  return problems;
}

/** Counted anew, in the order of the record. */
export function counts(decisions: readonly Decision[]): Counts {
  const of = (...outcomes: readonly string[]): number =>
    decisions.filter((one) => outcomes.includes(countedAs(one))).length;
  const quarantined = of('quarantined');
  return {
    deleted: of('deleted', 'planned'),
    kept: of('kept'),
    failed: of('failed', 'refused'),
    notAttempted: of('not-attempted', 'held'),
    alreadyGone: of('already-gone'),
    ...(quarantined > 0 && { quarantined }),
  };
}

/** What is released, or is to be, is kept; what is to be put into quarantine is not deleted by a dry run. */
function countedAs(decision: Decision): string {
  if (decision.action === 'delete')
    return decision.outcome === 'planned' && decision.quarantine ? 'quarantined' : decision.outcome;
  const outcome = decision.action === 'keep' ? (decision.release?.outcome ?? 'released') : 'released';
  return outcome === 'released' || outcome === 'planned' ? 'kept' : outcome;
}

function inOrder({ deleted, kept, failed, notAttempted, alreadyGone, quarantined = 0 }: Counts): string {
  return `${deleted} deleted, ${kept} kept, ${failed} failed, ${notAttempted} not attempted, ${alreadyGone} already gone, ${quarantined} quarantined`;
}

function stateProblems(told: Told, runs: readonly Told[]): readonly string[] {
  const { run, repositories, decisions } = told;
  const { state, ended, stopped, breakers, error, dryRun, cancelled } = run;
  if (state === 'running') return ended === undefined ? [] : ['it has ended, and is running'];
  const problems: string[] = [];
  // A cancelled dry run ends with that, whether its record could be closed or not.
  if (ended === undefined && state !== 'interrupted' && !(dryRun && cancelled))
    problems.push('it does not say when it ended');
  // What a guard held back in it was done by the run that carried its plan out, or was rejected by a person.
  if (run.plan?.state === 'applied' || run.plan?.state === 'rejected') return problems;
  const undone = decisions.find((one) => !DONE.includes(countedAs(one)));
  const failed = decisions.find((one) => FAILED.includes(countedAs(one)));
  const open = repositories.find(({ summary }) => !isWhole(summary));
  const isLockLost = hasLostLock(told, runs);
  const isUnknown = run.evidence?.some(({ complete }) => !complete) ?? false;
  const isAllDone = !undone && !open && !isLockLost && !isUnknown && error === undefined;
  if (state === 'done' && undone) problems.push(`${imageOf(undone)} is ${outcomeOf(undone)}`);
  if (state === 'done' && open) problems.push(`${open.summary.repository} is ${open.summary.state}`);
  if (state === 'done' && (isLockLost || error !== undefined)) problems.push('it failed');
  if (state === 'waiting' && (breakers.length === 0 || dryRun)) problems.push('nothing holds it back');
  if (state === 'waiting' && failed) problems.push(`${imageOf(failed)} is ${outcomeOf(failed)}`);
  if (state === 'failed' && isAllDone && isListed(run)) problems.push('everything was done');
  if (state === 'stopped' && !stopped) problems.push('it does not say why');
  if (cancelled && state === 'interrupted') problems.push('it was cancelled');
  return problems;
}

/** What is held back without a guard that says so: a run that resumes must not forget what its guards said. */
function holdProblems({ run: { breakers }, repositories }: Told): readonly string[] {
  return repositories
    .filter(({ summary }) => summary.state === 'held')
    .map(({ summary }) => summary.repository)
    .filter((name) => !breakers.some(({ repository = name }) => repository === name))
    .map((name) => `${name} is held, and no guard of the run holds it back`);
}

function isWhole({ state, error }: RepositoryRecord['summary']): boolean {
  return state === 'done' && error === undefined;
}

const DONE: readonly string[] = ['deleted', 'already-gone', 'planned', 'quarantined', 'kept'];
const FAILED: readonly string[] = ['failed', 'refused'];

function outcomeOf(decision: Decision): string {
  return decision.action === 'keep'
    ? `kept, and its release is ${decision.release?.outcome ?? 'none'}`
    : decision.outcome;
}

function isListed({ warnings }: RunRecord): boolean {
  return !warnings.some((warning) => warning.includes('before the repositories were listed'));
}

/** What is unfinished although nothing is at work any more, and the last run came to its end. */
export function unfinished(
  runs: readonly Told[],
  left: { readonly files: readonly string[]; readonly locks: readonly string[] },
): readonly string[] {
  return [
    ...runs.filter(isAtWork).map(({ run }) => `${run.id} is still running`),
    ...left.files.map((path) => `${path} is left`),
    ...left.locks.map((lock) => `${lock} is held`),
  ];
}

/** A dry run has no lock that runs out: it counts as running for a day after its process has ended. */
function isAtWork({ run: { state, dryRun } }: Told): boolean {
  return state === 'running' && !dryRun;
}

/** Changes of dry runs, of runs that no ledger tells of, and of runs after they were cancelled. */
export function forbiddenChanges(
  history: History,
  runs: readonly Told[],
  cancelled: readonly Cancelled[],
  graceMilliseconds = 5_000,
): readonly string[] {
  const byId = new Map(runs.map((told) => [told.run.id, told]));
  return history.changes.flatMap(({ change }) => {
    const { by } = change;
    if (by === 'others' || by.run === undefined) return [];
    const told = byId.get(by.run);
    const what = `${nameOf(change)}: ${change.kind} by ${by.run}`;
    if (!told) return [`${what}, of which the ledger does not tell`];
    if (told.run.dryRun) return [`${what}, which is a dry run`];
    const isEnded = cancelled.some(({ run, at, resumedAt = Infinity, hidden = [] }) => {
      const known = hidden
        .filter(({ process, from }) => process === by.process && from <= by.sentAt)
        .reduce((latest, { to }) => Math.max(latest, to), at);
      return run === by.run && by.sentAt > known + graceMilliseconds && by.sentAt < resumedAt;
    });
    // Locks are put back whatever happens.
    const isBegun = change.kind !== 'attributes' || !isLocked(change.attributes);
    const since = cancelled.find(({ run }) => run === by.run)?.at ?? 0;
    return isEnded && isBegun ? [`${what}, sent ${inWords(by.sentAt - since)} after it was cancelled`] : [];
  });
}

/** Cancelled runs that were not resumed, and that do not say that they were cancelled. */
export function forgottenCancellations(runs: readonly Told[], cancelled: readonly Cancelled[]): readonly string[] {
  return runs.flatMap(({ run }) => {
    const isLeft = cancelled.some((one) => one.run === run.id && one.resumedAt === undefined);
    const isTold = run.cancelled !== undefined || ['done', 'waiting', 'failed'].includes(run.state);
    return isLeft && !isTold ? [`${run.id} was cancelled, and is ${run.state}`] : [];
  });
}

/**
 * What went although a guard held it back, and runs that deleted more than their guards allow.
 * @param approved ids of the runs whose plans a person approved
 */
export function unguarded(history: History, runs: readonly Told[], approved: ReadonlySet<string>): readonly string[] {
  return runs.flatMap(({ run, repositories, decisions }) => {
    // What comes late may have been sent before the guards were asked.
    const own = history.changes.filter(
      (one) => one.change.by !== 'others' && one.change.by.run === run.id && !isLate(one),
    );
    const problems = [...heldProblems(own, decisions), ...(isAsked(run) ? limitProblems(run, repositories) : [])];
    const isUnasked = Object.keys(run.guards ?? {}).length > 0 && run.breakersAsked !== true;
    if (isUnasked && run.applies === undefined && run.resumed === undefined && own.length > 0)
      problems.push('it deleted, and its guards had not been asked');
    const plan = runs.find((one) => one.run.id === run.applies)?.run;
    // The plan of a dry run is carried out without approval where the guards let it through.
    if (plan && !plan.dryRun && own.length > 0 && !approved.has(plan.id))
      problems.push(`it carries out ${plan.id}, which was held back, and not approved`);
    return problems.map((problem) => `${run.id} (${run.kind}, ${run.state}): ${problem}`);
  });
}

/** A plan that was rejected, and when the person was told so (true time). */
export interface Rejected {
  readonly plan: string;
  readonly at: number;
}

/** What went in a repository where only others were approved, and what went once its plan was rejected. */
export function unapproved(history: History, runs: readonly Told[], rejected: readonly Rejected[]): readonly string[] {
  const changesOf = (id: string) =>
    history.changes.flatMap(({ change: { by, repository } }) =>
      by !== 'others' && by.run === id ? [{ sentAt: by.sentAt, repository }] : [],
    );
  const parts = runs.flatMap(({ run }) =>
    (run.plan?.reviews ?? []).flatMap(({ repositories, runId }) =>
      repositories === undefined || runId === undefined
        ? []
        : changesOf(runId)
            .filter(({ repository }) => !repositories.includes(repository))
            .map(
              ({ repository }) => `${runId}: it changed ${repository}, and ${repositories.join(', ')} were approved`,
            ),
    ),
  );
  const late = rejected.flatMap(({ plan, at }) =>
    runs
      .filter(({ run }) => run.applies === plan)
      .flatMap(({ run: { id } }) =>
        changesOf(id)
          .filter(({ sentAt }) => sentAt > at)
          .map(({ repository }) => `${id}: it changed ${repository}, and its plan ${plan} had been rejected`),
      ),
  );
  return [...parts, ...late];
}

function heldProblems(changes: readonly Recorded[], decisions: readonly Decision[]): readonly string[] {
  const held = new Set(
    decisions.filter((one) => one.action === 'delete' && one.outcome === 'held').map((one) => imageOf(one)),
  );
  return changes.flatMap(({ change, tags, manifests }) =>
    [
      ...tags.map((life) => `${life.repository}:${life.tag}`),
      ...manifests.map((life) => `${life.repository}@${life.digest}`),
      ...(change.kind === 'attributes' && change.attributes.readEnabled === false ? [nameOf(change)] : []),
    ]
      .filter((image) => held.has(image))
      .map(
        (image) => `${image} was held back, and was ${change.kind === 'attributes' ? 'made unreadable' : 'deleted'}`,
      ),
  );
}

/** Whether the guards that the record names are those that were asked: a run that is resumed may get others. */
function isAsked({ applies, resumed, breakersAsked }: RunRecord): boolean {
  return applies === undefined && resumed === undefined && breakersAsked === true;
}

function limitProblems({ guards = {} }: RunRecord, repositories: readonly RepositoryRecord[]): readonly string[] {
  const { maxDeletions = Infinity, maxDeletionPercent = 100, keepLastTag = false }: Guards = guards;
  const problems: string[] = [];
  const went = ({ deleted, quarantined = 0 }: Counts): number => deleted + quarantined;
  const all = repositories.reduce((sum, { summary }) => sum + went(summary.tags) + went(summary.manifests), 0);
  if (all > maxDeletions) problems.push(`it deleted ${all}, and ${maxDeletions} are allowed`);
  for (const { summary } of repositories) {
    const { repository, tags, listed } = summary;
    const percent = (went(tags) * 100) / (listed.tags ?? 0);
    if (went(tags) > 0 && percent > maxDeletionPercent)
      problems.push(`it deleted ${percent} % of the tags of ${repository}, and ${maxDeletionPercent} % are allowed`);
    if (keepLastTag && went(tags) > 0 && went(tags) >= (listed.tags ?? 0))
      problems.push(`it deleted every tag of ${repository}`);
  }
  return problems;
}

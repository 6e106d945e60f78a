import { summarizeInTurns, type Counts, type RepositorySummary } from '../ledger/summary.ts';
import type { ArchiveCounts } from '../ledger/archive.ts';
import type { RepositoryRecord } from '../ledger/records.ts';
import { plusArchived } from '../ledger/total.ts';
import { eachInTurns } from '../ledger/turns.ts';
import { type Decision, type Decisions, type Deleted, type Kept, keyOf, type Outcome } from '../planner/decision.ts';
import { asListed } from '../planner/findings.ts';
import type { Gone } from '../registry/overlay.ts';
import type { Approved, Evidence, Inventory, Protection } from '../planner/types.ts';
import type { ManifestRecord, TagRecord } from '../registry/types.ts';
import { whyAnother } from '../executor/recheck.ts';
import { keptSince } from '../executor/results.ts';
import { NO_REMARKS, type Remarks, withRemarks } from './remarks.ts';

/*
 * How far a repository is in a run, as its record says, and how an earlier attempt at it becomes one record with a later
 * one: what was deleted stays recorded as it was, and only what was to be deleted and was not may still be deleted.
 */

export interface RepositoryResult {
  readonly decisions: Decisions;
  readonly summary: RepositorySummary;
}

/** Whether everything that was to be done in a repository was done. */
export function isDone({ state, error, tags, manifests, lostLocks = [] }: RepositorySummary): boolean {
  const unfinished = ({ failed, notAttempted }: Counts): number => failed + notAttempted;
  const isOpen = unfinished(tags) + unfinished(manifests) + lostLocks.length > 0;
  return state === 'done' && error === undefined && !isOpen;
}

/** Whether something was not tried for no other reason than that the run was stopped. */
export function isLeft({ state, tags, manifests, reasons }: RepositorySummary): boolean {
  // A tag that names what was pushed since is left alone for that.
  const notAttempted = tags.notAttempted + manifests.notAttempted - (reasons['pushed-since'] ?? 0);
  return state === 'stopped' || (state === 'done' && notAttempted > 0 && tags.failed + manifests.failed === 0);
}

/** Whether a run that resumes has nothing to do any more in a repository. What failed is tried again. */
export function isOver({ summary }: RepositoryRecord): boolean {
  return isDone(summary) || summary.state === 'held';
}

/** Whether the plan of a repository is complete, and is to be carried out in a later pass. */
export function isPlanned({ summary }: RepositoryRecord): boolean {
  return summary.stage === 'planned';
}

/** Whether the guards are asked about a repository. */
export function isPlannedOrOver(record: RepositoryRecord): boolean {
  return isOver(record) || isPlanned(record);
}

/** How much of a repository was deleted, made unreadable, found to be gone, or tried in vain. */
export function triedIn({ tags, manifests }: RepositorySummary): number {
  const tried = ({ deleted, alreadyGone, failed, quarantined = 0 }: Counts): number =>
    deleted + alreadyGone + failed + quarantined;
  return tried(tags) + tried(manifests);
}

/** What is known of a repository before a pass begins in it. */
export interface Attempt {
  readonly decisions: Decisions;
  readonly listed?: RepositorySummary['listed'];
  readonly remarks: Remarks;
  /** What it has written to the archive. */
  readonly archived?: ArchiveCounts | undefined;
  /** What was to be deleted and is not known to be deleted, by key. */
  readonly open: ReadonlyMap<string, Deleted>;
  /** Nothing but `open` may be deleted. Else the commands decide anew, for they had not all been planned. */
  readonly isPlan: boolean;
  /** What the plan that is applied keeps in quarantine. */
  readonly waiting?: readonly Decision[];
}

/** What was to be deleted and is not known to be deleted, by key. */
export function openIn(decisions: readonly Decision[]): ReadonlyMap<string, Deleted> {
  const open = new Map<string, Deleted>();
  for (const decision of decisions)
    if (decision.action === 'delete' && !isDeleted(decision)) open.set(keyOf(decision), decision);
  return open;
}

/** What a run has deleted, by key. */
export type DeletedBefore = ReadonlyMap<string, Deleted>;

/** What these decisions say was deleted. */
export async function deletedIn(...all: readonly Decisions[]): Promise<DeletedBefore> {
  const deleted = new Map<string, Deleted>();
  for (const decisions of all)
    await eachInTurns(decisions, (decision) => {
      if (decision.action === 'delete' && decision.outcome === 'deleted') deleted.set(keyOf(decision), decision);
    });
  return deleted;
}

/**
 * What a run has deleted and another client has set or pushed since: the run keeps it, for its record tells each artifact
 * once. What a listing still shows because a replica lags is the same that was deleted.
 */
export function setAnew(
  deleted: DeletedBefore,
  { tags = [], manifests }: Pick<Inventory, 'tags' | 'manifests'>,
): Pick<Evidence, 'tags' | 'digests'> {
  const found = { tags: new Map<string, Protection>(), digests: new Map<string, Protection>() };
  if (deleted.size === 0) return found;
  const keep = (kept: Map<string, Protection>, name: string, key: string, now: TagRecord | ManifestRecord): void => {
    const before = deleted.get(key);
    const why = before && whyAnother(now, { digest: before.digest, lastUpdated: before.lastUpdateTime });
    if (why !== undefined)
      kept.set(name, { reason: 'changed-since-plan', detail: `this run has deleted it, and it is there: ${why}` });
  };
  for (const tag of tags) keep(found.tags, tag.name, `:${tag.name}`, tag);
  for (const [digest, record] of manifests?.byDigest ?? []) keep(found.digests, digest, `@${digest}`, record);
  return found;
}

/** What these decisions delete. */
export async function deletedBy(decisions: Decisions): Promise<Gone> {
  const tags = new Set<string>();
  const digests = new Set<string>();
  await eachInTurns(decisions, ({ action, kind, tag, digest, quarantine }) => {
    // What is put into quarantine is there for the next command.
    if (action !== 'delete' || quarantine) return;
    if (kind === 'tag' && tag !== undefined) tags.add(tag);
    if (kind === 'manifest' && digest !== undefined) digests.add(digest);
  });
  return { tags, digests };
}

/**
 * What is left of a plan: nothing else may be deleted. What is in quarantine by it is part of it still: it is there, and
 * what belongs to it follows.
 */
export async function approvedOf({
  open,
  decisions,
  waiting = [],
}: Pick<Attempt, 'open' | 'decisions' | 'waiting'>): Promise<Approved> {
  const tags = new Map<string, { readonly digest: string | undefined; readonly locked: boolean }>();
  const manifests = new Map<string, { readonly locked: boolean; readonly isPart: boolean }>();
  const rules = new Map<string, string>();
  const hides = new Set<string>();
  const waits = new Map<string, Kept>();
  const wait = (decision: Decision): void => {
    if (decision.action === 'keep' && decision.reason === 'quarantined') waits.set(keyOf(decision), decision);
  };
  const approve = (decision: Deleted): void => {
    const { kind, tag = '', digest, locked = false, reason, tags: own, quarantine } = decision;
    if (quarantine) hides.add(keyOf(decision));
    if (kind === 'tag') tags.set(tag, { digest, locked });
    // Of a manifest without a tag, a policy file gives this reason to parts alone.
    else manifests.set(digest ?? '', { locked, isPart: reason === 'rule-matched' && own === undefined });
  };
  await eachInTurns(open.values(), approve);
  await eachInTurns(waiting, wait);
  await eachInTurns(decisions, (decision) => {
    wait(decision);
    if (decision.action !== 'delete') return;
    const { kind, tag, rule, outcome } = decision;
    if (outcome === 'quarantined') approve(decision);
    if (kind === 'tag' && tag !== undefined && rule !== undefined) rules.set(tag, rule);
  });
  return { tags, manifests, rules, hides, waits };
}

function isDeleted(decision: Decision): boolean {
  return decision.action === 'delete' && DONE.has(decision.outcome);
}

/** What is put into quarantine is done, too: another run deletes it. */
const DONE: ReadonlySet<Outcome> = new Set(['deleted', 'already-gone', 'quarantined']);

/** One result out of an earlier attempt and a later one, each artifact once. */
export async function merge(before: Attempt, { summary, decisions }: RepositoryResult): Promise<RepositoryResult> {
  const all = new Map<string, Decision>();
  await eachInTurns(before.decisions, (decision) => void all.set(keyOf(decision), decision));
  await eachInTurns(decisions, (decision) => {
    const key = keyOf(decision);
    const known = all.get(key);
    const isNews = before.isPlan ? before.open.has(key) && isSettled(decision) : known && !isDeleted(known);
    const now = before.listed?.findings ? asListed(known, decision) : decision;
    if (!known || isNews) all.set(key, withLostLock(known, withFailure(known, now)));
  });
  const merged = [...all.values()];
  const { repository, state, error, warnings } = summary;
  // What was listed when it was whole.
  const listed = { ...summary.listed, ...before.listed };
  const archived = plusArchived(before.archived, summary.archived);
  const counted = {
    ...(await summarizeInTurns(repository, merged, listed)),
    ...(warnings && { warnings }),
    ...(archived && { archived }),
  };
  const stage = (before.isPlan || summary.stage !== undefined) && { stage: 'planned' as const };
  // What the commands decide anew replaces what was said before.
  const remarks = before.isPlan ? before.remarks : NO_REMARKS;
  if (state === 'failed' || state === 'stopped') {
    const part = { ...counted, state, error: error ?? { message: state }, ...stage };
    return { decisions: merged, summary: withRemarks(part, remarks) };
  }
  const whole = withRemarks({ ...counted, state, ...(error && { error }) }, remarks);
  return { decisions: merged, summary: isDone(whole) ? whole : { ...whole, ...stage } };
}

/**
 * What an earlier attempt failed to delete may have been deleted all the same, and set again since. Where it is kept now,
 * its record still says so, also after further attempts.
 */
function withFailure(known: Decision | undefined, now: Decision): Decision {
  if (known?.reason === 'changed-since-plan' && now.action === 'keep') return known;
  const failed = known?.action === 'delete' && known.outcome === 'failed' && !known.lostLock;
  return failed && now.action === 'keep' && now.reason !== 'changed-since-plan' ? keptSince(known, now.detail) : now;
}

/**
 * A lock that could not be put back stays known until its artifact is gone, or locked again: else nothing would say any
 * more how it is put back, and the run could be done.
 */
function withLostLock(known: Decision | undefined, now: Decision): Decision {
  if (known?.action !== 'delete' || !known.lostLock || isDeleted(now) || isLocked(now)) return now;
  if (now.action !== 'delete') return known;
  if (now.lostLock) return now;
  const sentences = [now.error, known.error].flatMap((error) => (error ? [error.message] : []));
  const outcome = now.outcome === 'refused' ? now.outcome : 'failed';
  return { ...now, outcome, error: { ...now.error, message: sentences.join('; ') }, lostLock: known.lostLock };
}

/** What counts as locked because its lock was lost is not. */
function isLocked({ locked, withoutLock }: Decision): boolean {
  return locked === true && !withoutLock;
}

/** An approved artifact is settled when it was deleted, or is kept as `changed-since-plan`. */
function isSettled(decision: Decision): boolean {
  return decision.action === 'delete' || decision.reason === 'changed-since-plan';
}

import { LOOK_VALID_MILLISECONDS } from '../../../src/registry/look.ts';
import type { Attributes } from '../../../src/dev/emulator/types.ts';
import type { Decision, Deleted } from '../../../src/planner/decision.ts';
import type { ByProcess, History, Recorded } from './history.ts';
import { lockOf, nameOf } from './invariants.ts';
import type { ManifestLife, TagLife } from './lives.ts';
import { isLocked } from './oracle.ts';
import { imageOf, saying, type Told } from './told.ts';

/*
 * Whether a ledger tells what happened to a registry, once everything is over.
 */

/**
 * How long a request may be on its way so that the outcome must be known: a run that completes another one waits for so
 * long before it looks.
 */
const LATE_MILLISECONDS = 2_000;

/** One artifact: each of its lives that has ended, and what runs tell of it. */
interface Artifact {
  readonly ended: (TagLife | ManifestLife)[];
  readonly told: { readonly told: Told; readonly decision: Decision }[];
}

/** In words, what a ledger says otherwise than the registry. */
export function disagreements(history: History, runs: readonly Told[]): readonly string[] {
  const problems: string[] = [];
  for (const [image, artifact] of artifactsOf(history, runs)) {
    const deleted = artifact.told.filter(({ decision }) => isDeleted(decision));
    const due = artifact.ended.filter((life) => mustBeTold(history, life) && !isToldInDoubt(history, life, artifact));
    const words = artifact.told.map(({ told, decision }) => saying(told, decision)).join('; ') || 'no run tells of it';
    if (deleted.length < due.length)
      problems.push(`${image} was deleted ${times(due)}, and told ${times(deleted)}: ${words}`);
    if (deleted.length > artifact.ended.length)
      problems.push(`${image} was told to be deleted ${times(deleted)}, and went ${times(artifact.ended)}: ${words}`);
    const taken = artifact.told.find(({ decision }) => isTakenForGone(decision));
    if (taken && artifact.ended.length === 0)
      problems.push(`${image} was there all the time: ${saying(taken.told, taken.decision)}`);
    for (const life of due) problems.push(...misattributed(image, life, artifact));
  }
  for (const { run, decisions } of runs) {
    const count = new Set(decisions.map(imageOf)).size;
    if (count < decisions.length) problems.push(`${run.id} has ${decisions.length} decisions on ${count} artifacts`);
  }
  return problems;
}

function artifactsOf(history: History, runs: readonly Told[]): ReadonlyMap<string, Artifact> {
  const artifacts = new Map<string, Artifact>();
  const of = (image: string): Artifact => {
    const artifact = artifacts.get(image) ?? { ended: [], told: [] };
    artifacts.set(image, artifact);
    return artifact;
  };
  for (const { tags, manifests } of history.changes) {
    for (const life of tags) of(`${life.repository}:${life.tag}`).ended.push(life);
    for (const life of manifests) of(`${life.repository}@${life.digest}`).ended.push(life);
  }
  for (const told of runs) for (const decision of told.decisions) of(imageOf(decision)).told.push({ told, decision });
  return artifacts;
}

/**
 * Whether a run must tell of a deletion. Not of one that came late: its process may have been gone by then. And not of what
 * went along unseen, because it was set, or pushed, after the look, or was hidden, or is a tag of what was hidden.
 */
function mustBeTold(history: History, life: TagLife | ManifestLife): boolean {
  const by = authorOf(life.end);
  if (!by || !life.end || isLate(life.end)) return false;
  if (nameOf(life.end.change) === imageOfLife(life)) return true;
  const owner = 'tag' in life ? history.repositories.get(life.repository)?.manifests.get(life.digest) : undefined;
  const wasHidden = [life, ...(owner ?? [])].some(({ attributes }) =>
    attributes.some(({ value }) => value.listEnabled === false),
  );
  return life.from < by.sentAt - LOOK_VALID_MILLISECONDS && !wasHidden;
}

/**
 * Whether its run says that it does not know. It cannot, where it may not look any more, or where another client has set
 * or pushed the artifact again before it looked: what is there may be the same as before.
 */
function isToldInDoubt(history: History, life: TagLife | ManifestLife, { told }: Artifact): boolean {
  const by = authorOf(life.end);
  const own = told.find((one) => one.told.run.id === by?.run)?.decision;
  const words = own?.action === 'delete' ? own.error?.message : own?.detail;
  if (!life.end || !words?.includes('not known whether it was deleted')) return false;
  if (!/it was pushed again|it names/.test(words)) return true;
  const repository = history.repositories.get(life.repository);
  const lives = 'tag' in life ? repository?.tags.get(life.tag) : repository?.manifests.get(life.digest);
  const { at } = life.end.change;
  return (lives ?? []).some(({ from }) => from >= at);
}

function misattributed(image: string, life: TagLife | ManifestLife, { told }: Artifact): readonly string[] {
  const by = authorOf(life.end);
  if (by?.run === undefined) return [];
  const own = told.find((one) => one.told.run.id === by.run);
  if (!own || !isDeleted(own.decision)) {
    const words = own ? saying(own.told, own.decision) : 'that does not tell of it';
    return [`${image} was deleted by the run ${by.run}: ${words}`];
  }
  const wasMovedUnseen = life.from >= by.sentAt - LOOK_VALID_MILLISECONDS;
  if (own.decision.digest === life.digest || wasMovedUnseen) return [];
  return [
    `${image} named ${life.digest} when it was deleted: ${saying(own.told, own.decision)} of ${String(own.decision.digest)}`,
  ];
}

function imageOfLife(life: TagLife | ManifestLife): string {
  return 'tag' in life ? `${life.repository}:${life.tag}` : `${life.repository}@${life.digest}`;
}

function authorOf(recorded: Recorded | undefined): ByProcess | undefined {
  const by = recorded?.change.by;
  return by === 'others' ? undefined : by;
}

/** Whether a change took effect so long after it was sent that its process may have given it up. */
export function isLate({ change }: Recorded): boolean {
  return change.by !== 'others' && change.at - change.by.sentAt > LATE_MILLISECONDS;
}

function isDeleted(decision: Decision): decision is Deleted {
  return decision.action === 'delete' && decision.outcome === 'deleted';
}

function isTakenForGone(decision: Decision): boolean {
  return decision.action === 'delete' && decision.outcome === 'already-gone';
}

function times({ length }: readonly unknown[]): string {
  return length === 1 ? 'once' : `${length} times`;
}

/** Whether something may be done that a lock forbade. What it did not forbid may be forbidden: by the lock of another client. */
function lacks(now: Attributes, { deleteEnabled, writeEnabled }: Attributes): boolean {
  return (
    (deleteEnabled === false && now.deleteEnabled !== false) || (writeEnabled === false && now.writeEnabled !== false)
  );
}

function includesLocked({ policy }: Told['run']): boolean {
  return policy.commands.some(({ given }) => given.includes('--include-locked'));
}

/** A lock that a process has changed. */
interface ChangedLock {
  readonly before: Attributes;
  /** What it was when the process may have looked last, where another client has changed it since. */
  readonly seen: Attributes;
  now: Attributes;
  by: ByProcess;
  isLate: boolean;
}

/**
 * The locks that processes took off, and that are missing at the end, or when another process deleted the artifact: that one
 * had to put the lock back first, or to take it off itself. At the end a decision, or a warning, may name it as lost; what is
 * without its lock is deleted only by a run that includes what is locked all the same.
 */
export function missingLocks(history: History, runs: readonly Told[]): readonly string[] {
  const changed = new Map<string, ChangedLock>();
  const byOthers = new Map<string, { readonly at: number; readonly before: Attributes }>();
  const lost = new Set(
    runs.flatMap(({ run, decisions }) => [
      ...decisions.filter((one) => 'lostLock' in one && one.lostLock).map(imageOf),
      ...run.warnings.flatMap((warning) => /(\S+) is without its lock/.exec(warning)?.[1] ?? []),
    ]),
  );
  const isOff = ({ before, seen, now, isLate }: ChangedLock): boolean =>
    lacks(now, before) && lacks(now, seen) && !isLate;
  const sparing = new Set(runs.filter(({ run }) => !includesLocked(run)).map(({ run }) => run.id));
  const problems: string[] = [];
  for (const recorded of history.changes) {
    const { change, before = {}, tags, manifests } = recorded;
    const name = nameOf(change);
    const { by } = change;
    if (change.kind === 'attributes') {
      if (by === 'others') {
        changed.delete(name);
        byOthers.set(name, { at: change.at, before });
        continue;
      }
      const last = byOthers.get(name);
      // No change of attributes is conditional: what is set between a look and an unlocking is taken off. What puts a lock back
      // takes none off.
      const isUnseen = !isLocked(change.attributes) && last && last.at >= by.sentAt - LOOK_VALID_MILLISECONDS;
      const seen = isUnseen ? last.before : before;
      const known = changed.get(name) ?? { before, seen, now: before, by, isLate: false };
      changed.set(name, known);
      known.now = change.attributes;
      known.by = by;
      known.isLate = isLate(recorded);
    } else if (change.kind !== 'tag')
      for (const life of [...tags, ...manifests]) {
        const image = imageOfLife(life);
        const known = changed.get(image);
        if (known && by !== 'others' && isOff(known)) {
          // Also where it is told that the lock is lost: who deletes it takes for locked what was.
          if (by.process !== known.by.process)
            problems.push(`${image} was deleted by ${by.process} without the lock that ${known.by.process} took off`);
          else if (by.run !== undefined && sparing.has(by.run))
            problems.push(`${image} was deleted by ${by.run}, which spares what is locked, and its lock was lost`);
        }
        changed.delete(image);
      }
  }
  for (const [name, known] of changed)
    if (isOff(known) && !lost.has(name))
      problems.push(`${name} was locked (${lockOf(known.before)}), and is not any more (${lockOf(known.now)})`);
  return problems;
}

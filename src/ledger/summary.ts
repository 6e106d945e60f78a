import type { ArchiveCounts } from './archive.ts';
import { firstMoving, MAX_LOOKED_AT, movingTagOf } from './moving.ts';
import type { MovingTag } from '../policy/moving-tags.ts';
import type { FindingsRecord } from './findings.ts';
import type { EvidenceRecord, Restores, Stop } from './records.ts';
import type { Decision, DecisionError, Decisions, Reason, Right, Hold } from '../planner/decision.ts';
import { type InQuarantine, newFindings, newQuarantine, newUntagging, outcomeOf } from './counters.ts';
import type { StorageRecord, StorageSum } from './storage.ts';
import type { UndoRecord } from './undo.ts';
import type { FindingsListed, FindingSums } from '../planner/findings.ts';
import { NO_COUNTS, plus } from './total.ts';
import { eachInTurns } from './turns.ts';

/** How many artifacts of a kind, by outcome. */
export interface Counts {
  /** Deleted, or in a dry run: would be. */
  readonly deleted: number;
  readonly kept: number;
  /** Refused or failed. */
  readonly failed: number;
  /** Not tried, because of what happened to something else, because the run stopped, or because a guard held it back. */
  readonly notAttempted: number;
  readonly alreadyGone: number;
  /** Made unreadable, or in a dry run: would be. A later run deletes it. Absent: none. */
  readonly quarantined?: number;
  /** Brought back, or in a dry run: would be. Absent: nothing was. */
  readonly restored?: number;
}

interface Amount {
  readonly tags?: number;
  readonly manifests?: number;
  readonly bytes?: number;
}

/** What there was in a repository. Records of older versions have none of these two. */
interface Listed extends Amount {
  /** When something was pushed or tagged last (ISO 8601, UTC). */
  readonly lastPush?: string;
  /** Images that workloads use; absent where no source is configured, or one could not be read. */
  readonly inUse?: number;
  /** Findings in its images; absent where no source is configured. */
  readonly findings?: FindingsListed;
}

export interface RepositorySummary {
  readonly repository: string;
  /**
   * `failed`: it could not be planned, and nothing in it was deleted; of several commands, by the one that failed.
   * `stopped`: not begun, or not finished, because the run was stopped.
   * `held`: a guard holds it back, so nothing in it was deleted, and its plan waits for approval.
   */
  readonly state: 'done' | 'failed' | 'stopped' | 'held';
  /** Of one that is `done`: why something is kept in it that was to be deleted; that is a failure, too. */
  readonly error?: DecisionError;
  /** Of one that is not done: its plan is complete, and what of it is not deleted is all that is left to do. */
  readonly stage?: 'planned';
  /** What there is to say of it besides, in sentences that name it. */
  readonly warnings?: readonly string[];
  /** How much there was before, whether there is a decision for it or not; absent where the registry was not asked. */
  readonly listed: Listed;
  /** How much is there afterwards, also what no filter matched: in a dry run, what would be. Records of older versions have none of these three. */
  readonly afterwards?: Amount;
  /** Manifests whose last tag is deleted here and that are kept, because `--untagged` was not given. */
  readonly leftUntagged?: { readonly manifests: number; readonly bytes: number };
  /** Signature tags (cosign) that are kept without the image that they belong to, which is deleted here. */
  readonly leftSignatures?: number;
  /** Tags that are deleted and that a filter hardly means, the first ones: `latest`, plain versions. */
  readonly movingTags?: readonly MovingTag[];
  readonly tags: Counts;
  readonly manifests: Counts;
  /** Sizes of the deleted manifests together, in bytes: an estimate, because images share layers. */
  readonly bytes: number;
  /** Decisions by reason. */
  readonly reasons: Readonly<Partial<Record<Reason, number>>>;
  /** Artifacts that `acr purge` would have deleted and that are kept. */
  readonly beyondAcrPurge: number;
  /** How many artifacts were not deleted because the identity lacks a right; absent where it lacks none. */
  readonly missing?: Missing;
  /** Absent: no source of findings is configured. */
  readonly findings?: FindingSums;
  /** Absent: nothing waits in quarantine, is put there, or released. */
  readonly quarantine?: InQuarantine;
  /** Absent where nothing was to be archived. */
  readonly archived?: ArchiveCounts;
  /** What it takes up, and what is freed. Absent: it was not asked, or nothing is known of it. */
  readonly storage?: StorageSum;
  /** Artifacts that are without their lock, which was taken off to delete them, with the command that puts it back. */
  readonly lostLocks?: readonly LeftUnlocked[];
}

interface LeftUnlocked {
  readonly image: string;
  readonly restore: string;
  /** It was deleted, unless another client has moved the tag right before. */
  readonly deleted?: true;
}

/** Artifacts that were refused, and not attempted after that, by the right that was missing. */
export type Missing = Readonly<Partial<Record<Right, { readonly refused: number; readonly notAttempted: number }>>>;

export interface Totals extends Omit<
  RepositorySummary,
  'repository' | 'state' | 'error' | 'stage' | 'warnings' | 'lostLocks' | 'movingTags' | 'listed'
> {
  readonly listed: Amount;
}

export interface RunSummary {
  /** Sorts by time. */
  readonly runId: string;
  readonly registry: string;
  readonly dryRun: boolean;
  /** ISO 8601, UTC. */
  readonly started: string;
  readonly ended: string;
  readonly repositories: readonly RepositorySummary[];
  readonly totals: Totals;
  readonly warnings: readonly string[];
  readonly breakers: readonly Hold[];
  /** What it knew of the use of its images; absent: no source is configured. */
  readonly evidence?: readonly EvidenceRecord[];
  /** What it knew of the vulnerabilities of its images; absent: no source is configured. */
  readonly findings?: readonly FindingsRecord[];
  /** What would go, where something would: to be carried out by `apply`. */
  readonly plan?: { readonly id: string; readonly hash: string; readonly deletions: number };
  /** Why it ended before it was done, if it was stopped. */
  readonly stopped?: Stop;
  /** By what its deletions can be undone; absent: it was not asked. */
  readonly undo?: UndoRecord;
  /** Where what it deletes is archived first. Absent: it is not. */
  readonly archive?: string;
  /** What the registry says that it uses, and what that costs. Absent: it was not asked. */
  readonly storage?: StorageRecord;
  /** What it brings back; absent: it is there to delete. */
  readonly restores?: Restores;
  /** One decision for each reason that there was. */
  readonly examples: Readonly<Partial<Record<Reason, Decision>>>;
  /** What went wrong with single artifacts, the first ones. */
  readonly failures: readonly Decision[];
  /** Whether everything that was to be done was done. */
  readonly succeeded: boolean;
}

/** The run of one registry of several, or why there is none. */
export type RegistryOutcome = { readonly registry: string } & (
  | { readonly summary: RunSummary }
  | {
      readonly error: DecisionError;
      readonly cause: Error;
      /** Why it was not begun, where that is no failure. */
      readonly notBegun?: Stop['by'];
    }
);

export function summarize(
  repository: string,
  decisions: Decisions,
  listed: RepositorySummary['listed'] = {},
): RepositorySummary {
  const { count, summary } = newSummary(repository, listed);
  for (const decision of decisions) count(decision);
  return summary();
}

/** The same, of very many. */
export async function summarizeInTurns(
  repository: string,
  decisions: Decisions,
  listed: RepositorySummary['listed'] = {},
): Promise<RepositorySummary> {
  const { count, summary } = newSummary(repository, listed);
  await eachInTurns(decisions, count);
  return summary();
}

function newSummary(
  repository: string,
  listed: RepositorySummary['listed'],
): { readonly count: (decision: Decision) => void; readonly summary: () => RepositorySummary } {
  const counts: Record<Decision['kind'], { -readonly [K in keyof Counts]: Counts[K] }> = {
    tag: { ...NO_COUNTS },
    manifest: { ...NO_COUNTS },
  };
  const reasons: Partial<Record<Reason, number>> = {};
  let bytes = 0;
  let bytesDeleted = 0;
  let bytesRestored = 0;
  let beyondAcrPurge = 0;
  let leftSignatures = 0;
  const movingTags: MovingTag[] = [];
  const untagging = newUntagging();
  const findings = newFindings(listed.findings);
  let missing: Missing = {};
  const lostLocks: LeftUnlocked[] = [];
  const quarantine = newQuarantine();
  const count = (decision: Decision): void => {
    const outcome = outcomeOf(decision);
    counts[decision.kind][outcome] = (counts[decision.kind][outcome] ?? 0) + 1;
    reasons[decision.reason] = (reasons[decision.reason] ?? 0) + 1;
    if (outcome === 'deleted' || outcome === 'restored') bytes += decision.size ?? 0;
    if (decision.beyondAcrPurge) beyondAcrPurge += 1;
    const moving = movingTags.length < MAX_LOOKED_AT ? movingTagOf(decision) : undefined;
    if (moving) movingTags.push(moving);
    quarantine.count(decision, outcome);
    if (outcome === 'restored') bytesRestored += decision.size ?? 0;
    const { error } = decision.action === 'keep' ? (decision.release ?? {}) : decision;
    if (error?.missing && outcome === 'failed')
      missing = plus(missing, { [error.missing]: { refused: 1, notAttempted: 0 } });
    if (error?.missing && outcome === 'notAttempted')
      missing = plus(missing, { [error.missing]: { refused: 0, notAttempted: 1 } });
    if (decision.action === 'keep') return;
    if (decision.action === 'restore') return;
    const { lostLock } = decision;
    const isDeleted = outcome === 'deleted' || outcome === 'alreadyGone';
    const gone = isDeleted && ({ deleted: true } as const);
    if (lostLock) lostLocks.push({ image: nameOf(decision), restore: lostLock.restore, ...gone });
    if (!isDeleted) return;
    bytesDeleted += decision.size ?? 0;
    findings.gone(decision, outcome);
    leftSignatures += decision.leavesSignatures ?? 0;
    untagging.deleted(decision);
  };
  const summary = (): RepositorySummary => {
    const left = (before: number | undefined, gone: number) => before !== undefined && Math.max(0, before - gone);
    const tagsLeft = left(listed.tags, goneOf(counts.tag));
    const manifestsLeft = left(listed.manifests, goneOf(counts.manifest));
    const bytesLeft = left(listed.bytes, bytesDeleted - bytesRestored);
    return {
      repository,
      state: 'done',
      listed,
      afterwards: {
        ...(tagsLeft !== false && { tags: tagsLeft }),
        ...(manifestsLeft !== false && { manifests: manifestsLeft }),
        ...(bytesLeft !== false && { bytes: bytesLeft }),
      },
      leftUntagged: untagging.left(),
      leftSignatures,
      ...(movingTags.length > 0 && { movingTags: firstMoving(movingTags) }),
      tags: counts.tag,
      manifests: counts.manifest,
      bytes,
      reasons,
      beyondAcrPurge,
      ...(Object.keys(missing).length > 0 && { missing }),
      ...findings.found(),
      ...quarantine.found(),
      ...(lostLocks.length > 0 && { lostLocks }),
    };
  };
  return { count, summary };
}

/** As image tools name it. */
export function nameOf({ repository, kind, tag, digest }: Decision): string {
  return kind === 'tag' ? `${repository}:${tag ?? ''}` : `${repository}@${digest ?? ''}`;
}

/** How many fewer there are. */
function goneOf({ deleted, alreadyGone, restored = 0 }: Counts): number {
  return deleted + alreadyGone - restored;
}

/** @param decisions what was carried out before it failed, or was stopped */
export function unfinishedRepository(
  repository: string,
  state: 'failed' | 'stopped',
  error: DecisionError,
  decisions: Decisions = [],
  listed: RepositorySummary['listed'] = {},
): RepositorySummary {
  return { ...summarize(repository, decisions, listed), state, error };
}

/** Whether a repository failed as a whole, or something in it is kept because it could not be planned. */
export function hasFailed({ state, error }: RepositorySummary): boolean {
  return state === 'failed' || (state === 'done' && error !== undefined);
}

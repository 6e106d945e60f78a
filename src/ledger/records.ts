import type { DecisionError, Hold } from '../planner/decision.ts';
import type { Guards } from '../policy/guards.ts';
import type { FindingsRecord } from './findings.ts';
import type { Actor, PlanReview } from './reviews.ts';
import type { UndoRecord } from './undo.ts';
import type { Holder } from './store/store.ts';
import type { StorageRecord } from './storage.ts';
import type { RepositorySummary, Totals } from './summary.ts';

export const RUN_KINDS = ['scheduled', 'dry-run', 'purge', 'apply', 'restore', 'release'] as const;

/** `purge` and `restore` are the command line's; a scheduled run, or one that restores, may be a dry run, too. */
export type RunKind = (typeof RUN_KINDS)[number];

export const RUN_STATES = ['running', 'done', 'waiting', 'failed', 'stopped', 'interrupted'] as const;

/**
 * - `done`: everything that was to be done was done
 * - `waiting`: so was everything but what a guard held back, which waits for approval
 * - `failed`: something failed or was refused
 * - `stopped`: it was told to end, or its time was up, before it was done; it can be resumed
 * - `interrupted`: its process ended before it was done; it can be resumed
 */
export type RunState = (typeof RUN_STATES)[number];

/** What a run was to do, as it was given and as it was understood. */
export interface PolicyRecord {
  /** Commands as they were given, and what each means. */
  readonly commands: readonly {
    readonly given: string;
    /** The text of the policy file that it names, with what that took from other files in its place. */
    readonly file?: string;
    readonly understood: Readonly<Record<string, unknown>>;
  }[];
  /** Of what was understood, and of the version of the rules. Another hash means another policy. */
  readonly hash: string;
  /** `settings`: those of the app's settings. */
  readonly from: 'settings' | 'request' | 'command line';
}

/** What would be deleted: every decision of the run whose outcome is `planned` or `held`. */
export interface PlanRecord {
  /** Of everything that would be deleted: an approval names it. */
  readonly hash: string;
  /** Artifacts that would be deleted. */
  readonly deletions: number;
  /** `waiting`: a guard holds all or some of it back, which waits for approval; `rejected`: it is never carried out. */
  readonly state: 'open' | 'waiting' | 'applied' | 'rejected';
  /** The last run that carried it out, or a part of it. */
  readonly appliedBy?: string;
  /** Where it is carried out in parts: the runs that have done one, each the repositories that it selected. */
  readonly parts?: readonly string[];
  /** How often a run that carries it out was resumed. */
  readonly resumptions?: number;
  /** Who approved or rejected it, in the order of time. */
  readonly reviews?: readonly PlanReview[];
}

/** What approves a plan: the beginning of its hash, short enough to be copied by hand. */
export function approvalOf({ hash }: Pick<PlanRecord, 'hash'>): string {
  return hash.slice(0, 12);
}

/** A time that a run was resumed. */
export interface Resumption {
  /** ISO 8601, UTC. */
  readonly at: string;
  readonly startedBy: string;
  readonly by?: string;
  readonly actor?: Actor;
}

/** A request that a run ends. */
export interface Cancellation {
  /** ISO 8601, UTC. */
  readonly at: string;
  readonly askedBy: 'request' | 'command line';
  /** The invocation of the function; the account, for the command line. */
  readonly by?: string;
  /** The person, where one had signed in. */
  readonly actor?: Actor;
}

/** Why a run ended before it was done. */
export interface Stop {
  /**
   * `budget`: its time was used up; `timeout`: that of the task file was; `signal`: its process, or the host, was told to
   * end; `cancel`: a client asked for this run to end; `settings`: what it does is not what the app is set to do any more;
   * `lock`: another run may be at work.
   */
  readonly by: 'budget' | 'timeout' | 'signal' | 'cancel' | 'settings' | 'lock';
  /** A sentence for a person: why, how much is done and left, and what resumes it. */
  readonly detail: string;
}

/** What is done in one repository, while it is. */
export interface Activity {
  readonly repository: string;
  /** Tags and manifests listed, manifests read, deletions carried out. */
  readonly listed: number;
  readonly read: number;
  readonly deleted: number;
}

/** How far a run is. */
export interface RunProgress {
  /** Repositories that are done, of those selected. */
  readonly done: number;
  readonly of: number;
  /** Where everything is planned before the first deletion: those besides that are planned, and not carried out yet. */
  readonly planned?: number;
  /** Where several workers do it: when one of them was at work, within some minutes (ISO 8601, UTC). */
  readonly at?: string;
  /** And how far each is. */
  readonly workers?: Readonly<Record<string, { readonly done: number; readonly planned: number }>>;
  /** Some of those that are under way; only while it runs. */
  readonly working?: readonly Activity[];
}

/** A repository that a run selected, and the commands that do so, by their place in its policy. */
export interface SelectedRepository {
  readonly repository: string;
  readonly commands: readonly number[];
}

/** What a run knew of the use of its images, by one source. */
export interface EvidenceRecord {
  /** As it is configured, without secrets. */
  readonly source: string;
  /** ISO 8601, UTC. */
  readonly observedAt: string;
  /** What it speaks about. */
  readonly scope: string;
  /** Everything was read. Otherwise nothing was deleted for what it may have said. */
  readonly complete: boolean;
  readonly problems?: readonly string[];
  /** Images of the registry that it names. */
  readonly images: number;
  /** Of the log of pulls: the time within which a pull counts, as it was given. */
  readonly within?: string;
}

/** A source that is asked before something is deleted, as a person names it. */
export interface AskedSource {
  /** As it is configured, without secrets. */
  readonly source: string;
  /** Of the log of pulls: the time within which a pull counts, as it was given. */
  readonly within?: string;
}

/** Whether each source could be read completely, each time that it was asked. */
export function isEvidenceWhole(evidence: readonly EvidenceRecord[] = []): boolean {
  return evidence.every(({ complete }) => complete);
}

/** What a run brings back: what another run deleted, or an image. */
export interface Restores {
  readonly run?: string;
  /** As it was given. */
  readonly image?: string;
  /** A tag that names another manifest since is set back all the same. */
  readonly force?: true;
}

/** What a run makes readable: all that waits in quarantine, what a run put there, or an image. */
export interface Releases {
  readonly all?: true;
  readonly run?: string;
  /** `repository:tag` or `repository@digest` */
  readonly image?: string;
}

/** Whether a run of this kind is there to delete: only these are compared with each other, and measured. */
export function isPurge({ kind }: Pick<RunRecord, 'kind'>): boolean {
  return kind !== 'restore' && kind !== 'release';
}

/** A run, without its decisions. */
export interface RunRecord {
  readonly format: 1;
  /** Sorts by time: `20261124T010000Z-3f9a0c`. */
  readonly id: string;
  readonly kind: RunKind;
  /** Nothing was to be deleted. */
  readonly dryRun: boolean;
  /** `schedule`, `request`, `command line`. */
  readonly startedBy: string;
  /** The account and machine, for the command line; the invocation of the function. */
  readonly by?: string;
  /** The person who began it, where one had signed in. */
  readonly actor?: Actor;
  /** Id of the `ParentRecord` under which it was begun or resumed, together with the runs of other registries. */
  readonly parent?: string;
  readonly registry: string;
  readonly policy: PolicyRecord;
  readonly toolVersion: string;
  /** ISO 8601, UTC. */
  readonly started: string;
  /** Ages are counted back from here. */
  readonly agesFrom: string;
  /** The process that works on it. */
  readonly holder: Holder;
  readonly ended?: string;
  readonly state: RunState;
  /** While it runs, too. */
  readonly progress: RunProgress;
  /** Why it is `stopped`. */
  readonly stopped?: Stop;
  /** A request that it ends, also while it runs. Only a resume that names the run resumes it after that. */
  readonly cancelled?: Cancellation;
  /** Each time that it was resumed. */
  readonly resumed?: readonly Resumption[];
  readonly totals?: Totals;
  readonly warnings: readonly string[];
  /** Locks that a run before it took off, and that it could not put back. */
  readonly locksLost?: number;
  readonly breakers: readonly Hold[];
  /** What it is held back by; absent: nothing. */
  readonly guards?: Guards;
  /** Everything was planned, and the breakers were asked: what they let through is carried out, and not asked for again. */
  readonly breakersAsked?: true;
  /** For each command the places of its filters that have matched a tag. */
  readonly matched?: readonly (readonly number[])[];
  /** What is asked before something of it is deleted, since it began: it may be stopped before anything was. */
  readonly sources?: readonly AskedSource[];
  /** What is known of the use of its images; absent: no source is configured. */
  readonly evidence?: readonly EvidenceRecord[];
  /** What is known of the vulnerabilities of its images; absent: no source is configured. */
  readonly findings?: readonly FindingsRecord[];
  /** Where what it deletes is archived first, as a person names it. Absent: it is not. */
  readonly archive?: string;
  /** What it asks about storage. Absent: what it frees is not computed. */
  readonly storage?: StorageRecord;
  /** Why it broke off. */
  readonly error?: DecisionError;
  readonly plan?: PlanRecord;
  /** The plan that it carries out. */
  readonly applies?: string;
  /** Only the repositories that it selected, not all of the plan. */
  readonly appliesPart?: true;
  /** What it brings back. */
  readonly restores?: Restores;
  /** What it makes readable. */
  readonly releases?: Releases;
  /** By what its deletions can be undone. Absent: it was not asked, or is an older record. */
  readonly undo?: UndoRecord;
}

/** What began runs of several registries together; it does nothing itself. */
export interface ParentRecord {
  readonly format: 1;
  /** Like a run's. */
  readonly id: string;
  readonly kind: 'scheduled' | 'dry-run';
  readonly startedBy: string;
  readonly by?: string;
  /** ISO 8601, UTC. */
  readonly started: string;
  /** Their login servers, in the order of the settings. */
  readonly registries: readonly string[];
  /** The process that does them, one after the other. Absent: no single one does. */
  readonly holder?: Holder;
}

/** One registry under its parent: its run, or why there is none. */
export interface Child {
  readonly registry: string;
  readonly runId?: string;
  readonly error?: DecisionError;
  /** Why it was not begun, where that is no failure; `error` says it in words. */
  readonly notBegun?: Stop['by'];
}

/** What is known of a registry under its parent. */
export interface ChildStatus extends Omit<Child, 'runId'> {
  /** Of its run; else `not-begun`: nothing is known of it yet, or `notBegun` says why; `failed`: there was no run. */
  readonly state: RunState | 'not-begun';
  readonly run?: RunRecord;
}

/** A parent with its runs as they are now. */
export interface ParentStatus {
  readonly record: ParentRecord;
  readonly state: RunState;
  readonly cancelled?: Cancellation;
  /** In the order of the settings. */
  readonly children: readonly ChildStatus[];
  /** What the runs come to together, those that are under way so far. */
  readonly totals: Totals;
  readonly progress: RunProgress;
}

/** One repository in a run, and the hash of what would go in it. */
export interface RepositoryRecord {
  readonly summary: RepositorySummary;
  /** Of what would go: outcome `planned` or `held`. */
  readonly planned: { readonly deletions: number; readonly hash: string };
}

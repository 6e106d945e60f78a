/*
 * What goes through the history of an orchestration: names, places, totals. Everything is JSON. What is decided goes from
 * an activity into the ledger.
 */

import type { DecisionError } from '../../planner/decision.ts';
import type { Pass } from '../repository.ts';

/** One start: by the timer, or by a request. */
export interface Start {
  readonly kind: 'scheduled' | 'dry-run';
  readonly startedBy: 'schedule' | 'request';
  /** The invocation that started it: tells this start from every other one. */
  readonly by: string;
  readonly pastDue: boolean;
  /** Ages are counted back from here. ISO 8601, UTC. */
  readonly now: string;
  /** Id of the batch, where there are several registries. */
  readonly parent?: string;
}

/** What is to be done in one registry. */
export interface RegistryJob {
  /** Login server. */
  readonly registry: string;
  /** Of its orchestration. */
  readonly instanceId: string;
  /** Of a dry run: the run that is begun. Else the id that a new run gets, if the last one is not resumed. */
  readonly runId: string;
}

export interface StartMany {
  readonly start: Start;
  readonly jobs: readonly RegistryJob[];
}

/** A run that is begun, as its activities name it. */
export interface Run {
  readonly runId: string;
  readonly dryRun: boolean;
  readonly registry: string;
  /** The start that does it: `Start.by`. */
  readonly by: string;
  /** Who shares the registry's lock. */
  readonly sharedBy: string;
  /** Repositories at once. */
  readonly parallelism: number;
}

export interface Begin {
  readonly start: Start;
  readonly job: RegistryJob;
}

export type Begun =
  | {
      readonly state: 'begun';
      readonly run: Run;
      readonly passes: readonly Pass[];
      readonly matched: Matched;
      /** What is done and planned already of a run that resumes. */
      readonly before: Share;
    }
  /** Another run has the registry. */
  | { readonly state: 'held'; readonly message: string }
  /** There is nothing to do: an earlier attempt did it, or nothing is wanted. */
  | { readonly state: 'over' };

/** How many repositories a run is about; `left`: the time was up before they were listed. */
export type Listed = { readonly state: 'listed'; readonly of: number } | { readonly state: 'left' | 'over' };

/** What a worker goes through, from a page on. */
export interface WorkerInput {
  readonly run: Run;
  readonly pass: Pass;
  /** Of a page that it resumes: repositories of it that are not counted yet. */
  readonly left?: number;
  /** Repositories of the run. */
  readonly of: number;
  readonly page: number;
  readonly worker: WorkerState;
}

export type GetPage = Pick<WorkerInput, 'run' | 'pass' | 'page' | 'worker'>;

/** What of the run's repositories a worker has done. All workers together are how far the run is. */
export interface Share {
  readonly done: number;
  /** Those that are carried out in a later pass. */
  readonly planned: number;
}

/** How far one worker is, by its number. */
export interface WorkerProgress extends Share {
  readonly nth: number;
}

/** A worker has the same repositories in every pass. What was done before it began counts for the first one. */
export interface WorkerState extends WorkerProgress {
  readonly matched: Matched;
  /** Further attempts that it has left. */
  readonly retries: number;
  /** The run is over: it was cancelled, say. */
  readonly isOver?: boolean;
  /** Why not everything that it has is recorded. */
  readonly error?: DecisionError;
}

/** The repositories of a page in which something is left to do. */
export type Page =
  | {
      readonly state: 'page';
      readonly names: readonly string[];
      /** Repositories of a page. */
      readonly size: number;
    }
  /** The run was cancelled, its time is up, or another run has closed its record. */
  | { readonly state: 'over' };

/** One attempt at a repository in one pass. */
export interface ProcessRepository {
  readonly run: Run;
  readonly pass: Pass;
  readonly repository: string;
  /** How far the worker was before it. */
  readonly worker: WorkerProgress;
  /** The worker's last attempt: it records how far the worker is, because no later one will. */
  readonly isLast: boolean;
}

/** How one attempt at a repository ended. */
export type Attempted =
  /** `planned`: it is carried out in a later pass. */
  | { readonly state: 'done' | 'planned'; readonly matched: Matched }
  /** Something failed. `again`: it may do better the next time. `error`: where no record says so. */
  | { readonly state: 'failed'; readonly again: boolean; readonly error?: DecisionError; readonly matched: Matched }
  /** Its time was up. `moved`: something more is done than before. */
  | { readonly state: 'left'; readonly moved: boolean; readonly matched: Matched }
  /** It would fail everywhere: a filter takes too long. Nothing more is done for the run. */
  | { readonly state: 'hopeless'; readonly why: string }
  /** Another worker has it, or the registry. */
  | { readonly state: 'busy' }
  | { readonly state: 'over' };

/** The places of the filters that have matched a tag, for each command. */
export type Matched = readonly (readonly number[])[];

export interface GiveUp extends ProcessRepository {
  readonly error: DecisionError | undefined;
}

/** `recorded`: the record of the repository says that it failed, or is done. The others as for an attempt. */
export interface GivenUp {
  readonly state: 'recorded' | 'busy' | 'over';
}

/** `over`: the guards were not asked, for nothing more is done for the run. */
export interface Checked {
  readonly state: 'checked' | 'over';
}

export interface Refuse extends Begin {
  readonly error: DecisionError;
}

export interface Finish {
  readonly run: Run;
  readonly matched?: Matched;
  /** Not everything was done: it was cancelled, or its time was up. */
  readonly isCutShort?: boolean;
  /** Why it cannot be done. */
  readonly error?: DecisionError;
}

/**
 * What an activity answers with in the place of what the registry refused, or did not answer: what is thrown comes back as
 * a text. `again`: it may do better the next time.
 */
export interface Unanswered {
  readonly state: 'unanswered';
  readonly error: DecisionError;
  readonly again: boolean;
}

export interface Finished {
  readonly runId?: string;
  readonly state: string;
}

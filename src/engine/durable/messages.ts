/*
 * What goes through the history of an orchestration: names, places, totals. Everything is JSON. What is decided goes from
 * an activity into the ledger.
 */

import type { DecisionError } from '../../planner/decision.ts';

/** One start: by the timer, or by a request. */
export interface Start {
  readonly kind: 'scheduled' | 'dry-run';
  readonly startedBy: 'schedule' | 'request';
  /** The invocation that started it: tells this start from every other one. */
  readonly by: string;
  readonly pastDue: boolean;
  /** Ages are counted back from here. ISO 8601, UTC. */
  readonly now: string;
  /** Of runs of several registries: what they have in common. */
  readonly parent?: string;
}

/** What is to be done in one registry. */
export interface Errand {
  /** Login server. */
  readonly registry: string;
  /** Of its orchestration: one for each registry. */
  readonly instanceId: string;
  /** Of a dry run: the run that is begun. Else the id that a new run gets, if the last one is not gone on with. */
  readonly runId: string;
}

export interface StartMany {
  readonly start: Start;
  readonly errands: readonly Errand[];
}

/** What is done in each repository in one pass through them. */
export type Pass =
  /** Planned, and nothing else. */
  | 'plan'
  /** Planned and carried out. */
  | 'purge'
  /** Planned, to be carried out in a later pass, once the breakers were asked. */
  | 'plan-ahead'
  | 'carry-out';

/** A run that is begun, as its activities name it. */
export interface Run {
  readonly runId: string;
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
  readonly errand: Errand;
}

export type Begun =
  | {
      readonly state: 'begun';
      readonly run: Run;
      readonly passes: readonly Pass[];
      readonly matched: Matched;
      /** What is done and planned already of a run that goes on. */
      readonly far: Share;
    }
  /** Another run has the registry. */
  | { readonly state: 'held'; readonly message: string }
  /** There is nothing to do: it was done by an earlier attempt, or nothing is wanted. */
  | { readonly state: 'over' };

/** How many repositories a run is about; `left`: the time was up before they were listed. */
export type Listed = { readonly state: 'listed'; readonly of: number } | { readonly state: 'left' | 'over' };

/** What a lane goes through, from a page on. */
export interface Stretch {
  readonly run: Run;
  readonly pass: Pass;
  /** Of a page that it resumes: repositories of it that are not counted yet. */
  readonly left?: number;
  /** Repositories of the run. */
  readonly of: number;
  readonly page: number;
  readonly lane: Lane;
}

export type TurnPage = Pick<Stretch, 'run' | 'pass' | 'page' | 'lane'>;

/** What of the run's repositories a lane has done. All lanes together are how far the run is. */
export interface Share {
  readonly done: number;
  /** Those that are carried out in a later pass. */
  readonly planned: number;
}

/** How far a lane is. It has the same repositories in every pass. What was done before they began counts for the first. */
export interface Lane extends Share {
  readonly nth: number;
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
  /** The run was cancelled, its time is up, or somebody else has closed its record. */
  | { readonly state: 'over' };

export interface Visit {
  readonly run: Run;
  readonly pass: Pass;
  readonly repository: string;
  /** How far the lane was before it. */
  readonly lane: Pick<Lane, 'nth' | 'done' | 'planned'>;
  /** No other one follows it, so that it has to say itself how far the lane is after it. */
  readonly isLast: boolean;
}

/** What became of one visit to a repository. */
export type Visited =
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

export interface GiveUp extends Visit {
  readonly error: DecisionError | undefined;
}

/** `recorded`: the record of the repository says that it failed, or is done. The others as for a visit. */
export interface GivenUp {
  readonly state: 'recorded' | 'busy' | 'over';
}

/** `over`: they were not asked, for nothing more is done for the run. */
export interface Asked {
  readonly state: 'asked' | 'over';
}

export interface Refuse extends Begin {
  readonly error: DecisionError;
}

export interface End {
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

export interface Ended {
  readonly runId?: string;
  readonly state: string;
}

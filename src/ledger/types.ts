import type { DecisionError, Trip } from '../planner/decision.ts';
import type { Holder } from './store.ts';
import type { RepositorySummary, Totals } from '../report/summary.ts';

export const RUN_KINDS = ['scheduled', 'dry-run', 'purge', 'apply'] as const;

/** `purge` is the command line's; a scheduled run may be a dry run, too. */
export type RunKind = (typeof RUN_KINDS)[number];

export const RUN_STATES = ['running', 'done', 'waiting', 'failed', 'stopped', 'interrupted'] as const;

/**
 * - `done`: everything that was to be done was done
 * - `waiting`: so was everything but what a breaker held back, which waits for approval
 * - `failed`: something failed or was refused
 * - `stopped`: it was told to end before it was done
 * - `interrupted`: its process ended, and a later run found out what had become of it
 */
export type RunState = (typeof RUN_STATES)[number];

/** What a run was to do, as it was given and as it was understood. */
export interface PolicyRecord {
  /** Commands as they were given, and what each means. */
  readonly commands: readonly { readonly given: string; readonly understood: Readonly<Record<string, unknown>> }[];
  /** Of what was understood, and of the version of the rules. Another hash means another policy. */
  readonly hash: string;
  /** `settings`: those of the app's settings. */
  readonly from: 'settings' | 'request' | 'command line';
}

/** What would go: every decision of the run whose outcome is `planned` or `held`. */
export interface PlanRecord {
  /** Of everything that would go; who approves a plan approves this. */
  readonly hash: string;
  /** Artifacts that would go. */
  readonly deletions: number;
  /** `waiting`: a breaker held it back, and it waits for approval. */
  readonly state: 'open' | 'waiting' | 'applied';
  /** The last run that carried it out. */
  readonly appliedBy?: string;
}

/** What approves a plan: the beginning of its hash, as people copy it. */
export function approvalOf({ hash }: Pick<PlanRecord, 'hash'>): string {
  return hash.slice(0, 12);
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
  /** Repositories that are done, of those selected; while it runs, too. */
  readonly progress: { readonly done: number; readonly of: number };
  readonly totals?: Totals;
  readonly warnings: readonly string[];
  readonly breakers: readonly Trip[];
  /** Why it broke off. */
  readonly error?: DecisionError;
  readonly plan?: PlanRecord;
  /** The plan that it carries out. */
  readonly applies?: string;
}

/** One repository in a run, and the hash of what would go in it. */
export interface RepositoryRecord {
  readonly summary: RepositorySummary;
  /** Of what would go: outcome `planned` or `held`. */
  readonly planned: { readonly deletions: number; readonly hash: string };
}

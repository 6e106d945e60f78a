import type { Decision, Reason } from '../planner/decision.ts';
import type { RunKind, RunRecord, RunState } from './records.ts';

/** Which runs. Those that are left out do not matter. */
export interface RunQuery {
  readonly states?: readonly RunState[];
  /** Only those whose plan waits for approval, whatever their state: a dry run's, say, that was applied and held back. */
  readonly waits?: true;
  readonly kinds?: readonly RunKind[];
  readonly registry?: string;
  /** Id of what began them together. */
  readonly parent?: string;
  /** Started at or after, and before. */
  readonly from?: Date;
  readonly to?: Date;
  /** Only runs older than this one: where the page before it ended. */
  readonly before?: string;
}

/** Which decisions of a run. */
export interface DecisionQuery {
  readonly repository?: string;
  readonly tag?: string;
  readonly digest?: string;
  readonly action?: Decision['action'];
  readonly reason?: Reason;
  /** What stands somewhere in the name of the artifact or in its detail; upper and lower case are the same. */
  readonly text?: string;
}

/** What one run knows of an artifact. */
export interface Sighting {
  readonly run: RunRecord;
  readonly decision: Decision;
}

/** `repo:tag` or `repo@sha256:…`. */
export interface ImageName {
  readonly repository: string;
  readonly tag?: string;
  readonly digest?: string;
}

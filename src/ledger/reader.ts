import type { Decision, Reason } from '../planner/decision.ts';
import type { Parent } from './batch.ts';
import type { RepositoryRecord, RunKind, RunRecord, RunState } from './records.ts';

/** Reads a ledger back. Every method throws `LedgerError`. */
export interface LedgerReader {
  /** Where it is kept, for people. */
  readonly place: string;
  /** The newest first. */
  readonly runs: (query?: RunQuery) => AsyncIterable<RunRecord>;
  readonly run: (id: string) => Promise<RunRecord | undefined>;
  /** What began the runs of several registries together. */
  readonly parent: (id: string) => Promise<Parent | undefined>;
  /** The repositories of a run, by name; of one that is running, those that are done. */
  readonly repositories: (id: string) => AsyncIterable<RepositoryRecord>;
  /** One of them. */
  readonly repository: (id: string, name: string) => Promise<RepositoryRecord | undefined>;
  /** By repository; as many as there are, in memory for one repository at most. */
  readonly decisions: (id: string, query?: DecisionQuery) => AsyncIterable<Decision>;
  /** Everything that is known of one artifact, the newest run first. Of a tag also what was decided on its manifest. */
  readonly explain: (image: ImageName) => AsyncIterable<Sighting>;
}

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

/** A login server in front, as image tools write it. */
const REGISTRY = /^(?:[a-z0-9-]+\.azurecr\.[a-z]+|[\w.-]+:\d+)\//i;

/** Reads the name of an image as image tools write it; `undefined` for what names none. */
export function parseImage(text: string): ImageName | undefined {
  const image = text.trim().replace(REGISTRY, '');
  const byDigest = /^([^@]+)@([a-z0-9]+:[0-9a-f]{32,})$/.exec(image);
  if (byDigest) return { repository: byDigest[1] ?? '', digest: byDigest[2] ?? '' };
  const byTag = /^([^@]+):([^:/@]+)$/.exec(image);
  return byTag ? { repository: byTag[1] ?? '', tag: byTag[2] ?? '' } : undefined;
}

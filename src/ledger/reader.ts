import type { Decision } from '../planner/decision.ts';
import type { Parent } from './batch.ts';
import type { DecisionQuery, ImageName, RunQuery, Sighting } from './query.ts';
import type { RepositoryRecord, RunRecord } from './records.ts';

/** A ledger as whoever reads it back needs it. Every method throws `LedgerError`. */
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

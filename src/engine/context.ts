import { isDeepStrictEqual } from 'node:util';
import type { Archive } from '../ledger/archive.ts';
import type { Ledger } from '../ledger/ledger.ts';
import type { UsedRecord } from '../ledger/storage.ts';
import type { UndoRecord } from '../ledger/undo.ts';
import type { RunWriter } from '../ledger/writer.ts';
import type { RunRecord } from '../ledger/records.ts';
import type { PurgePolicy } from '../policy/purge-policy.ts';
import type { Clock } from '../registry/clock.ts';
import type { Registry, TagRecord } from '../registry/types.ts';
import type { RunLog } from '../report/log.ts';
import type { PlannedRepository, Planning } from './inventory.ts';
import type { ReadsLayers } from './storage/layers.ts';

/**
 * What the steps of a run share. `inline` makes one for the whole run, `durable` makes one for each activity; the steps
 * do not know which.
 */
export interface RunContext extends Planning {
  readonly ledger: Ledger;
  /** The run, as its record stood when this context was made. */
  readonly record: RunRecord;
  readonly policies: readonly PurgePolicy[];
  /** Absent in a dry run: then nothing can be deleted. */
  readonly writer: Registry | undefined;
  /** Writes the repositories of the run. */
  readonly writes: Pick<RunWriter, 'select' | 'repository'>;
  /**
   * Changes the record of the run, where it is still this driver's.
   * @param change what is changed; `undefined` changes nothing
   * @returns the record as it is afterwards
   */
  readonly amend: (change: (record: RunRecord) => Partial<RunRecord> | undefined) => Promise<RunRecord>;
  /** Once aborted, nothing more is deleted and no further repository is begun. */
  readonly signal: AbortSignal;
  /** Where what is deleted is archived first. Absent: it is not. */
  readonly archive?: Archive | undefined;
  readonly log: RunLog | undefined;
  /** Finds out by what its deletions can be undone. Absent: there is no source that says so. */
  readonly undo?: () => Promise<UndoRecord>;
  /** Reads what manifests take up. Absent: what a deletion frees is not computed. */
  readonly layers?: ReadsLayers;
  /** Asks the registry what it uses. Absent: there is no source that says so. */
  readonly used?: () => Promise<UsedRecord>;
  /** Plans that this process made for a later pass. Absent: each pass plans again. */
  readonly plans?: PlanMemory;
}

/** Remembers the plans of one process between two passes of a run. */
export interface PlanMemory {
  readonly keep: (repository: string, planned: PlannedRepository) => void;
  /** Hands a plan out once, if it is young enough. What changed since is found by the look right before each deletion. */
  readonly take: (repository: string) => PlannedRepository | undefined;
}

/** Tags and manifests of all plans in memory: 50,000 take some 60 MB. */
const MOST_ARTIFACTS = 50_000;

/** A plan that is older is made again: a repository may have changed so much that little of it holds. */
const MOST_MILLISECONDS = 5 * 60_000;

export function newPlanMemory(clock: Clock): PlanMemory {
  const plans = new Map<string, { readonly planned: PlannedRepository; readonly at: number; readonly size: number }>();
  let artifacts = 0;
  return {
    keep(repository, planned) {
      const { manifests, tags } = planned.inventory;
      const size = (manifests?.byDigest.size ?? 0) + (tags?.length ?? 0);
      if (artifacts + size > MOST_ARTIFACTS) return;
      artifacts += size;
      plans.set(repository, { planned, at: clock.ticks(), size });
    },
    take(repository) {
      const known = plans.get(repository);
      if (!known) return undefined;
      plans.delete(repository);
      artifacts -= known.size;
      return clock.ticks() - known.at > MOST_MILLISECONDS ? undefined : known.planned;
    },
  };
}

/**
 * The plan that this process made minutes ago. `undefined` where a tag was set, moved, locked or deleted since: then the
 * repository is planned again. What else changed is found by the look right before each deletion.
 */
export async function planInMemory(
  { plans, reader }: RunContext,
  name: string,
): Promise<PlannedRepository | undefined> {
  const planned = plans?.take(name);
  if (!planned?.inventory.tags) return undefined;
  const named = (tags: readonly TagRecord[]): readonly string[] =>
    tags.map((tag) => JSON.stringify([tag.name, tag.digest, tag.lock])).sort();
  const now = await reader.tags(name);
  return now && isDeepStrictEqual(named(now), named(planned.inventory.tags)) ? planned : undefined;
}

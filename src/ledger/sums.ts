import type { LedgerReader } from './reader.ts';
import { DamagedError } from './store/store.ts';

/** What runs deleted in one repository, or would have, a value for each place. */
interface RepositorySums {
  readonly artifacts: Float64Array;
  readonly bytes: Float64Array;
}

export interface Summed {
  readonly repositories: ReadonlyMap<string, RepositorySums>;
  /** Runs of which the records were read. */
  readonly read: number;
  /** Runs of which they cannot be read: they are damaged. */
  readonly damaged: number;
}

/** Runs whose records are read side by side, which hides the latency of a store. */
const SIDE_BY_SIDE = 4;

/**
 * Sums the records of the repositories of several runs, each at its place. No decision is read.
 * @param runs the most important first: the last ones are left out where there are more than `most` records
 */
export async function sumsByRepository(
  reader: Pick<LedgerReader, 'repositories'>,
  runs: readonly { readonly id: string; readonly place: number }[],
  {
    places,
    most,
    signal,
  }: { readonly places: number; readonly most: number; readonly signal?: AbortSignal | undefined },
): Promise<Summed> {
  const repositories = new Map<string, RepositorySums>();
  let [records, read, damaged] = [0, 0, 0];
  const queue = runs.values();
  const sumOf = async (id: string, place: number): Promise<void> => {
    for await (const { summary } of reader.repositories(id)) {
      signal?.throwIfAborted();
      records += 1;
      const artifacts = summary.tags.deleted + summary.manifests.deleted;
      if (artifacts === 0) continue;
      let sums = repositories.get(summary.repository);
      if (!sums) {
        sums = { artifacts: new Float64Array(places), bytes: new Float64Array(places) };
        repositories.set(summary.repository, sums);
      }
      sums.artifacts[place] = (sums.artifacts[place] ?? 0) + artifacts;
      sums.bytes[place] = (sums.bytes[place] ?? 0) + summary.bytes;
    }
  };
  const work = async (): Promise<void> => {
    for (const { id, place } of queue) {
      if (records >= most) return;
      try {
        await sumOf(id, place);
        read += 1;
      } catch (error) {
        // A damaged one does not hide all others.
        if (!(error instanceof DamagedError)) throw error;
        damaged += 1;
      }
    }
  };
  await Promise.all(Array.from({ length: SIDE_BY_SIDE }, work));
  return { repositories, read, damaged };
}

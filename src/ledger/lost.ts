import type { Deleted } from '../planner/decision.ts';
import { isPurge, type RunRecord } from './records.ts';
import type { ImageName, LedgerReader } from './reader.ts';

/* What runs deleted, as they recorded it. */

/** One artifact that a run deleted, or that was gone when it came. */
export interface LostArtifact {
  readonly decision: Deleted;
  readonly run: Pick<RunRecord, 'id' | 'started'>;
}

/**
 * What counts as deleted. What failed may have been deleted all the same, where the answer was lost: what is there all the
 * time is found to be there.
 */
const MAY_BE_GONE: ReadonlySet<string> = new Set(['deleted', 'already-gone', 'failed']);

/** What a run deleted in a repository, in the order of its record: tags first. */
export async function* lostBy(
  reader: LedgerReader,
  run: Pick<RunRecord, 'id' | 'started'>,
  repository: string,
): AsyncGenerator<LostArtifact, void> {
  for await (const decision of reader.decisions(run.id, { repository, action: 'delete' }))
    if (decision.action === 'delete' && MAY_BE_GONE.has(decision.outcome)) yield { decision, run };
}

/** What all runs on a registry deleted in a repository, the newest run first. */
export async function* lostIn(
  reader: LedgerReader,
  registry: string,
  repository: string,
): AsyncGenerator<LostArtifact, void> {
  for await (const run of reader.runs({ registry }))
    if (!run.dryRun && isPurge(run)) yield* lostBy(reader, run, repository);
}

/** The newest time that a run deleted an image, by its tag or by its digest. */
export async function lostImage(
  reader: LedgerReader,
  image: ImageName,
  registries: readonly string[] | undefined,
): Promise<(LostArtifact & { readonly registry: string }) | undefined> {
  for await (const { run, decision } of reader.explain(image)) {
    if (run.dryRun || !isPurge(run) || (registries && !registries.includes(run.registry))) continue;
    if (decision.action !== 'delete' || !MAY_BE_GONE.has(decision.outcome)) continue;
    const isAsked =
      image.digest === undefined ? decision.kind === 'tag' || decision.tags?.includes(image.tag ?? '') : true;
    if (isAsked) return { decision, run, registry: run.registry };
  }
  return undefined;
}

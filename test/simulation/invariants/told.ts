import { basename } from 'node:path/posix';
import type { LedgerReader } from '../../../src/ledger/reader.ts';
import type { RepositoryRecord, RunRecord } from '../../../src/ledger/records.ts';
import type { Store } from '../../../src/ledger/store/store.ts';
import type { Decision } from '../../../src/planner/decision.ts';

/** A run as a ledger tells it. */
export interface Told {
  readonly run: RunRecord;
  readonly repositories: readonly RepositoryRecord[];
  readonly decisions: readonly Decision[];
}

/** All runs of one registry, the oldest first. */
export async function runsIn(ledger: LedgerReader, registry: string): Promise<readonly Told[]> {
  const runs: Told[] = [];
  for await (const run of ledger.runs({ registry })) {
    const repositories = await Array.fromAsync(ledger.repositories(run.id));
    const decisions = await Array.fromAsync(ledger.decisions(run.id));
    runs.push({ run, repositories, decisions });
  }
  return runs.reverse();
}

/**
 * The files that a ledger has only while something is unfinished.
 * @param isLate whether a journal was created after its run was closed
 */
export async function unfinishedIn(
  store: Store,
  isLate: (path: string) => boolean = () => false,
): Promise<readonly string[]> {
  const left: string[] = [];
  // A run that has no record yet is looked for again: its record may come.
  for await (const path of store.list('open/'))
    if (await store.read(`runs/${basename(path)}/run.json`)) left.push(path);
  for await (const run of store.folders('runs/'))
    for await (const path of store.list(`runs/${run}/journal/`)) {
      // One that was created late, and never written to, is about nothing.
      if ((await store.read(path))?.text !== '' && !isLate(path)) left.push(path);
    }
  return left;
}

/** An artifact, as image tools name it: `app:v1`, `app@sha256:…`. */
export function imageOf({ repository, kind, tag, digest }: Decision): string {
  return kind === 'tag' ? `${repository}:${tag ?? ''}` : `${repository}@${digest ?? ''}`;
}

/** What a run tells of an artifact, for people. */
export function saying({ run }: Pick<Told, 'run'>, decision: Decision): string {
  const became = decision.action === 'keep' ? `kept, ${decision.reason}` : decision.outcome;
  const why = decision.action === 'delete' && decision.error ? ` (${decision.error.message})` : '';
  return `${run.id} (${run.kind}, ${run.state}) says ${became}${why}`;
}

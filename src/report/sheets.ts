import type { UsedImage } from '../ledger/in-use.ts';
import type { Difference } from '../ledger/plan-diff.ts';
import type { Sighting } from '../ledger/reader.ts';
import type { RunRecord } from '../ledger/records.ts';
import { actorOf } from '../ledger/reviews.ts';
import { CSV, decisionCells, type Sheet } from './csv.ts';
import type { InUseReport } from './in-use.ts';
import type { UnpulledImage } from './unpulled.ts';

/* What is listed, as tables of CSV; and what JSON says of it where that is less than all. */

/** Runs, a line each. */
export const RUNS: Sheet<RunRecord> = {
  columns: [
    'id',
    'kind',
    'dryRun',
    'state',
    'registry',
    'startedBy',
    'by',
    'started',
    'ended',
    'repositories',
    'repositoriesDone',
    'tagsDeleted',
    'manifestsDeleted',
    'bytes',
    'bytesUnique',
    'bytesFreed',
    'plan',
    'planHash',
    'planDeletions',
    'parent',
    'error',
  ],
  cells: ({ progress, totals, plan, error, ...run }) => ({
    ...run,
    by: actorOf(run).name,
    repositories: progress.of,
    repositoriesDone: progress.done,
    tagsDeleted: totals?.tags.deleted,
    manifestsDeleted: totals?.manifests.deleted,
    bytes: totals?.bytes,
    bytesUnique: totals?.storage?.unique,
    bytesFreed: totals?.storage?.frees,
    plan: plan?.state,
    planHash: plan?.hash,
    planDeletions: plan?.deletions,
    error: error?.message,
  }),
};

/** What a run decided on an artifact, when, and by which commands; for programs. */
export function toldOf({ run, decision }: Sighting): object {
  const { id, kind, dryRun, startedBy, started, state, registry, policy } = run;
  const commands = policy.commands.map(({ given }) => given);
  return { run: { id, kind, dryRun, startedBy, started, state, registry, commands }, decision };
}

export const SIGHTINGS: Sheet<Sighting> = {
  columns: ['run', 'runKind', 'dryRun', 'started', 'state', 'registry', ...CSV.one],
  cells: ({ run: { id, kind, dryRun, started, state, registry }, decision }) => ({
    ...decisionCells(decision),
    run: id,
    runKind: kind,
    dryRun,
    started,
    state,
    registry,
  }),
};

/** The decision of the run that deletes it, and what the other run decided. */
export const DIFFERENCES: Sheet<Difference> = {
  columns: ['change', ...CSV.one, 'otherAction', 'otherReason', 'otherDetail'],
  cells: ({ change, goes, other }) => ({
    ...decisionCells(goes),
    change,
    otherAction: other?.action,
    otherReason: other?.reason,
    otherDetail: other?.detail,
  }),
};

/** An image that was not pulled, a line each; several tags are separated by blanks, which no tag has. */
export const UNPULLED: Sheet<UnpulledImage> = {
  columns: ['repository', 'digest', 'tags', 'pushed', 'lastPull', 'bytes'],
  cells: (image) => ({ ...image, tags: image.tags.join(' ') }),
};

/** An image in use: as a source names it now, or as an earlier run saw it last. */
export type InUseImage = Omit<UsedImage, 'first' | 'last'> &
  Partial<Pick<UsedImage, 'first' | 'last'>> & { readonly seen: 'now' | 'before' };

export function imagesInUse({
  sources,
  remembered,
}: Pick<InUseReport, 'sources' | 'remembered'>): readonly InUseImage[] {
  return [
    ...sources.flatMap(({ source, uses }) => uses.map((use) => ({ ...use, source, seen: 'now' as const }))),
    ...remembered.map((image) => ({ ...image, seen: 'before' as const })),
  ];
}

export const IN_USE: Sheet<InUseImage> = {
  columns: ['seen', 'source', 'repository', 'tag', 'digest', 'config', 'where', 'first', 'last'],
  cells: (image) => ({ ...image }),
};

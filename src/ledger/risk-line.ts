import type { FindingSum } from '../planner/findings.ts';
import { SEVERITIES, type Severity } from '../policy/severity.ts';
import type { LedgerReader } from './reader.ts';
import type { RunRecord } from './records.ts';
import { DamagedError } from './store/store.ts';
import type { RepositorySummary } from './summary.ts';

/*
 * The findings of a registry over time. A run tells what was there and what it left, of the repositories that it looked at.
 * Of the others the last known value stands.
 */

/** A run on the line, with what is known of the whole registry before it and after it. */
export interface RiskPoint {
  readonly before: FindingSum;
  /** By this run; in a dry run: what it would remove. */
  readonly removed: FindingSum;
  /** Of a dry run the same as before. */
  readonly after: FindingSum;
  /** Repositories that it looked at. */
  readonly looked: number;
  /** Those of which something is known by then, by this run or by one before it. */
  readonly known: number;
  /** Those that no run before it looked at: what they have is new on the line, and may be old in the registry. */
  readonly appeared: number;
}

/** What the last run that looked at a repository found and left in it. */
export interface LastKnown {
  readonly repository: string;
  /** The place of that run. */
  readonly place: number;
  readonly left: FindingSum;
  /** Of that, in what is used. Absent: it is not known what is in use. */
  readonly inUse?: FindingSum;
  /** Decisions of that run on it. */
  readonly decisions: number;
  /** Tags that were listed, and tags that were decided on. */
  readonly tags: { readonly listed: number | undefined; readonly decided: number };
}

export interface RiskLine {
  /** One for each run, the oldest first. */
  readonly points: readonly RiskPoint[];
  /** By name. */
  readonly repositories: readonly LastKnown[];
}

/** `images`, `notScanned`, and both counts of each severity, one after the other. */
const WIDTH = 2 + 2 * SEVERITIES.length;

function addTo(all: Float64Array, place: number, sum: FindingSum, sign: 1 | -1 = 1): void {
  const add = (offset: number, value: number): void => {
    const at = place * WIDTH + offset;
    all[at] = (all[at] ?? 0) + sign * value;
  };
  add(0, sum.images);
  add(1, sum.notScanned);
  for (const [index, severity] of SEVERITIES.entries()) {
    add(2 + index, sum.bySeverity[severity] ?? 0);
    add(2 + SEVERITIES.length + index, sum.fixable[severity] ?? 0);
  }
}

function sumAt(place: number, ...all: readonly Float64Array[]): FindingSum {
  const value = (offset: number): number => all.reduce((sum, one) => sum + (one[place * WIDTH + offset] ?? 0), 0);
  const counts = (offset: number): Partial<Record<Severity, number>> =>
    Object.fromEntries(
      SEVERITIES.map((severity, index) => [severity, value(offset + index)] as const).filter(([, some]) => some > 0),
    );
  return {
    images: value(0),
    notScanned: value(1),
    bySeverity: counts(2),
    fixable: counts(2 + SEVERITIES.length),
  };
}

/**
 * Sums a line of some runs. The records are added from the newest run to the oldest, so that no more is held of a
 * repository than when it was looked at next: where there are too many records, the oldest are left out.
 *
 * @param places how many runs: the place of the oldest is 0
 */
export function newRiskLine(places: number) {
  const [before, removed, after, standing] = Array.from({ length: 4 }, () => new Float64Array((places + 1) * WIDTH));
  const [looked, stood] = [new Float64Array(places), new Float64Array(places + 1)];
  const next = new Map<string, number>();
  const last: LastKnown[] = [];
  if (!before || !removed || !after || !standing) throw new RangeError('a line has places');
  const at = (all: Float64Array, place: number, value: number): void => {
    all[place] = (all[place] ?? 0) + value;
  };
  return {
    /** Adds what a run recorded of a repository. Records without findings add nothing: what was known stands. */
    add(place: number, summary: RepositorySummary, isDryRun: boolean): void {
      const found = summary.listed.findings?.all;
      if (!found || !summary.findings) return;
      const { repository } = summary;
      const until = next.get(repository) ?? places;
      // A record that says the same repository twice counts once.
      if (until <= place) return;
      const left = isDryRun ? found : summary.findings.kept;
      addTo(before, place, found);
      addTo(removed, place, summary.findings.removed);
      addTo(after, place, left);
      addTo(standing, place + 1, left);
      addTo(standing, until, left, -1);
      at(looked, place, 1);
      at(stood, place, 1);
      at(stood, until, -1);
      if (!next.has(repository)) last.push(lastKnown(place, summary, left));
      next.set(repository, place);
    },
    line(): RiskLine {
      const appeared = new Float64Array(places);
      for (const place of next.values()) at(appeared, place, 1);
      const points: RiskPoint[] = [];
      for (let place = 0, known = 0; place < places; place += 1) {
        for (let offset = 0; place > 0 && offset < WIDTH; offset += 1)
          at(standing, place * WIDTH + offset, standing[(place - 1) * WIDTH + offset] ?? 0);
        known += stood[place] ?? 0;
        points.push({
          before: sumAt(place, before, standing),
          removed: sumAt(place, removed),
          after: sumAt(place, after, standing),
          looked: looked[place] ?? 0,
          known,
          appeared: appeared[place] ?? 0,
        });
      }
      return { points, repositories: last.sort((a, b) => (a.repository < b.repository ? -1 : 1)) };
    },
  };
}

function lastKnown(place: number, summary: RepositorySummary, left: FindingSum): LastKnown {
  const { deleted, kept, failed, notAttempted, alreadyGone, quarantined = 0 } = summary.tags;
  const inUse = summary.findings?.inUse;
  return {
    repository: summary.repository,
    place,
    left,
    ...(inUse && { inUse }),
    decisions: Object.values(summary.reasons).reduce((sum, one) => sum + one, 0),
    tags: {
      listed: summary.listed.tags,
      decided: deleted + kept + failed + notAttempted + alreadyGone + quarantined,
    },
  };
}

/** Runs whose records are read side by side, which hides the latency of a store. */
const SIDE_BY_SIDE = 4;

export interface RiskLineRead extends RiskLine {
  /** The runs of the points, the oldest first. */
  readonly runs: readonly RunRecord[];
  /** Runs whose records are damaged: they are left out. */
  readonly damaged: number;
  /** The oldest runs that are left out because there are too many records. */
  readonly leftOut: number;
}

/**
 * Reads the line of some runs from the records of their repositories. No decision is read.
 * @param runs of one registry, the newest first
 * @param most no further run is read after so many records
 */
export async function readRiskLine(
  reader: Pick<LedgerReader, 'repositories'>,
  runs: readonly RunRecord[],
  { most, signal }: { readonly most: number; readonly signal?: AbortSignal | undefined },
): Promise<RiskLineRead> {
  const line = newRiskLine(runs.length);
  const read = new Set<number>();
  let [records, damaged, done] = [0, 0, 0];
  const recordsOf = async ({ id }: RunRecord): Promise<readonly RepositorySummary[] | undefined> => {
    const summaries: RepositorySummary[] = [];
    try {
      for await (const { summary } of reader.repositories(id)) {
        signal?.throwIfAborted();
        if (summary.listed.findings) summaries.push(summary);
      }
      return summaries;
    } catch (error) {
      // A damaged one does not hide all others.
      if (error instanceof DamagedError) return undefined;
      throw error;
    }
  };
  for (; done < runs.length && records < most; done += SIDE_BY_SIDE) {
    const some = runs.slice(done, done + SIDE_BY_SIDE);
    for (const [index, summaries] of (await Promise.all(some.map(recordsOf))).entries()) {
      const run = some[index];
      if (!summaries || !run) damaged += 1;
      else {
        const place = runs.length - 1 - (done + index);
        if (summaries.length > 0) read.add(place);
        records += summaries.length;
        for (const summary of summaries) line.add(place, summary, run.dryRun);
      }
    }
  }
  const { points, repositories } = line.line();
  // A run that looked at nothing, or was left out, is no point.
  const places = [...read].sort((a, b) => a - b);
  const placeOf = new Map(places.map((place, index) => [place, index]));
  const oldestFirst = runs.toReversed();
  return {
    runs: places.flatMap((place) => oldestFirst[place] ?? []),
    points: places.flatMap((place) => points[place] ?? []),
    repositories: repositories.map((one) => ({ ...one, place: placeOf.get(one.place) ?? 0 })),
    damaged,
    leftOut: Math.max(0, runs.length - done),
  };
}

/** Compares the worse first: by critical findings, then by high ones, and so on. */
export function byWorst(
  { bySeverity: one }: Pick<FindingSum, 'bySeverity'>,
  { bySeverity: other }: Pick<FindingSum, 'bySeverity'>,
): number {
  for (const severity of SEVERITIES) {
    const difference = (other[severity] ?? 0) - (one[severity] ?? 0);
    if (difference !== 0) return difference;
  }
  return 0;
}

export function hasFindings({ bySeverity }: Pick<FindingSum, 'bySeverity'>): boolean {
  return SEVERITIES.some((severity) => (bySeverity[severity] ?? 0) > 0);
}

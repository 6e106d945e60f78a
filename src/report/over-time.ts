import { isPurge, type RunRecord } from '../ledger/records.ts';
import type { Totals } from '../ledger/summary.ts';
import { DELETE_REASONS, type DeleteReason } from '../planner/decision.ts';
import type { Severity } from '../policy/severity.ts';
import { SEVERITY_NAMES } from './finding-words.ts';
import { placeIn, type Span, spansOf } from './spans.ts';

/* What runs deleted over time, or would have deleted, as charts show it. */

/** One value for each span. */
export interface Series {
  readonly name: string;
  readonly values: readonly number[];
  /** From 0, the worst: it has the colour that the severity has in the lines of risk. */
  readonly severity?: number;
}

/** A run that a chart counts, and the place of its span. */
export interface Counted {
  readonly run: RunRecord & { readonly totals: Totals };
  readonly place: number;
}

export interface OverTime {
  readonly spans: readonly Span[];
  /** `planned`: there are dry runs only, and the charts show what the last of each span would have deleted. */
  readonly of: 'deleted' | 'planned';
  readonly counted: readonly Counted[];
  /** Also those that do not count, the newest first. */
  readonly all: readonly Counted[];
}

/**
 * The runs that count. Several runs of a span delete one after the other, so their deletions are summed. Dry runs would
 * delete the same again and again: of these the last of a span counts for its registry, and a scheduled one if there is one.
 * @param runs the newest first
 */
export function overTime(runs: readonly RunRecord[], now: Date): OverTime {
  const spans = spansOf(
    runs.map(({ started }) => Date.parse(started)),
    now,
  );
  const all = runs.flatMap((run): readonly Counted[] => {
    const place = placeIn(spans, run.started);
    return run.totals && isPurge(run) && place >= 0 ? [{ run: { ...run, totals: run.totals }, place }] : [];
  });
  const deleting = all.filter(({ run }) => !run.dryRun);
  if (deleting.length > 0) return { spans, of: 'deleted', counted: deleting, all };
  const scheduled = all.filter(({ run }) => run.kind === 'scheduled');
  return { spans, of: 'planned', counted: lastOfEach(scheduled.length > 0 ? scheduled : all), all };
}

/** The last run of each registry in each span. */
export function lastOfEach(counted: readonly Counted[]): readonly Counted[] {
  const seen = new Set<string>();
  return counted.filter(({ run: { registry }, place }) => {
    const key = `${place} ${registry}`;
    if (seen.has(key)) return false;
    seen.add(key);
    return true;
  });
}

/** A value of each run, summed for each span. */
export function sumOf(
  { spans, counted }: Pick<OverTime, 'spans' | 'counted'>,
  name: string,
  valueOf: (totals: Totals) => number,
): Series {
  const values = spans.map(() => 0);
  for (const { run, place } of counted) values[place] = (values[place] ?? 0) + valueOf(run.totals);
  return { name, values };
}

/** Tags and manifests that were decided to be deleted, by reason; those with most first. */
export function byReason(time: OverTime): readonly Series[] {
  const of = (reason: DeleteReason) => sumOf(time, reason, ({ reasons }) => reasons[reason] ?? 0);
  return largest(DELETE_REASONS.map(of), 'other reasons');
}

/** Severities that are shown each by itself. */
const SHOWN = 4;

/** Findings of what was deleted, the worst severity first. Those without any are left out. */
export function findingsBySeverity(time: OverTime): readonly Series[] {
  const of = (name: string, severities: readonly Severity[]): Series =>
    sumOf(time, name, ({ findings }) =>
      severities.reduce((sum, severity) => sum + (findings?.removed.bySeverity[severity] ?? 0), 0),
    );
  return [
    ...SEVERITY_NAMES.slice(0, SHOWN).map((severity) => of(severity, [severity])),
    of('other', SEVERITY_NAMES.slice(SHOWN)),
  ]
    .map((one, severity) => ({ ...one, severity }))
    .filter((one) => totalOf(one) > 0);
}

/** Series that are told apart in a chart: there are so many colours. */
const MAX_SERIES = 5;

/** The series with most, the largest first, and the rest as one. Those without any are left out. */
export function largest(series: readonly Series[], rest: string): readonly Series[] {
  const some = series
    .map((one) => ({ one, sum: totalOf(one) }))
    .filter(({ sum }) => sum > 0)
    .toSorted((a, b) => b.sum - a.sum)
    .map(({ one }) => one);
  const [first, others] = [some.slice(0, MAX_SERIES), some.slice(MAX_SERIES)];
  if (others.length === 0) return first;
  const values = (others[0]?.values ?? []).map((_, place) =>
    others.reduce((sum, { values: of }) => sum + (of[place] ?? 0), 0),
  );
  return [...first, { name: rest, values }];
}

export function totalOf({ values }: Series): number {
  return values.reduce((sum, one) => sum + one, 0);
}

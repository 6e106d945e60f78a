import type { RunRecord } from '../../ledger/records.ts';
import { bytes, count, minute } from './format.ts';
import { Table } from './parts.tsx';

const HOUR = 3_600_000;
const DAY = 24 * HOUR;

/** The time that one bar may stand for. */
const WIDTHS = [HOUR, 6 * HOUR, DAY, 7 * DAY, 28 * DAY];

/** With fewer, each bar would be a block; with more, a telephone has no pixel for each. */
const MIN_BARS = 24;
const MAX_BARS = 60;

/** What was deleted in a span of time. */
export interface Span {
  /** Milliseconds since 1970. */
  readonly start: number;
  readonly end: number;
  readonly runs: number;
  readonly manifests: number;
  readonly bytes: number;
}

/** Spans of equal length up to now, so that a time without a run shows as a gap. Dry runs delete nothing. */
function spansOf(runs: readonly RunRecord[], now: Date): readonly Span[] {
  const times = runs.map(({ started }) => Date.parse(started)).filter((time) => !Number.isNaN(time));
  if (times.length === 0) return [];
  const first = times.reduce((a, b) => Math.min(a, b));
  const last = times.reduce((a, b) => Math.max(a, b), now.getTime());
  const barsOf = (width: number): number => Math.floor(last / width) - Math.floor(first / width) + 1;
  const width =
    WIDTHS.find((one) => barsOf(one) <= MAX_BARS) ?? Math.ceil((last - first + 1) / (MAX_BARS - 1) / DAY) * DAY;
  const bars = Math.max(barsOf(width), MIN_BARS);
  const start = (Math.floor(last / width) - bars + 1) * width;
  const spans = Array.from({ length: bars }, (_, index) => ({
    start: start + index * width,
    end: start + (index + 1) * width,
    runs: 0,
    manifests: 0,
    bytes: 0,
  }));
  for (const { started, dryRun, totals } of runs) {
    const span = spans[Math.floor((Date.parse(started) - start) / width)];
    if (!span || dryRun || !totals) continue;
    span.runs += 1;
    span.manifests += totals.manifests.deleted;
    span.bytes += totals.bytes;
  }
  return spans;
}

interface ChartProps {
  readonly title: string;
  readonly spans: readonly Span[];
  readonly valueOf: (span: Span) => number;
  readonly format: (value: number) => string;
}

const HEIGHT = 100;
const STEP = 10;

/** SVG draws only the bars, stretched to the width that there is; the words are text of the page, so that they keep its size. */
function BarChart({ title, spans, valueOf, format }: ChartProps) {
  const values = spans.map(valueOf);
  const most = values.reduce((a, b) => Math.max(a, b), 0);
  const total = values.reduce((all, one) => all + one, 0);
  const [first, last] = [spans[0], spans.at(-1)];
  if (!first || !last) return null;
  const width = spans.length * STEP;
  const height = (value: number): number => (value === 0 ? 0 : Math.max((value / most) * (HEIGHT - 1), 1));
  const label = `${title}, from ${dayOf(first.start)} to ${dayOf(last.end - 1)}: ${format(total)} in all, at most ${format(most)} in ${lengthOf(first)}. The table below has the numbers.`;
  const tick = (time: number): string =>
    first.end - first.start === HOUR ? minute(new Date(time).toISOString()) : dayOf(time);
  return (
    <figure>
      <figcaption>
        <span class="name">{title}</span>
        <span class="quiet">{format(total)} in all</span>
      </figcaption>
      <div class="plot">
        <div class="scale" aria-hidden="true">
          <span>{format(most)}</span>
          <span>0</span>
        </div>
        <svg role="img" aria-label={label} viewBox={`0 0 ${width} ${HEIGHT}`} preserveAspectRatio="none">
          <line x1="0" y1="0.5" x2={width} y2="0.5" />
          <line x1="0" y1={HEIGHT / 2} x2={width} y2={HEIGHT / 2} />
          {spans.map((span, index) => (
            <rect
              x={index * STEP + 1}
              y={round(HEIGHT - height(valueOf(span)))}
              width={STEP - 2}
              height={round(height(valueOf(span)))}
            >
              <title>{`${spanOf(span)}: ${format(valueOf(span))}`}</title>
            </rect>
          ))}
          <line class="base" x1="0" y1={HEIGHT - 0.5} x2={width} y2={HEIGHT - 0.5} />
        </svg>
        <div class="axis" aria-hidden="true">
          <span>{tick(first.start)}</span>
          <span class="optional">{tick((first.start + last.end) / 2)}</span>
          <span>{tick(last.end - 1)}</span>
        </div>
      </div>
    </figure>
  );
}

/** What was deleted over time, as charts and as a table. */
export function DeletedOverTime({ runs, now }: { readonly runs: readonly RunRecord[]; readonly now: Date }) {
  const spans = spansOf(runs, now);
  const [first] = spans;
  const busy = spans.filter(({ runs: some }) => some > 0).toReversed();
  if (!first || busy.length === 0) return <p class="quiet">Nothing was deleted: there were dry runs only.</p>;
  return (
    <>
      <div class="charts">
        <BarChart title="Manifests deleted" spans={spans} valueOf={(span) => span.manifests} format={count} />
        <BarChart title="Bytes deleted, at most" spans={spans} valueOf={(span) => span.bytes} format={bytes} />
      </div>
      <details>
        <summary>The numbers of both charts</summary>
        <Table
          caption={`Deleted in each ${lengthOf(first).replace(/^one /, '')} with a run that was no dry run`}
          narrow
          columns={[
            { head: 'From', cell: (span) => <span class="nowrap">{minute(new Date(span.start).toISOString())}</span> },
            { head: 'Runs', number: true, cell: (span) => count(span.runs) },
            { head: 'Manifests', number: true, cell: (span) => count(span.manifests) },
            { head: 'At most', number: true, cell: (span) => bytes(span.bytes) },
          ]}
          rows={busy}
        />
      </details>
    </>
  );
}

function dayOf(time: number): string {
  return new Date(time).toISOString().slice(0, 10);
}

function spanOf({ start, end }: Span): string {
  if (end - start < DAY)
    return `${minute(new Date(start).toISOString())} to ${new Date(end).toISOString().slice(11, 16)}`;
  return end - start === DAY ? dayOf(start) : `${dayOf(start)} to ${dayOf(end - 1)}`;
}

function lengthOf({ start, end }: Span): string {
  const hours = (end - start) / HOUR;
  const [number, unit] = hours < 24 ? [hours, 'hour'] : [hours / 24, 'day'];
  return number === 1 ? `one ${unit}` : `${number} ${unit}s`;
}

function round(value: number): number {
  return Math.round(value * 100) / 100;
}

interface ShareProps {
  /** From 0 to 1. */
  readonly value: number;
  readonly isDelete: boolean;
}

/** A bar in a table; the number stands beside it. */
export function Share({ value, isDelete }: ShareProps) {
  return (
    <svg class={isDelete ? 'share delete' : 'share'} aria-hidden="true" viewBox="0 0 100 10" preserveAspectRatio="none">
      <rect width={Math.max(round(value * 100), 0.5)} height="10" />
    </svg>
  );
}

import type { RunRecord } from '../../ledger/records.ts';
import { byReason, overTime, type OverTime, type Series, sumOf } from '../over-time.ts';
import { lengthOf, type Span, spanInWords } from '../spans.ts';
import { BarChart } from './charts.tsx';
import { bytes, count, name } from './format.ts';
import { Table } from './parts.tsx';

interface Props {
  /** The newest first. */
  readonly runs: readonly RunRecord[];
  readonly now: Date;
  /** Where the same is shown by repository. */
  readonly more: string;
}

/** What was deleted over time, as charts and as a table. */
export function DeletedOverTime({ runs, now, more }: Props) {
  const time = overTime(runs, now);
  const reasons = byReason(time);
  const size = sumOf(time, 'Size, at most', (totals) => totals.bytes);
  if (reasons.length === 0) return <p class="quiet">No run has found anything to delete.</p>;
  return (
    <>
      <Planned time={time} />
      <div class="charts">
        <BarChart
          title="Tags and manifests to delete, by reason"
          spans={time.spans}
          series={reasons}
          format={count}
          now={now}
        />
        <BarChart title={sizeTitle(time)} spans={time.spans} series={[size]} format={bytes} now={now} />
      </div>
      <p class="small">
        <a href={more}>Over time by repository</a>
      </p>
      <Numbers
        spans={time.spans}
        columns={[...reasons.map((series) => ({ series, format: count })), { series: size, format: bytes }]}
        now={now}
      />
    </>
  );
}

/** Says that nothing was deleted, where there were dry runs only. */
export function Planned({ time }: { readonly time: OverTime }) {
  if (time.of === 'deleted') return null;
  return (
    <p class="quiet">
      Nothing was deleted: there were dry runs only. The charts show what the last one in each bar would have deleted.
    </p>
  );
}

export function sizeTitle({ of }: OverTime): string {
  return of === 'deleted' ? 'Bytes deleted, at most' : 'Bytes to delete, at most';
}

interface NumbersProps {
  readonly spans: readonly Span[];
  readonly columns: readonly { readonly series: Series; readonly format: (value: number) => string }[];
  readonly now: Date;
  readonly of?: string;
}

/** What charts show, as a table: for those who do not see them, and for the exact numbers. */
export function Numbers({ spans, columns, now, of = 'both charts' }: NumbersProps) {
  const [first] = spans;
  const rows = spans
    .map((span, place) => ({ span, place }))
    .filter(({ place }) => columns.some(({ series }) => (series.values[place] ?? 0) > 0))
    .toReversed();
  if (!first || rows.length === 0) return null;
  return (
    <details>
      <summary>{`The numbers of ${of}`}</summary>
      <Table
        caption={`Each ${lengthOf(first)} in which there is something to show, the last first`}
        narrow
        columns={[
          { head: 'Time', cell: ({ span }) => <span class="nowrap">{spanInWords(span, now)}</span> },
          ...columns.map(({ series, format }) => ({
            head: name(series.name),
            number: true,
            cell: ({ place }: { readonly place: number }) => format(series.values[place] ?? 0),
          })),
        ]}
        rows={rows}
      />
    </details>
  );
}

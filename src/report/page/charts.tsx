import { type Series, totalOf } from '../over-time.ts';
import { type Span, spanInWords, ticksOf } from '../spans.ts';
import { name } from './format.ts';

interface ChartProps {
  readonly title: string;
  readonly spans: readonly Span[];
  /** They are stacked in this order, from below. */
  readonly series: readonly Series[];
  readonly format: (value: number) => string;
  readonly now: Date;
  /** `last`: the values are what there was, and are not summed. */
  readonly sum?: 'all' | 'last';
}

/** The highest bar, in percent: a little room is left above it for the smallest parts. */
const HIGHEST = 96;
/** The least that is seen of a part, in percent. */
const LEAST = 0.75;

/**
 * Bars over time, at their dates. All places are percentages, so that the chart is as wide as there is room, and its words
 * keep their size.
 */
export function BarChart({ title, spans, series, format, now, sum = 'all' }: ChartProps) {
  const [first, last] = [spans[0], spans.at(-1)];
  const sums = spans.map((_, place) => series.reduce((all, { values }) => all + (values[place] ?? 0), 0));
  const most = sums.reduce((a, b) => Math.max(a, b), 0);
  if (!first || !last || most === 0) return null;
  const whole = sum === 'all' ? `${format(series.reduce((all, one) => all + totalOf(one), 0))} in all` : undefined;
  const label = [
    `${title}, from ${spanInWords({ ...first, end: first.start + 1 }, now)} to ${spanInWords({ ...last, start: last.end - 1 }, now)}`,
    ...(whole === undefined ? [] : [whole]),
    `at most ${format(most)} in a bar. The table below has the numbers.`,
  ].join(', ');
  const ticks = ticksOf(spans, now);
  return (
    <figure>
      <figcaption>
        <span class="name">{title}</span>
        {whole !== undefined && <span class="quiet">{whole}</span>}
      </figcaption>
      {series.length > 1 && (
        <ul class="legend">
          {series.map((one, index) => (
            <li>
              <svg class="swatch" aria-hidden="true">
                <rect class={colourOf(one, index)} width="100%" height="100%" />
              </svg>
              {name(one.name)}
            </li>
          ))}
        </ul>
      )}
      <div class="plot">
        <div class="scale" aria-hidden="true">
          <span>{format(most)}</span>
          <span>0</span>
        </div>
        <svg role="img" aria-label={label}>
          <line x1="0" x2="100%" y1={percent(100 - HIGHEST)} y2={percent(100 - HIGHEST)} />
          <line x1="0" x2="100%" y1={percent(100 - HIGHEST / 2)} y2={percent(100 - HIGHEST / 2)} />
          {ticks.map(({ at }) => (
            <line x1={percent(at * 100)} x2={percent(at * 100)} y1="0" y2="100%" />
          ))}
          {spans.map((span, place) => (
            <Stack span={span} place={place} of={spans.length} series={series} most={most} format={format} now={now} />
          ))}
          <line class="base" x1="0" x2="100%" y1="100%" y2="100%" />
        </svg>
        <svg class="axis" aria-hidden="true">
          {ticks.map(({ at, label: date }) => (
            <text x={percent(at * 100)} y="1.1em" text-anchor={at > 0.95 ? 'end' : 'middle'}>
              {date}
            </text>
          ))}
        </svg>
      </div>
    </figure>
  );
}

interface StackProps extends Pick<ChartProps, 'series' | 'format' | 'now'> {
  readonly span: Span;
  readonly place: number;
  readonly of: number;
  readonly most: number;
}

/** The parts of one span, one upon the other. */
function Stack({ span, place, of, series, most, format, now }: StackProps) {
  let below = 0;
  return (
    <>
      {series.map((one, index) => {
        const value = one.values[place] ?? 0;
        if (value === 0) return null;
        const height = Math.max((value / most) * HIGHEST, LEAST);
        below += height;
        const words = series.length > 1 ? `${name(one.name)}, ` : '';
        return (
          <rect
            class={colourOf(one, index)}
            x={percent((place / of) * 100 + 10 / of)}
            width={percent(80 / of)}
            y={percent(100 - below)}
            height={percent(height)}
          >
            <title>{`${words}${spanInWords(span, now)}: ${format(value)}`}</title>
          </rect>
        );
      })}
    </>
  );
}

function colourOf({ severity }: Series, index: number): string {
  return severity === undefined ? `s${index}` : `m${severity}`;
}

function percent(value: number): string {
  return `${Math.round(value * 1000) / 1000}%`;
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
      <rect width={Math.max(Math.round(value * 10_000) / 100, 0.5)} height="10" />
    </svg>
  );
}

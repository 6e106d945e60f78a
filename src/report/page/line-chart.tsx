import { ticksOf } from '../spans.ts';
import { count, name } from './format.ts';

/** A value that stands until the next one, and what it was right before. */
interface Step {
  /** Milliseconds since 1970. */
  readonly at: number;
  readonly before: number;
  readonly after: number;
  /** What is said of it. */
  readonly says: string;
  /** It is marked on the line. */
  readonly isMarked: boolean;
}

export interface StepLine {
  readonly name: string;
  /** The value at the beginning. Absent: none is known before the first step. */
  readonly standing?: number | undefined;
  /** In the order of time. */
  readonly steps: readonly Step[];
}

interface LineChartProps {
  /** Of the document: several charts are told apart by it. */
  readonly id: string;
  readonly title: string;
  readonly description: string;
  readonly from: number;
  readonly to: number;
  /** Two or three: they are told apart by their colours and dashes. */
  readonly lines: readonly (StepLine & { readonly style: number })[];
  readonly now: Date;
}

/** The highest value, in percent: a little room is left above it for marks. */
const HIGHEST = 92;
/** A path has no percentages: its places are those of a grid that is stretched to the chart. */
const GRID = 10_000;
/** A line with more steps is no clearer. */
const MOST_MARKS = 200;

/**
 * Lines over time that go in steps: between two runs the last known value stands. All places are relative, so that the
 * chart is as wide as there is room.
 */
export function LineChart({ id, title, description, from, to, lines, now }: LineChartProps) {
  const values = lines.flatMap(({ standing = 0, steps }) => [
    standing,
    ...steps.flatMap(({ before, after }) => [before, after]),
  ]);
  const most = values.reduce((a, b) => Math.max(a, b), 0);
  if (to <= from || lines.every(({ steps, standing }) => steps.length === 0 && standing === undefined)) return null;
  const x = (at: number): number => Math.min(1, Math.max(0, (at - from) / (to - from)));
  const y = (value: number): number => 1 - ((most === 0 ? 0 : value / most) * HIGHEST) / 100;
  const ticks = ticksOf([{ start: from, end: to }], now);
  return (
    <figure>
      <figcaption>
        <span class="name">{title}</span>
      </figcaption>
      <ul class="legend">
        {lines.map(({ name: of, style }) => (
          <li>
            <svg class="stroke" aria-hidden="true">
              <line class={`l${style}`} x1="0" x2="100%" y1="50%" y2="50%" />
            </svg>
            {name(of)}
          </li>
        ))}
      </ul>
      <div class="plot">
        <div class="scale" aria-hidden="true">
          <span>{count(most)}</span>
          <span>0</span>
        </div>
        <svg role="img" aria-labelledby={`${id}-title ${id}-text`}>
          <title id={`${id}-title`}>{title}</title>
          <desc id={`${id}-text`}>{description}</desc>
          <line x1="0" x2="100%" y1={percent(1 - HIGHEST / 100)} y2={percent(1 - HIGHEST / 100)} />
          <line x1="0" x2="100%" y1={percent(1 - HIGHEST / 200)} y2={percent(1 - HIGHEST / 200)} />
          {ticks.map(({ at }) => (
            <line x1={percent(at)} x2={percent(at)} y1="0" y2="100%" />
          ))}
          <svg viewBox={`0 0 ${GRID} ${GRID}`} preserveAspectRatio="none">
            {lines.map((line) => (
              <path class={`l${line.style}`} d={pathOf(line, { x, y })} vector-effect="non-scaling-stroke" />
            ))}
          </svg>
          {lines.map(({ style, steps }) =>
            steps
              .filter(({ isMarked }) => isMarked)
              .slice(-MOST_MARKS)
              .map(({ at, after, says }) => (
                <circle class={`m${style}`} cx={percent(x(at))} cy={percent(y(after))} r="4">
                  <title>{says}</title>
                </circle>
              )),
          )}
          <line class="base" x1="0" x2="100%" y1="100%" y2="100%" />
        </svg>
        <svg class="axis" aria-hidden="true">
          {ticks.map(({ at, label }) => (
            <text x={percent(at)} y="1.1em" text-anchor={at > 0.95 ? 'end' : at < 0.05 ? 'start' : 'middle'}>
              {label}
            </text>
          ))}
        </svg>
      </div>
    </figure>
  );
}

interface Scales {
  readonly x: (at: number) => number;
  readonly y: (value: number) => number;
}

/** Across until a run, up or down to what it found, down to what it left, and across to the end. */
function pathOf({ standing, steps }: StepLine, { x, y }: Scales): string {
  const place = (value: number): number => Math.round(value * GRID);
  const parts: string[] = [];
  if (standing !== undefined) parts.push(`M0 ${place(y(standing))}`);
  for (const { at, before, after } of steps) {
    const across = place(x(at));
    parts.push(
      parts.length === 0 ? `M${across} ${place(y(before))}` : `H${across}V${place(y(before))}`,
      `V${place(y(after))}`,
    );
  }
  return `${parts.join('')}H${GRID}`;
}

function percent(value: number): string {
  return `${Math.round(value * 100_000) / 1000}%`;
}

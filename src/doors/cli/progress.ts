import { SingleBar } from 'cli-progress';
import { printable } from '../../report/escape.ts';
import { middleCut } from '../../report/style.ts';
import type { RunView } from '../../index.ts';

/* How far a run is, on the terminal of standard error. */

/** How often it looks. */
const EVERY_MS = 500;

/** How far back a rate counts: a registry answers in bursts. */
const WINDOW_MS = 30_000;

/** What is not known before so much was seen. */
const SHORTEST_MS = 3_000;

/** What was seen at a moment. */
export interface Sample {
  /** Milliseconds of a clock that is not set. */
  readonly at: number;
  readonly view: RunView;
}

/** What is done of what, in the stage that a run is at. */
function stepsIn({ stage, done, of, planned, deleted, toDelete }: RunView): {
  readonly done: number;
  readonly of: number;
} {
  if (stage === 'deleting' && toDelete > 0) return { done: Math.min(deleted, toDelete), of: toDelete };
  return { done: stage === 'planning' ? done + planned : done, of };
}

/**
 * A line that fits: the stage, a bar, repositories, the rate, the time left.
 * @param samples the oldest first, all of one stage; the last one is now
 */
export function progressLine(samples: readonly Sample[], columns: number): string {
  const now = samples.at(-1);
  if (!now) return '';
  const { view } = now;
  const { stage, done, of, planned, working } = view;
  if (of === 0 || stage === 'checking guards' || stage === 'finishing') return cut(`${capital(stage)} …`, columns);
  const repositories = `${stage === 'planning' ? done + planned : done}/${of} repositories`;
  const parts = [repositories, rateOf(samples), `${leftOf(samples)} left`];
  const text = parts.join('  ');
  const steps = stepsIn(view);
  const beside = columns - capital(stage).length - text.length - 4;
  const size = Math.max(0, Math.min(30, beside));
  const filled = Math.round((steps.of === 0 ? 0 : steps.done / steps.of) * size);
  const bar = size < 5 ? '' : `${'█'.repeat(filled)}${'░'.repeat(size - filled)}  `;
  const line = `${capital(stage)}  ${bar}${text}`;
  const room = columns - line.length - 2;
  const [first] = working;
  return cut(first === undefined || room < 20 ? line : `${line}  ${middleCut(printable(first), room)}`, columns);
}

/** `12.4 deletions/s`, `850 artifacts/s`; – where nothing can be said yet. */
function rateOf(samples: readonly Sample[]): string {
  const isDeleting = samples.at(-1)?.view.stage === 'deleting';
  const noun = isDeleting ? 'deletions/s' : 'artifacts/s';
  const rate = perSecond(samples, ({ deleted, looked }) => (isDeleting ? deleted : looked));
  return `${rate === undefined ? '–' : rate < 10 ? rate.toFixed(1) : String(Math.round(rate))} ${noun}`;
}

/** `2m 10s`; – where it is not known: too little was seen, or nothing moves. */
function leftOf(samples: readonly Sample[]): string {
  const now = samples.at(-1);
  const rate = perSecond(samples, (one) => stepsIn(one).done);
  if (!now || rate === undefined || rate <= 0) return '–';
  const { done, of } = stepsIn(now.view);
  const seconds = Math.ceil((of - done) / rate);
  if (seconds < 60) return `${seconds}s`;
  const [hours, minutes] = [Math.floor(seconds / 3600), Math.floor((seconds % 3600) / 60)];
  return hours > 0 ? `${hours}h ${minutes}m` : `${minutes}m ${seconds % 60}s`;
}

function perSecond(samples: readonly Sample[], count: (view: RunView) => number): number | undefined {
  const [first, last] = [samples[0], samples.at(-1)];
  if (!first || !last || last.at - first.at < SHORTEST_MS) return undefined;
  return ((count(last.view) - count(first.view)) / (last.at - first.at)) * 1000;
}

/** The samples that count for the next line: those of this stage, within the window. */
export function withSample(samples: readonly Sample[], sample: Sample): readonly Sample[] {
  const same = samples.filter(({ at, view }) => view.stage === sample.view.stage && sample.at - at <= WINDOW_MS);
  return [...same, sample];
}

const capital = (text: string): string => text.charAt(0).toUpperCase() + text.slice(1);

function cut(line: string, columns: number): string {
  return line.length <= columns ? line : `${line.slice(0, Math.max(0, columns - 1))}…`;
}

export interface ShownProgress {
  readonly watch: (view: () => RunView) => void;
  readonly stop: () => void;
}

/** A line on a terminal; nothing where standard error goes elsewhere. */
export function showProgress(stderr: NodeJS.WriteStream): ShownProgress {
  if (!stderr.isTTY) return { watch: () => undefined, stop: () => undefined };
  let samples: readonly Sample[] = [];
  let timer: NodeJS.Timeout | undefined;
  const bar = new SingleBar({
    stream: stderr,
    clearOnComplete: true,
    hideCursor: true,
    // A terminal that is made wider or narrower is asked each time.
    format: () => progressLine(samples, (stderr.columns || 80) - 1),
  });
  return {
    watch(view) {
      const look = (): void => {
        samples = withSample(samples, { at: performance.now(), view: view() });
        bar.update(0);
      };
      bar.start(1, 0);
      look();
      timer = setInterval(look, EVERY_MS);
      timer.unref();
    },
    stop() {
      clearInterval(timer);
      bar.stop();
    },
  };
}

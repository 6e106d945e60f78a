import Table from 'cli-table3';
import type { Published, Target } from './cases.ts';
import type { Ceiling } from './ceiling.ts';
import type { Measured, Program } from './measure.ts';

/** A line of the report: one program at one kind of work. */
export interface Row {
  readonly title: string;
  readonly measured: Measured | PublishedRow;
  /** What the ratios are to. */
  readonly acr: Published | undefined;
  readonly targets: readonly Target[];
}

interface PublishedRow extends Published {
  readonly program: 'published';
}

type Cells = readonly (readonly string[])[];

const names: Readonly<Record<Program | 'published', string>> = {
  acr: 'acr purge',
  published: 'acr purge, published',
  cold: 'ours',
  again: 'ours, again',
};

const workHead = ['work', 'program', 'calls', 'deletes', 'wall', 'CPU', 'memory', 'connections', 'registry CPU', 'result']; // prettier-ignore

const ceilingHead = ['the registry alone', 'calls', 'calls a second', 'CPU a call', 'busy'];

export function renderCeiling(found: readonly Ceiling[], isMarkdown: boolean): string {
  const cells = found.map(({ what, calls, callsPerSecond, cpuMicros, busy }) => [
    what, count(calls), count(callsPerSecond), `${Math.round(cpuMicros)} µs`, percent(busy),
  ]); // prettier-ignore
  return render(ceilingHead, cells, isMarkdown);
}

export function renderRows(rows: readonly Row[], isMarkdown: boolean): string {
  return render(workHead, rows.map(cellsOf), isMarkdown);
}

function cellsOf({ title, measured, acr, targets }: Row): readonly string[] {
  const name = names[measured.program];
  if (measured.program === 'published') {
    const { calls, deletes, wallSeconds, peakMegabytes, instead = '' } = measured;
    return [title, name, optional(calls, count), optional(deletes, count), optional(wallSeconds, seconds), '', optional(peakMegabytes, megabytes), '', '', instead]; // prettier-ignore
  }
  const own = measured.program !== 'acr';
  const times = (value: number, other: number | undefined): string =>
    own && other !== undefined && other > 0 ? ` (${(value / other).toFixed(2)}×)` : '';
  const { calls, deletes, wallSeconds, cpuSeconds, peakMegabytes, connections, registryCpuSeconds, wrong } = measured;
  return [
    title,
    name,
    count(calls) + times(calls, acr?.calls),
    count(deletes) + times(deletes, acr?.deletes),
    seconds(wallSeconds) + times(wallSeconds, acr?.wallSeconds),
    optional(cpuSeconds, seconds),
    optional(peakMegabytes, megabytes),
    count(connections),
    percent(registryCpuSeconds / wallSeconds),
    [wrong.length === 0 ? 'OK' : `WRONG: ${wrong.join('; ')}`, ...targets.map(({ text, isMet }) => `${text}${isMet === undefined ? '' : isMet ? ' met' : ' MISSED'}`)].join('; '),
  ]; // prettier-ignore
}

function render(head: readonly string[], cells: Cells, isMarkdown: boolean): string {
  if (isMarkdown) {
    const line = (row: readonly string[]): string => `| ${row.join(' | ')} |`;
    return [line(head), line(head.map((_, n) => (isLeft(head, n) ? '---' : '--:'))), ...cells.map(line)].join('\n');
  }
  const table = new Table({
    head: [...head],
    colAligns: head.map((_, n) => (isLeft(head, n) ? 'left' : 'right')),
    style: { head: [], border: [], compact: true },
    wordWrap: true,
    colWidths: head.map((name) => (name === 'work' ? 34 : name === 'result' ? 46 : null)),
  });
  for (const row of cells) table.push([...row]);
  return table.toString();
}

function isLeft(head: readonly string[], n: number): boolean {
  return n === 0 || ['program', 'result'].includes(head[n] ?? '');
}

function optional(value: number | undefined, show: (value: number) => string): string {
  return value === undefined ? '' : show(value);
}

function count(value: number): string {
  return Math.round(value).toLocaleString('en');
}

function seconds(value: number): string {
  return `${value.toFixed(1)} s`;
}

function megabytes(value: number): string {
  return `${Math.round(value)} MB`;
}

function percent(share: number): string {
  return `${Math.round(share * 100)} %`;
}

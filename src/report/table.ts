import Table from 'cli-table3';
import { type Style, paint, wrapped } from './style.ts';

/** Lines without a frame, so that they read as well in a log as on a terminal. */
const FRAMELESS = {
  chars: {
    top: '', 'top-mid': '', 'top-left': '', 'top-right': '',
    bottom: '', 'bottom-mid': '', 'bottom-left': '', 'bottom-right': '',
    left: '', 'left-mid': '', mid: '', 'mid-mid': '', right: '', 'right-mid': '', middle: '  ',
  },
  style: { head: [], border: [], 'padding-left': 0, 'padding-right': 0 },
}; // prettier-ignore

export type Cell = string | number;

export interface Columns {
  readonly head: readonly string[];
  /** What is said of a row below its first cell where it does not fit into a line; absent: its cells. */
  readonly inWords?: (row: readonly Cell[]) => string;
  readonly right: readonly number[];
}

/** Rows in columns; where that is too wide, each row in lines of its own: its first cell, then the others by name. */
export function renderTable(
  style: Style,
  { head, inWords = cellsInWords, right }: Columns,
  rows: readonly (readonly Cell[])[],
): string {
  const rendered = new Table({
    ...FRAMELESS,
    head: [...head],
    colAligns: head.map((_, index) => (right.includes(index) ? 'right' : 'left')),
  });
  for (const row of rows) rendered.push([...row]);
  const [first = '', ...others] = trimmed(rendered);
  if (!style.wraps || [first, ...others].every((line) => line.length <= style.width))
    return [paint(style, 'bold', first), ...others].join('\n');
  return rows.flatMap((row) => stacked(style, row, inWords(row))).join('\n');
}

/** Facts, a line each: what it is called, and what it is. */
export function renderFacts(style: Style, facts: readonly (readonly [string, string])[]): string {
  const indent = facts.reduce((widest, [{ length }]) => Math.max(widest, length), 0) + 2;
  return facts
    .flatMap(([name, value]) => {
      const lines = style.wraps ? wrapped(value, style.width - indent) : [value];
      return lines.map((line, index) => ((index === 0 ? name : '').padEnd(indent) + line).trimEnd());
    })
    .join('\n');
}

function stacked({ width }: Style, [first = '']: readonly Cell[], text: string): readonly string[] {
  return [String(first), ...wrapped(text, width - 2).map((line) => `  ${line}`)];
}

function cellsInWords([, ...others]: readonly Cell[]): string {
  return others.filter((cell) => cell !== '').join(', ');
}

function trimmed(table: InstanceType<typeof Table>): readonly string[] {
  return table.toString().replace(/ +$/gm, '').split('\n');
}

import Table from 'cli-table3';
import stringWidth from 'string-width';
import { middleCut, type Style, paint, wrapped } from './style.ts';

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
  /** Columns of names, which are shortened in their middle where a line is too long; absent: the first one. */
  readonly names?: readonly number[];
}

/** Between columns. */
const GAP = 2;

/** A name is not shortened to less. */
const SHORTEST_NAME = 12;

/**
 * Rows in columns. On a terminal where that is too wide, names are shortened; where it still is, each row has lines of its
 * own: its first cell, then the others by name.
 */
export function renderTable(style: Style, columns: Columns, all: readonly (readonly Cell[])[]): string {
  const { head, inWords = cellsInWords, right } = columns;
  const fitted = style.wraps ? fittedTo(style.width, columns, all) : all;
  if (!fitted) return all.flatMap((row) => stacked(style, row, inWords(row))).join('\n');
  const rendered = new Table({
    ...FRAMELESS,
    head: [...head],
    colAligns: head.map((_, index) => (right.includes(index) ? 'right' : 'left')),
  });
  for (const row of fitted) rendered.push([...row]);
  const [first = '', ...others] = trimmed(rendered);
  return [paint(style, 'bold', first), ...others].join('\n');
}

/** The rows, with names as short as they have to be; `undefined` where the lines are too long even so. */
function fittedTo(
  width: number,
  { head, names = [0] }: Columns,
  rows: readonly (readonly Cell[])[],
): readonly (readonly Cell[])[] | undefined {
  const widths = head.map((title, index) =>
    rows.reduce((widest, row) => Math.max(widest, stringWidth(String(row[index] ?? ''))), stringWidth(title)),
  );
  const least = widths.map((own, index) =>
    names.includes(index) ? Math.min(own, Math.max(SHORTEST_NAME, stringWidth(head[index] ?? ''))) : own,
  );
  const sum = (all: readonly number[]): number => all.reduce((total, one) => total + one, GAP * (all.length - 1));
  if (sum(least) > width) return undefined;
  // The longest names are shortened first.
  for (let over = sum(widths) - width; over > 0; over -= 1) {
    const longest = widths.reduce(
      (found, own, index) => (own > (least[index] ?? 0) && own > (widths[found] ?? 0) ? index : found),
      widths.findIndex((own, index) => own > (least[index] ?? 0)),
    );
    widths[longest] = (widths[longest] ?? 0) - 1;
  }
  return rows.map((row) =>
    row.map((cell, index) => (names.includes(index) ? middleCut(String(cell), widths[index] ?? 0) : cell)),
  );
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

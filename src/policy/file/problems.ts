import { PolicyError, quote } from '../errors.ts';

/** A line and a column, both from 1. */
export interface Place {
  readonly line: number;
  readonly column: number;
}

interface Where {
  readonly cause?: unknown;
  /** Put in front of the place. */
  readonly where?: string;
}

/** A mistake in a policy file: `retention.yaml:7:16: olderThan "1.5d": …`. */
export class PolicyFileError extends PolicyError {
  readonly file: string;
  readonly place: Place;

  constructor(file: string, place: Place, key: string, text: string | undefined, problem: string, options?: Where) {
    super(key, text, problem, { cause: options?.cause, where: `${options?.where ?? ''}${located(file, place)}` });
    this.file = file;
    this.place = place;
  }

  override at(where: string): PolicyFileError {
    return new PolicyFileError(this.file, this.place, this.flag, this.text, this.problem, {
      cause: this,
      where: `${where}: `,
    });
  }
}

/** The beginning of a message about a place in a file. The name of a file may have any characters. */
export function located(file: string, { line, column }: Place): string {
  return `${plain(file)}:${line}:${column}: `;
}

/** As `quote`, without the quotation marks. */
export function plain(text: string): string {
  return quote(text).slice(1, -1);
}

/** The name among these that was probably meant; undefined where none is much like it. */
export function nearest(name: string, known: Iterable<string>): string | undefined {
  const written = simplified(name);
  let best: { readonly name: string; readonly distance: number } | undefined;
  // A longer one is no key, and would take long to compare.
  if (written.length > 40) return undefined;
  for (const one of known) {
    const distance = editDistance(written, simplified(one));
    if (distance <= Math.max(1, Math.floor(one.length / 3)) && distance < (best?.distance ?? Infinity))
      best = { name: one, distance };
  }
  return best?.name;
}

/** `older_than` and `older-than` are `olderThan`. */
function simplified(name: string): string {
  return name.toLowerCase().replace(/[^a-z0-9]/g, '');
}

/** How many letters must be put in, left out or replaced to get from one text to the other. */
function editDistance(from: string, to: string): number {
  let row = Array.from({ length: to.length + 1 }, (_, index) => index);
  for (const [index, letter] of Array.from(from).entries()) {
    const next = [index + 1];
    for (const [column, other] of Array.from(to).entries()) {
      const replaced = (row[column] ?? 0) + (letter === other ? 0 : 1);
      next.push(Math.min(replaced, (row[column + 1] ?? 0) + 1, (next[column] ?? 0) + 1));
    }
    row = next;
  }
  return row.at(-1) ?? 0;
}

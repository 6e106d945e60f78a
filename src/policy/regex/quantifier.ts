import type { Cursor } from './cursor.ts';

/** V8 copies a counted part up to as often as its count. */
const LARGEST_COUNT = 1000;
/** What regexp2 takes for no upper bound. */
const UNBOUNDED = 2 ** 31 - 1;

export interface Quantifier {
  readonly min: number;
  /** Infinity when there is no upper bound. */
  readonly max: number;
  readonly lazy: boolean;
}

/** Moves past comments and, if the flag `x` is on, white space. */
export function skipBlank(cursor: Cursor, extended: boolean): void {
  for (;;) {
    if (extended && cursor.takeWhile(/[\t-\r ]/) !== '') continue;
    if (extended && cursor.peek() === '#') {
      cursor.takeWhile(/[^\n]/u);
    } else if (cursor.take('(?#')) {
      cursor.takeWhile(/[^)]/u);
      if (!cursor.take(')')) cursor.fail('the comment (?# is not closed');
    } else {
      return;
    }
  }
}

/** Whether a quantifier comes next; braces with anything but a count in them, like `{,3}`, stand for themselves. */
export function isAtQuantifier(cursor: Cursor): boolean {
  const next = cursor.peek();
  if (next !== '{') return next !== '' && '*+?'.includes(next);
  const { at } = cursor;
  cursor.next();
  let counted = cursor.takeWhile(/[0-9]/) !== '';
  if (cursor.take(',')) cursor.takeWhile(/[0-9]/);
  counted &&= cursor.take('}');
  cursor.at = at;
  return counted;
}

/** Reads the quantifier that comes next. */
export function readQuantifier(cursor: Cursor, extended: boolean): Quantifier {
  const [min, max] = readBounds(cursor);
  skipBlank(cursor, extended);
  return { min, max, lazy: cursor.take('?') };
}

function readBounds(cursor: Cursor): readonly [number, number] {
  switch (cursor.next()) {
    case '*':
      return [0, Infinity];
    case '+':
      return [1, Infinity];
    case '?':
      return [0, 1];
  }
  const min = Number(cursor.takeWhile(/[0-9]/));
  let max = min;
  if (cursor.take(',')) {
    const bound = cursor.takeWhile(/[0-9]/);
    max = bound === '' || Number(bound) === UNBOUNDED ? Infinity : Number(bound);
  }
  cursor.take('}');
  if (min > max) cursor.fail('the bounds of a count are in reverse order');
  if (min > LARGEST_COUNT || (max > LARGEST_COUNT && max !== Infinity)) {
    cursor.fail(`a count is limited to ${LARGEST_COUNT}; write e.g. {3,} for no upper bound`);
  }
  return [min, max];
}

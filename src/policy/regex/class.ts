import { quote } from '../errors.ts';
import type { Cursor } from './cursor.ts';
import { codeOf, readEscapedCharacter } from './escape.ts';
import { allBut, categoriesOf, type Category, Members, type Range } from './members.ts';
import { complement, DIGITS, NOTHING, SPACE, WORD, type CharacterSet } from './syntax.ts';

const DIGIT_RANGES: readonly Range[] = [[0x30, 0x39]];
const WORD_RANGES: readonly Range[] = [
  [0x30, 0x39],
  [0x41, 0x5a],
  [0x5f, 0x5f],
  [0x61, 0x7a],
];
const SPACE_RANGES: readonly Range[] = [
  [0x09, 0x0a],
  [0x0c, 0x0d],
  [0x20, 0x20],
];
/** `[:space:]` has more than `\s`. */
const WIDE_SPACE_RANGES: readonly Range[] = [
  [0x09, 0x0d],
  [0x20, 0x20],
  [0xa0, 0xa0],
  [0x1680, 0x1680],
  [0x2000, 0x200a],
  [0x2028, 0x2029],
  [0x202f, 0x202f],
  [0x205f, 0x205f],
  [0x3000, 0x3000],
  [0xfeff, 0xfeff],
];

const SHORTHANDS: Readonly<Record<string, { readonly ranges: readonly Range[]; readonly set: CharacterSet }>> = {
  d: { ranges: DIGIT_RANGES, set: DIGITS },
  s: { ranges: SPACE_RANGES, set: SPACE },
  w: { ranges: WORD_RANGES, set: WORD },
};

/** All but `[:digit:]`, which is a category. */
const POSIX: ReadonlyMap<string, readonly Range[]> = new Map<string, readonly Range[]>([
  ['alnum', rangesIn('09AZaz')],
  ['alpha', rangesIn('AZaz')],
  ['ascii', rangesIn('\0\x7f')],
  ['blank', rangesIn('\t\t  ')],
  ['cntrl', rangesIn('\0\x1f\x7f\x7f')],
  ['graph', rangesIn('!~')],
  ['lower', rangesIn('az')],
  ['print', rangesIn(' ~')],
  ['punct', rangesIn('!/:@[`{~')],
  ['space', WIDE_SPACE_RANGES],
  ['upper', rangesIn('AZ')],
  ['word', WORD_RANGES],
  ['xdigit', rangesIn('09AFaf')],
]);

/** Each two characters are the first and the last one of a range. */
function rangesIn(text: string): readonly Range[] {
  return Array.from({ length: text.length / 2 }, (_, index) => [
    text.charCodeAt(2 * index),
    text.charCodeAt(2 * index + 1),
  ]);
}

/** Reads what follows a backslash if it is one of `\d \D \s \S \w \W \p{…} \P{…}`. */
export function readShorthand(cursor: Cursor, ignoreCase: boolean): CharacterSet | undefined {
  const letter = cursor.peek();
  const shorthand = SHORTHANDS[letter.toLowerCase()];
  if (shorthand) {
    cursor.next();
    return letter < 'a' ? complement(shorthand.set) : shorthand.set;
  }
  const categories = readCategories(cursor, ignoreCase);
  if (!categories) return undefined;
  const members = new Members();
  for (const category of categories) members.addCategory(category);
  return members.set(ignoreCase);
}

/** Reads `p{L}`, `pL`, `P{L}` or `PL` after a backslash. */
function readCategories(cursor: Cursor, ignoreCase: boolean): readonly Category[] | undefined {
  const negated = cursor.peek() === 'P';
  if (!negated && cursor.peek() !== 'p') return undefined;
  cursor.next();
  const braced = cursor.take('{');
  const name = braced ? cursor.takeWhile(/[\w-]/) : cursor.next();
  if (braced && !cursor.take('}')) cursor.fail('\\p{ is not closed; write e.g. \\p{L}');
  const categories = categoriesOf(name, negated, ignoreCase);
  if (!categories) {
    cursor.fail(
      `\\p{${quote(name).slice(1, -1)}} is no category of characters that is known here; write e.g. \\p{L}, \\p{Lu} or \\p{Nd}`,
    );
  }
  for (const one of categories) cursor.categories.push(one);
  return categories;
}

/**
 * Reads a class of characters, the `[` already read, by .NET's rules: `[` and `&&` inside are plain characters, a `]`
 * right at the start too, and `-[…]` at the end takes characters away.
 */
export function readClass(cursor: Cursor, ignoreCase: boolean, depth = 0): CharacterSet {
  if (depth > 20) cursor.fail('classes are subtracted from each other too deeply');
  const negated = cursor.take('^');
  const members = new Members();
  let subtracted = NOTHING;
  for (let first = true; ; first = false) {
    const character = cursor.next();
    if (character === '') cursor.fail('[ is not closed; write \\[ for a bracket itself');
    if (character === ']' && !first) break;
    if (character === '\\' && readInClass(cursor, members, ignoreCase)) continue;
    if (character === '[' && cursor.peek() === ':' && readPosix(cursor, members)) continue;
    if (character === '-' && cursor.peek() === '[' && !first) {
      cursor.next();
      subtracted = readSubtraction(cursor, ignoreCase, depth);
      continue;
    }
    const from = character === '\\' ? readEscapedCharacter(cursor, true) : codeOf(character);
    if (cursor.peek() !== '-' || cursor.peek(1) === ']' || cursor.peek(1) === '') {
      members.addRanges([[from, from]]);
      continue;
    }
    cursor.next();
    if (cursor.take('[')) {
      members.addRanges([[from, from]]);
      subtracted = readSubtraction(cursor, ignoreCase, depth);
      continue;
    }
    members.addRanges([[from, readRangeEnd(cursor, from)]]);
  }
  const set = members.set(ignoreCase);
  return (negated ? complement(set) : set) & ~subtracted;
}

/** Reads a shorthand or `\-` after a backslash in a class; false if what follows is an escaped character. */
function readInClass(cursor: Cursor, members: Members, ignoreCase: boolean): boolean {
  if (cursor.take('-')) {
    members.addRanges([[0x2d, 0x2d]]);
    return true;
  }
  const letter = cursor.peek();
  const shorthand = SHORTHANDS[letter.toLowerCase()];
  if (shorthand) {
    cursor.next();
    members.addRanges(letter < 'a' ? allBut(shorthand.ranges) : shorthand.ranges);
    return true;
  }
  const categories = readCategories(cursor, ignoreCase);
  for (const category of categories ?? []) members.addCategory(category);
  return categories !== undefined;
}

/** Reads `:alpha:]` after a bracket in a class; false if it is not closed, and then the bracket stands for itself. */
function readPosix(cursor: Cursor, members: Members): boolean {
  const { at } = cursor;
  cursor.next();
  const negated = cursor.take('^');
  const name = cursor.takeWhile(/[\p{L}\p{Mn}\p{Nd}\p{Pc}\u200c\u200d]/u);
  const ranges = POSIX.get(name);
  if (ranges) members.addRanges(negated ? allBut(ranges) : ranges);
  else if (name === 'digit') {
    const category = { name: 'Nd', negated, set: DIGITS };
    cursor.categories.push(category);
    members.addCategory(category);
  } else cursor.fail('[: in a class begins a class like [:alpha:] that is not known; write \\[ for a bracket');
  // regexp2 has added it to the class all the same.
  if (!cursor.take(':]')) cursor.at = at;
  return cursor.at !== at;
}

function readSubtraction(cursor: Cursor, ignoreCase: boolean, depth: number): CharacterSet {
  const subtracted = readClass(cursor, ignoreCase, depth + 1);
  if (cursor.peek() !== ']') cursor.fail('a subtraction like -[aeiou] must be the last thing in a class');
  return subtracted;
}

function readRangeEnd(cursor: Cursor, from: number): number {
  const character = cursor.next();
  if (character === '\\' && (cursor.peek() === '' || 'dDsSwWpP-'.includes(cursor.peek()))) {
    cursor.fail('a range in a class ends with one character; put the - first or last if it stands for itself');
  }
  const to = character === '\\' ? readEscapedCharacter(cursor, true) : codeOf(character);
  if (from > to) cursor.fail('a range in a class is in reverse order');
  return to;
}

import { quote } from '../error.ts';
import type { Cursor } from './cursor.ts';
import {
  charactersOf,
  complement,
  DIGITS,
  foldCase,
  NOTHING,
  PRINTABLE,
  range,
  SPACE,
  WORD,
  type CharacterSet,
} from './syntax.ts';

const POSIX: ReadonlyMap<string, string> = new Map([
  ['alnum', '0-9A-Za-z'],
  ['alpha', 'A-Za-z'],
  ['ascii', '\\0-\\x7f'],
  ['blank', ' '],
  ['cntrl', '\\0-\\x1f'],
  ['digit', '0-9'],
  ['graph', '!-~'],
  ['lower', 'a-z'],
  ['print', ' -~'],
  ['punct', '!-\\/:-@\\[-`{-~'],
  ['space', ' '],
  ['upper', 'A-Z'],
  ['word', '0-9A-Za-z_'],
  ['xdigit', '0-9A-Fa-f'],
]);

const CATEGORY = /^(?:C[cfos]?|L[lmotu]?|M[cen]?|N[dlo]?|P[cdefios]?|S[ckmo]?|Z[lps]?)$/;
/** Go knows every script of Unicode by its long name; these are the ones anybody has a reason to write here. */
const SCRIPT = /^(?:Latin|Common|Greek|Cyrillic|Han|Arabic|Hebrew|Hiragana|Katakana|Hangul|Thai|Devanagari)$/;

/** A `\w`, `\P{L}` or the like: what it matches, and its name with the sign, e.g. `w` or `-L`. */
export interface Shorthand {
  readonly name: string;
  readonly negated: boolean;
  readonly set: CharacterSet;
}

/**
 * Reads what follows a backslash if it is one of `\d \D \s \S \w \W \p{…} \P{…}`. All of them mean ASCII only: names
 * have no other characters.
 */
export function readShorthand(cursor: Cursor, ignoreCase: boolean): Shorthand | undefined {
  const letter = cursor.peek();
  if (letter === '' || !'dDsSwWpP'.includes(letter)) return undefined;
  cursor.next();
  const negated = letter < 'a';
  const name = letter === 'p' || letter === 'P' ? readProperty(cursor, ignoreCase) : letter.toLowerCase();
  const sets: Record<string, CharacterSet> = { d: DIGITS, s: SPACE, w: WORD };
  const set = sets[name] ?? property(name, ignoreCase);
  return { name, negated, set: negated ? complement(set) : set };
}

function readProperty(cursor: Cursor, ignoreCase: boolean): string {
  if (!cursor.take('{')) cursor.fail('after \\p comes the name of a category in braces, e.g. \\p{L}');
  const name = cursor.takeWhile(/[\w-]/);
  if (!cursor.take('}')) cursor.fail('\\p{ is not closed; write e.g. \\p{L}');
  if (!CATEGORY.test(name) && !SCRIPT.test(name)) {
    cursor.fail(`\\p{${name}} is no category of characters that is known here; write e.g. \\p{L}, \\p{Lu} or \\p{Nd}`);
  }
  // Ignoring case, regexp2 takes the three categories of cased letters for one.
  return ignoreCase && /^L[ult]$/.test(name) ? 'L' : name;
}

function property(name: string, ignoreCase: boolean): CharacterSet {
  const set = charactersOf(CATEGORY.test(name) ? `\\p{${name}}` : `\\p{Script=${name}}`);
  return ignoreCase ? foldCase(set) : set;
}

/**
 * Reads a class of characters, the `[` already read, by .NET's rules: `[` and `&&` inside are plain characters, a `]`
 * right at the start too, and `-[…]` at the end takes characters away.
 */
export function readClass(cursor: Cursor, ignoreCase: boolean, depth = 0): CharacterSet {
  if (depth > 20) cursor.fail('classes are subtracted from each other too deeply');
  const negated = cursor.take('^');
  const items = new ClassItems(cursor, ignoreCase);
  let subtracted = NOTHING;
  for (let first = true; ; first = false) {
    const character = cursor.next();
    if (character === '') cursor.fail('[ is not closed; write \\[ for a bracket itself');
    if (character === ']' && !first) break;
    if (character === '\\' && readInClass(cursor, items)) continue;
    if (character === '[' && cursor.peek() === ':') {
      readPosix(cursor, items);
      continue;
    }
    if (character === '-' && cursor.peek() === '[' && !first) {
      cursor.next();
      subtracted = readSubtraction(cursor, ignoreCase, depth);
      continue;
    }
    const from = character === '\\' ? readEscapedCharacter(cursor, true) : codeOf(character);
    if (cursor.peek() !== '-' || cursor.peek(1) === ']' || cursor.peek(1) === '') {
      items.addRange(from, from);
      continue;
    }
    cursor.next();
    if (cursor.take('[')) {
      items.addRange(from, from);
      subtracted = readSubtraction(cursor, ignoreCase, depth);
      continue;
    }
    items.addRange(from, readRangeEnd(cursor, from));
  }
  const set = items.set();
  return (negated ? complement(set) : set) & ~subtracted;
}

/** What a class has collected. */
class ClassItems {
  readonly #cursor: Cursor;
  readonly ignoreCase: boolean;
  readonly #shorthands: Shorthand[] = [];
  #set = NOTHING;

  constructor(cursor: Cursor, ignoreCase: boolean) {
    this.#cursor = cursor;
    this.ignoreCase = ignoreCase;
  }

  addSet(set: CharacterSet): void {
    this.#set |= set;
  }

  addRange(from: number, to: number): void {
    if (this.ignoreCase) refuseBeyondAscii(this.#cursor, to);
    this.#set |= range(from, to);
  }

  addShorthand(shorthand: Shorthand): void {
    this.#shorthands.push(shorthand);
  }

  set(): CharacterSet {
    const known = new Map<string, boolean>();
    let afterNegated = false;
    for (const { name, negated } of this.#shorthands) {
      const before = known.get(name);
      if (before === negated) continue;
      // [\s\S]: everything.
      if (before !== undefined) return PRINTABLE;
      // regexp2 stops looking at the first negated one, so that [\W\d] has no digits in it, in some of its versions.
      if (afterNegated) {
        this.#cursor.fail('a negated shorthand must be the last one in a class; write e.g. [\\d\\W] for [\\W\\d]');
      }
      known.set(name, negated);
      afterNegated = negated;
    }
    const set = this.#shorthands.reduce((sum, shorthand) => sum | shorthand.set, this.#set);
    return this.ignoreCase ? foldCase(set) : set;
  }
}

/** Reads a shorthand or `\-` after a backslash in a class; false if what follows is an escaped character. */
function readInClass(cursor: Cursor, items: ClassItems): boolean {
  if (cursor.take('-')) {
    items.addRange(0x2d, 0x2d);
    return true;
  }
  const shorthand = readShorthand(cursor, items.ignoreCase);
  if (shorthand) items.addShorthand(shorthand);
  return shorthand !== undefined;
}

function readPosix(cursor: Cursor, items: ClassItems): void {
  cursor.next();
  const negated = cursor.take('^');
  const name = cursor.takeWhile(/\w/);
  const source = POSIX.get(name);
  if (source === undefined || !cursor.take(':]')) {
    cursor.fail('[: in a class begins a class like [:alpha:] that is not known or not closed; write \\[ for a bracket');
  }
  const set = charactersOf(source);
  if (name === 'digit') items.addShorthand({ name: 'd', negated, set: negated ? complement(set) : set });
  else items.addSet(negated ? complement(set) : set);
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

/**
 * Reads what follows a backslash as one character: octal, hexadecimal, control and letter escapes, or punctuation that
 * stands for itself.
 *
 * @returns its code point.
 */
export function readEscapedCharacter(cursor: Cursor, inClass = false): number {
  if (/[0-7]/.test(cursor.peek())) return Number.parseInt(cursor.takeWhile(/[0-7]/, 3), 8) & 0xff;
  const character = cursor.next();
  switch (character) {
    case 'x':
      if (cursor.take('{')) {
        const code = readHex(cursor, 1, 6);
        if (!cursor.take('}')) cursor.fail('\\x{ is not closed');
        return code;
      }
      return readHex(cursor, 2, 2);
    case 'u':
      return readHex(cursor, 4, 4);
    case 'c': {
      const control = cursor.next();
      if (!/[@-_a-z]/.test(control)) cursor.fail('\\c is followed by a letter');
      return codeOf(control.toUpperCase()) - 0x40;
    }
    case '':
      return cursor.fail('the pattern ends with a backslash');
    default: {
      const known = 'abefnrtv'.indexOf(character);
      if (known >= 0 && (inClass || character !== 'b')) return codeOf('\x07\b\x1b\f\n\r\t\v'.charAt(known));
      // regexp2 before 1.10 refuses a needless backslash before a letter, later it drops it; the underscore is harmless.
      if (/[^\W_]|[^ -~]/.test(character)) {
        cursor.fail(
          `\\${quote(character).slice(1, -1)} has no meaning here; leave the backslash away for the character itself`,
        );
      }
      return codeOf(character);
    }
  }
}

/** A character that stands for itself; ignoring case, regexp2 folds some characters beyond ASCII into ASCII. */
export function refuseBeyondAscii(cursor: Cursor, code: number): void {
  if (code > 0x7f) cursor.fail('ignoring case is limited to ASCII; names and tags have no other characters');
}

export function codeOf(character: string): number {
  return character.codePointAt(0) ?? 0;
}

function readHex(cursor: Cursor, least: number, most: number): number {
  const digits = cursor.takeWhile(/[0-9a-fA-F]/, most);
  if (digits.length < least) cursor.fail('hexadecimal digits are missing; write e.g. \\x2d');
  const code = Number.parseInt(digits, 16);
  if (code > 0x10ffff) cursor.fail('no character has so high a number');
  return code;
}

import { quote } from '../errors.ts';
import { codeOf, readCharacter } from './escape.ts';
import type { Reader } from './reader.ts';
import {
  categoriesOf,
  type Category,
  charactersOf,
  type CharacterSet,
  complement,
  DIGITS,
  isIn,
  lowerCase,
  NOTHING,
  PRINTABLE,
  range,
  setOf,
  SPACE,
  withSmallLetters,
  WORD,
} from './sets.ts';

const SHORTHANDS: Readonly<Record<string, CharacterSet>> = {
  d: DIGITS,
  D: complement(DIGITS),
  s: SPACE,
  S: complement(SPACE),
  w: WORD,
  W: complement(WORD),
};

/** All but `[:digit:]`, which is a category. */
const POSIX: ReadonlyMap<string, CharacterSet> = new Map(
  Object.entries({
    alnum: charactersOf('0-9A-Za-z'),
    alpha: charactersOf('A-Za-z'),
    ascii: PRINTABLE,
    blank: SPACE,
    cntrl: NOTHING,
    graph: charactersOf('!-~'),
    lower: charactersOf('a-z'),
    print: PRINTABLE,
    punct: charactersOf('!-\\/:-@\\[-`\\{-~'),
    space: SPACE,
    upper: charactersOf('A-Z'),
    word: WORD,
    xdigit: charactersOf('0-9A-Fa-f'),
  }),
);

/** Reads classes of characters, and remembers which categories they named, like the `L` of `\p{L}`. */
export class ClassReader {
  readonly #reader: Reader;
  readonly categories: Category[] = [];

  constructor(reader: Reader) {
    this.#reader = reader;
  }

  /** Reads what follows a backslash if it is one of `\d \D \s \S \w \W \p{…} \P{…}`. */
  shorthand(ignoreCase: boolean): CharacterSet | undefined {
    const set = this.#letter();
    if (set !== undefined) return PRINTABLE & set;
    const categories = this.#category(ignoreCase);
    return categories && new Members(categories).set(ignoreCase);
  }

  /**
   * Reads a class, the `[` already read, by .NET's rules: `[` and `&&` inside are plain characters, a `]` right at the
   * start too, and `-[…]` at the end takes characters away.
   */
  class(ignoreCase: boolean, depth = 0): CharacterSet {
    const reader = this.#reader;
    if (depth > 20) reader.fail('classes are subtracted from each other too deeply');
    const isNegated = reader.take('^');
    const members = new Members();
    let subtracted = NOTHING;
    for (let isFirst = true; isFirst || !reader.take(']'); isFirst = false) {
      if (reader.atEnd) reader.fail('[ is not closed; write \\[ for a bracket itself');
      if (!isFirst && reader.take('-[')) {
        subtracted = this.#subtraction(ignoreCase, depth);
        continue;
      }
      const from = this.#member(members, ignoreCase);
      if (from === undefined) continue;
      // A hyphen before a ] stands for itself.
      const isRange = reader.look(/-[^\][]/uy) !== undefined && reader.take('-');
      members.add(range(from, isRange ? this.#rangeEnd(from) : from));
    }
    const set = members.set(ignoreCase);
    return PRINTABLE & (isNegated ? complement(set) : set) & ~subtracted;
  }

  /** Reads one member of a class, and adds it unless it is a character, which may begin a range: then returns its code. */
  #member(members: Members, ignoreCase: boolean): number | undefined {
    const reader = this.#reader;
    if (reader.sees('[:') && this.#posix(members)) return undefined;
    if (!reader.take('\\')) return codeOf(reader.next());
    const set = reader.take('-') ? range(0x2d, 0x2d) : this.#letter();
    const categories = set === undefined ? this.#category(ignoreCase) : [];
    if (categories === undefined) return readCharacter(reader, true);
    members.add(set ?? NOTHING);
    for (const one of categories) members.addCategory(one);
    return undefined;
  }

  #letter(): CharacterSet | undefined {
    const [letter] = this.#reader.match(/[dDsSwW]/uy) ?? [];
    return letter === undefined ? undefined : SHORTHANDS[letter];
  }

  /** Reads `p{L}`, `pL`, `P{L}` or `PL` after a backslash. */
  #category(ignoreCase: boolean): readonly Category[] | undefined {
    const reader = this.#reader;
    const [, letter] = reader.match(/([pP])/uy) ?? [];
    if (letter === undefined) return undefined;
    const isBraced = reader.take('{');
    const name = isBraced ? (reader.match(/[\w-]*/uy)?.[0] ?? '') : reader.next();
    if (isBraced && !reader.take('}')) reader.fail('\\p{ is not closed; write e.g. \\p{L}');
    const found = categoriesOf(name, letter === 'P', ignoreCase);
    if (!found)
      return reader.fail(
        `\\p{${quote(name).slice(1, -1)}} is no category of characters that is known here; write e.g. \\p{L}, \\p{Lu} or \\p{Nd}`,
      );
    for (const one of found) this.categories.push(one);
    return found;
  }

  /** Reads `[:alpha:]` in a class; false if it is not closed, and then the bracket stands for itself. */
  #posix(members: Members): boolean {
    const reader = this.#reader;
    const { at } = reader;
    const [, negation, name = ''] = reader.match(/\[:(\^?)([\p{L}\p{Mn}\p{Nd}\p{Pc}\u200c\u200d]*)/uy) ?? [];
    const isNegated = negation === '^';
    const set = POSIX.get(name);
    if (set !== undefined) members.add(isNegated ? complement(set) : set);
    else if (name === 'digit') {
      const category = { name: 'Nd', negated: isNegated, set: DIGITS };
      this.categories.push(category);
      members.addCategory(category);
    } else reader.fail('[: in a class begins a class like [:alpha:] that is not known; write \\[ for a bracket');
    if (reader.take(':]')) return true;
    // regexp2 has added it to the class all the same.
    reader.at = at;
    return false;
  }

  #subtraction(ignoreCase: boolean, depth: number): CharacterSet {
    const subtracted = this.class(ignoreCase, depth + 1);
    if (!this.#reader.sees(']')) this.#reader.fail('a subtraction like -[aeiou] must be the last thing in a class');
    return subtracted;
  }

  #rangeEnd(from: number): number {
    const reader = this.#reader;
    if (reader.look(/\\(?:$|[dDsSwWpP-])/uy))
      reader.fail('a range in a class ends with one character; put the - first or last if it stands for itself');
    const to = reader.take('\\') ? readCharacter(reader, true) : codeOf(reader.next());
    if (from > to) reader.fail('a range in a class is in reverse order');
    return to;
  }
}

/**
 * What a class in brackets lists, read as regexp2 does it, oddities included: where case is ignored it looks for the small
 * letter of a character, and it asks no category that follows a negated one.
 */
class Members {
  #listed = NOTHING;
  readonly #categories: Category[] = [];
  #isAnything = false;

  constructor(categories: readonly Category[] = []) {
    for (const one of categories) this.addCategory(one);
  }

  add(set: CharacterSet): void {
    this.#listed |= set;
  }

  addCategory(category: Category): void {
    const known = this.#categories.find(({ name }) => name === category.name);
    if (known === undefined) this.#categories.push(category);
    else if (known.negated !== category.negated) this.#isAnything = true;
  }

  /** The printable characters that are listed. */
  set(ignoreCase: boolean): CharacterSet {
    if (this.#isAnything) return PRINTABLE;
    if (!ignoreCase && this.#categories.length === 0) return this.#listed;
    const listed = ignoreCase ? withSmallLetters(this.#listed) : this.#listed;
    return setOf((code) => {
      const asked = ignoreCase ? lowerCase(code) : code;
      return isIn(listed, asked) || this.#isInCategory(asked);
    });
  }

  #isInCategory(code: number): boolean {
    // The first that is negated decides.
    for (const { negated, set } of this.#categories) {
      if (negated) return !isIn(set, code);
      if (isIn(set, code)) return true;
    }
    return false;
  }
}

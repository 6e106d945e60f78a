import { readClass, readShorthand } from './class.ts';
import { Cursor } from './cursor.ts';
import { codeOf, readEscapedCharacter } from './escape.ts';
import { numberGroups, readGroupOpening, type GroupOpening, type Slots } from './group.ts';
import { lowerCase } from './members.ts';
import { choiceOf, repeatOf } from './simplify.ts';
import { isAtQuantifier, readQuantifier, skipBlank } from './quantifier.ts';
import { EMPTY, foldCase, isCaseless, PRINTABLE, range, walk, type RegexNode } from './syntax.ts';

/** Deeper nesting has no use, and a stack is finite. */
const DEEPEST = 100;
/** The flags that are on, as `(?inx)` sets them; `m` and `s` differ only at line ends, which no name has. */
export interface Flags {
  readonly i: boolean;
  readonly n: boolean;
  readonly x: boolean;
}

const NO_FLAGS: Flags = { i: false, n: false, x: false };

export interface Parsed {
  readonly root: RegexNode;
  /** The flags that are on at its end, outside of any group. */
  readonly flags: Flags;
  /** What would make it mean something else if it were joined with another pattern by `|`; undefined if nothing. */
  readonly entangled: string | undefined;
}

/**
 * Parses a pattern as Go's regexp2 does with its option RE2. What regexp2 refuses is refused, and so is what it gets
 * wrong, and what is written so seldom that it is not worth reading.
 *
 * @param flag the flag of the command line that the pattern came from.
 * @param flags those that are on at its beginning.
 * @throws {PolicyError} that says what is wrong, and where.
 */
export function parseRegex(pattern: string, flag: string, flags = NO_FLAGS): Parsed {
  // Without references it does not matter how groups are numbered.
  if (!/\\[1-9k]/.test(pattern)) return new Parser(pattern, flag, flags).parse();
  // Twice, as regexp2 does it: whether \10 is a reference depends on the groups that follow.
  const first = new Parser(pattern, flag, flags);
  first.parse();
  return new Parser(pattern, flag, flags, first.slots()).parse();
}

class Parser {
  readonly #cursor: Cursor;
  /** Unknown while the groups are being counted. */
  readonly #slots: Slots | undefined;
  #flags: Flags;
  /** Some part does. */
  #ignoresCase: boolean;
  /** Some part is a reference to a group. */
  #refers = false;
  #depth = 0;
  #unnamed = 0;
  readonly #numbered = new Set<number>();
  readonly #named = new Set<string>();

  constructor(pattern: string, flag: string, flags: Flags, slots?: Slots) {
    this.#cursor = new Cursor(pattern, flag);
    this.#flags = flags;
    this.#ignoresCase = flags.i;
    this.#slots = slots;
  }

  parse(): Parsed {
    const root = this.#choice();
    if (!this.#cursor.atEnd) this.#cursor.fail('a ) closes nothing; write \\) for a parenthesis itself');
    this.#refuseMisleadingCategories(root);
    return { root, flags: this.#flags, entangled: this.#entangled() };
  }

  /**
   * Refuses what regexp2's search for a first character gets wrong: where one part ignores case, it ignores case for all
   * parts, and never finds a capital for `\p{Lu}`; and beside a negated category it does not see another one.
   */
  #refuseMisleadingCategories(root: RegexNode): void {
    const cursor = this.#cursor;
    if (new Set(cursor.categories.map(({ name }) => name)).size > 1 && hasNegated(cursor)) {
      cursor.fail('a negated category \\P{…} beside another category is not supported; write a class like [^a-z]');
    }
    if (!hasCased(cursor) || !this.#ignoresCase) return;
    if ([...walk(root)].some((node) => node.kind === 'set' && !isCaseless(node.set))) {
      cursor.fail('\\p{Lu} or \\p{Ll} beside a part that ignores case is not supported; write [A-Z] or [a-z]');
    }
  }

  #entangled(): string | undefined {
    if (this.#refers) {
      return 'a back reference, which would be to a group of another filter';
    }
    if (this.#flags.x) return 'the flag x, which would hold for the others';
    if (hasNegated(this.#cursor) || hasCased(this.#cursor)) {
      return 'a category like \\p{Lu} or \\P{L}, which the others can hide; write a class like [A-Z]';
    }
    return undefined;
  }

  slots(): Slots {
    return numberGroups(this.#unnamed, this.#numbered, this.#named);
  }

  #choice(): RegexNode {
    this.#depth += 1;
    if (this.#depth > DEEPEST) this.#cursor.fail(`parentheses are nested more than ${DEEPEST} deep`);
    const branches = [this.#sequence()];
    while (this.#cursor.take('|')) branches.push(this.#sequence());
    this.#depth -= 1;
    return choiceOf(branches);
  }

  #sequence(): RegexNode {
    const parts: RegexNode[] = [];
    for (;;) {
      this.#skipBlank();
      const next = this.#cursor.peek();
      if (next === '' || next === '|' || next === ')') break;
      const unit = this.#unit();
      if (unit) parts.push(this.#quantified(unit, next === '('));
    }
    return parts.length === 1 ? (parts[0] ?? EMPTY) : { kind: 'sequence', parts };
  }

  /** One thing that a quantifier may follow, or undefined for flags that hold from here on. */
  #unit(): RegexNode | undefined {
    const cursor = this.#cursor;
    if (isAtQuantifier(this.#cursor)) {
      cursor.fail(
        'a quantifier has nothing before it, or follows another one (as in a++); write \\ before it if it stands for itself',
      );
    }
    const character = cursor.next();
    switch (character) {
      case '(':
        return this.#group();
      case '[':
        return { kind: 'set', set: readClass(cursor, this.#flags.i) };
      case '\\':
        return this.#escape();
      case '^':
        return { kind: 'anchor', at: 'start' };
      case '$':
        return { kind: 'anchor', at: 'end' };
      case '.':
        return { kind: 'set', set: PRINTABLE };
      default:
        return this.#character(codeOf(character), cursor.at);
    }
  }

  /** @param at where it ends, of one that is written as itself */
  #character(code: number, at?: number): RegexNode {
    const small = lowerCase(code);
    const set = this.#flags.i ? foldCase(range(small, small)) : range(code, code);
    return at === undefined ? { kind: 'set', set } : { kind: 'set', set, at };
  }

  #skipBlank(): void {
    skipBlank(this.#cursor, this.#flags.x);
  }

  #quantified(body: RegexNode, group: boolean): RegexNode {
    this.#skipBlank();
    if (!isAtQuantifier(this.#cursor)) return body;
    return repeatOf({ kind: 'repeat', body, group, ...readQuantifier(this.#cursor, this.#flags.x) });
  }

  #group(): RegexNode | undefined {
    const flags = this.#flags;
    const opening = readGroupOpening(this.#cursor);
    if (opening.kind === 'flags') {
      this.#flags = { ...flags, ...opening.flags };
      this.#ignoresCase ||= this.#flags.i;
      if (opening.alone) return undefined;
    }
    const node = this.#groupBody(opening);
    if (!this.#cursor.take(')')) this.#cursor.fail('a ( is not closed; write \\( for a parenthesis itself');
    this.#flags = flags;
    return node;
  }

  #groupBody(opening: GroupOpening): RegexNode {
    switch (opening.kind) {
      case 'plain':
        if (this.#flags.n) return this.#choice();
        this.#unnamed += 1;
        return { kind: 'capture', slot: this.#unnamed, body: this.#choice() };
      case 'named': {
        this.#named.add(opening.name);
        const slot = this.#slots?.names.get(opening.name) ?? 0;
        return { kind: 'capture', slot, body: this.#choice() };
      }
      case 'numbered':
        this.#numbered.add(opening.slot);
        return { kind: 'capture', slot: opening.slot, body: this.#choice() };
      case 'atomic':
        return { kind: 'atomic', body: this.#choice() };
      case 'look':
        return { ...opening, body: this.#choice() };
      case 'flags':
      case 'grouping':
        return this.#choice();
    }
  }

  #escape(): RegexNode {
    const cursor = this.#cursor;
    const shorthand = readShorthand(cursor, this.#flags.i);
    if (shorthand !== undefined) return { kind: 'set', set: shorthand };
    const next = cursor.peek();
    switch (next) {
      case 'A':
      case 'G':
        cursor.next();
        return { kind: 'anchor', at: 'start' };
      case 'Z':
      case 'z':
        cursor.next();
        return { kind: 'anchor', at: 'end' };
      case 'b':
        cursor.next();
        return { kind: 'anchor', at: 'boundary' };
      case 'B':
        cursor.next();
        return { kind: 'anchor', at: 'inside' };
      case 'k':
        return this.#namedReference();
      case '<':
      case "'":
        return cursor.fail('\\< is no anchor but an outdated reference to a group; write \\b, or \\k<name>');
    }
    if (/[1-9]/.test(next) && this.#isReference())
      return this.#reference(this.#slotOfNumber(cursor.takeWhile(/[0-9]/)));
    return this.#character(readEscapedCharacter(cursor));
  }

  /** Whether digits after a backslash are no character's number: below 10, or that of a group. */
  #isReference(): boolean {
    const { at } = this.#cursor;
    const number = Number(this.#cursor.takeWhile(/[0-9]/));
    this.#cursor.at = at;
    return number < 10 || !this.#slots || this.#slots.numbers.has(number);
  }

  #namedReference(): RegexNode {
    const cursor = this.#cursor;
    cursor.next();
    const opened = cursor.next();
    const name = cursor.takeWhile(/\w/);
    if ((opened !== '<' && opened !== "'") || name === '' || !cursor.take(opened === '<' ? '>' : "'")) {
      cursor.fail('\\k is followed by the name of a group, e.g. \\k<name>');
    }
    if (/^[0-9]/.test(name)) return this.#reference(this.#slotOfNumber(name));
    const slot = this.#slots?.names.get(name);
    if (this.#slots && slot === undefined) cursor.fail(`\\k<${name}> refers to a group that does not exist`);
    return this.#reference(slot ?? 0);
  }

  #reference(slot: number): RegexNode {
    this.#refers = true;
    return { kind: 'reference', slot, ignoreCase: this.#flags.i };
  }

  /** The number of a group that must exist; the whole match, 0, is none that a pattern can refer to before its end. */
  #slotOfNumber(digits: string): number {
    const slot = Number(digits);
    if (/^0|\D/.test(digits) || (this.#slots && !this.#slots.numbers.has(slot))) {
      this.#cursor.fail(`there is no group ${digits.slice(0, 20)} to refer to`);
    }
    return slot;
  }
}

function hasNegated({ categories }: Cursor): boolean {
  return categories.some(({ negated }) => negated);
}

function hasCased({ categories }: Cursor): boolean {
  return categories.some(({ name }) => /^L[lut]$/.test(name));
}

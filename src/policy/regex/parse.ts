import { ClassReader } from './class.ts';
import { codeOf, readCharacter } from './escape.ts';
import { choiceOf, EMPTY, repeatOf, type RegexNode, walk } from './node.ts';
import { QUANTIFIER, readBounds } from './quantifier.ts';
import { Reader } from './reader.ts';
import { type Category, foldCase, isCaseless, lowerCase, PRINTABLE, range } from './sets.ts';
import { numberGroups, type Slots } from './slots.ts';

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

const ANCHORS: Readonly<Record<string, 'start' | 'end' | 'boundary' | 'inside'>> = {
  A: 'start',
  G: 'start',
  Z: 'end',
  z: 'end',
  b: 'boundary',
  B: 'inside',
};

class Parser {
  readonly #reader: Reader;
  readonly #classes: ClassReader;
  /** Unknown while the groups are being counted. */
  readonly #slots: Slots | undefined;
  #flags: Flags;
  /** Whether some part of the pattern does. */
  #ignoresCase: boolean;
  /** Whether some part is a reference to a group. */
  #refers = false;
  #depth = 0;
  #unnamed = 0;
  readonly #numbered = new Set<number>();
  readonly #named = new Set<string>();

  constructor(pattern: string, flag: string, flags: Flags, slots?: Slots) {
    this.#reader = new Reader(pattern, flag);
    this.#classes = new ClassReader(this.#reader);
    this.#flags = flags;
    this.#ignoresCase = flags.i;
    this.#slots = slots;
  }

  parse(): Parsed {
    const root = this.#choice();
    if (!this.#reader.atEnd) this.#reader.fail('a ) closes nothing; write \\) for a parenthesis itself');
    this.#refuseMisleadingCategories(root);
    return { root, flags: this.#flags, entangled: this.#entangled() };
  }

  slots(): Slots {
    return numberGroups(this.#unnamed, this.#numbered, this.#named);
  }

  /**
   * Refuses what regexp2's search for a first character gets wrong: where one part ignores case, it ignores case for all
   * parts, and never finds a capital for `\p{Lu}`; and beside a negated category it does not see another one.
   */
  #refuseMisleadingCategories(root: RegexNode): void {
    const { categories } = this.#classes;
    if (new Set(categories.map(({ name }) => name)).size > 1 && categories.some(isNegated))
      this.#reader.fail(
        'a negated category \\P{…} beside another category is not supported; write a class like [^a-z]',
      );
    if (!categories.some(isCased) || !this.#ignoresCase) return;
    if ([...walk(root)].some((node) => node.kind === 'set' && !isCaseless(node.set)))
      this.#reader.fail('\\p{Lu} or \\p{Ll} beside a part that ignores case is not supported; write [A-Z] or [a-z]');
  }

  #entangled(): string | undefined {
    if (this.#refers) return 'a back reference, which would be to a group of another filter';
    if (this.#flags.x) return 'the flag x, which would hold for the others';
    const { categories } = this.#classes;
    if (categories.some(isNegated) || categories.some(isCased))
      return 'a category like \\p{Lu} or \\P{L}, which the others can hide; write a class like [A-Z]';
    return undefined;
  }

  #choice(): RegexNode {
    this.#depth += 1;
    if (this.#depth > DEEPEST) this.#reader.fail(`parentheses are nested more than ${DEEPEST} deep`);
    const branches = [this.#sequence()];
    while (this.#reader.take('|')) branches.push(this.#sequence());
    this.#depth -= 1;
    return choiceOf(branches);
  }

  #sequence(): RegexNode {
    const parts: RegexNode[] = [];
    for (;;) {
      this.#skipBlank();
      if (this.#reader.atEnd || this.#reader.look(/[|)]/uy)) break;
      const isGroup = this.#reader.sees('(');
      const unit = this.#unit();
      if (unit) parts.push(this.#quantified(unit, isGroup));
    }
    return parts.length === 1 ? (parts[0] ?? EMPTY) : { kind: 'sequence', parts };
  }

  /** Moves past comments and, if the flag `x` is on, white space. */
  #skipBlank(): void {
    const reader = this.#reader;
    const blank = this.#flags.x ? /[\t-\r ]+|#[^\n]*|\(\?#[^)]*\)/uy : /\(\?#[^)]*\)/uy;
    while (reader.match(blank));
    if (reader.sees('(?#')) reader.fail('the comment (?# is not closed');
  }

  /** One thing that a quantifier may follow, or undefined for flags that hold from here on. */
  #unit(): RegexNode | undefined {
    const reader = this.#reader;
    if (reader.look(QUANTIFIER))
      reader.fail(
        'a quantifier has nothing before it, or follows another one (as in a++); write \\ before it if it stands for itself',
      );
    const character = reader.next();
    switch (character) {
      case '(':
        return this.#group();
      case '[':
        return { kind: 'set', set: this.#classes.class(this.#flags.i) };
      case '\\':
        return this.#escape();
      case '^':
        return { kind: 'anchor', at: 'start' };
      case '$':
        return { kind: 'anchor', at: 'end' };
      case '.':
        return { kind: 'set', set: PRINTABLE };
      default:
        return this.#character(codeOf(character), reader.at);
    }
  }

  /** @param at where it ends, of one that is written as itself */
  #character(code: number, at?: number): RegexNode {
    const small = lowerCase(code);
    const set = this.#flags.i ? foldCase(range(small, small)) : range(code, code);
    return at === undefined ? { kind: 'set', set } : { kind: 'set', set, at };
  }

  #quantified(body: RegexNode, group: boolean): RegexNode {
    const reader = this.#reader;
    this.#skipBlank();
    const bounds = readBounds(reader);
    if (!bounds) return body;
    const [min, max] = bounds;
    this.#skipBlank();
    return repeatOf({ kind: 'repeat', body, group, min, max, lazy: reader.take('?') });
  }

  #group(): RegexNode | undefined {
    const flags = this.#flags;
    const wrap = this.#opening();
    if (!wrap) return undefined;
    const node = wrap(this.#choice());
    if (!this.#reader.take(')')) this.#reader.fail('a ( is not closed; write \\( for a parenthesis itself');
    this.#flags = flags;
    return node;
  }

  /** Reads what follows a `(`: what the group makes of what is in it; undefined for flags, which are a group by themselves. */
  #opening(): ((body: RegexNode) => RegexNode) | undefined {
    const reader = this.#reader;
    const plain = (body: RegexNode): RegexNode => body;
    // regexp2 lets "(?)" pass as a group whose content begins with a quantifier, to find that it has nothing before it.
    if (!reader.sees('?') || reader.sees('?)')) {
      if (this.#flags.n) return plain;
      this.#unnamed += 1;
      return captureIn(this.#unnamed);
    }
    if (reader.take('?:')) return plain;
    if (reader.take('?>')) return (body) => ({ kind: 'atomic', body });
    const [look, behind, sign] = reader.match(/\?(<?)([=!])/uy) ?? [];
    if (look !== undefined) return (body) => ({ kind: 'look', ahead: behind === '', negative: sign === '!', body });
    if (reader.sees('?('))
      reader.fail('a condition (?(…)yes|no) is not supported; write lookaheads, (?:(?=…)yes|(?!…)no)');
    if (reader.sees('?P') && !reader.sees('?P<'))
      reader.fail('(?P is followed by a name, as in (?P<name>…); write \\k<name> to refer to it');
    const [, go, quote] = reader.match(/\?(P?)([<'])/uy) ?? [];
    if (quote !== undefined) return this.#namedGroup(quote === '<' ? '>' : quote, go === '');
    const [, letters = '', end] = reader.match(/\?([imnsxIMNSX+-]*)([:)])/uy) ?? [];
    if (end === undefined)
      reader.fail('after (? comes one of : = ! > <= <! <name> or flags among i, m, n, s and x; this is none of them');
    this.#setFlags(letters.toLowerCase());
    return end === ':' ? plain : undefined;
  }

  #setFlags(letters: string): void {
    let isOn = true;
    for (const letter of letters) {
      if (letter === '+' || letter === '-') isOn = letter === '+';
      else if (letter === 'i' || letter === 'n' || letter === 'x') this.#flags = { ...this.#flags, [letter]: isOn };
    }
    this.#ignoresCase ||= this.#flags.i;
  }

  /** Reads the name of a group, or its number. */
  #namedGroup(close: string, mayBeNumber: boolean): (body: RegexNode) => RegexNode {
    const reader = this.#reader;
    const [name = ''] = reader.match(/\w*/uy) ?? [];
    if (reader.sees('-')) reader.fail('balancing groups (?<name-other>…) are not supported');
    if (!reader.take(close))
      reader.fail('the name of a group, as in (?<name>…), has letters and digits only and must be closed');
    if (mayBeNumber && /^[1-9][0-9]{0,8}$/.test(name)) {
      this.#numbered.add(Number(name));
      return captureIn(Number(name));
    }
    if (!/^[A-Za-z_]/.test(name)) reader.fail('the name of a group begins with a letter');
    this.#named.add(name);
    return captureIn(this.#slots?.names.get(name) ?? 0, name);
  }

  #escape(): RegexNode {
    const reader = this.#reader;
    const shorthand = this.#classes.shorthand(this.#flags.i);
    if (shorthand !== undefined) return { kind: 'set', set: shorthand };
    const [letter = ''] = reader.match(/[AGZzbB]/uy) ?? [];
    const anchor = ANCHORS[letter];
    if (anchor !== undefined) return { kind: 'anchor', at: anchor };
    if (reader.look(/[<']/uy))
      reader.fail('\\< is no anchor but an outdated reference to a group; write \\b, or \\k<name>');
    if (reader.take('k')) return this.#namedReference();
    const [digits] = reader.look(/[1-9][0-9]*/uy) ?? [];
    // From 10 on the digits are the number of a character, unless a group has it.
    const isReference = Number(digits) < 10 || !this.#slots || this.#slots.numbers.has(Number(digits));
    if (digits === undefined || !isReference) return this.#character(readCharacter(reader));
    reader.take(digits);
    return this.#reference(this.#slotOfNumber(digits));
  }

  #namedReference(): RegexNode {
    const reader = this.#reader;
    const [, first, second] = reader.match(/<(\w+)>|'(\w+)'/uy) ?? [];
    const name = first ?? second;
    if (name === undefined) return reader.fail('\\k is followed by the name of a group, e.g. \\k<name>');
    if (/^[0-9]/.test(name)) return this.#reference(this.#slotOfNumber(name));
    const slot = this.#slots?.names.get(name);
    if (this.#slots && slot === undefined) reader.fail(`\\k<${name}> refers to a group that does not exist`);
    return this.#reference(slot ?? 0);
  }

  #reference(slot: number): RegexNode {
    this.#refers = true;
    return { kind: 'reference', slot, ignoreCase: this.#flags.i };
  }

  /** The number of a group that must exist; the whole match, 0, is none that a pattern can refer to before its end. */
  #slotOfNumber(digits: string): number {
    const slot = Number(digits);
    if (/^0|\D/.test(digits) || (this.#slots && !this.#slots.numbers.has(slot)))
      this.#reader.fail(`there is no group ${digits.slice(0, 20)} to refer to`);
    return slot;
  }
}

function captureIn(slot: number, name?: string): (body: RegexNode) => RegexNode {
  return (body) => ({ kind: 'capture', slot, ...(name !== undefined && { name }), body });
}

function isNegated({ negated }: Category): boolean {
  return negated;
}

function isCased({ name }: Category): boolean {
  return /^L[lut]$/.test(name);
}

import { codeOf, readClass, readEscapedCharacter, readShorthand, refuseBeyondAscii } from './class.ts';
import { Cursor } from './cursor.ts';
import { numberGroups, readGroupOpening, type GroupOpening, type Slots } from './group.ts';
import { isAtQuantifier, readQuantifier, skipBlank } from './quantifier.ts';
import { EMPTY, foldCase, isCaseless, PRINTABLE, range, walk, type RegexNode } from './syntax.ts';

/** Deeper nesting is nobody's intention, and a stack is finite. */
const DEEPEST = 100;
/** The flags that are on, as `(?inx)` sets them; `m` and `s` differ only at line ends, which no name has. */
interface Flags {
  readonly i: boolean;
  readonly n: boolean;
  readonly x: boolean;
}

/**
 * Parses a pattern as Go's regexp2 does with its option RE2. What regexp2 refuses is refused, and so is what its
 * versions read in different ways and what nobody means.
 *
 * @param flag the flag of the command line that the pattern came from.
 * @throws {PolicyError} that says what is wrong, and where.
 */
export function parseRegex(pattern: string, flag: string): RegexNode {
  // Twice, as regexp2 does it: whether \10 is a reference depends on the groups that follow.
  const first = new Parser(pattern, flag);
  first.parse();
  const parser = new Parser(pattern, flag, first.slots());
  const root = parser.parse();
  parser.refuseMisleadingCategories(root);
  return root;
}

class Parser {
  readonly #cursor: Cursor;
  /** Unknown while the groups are being counted. */
  readonly #slots: Slots | undefined;
  #flags: Flags = { i: false, n: false, x: false };
  /** Some part does. */
  #ignoresCase = false;
  #depth = 0;
  /** Right inside `(?(…)yes|no)`, not in a group there. */
  #inCondition = false;
  #unnamed = 0;
  readonly #numbered = new Set<number>();
  readonly #named = new Set<string>();

  constructor(pattern: string, flag: string, slots?: Slots) {
    this.#cursor = new Cursor(pattern, flag);
    this.#slots = slots;
  }

  parse(): RegexNode {
    const root = this.#choice();
    if (!this.#cursor.atEnd) this.#cursor.fail('a ) closes nothing; write \\) for a parenthesis itself');
    return root;
  }

  /**
   * Refuses what regexp2's search for a first character gets wrong: where one part ignores case, it ignores case for all
   * parts, and never finds a capital for `\p{Lu}`; and beside a negated category it does not see another one.
   */
  refuseMisleadingCategories(root: RegexNode): void {
    const cursor = this.#cursor;
    const categories = cursor.mentions(/\\([pP])\{(\w+)\}|\[:(\^?)digit:\]/g);
    const names = new Set(categories.map(([, , name]) => name));
    if (names.size > 1 && categories.some(([, letter, , not]) => letter === 'P' || not === '^')) {
      cursor.fail('a negated category \\P{…} beside another category is not supported; write a class like [^a-z]');
    }
    const cased = categories.some(([, , name]) => /^L[lut]$/.test(name ?? ''));
    if (!cased || !this.#ignoresCase) return;
    if ([...walk(root)].some((node) => node.kind === 'set' && !isCaseless(node.set))) {
      cursor.fail('\\p{Lu} or \\p{Ll} beside a part that ignores case is not supported; write [A-Z] or [a-z]');
    }
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
    return branches.length === 1 ? (branches[0] ?? EMPTY) : { kind: 'choice', branches };
  }

  #sequence(): RegexNode {
    const parts: RegexNode[] = [];
    for (;;) {
      this.#skipBlank();
      const next = this.#cursor.peek();
      if (next === '' || next === '|' || next === ')') break;
      const unit = this.#unit();
      if (unit) parts.push(this.#quantified(unit));
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

  #character(code: number, at?: number): RegexNode {
    if (this.#flags.i) refuseBeyondAscii(this.#cursor, code);
    const set = this.#flags.i ? foldCase(range(code, code)) : range(code, code);
    return at === undefined ? { kind: 'set', set } : { kind: 'set', set, at };
  }

  #skipBlank(): void {
    skipBlank(this.#cursor, this.#flags.x);
  }

  #quantified(body: RegexNode): RegexNode {
    this.#skipBlank();
    if (!isAtQuantifier(this.#cursor)) return body;
    return { kind: 'repeat', body, ...readQuantifier(this.#cursor, this.#flags.x) };
  }

  #group(): RegexNode | undefined {
    const [flags, inCondition] = [this.#flags, this.#inCondition];
    const opening = readGroupOpening(this.#cursor);
    if (opening.kind === 'flags') {
      if (inCondition) this.#cursor.fail('flags cannot be set right inside (?(…)yes|no); write them in a group there');
      this.#flags = { ...flags, ...opening.flags };
      this.#ignoresCase ||= this.#flags.i;
      if (opening.alone) return undefined;
    }
    const node = this.#groupBody(opening);
    if (!this.#cursor.take(')')) this.#cursor.fail('a ( is not closed; write \\( for a parenthesis itself');
    [this.#flags, this.#inCondition] = [flags, inCondition];
    return node;
  }

  #groupBody(opening: GroupOpening): RegexNode {
    this.#inCondition = false;
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
      case 'condition':
        return this.#condition();
      case 'flags':
      case 'grouping':
        return this.#choice();
    }
  }

  /** `(?(…)yes|no)`, the `(?` already read. */
  #condition(): RegexNode {
    const cursor = this.#cursor;
    const test = this.#conditionTest();
    this.#skipBlank();
    if (isAtQuantifier(cursor)) cursor.fail('a quantifier cannot follow the condition of (?(…)yes|no)');
    this.#inCondition = true;
    const both = this.#choice();
    const [yes, no, ...more] = both.kind === 'choice' ? both.branches : [both];
    // Without the second part, regexp2's search for a first character skips where the condition does not hold.
    if (!yes || !no || more.length > 0) {
      return cursor.fail('(?(…)yes|no) needs exactly one |; write a group around more');
    }
    return { kind: 'condition', test, yes, no };
  }

  #conditionTest(): number | RegexNode {
    const cursor = this.#cursor;
    cursor.next();
    const { at } = cursor;
    const word = cursor.takeWhile(/\w/);
    if (/^[0-9]/.test(word)) {
      const slot = this.#slotOfNumber(word);
      if (!cursor.take(')')) cursor.fail('(?( is followed by the number of a group and )');
      return slot;
    }
    const named = this.#slots?.names.get(word);
    if (named !== undefined && cursor.take(')')) return named;
    // Not a group, then an expression that must match here: its parentheses do not capture.
    cursor.at = at;
    const opening: GroupOpening = cursor.peek() === '?' ? readGroupOpening(cursor) : { kind: 'grouping' };
    if (opening.kind !== 'look' && opening.kind !== 'atomic' && opening.kind !== 'grouping') {
      cursor.fail('the condition of (?(…)yes|no) cannot be a group of this kind; write e.g. (?(?=x)yes|no)');
    }
    const flags = this.#flags;
    const test = this.#groupBody(opening);
    if (!cursor.take(')')) cursor.fail('the condition of (?(…)yes|no) is not closed');
    this.#flags = flags;
    return test;
  }

  #escape(): RegexNode {
    const cursor = this.#cursor;
    const shorthand = readShorthand(cursor, this.#flags.i);
    if (shorthand) return { kind: 'set', set: shorthand.set };
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
    if (/[1-9]/.test(next) && !this.#isOctal()) return this.#reference(this.#slotOfNumber(cursor.takeWhile(/[0-9]/)));
    return this.#character(readEscapedCharacter(cursor));
  }

  /** Whether digits after a backslash are three octal ones and no group has that number. */
  #isOctal(): boolean {
    const { at } = this.#cursor;
    const digits = this.#cursor.takeWhile(/[0-9]/);
    this.#cursor.at = at;
    return /^[1-7][0-7]{2}/.test(digits) && this.#slots?.numbers.has(Number(digits)) !== true;
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

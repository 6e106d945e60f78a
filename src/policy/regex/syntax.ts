/**
 * The characters a registry puts into a repository name or a tag are printable ASCII, so a class of characters is a set
 * of those 95, kept as the bits of one integer (bit n = code n). That makes every class of regexp2's dialect (shorthands,
 * categories, subtraction, case) exact, whatever an engine of another dialect would read into its text.
 */
export type CharacterSet = bigint;

const FIRST = 0x20;
const LAST = 0x7e;

/** Every printable ASCII character: what `.` matches, since a name has no line end. */
export const PRINTABLE: CharacterSet = range(FIRST, LAST);
export const NOTHING: CharacterSet = 0n;
export const DIGITS: CharacterSet = charactersOf('0-9');
export const WORD: CharacterSet = charactersOf('0-9A-Za-z_');
/** Of the white space, only the blank is printable. */
export const SPACE: CharacterSet = charactersOf(' ');

/** The printable characters that fulfil a condition on their code. */
export function setOf(holds: (code: number) => boolean): CharacterSet {
  let set = 0n;
  for (let code = FIRST; code <= LAST; code += 1) {
    if (holds(code)) set |= 1n << BigInt(code);
  }
  return set;
}

/** The printable ones of the characters from one code to another. */
export function range(from: number, to: number): CharacterSet {
  const [first, last] = [Math.max(from, FIRST), Math.min(to, LAST)];
  return first > last ? 0n : ((1n << BigInt(last - first + 1)) - 1n) << BigInt(first);
}

/** The printable characters in a class as JavaScript writes it, e.g. `0-9A-F` or `\p{Lu}`. */
export function charactersOf(source: string): CharacterSet {
  const regex = new RegExp(`[${source}]`, 'u');
  return setOf((code) => regex.test(String.fromCharCode(code)));
}

export function isIn(set: CharacterSet, code: number): boolean {
  return code <= LAST && (set & (1n << BigInt(code))) !== 0n;
}

export function complement(set: CharacterSet): CharacterSet {
  return PRINTABLE & ~set;
}

const CAPITALS = range(0x41, 0x5a);
const SMALL = range(0x61, 0x7a);

/** The set with both cases of every letter of which it has one. */
export function foldCase(set: CharacterSet): CharacterSet {
  return set | ((set & CAPITALS) << 32n) | ((set & SMALL) >> 32n);
}

/** Whether it makes no difference to the set if a letter is small or capital. */
export function isCaseless(set: CharacterSet): boolean {
  return foldCase(set) === set;
}

/** Which characters, as pairs of first and last code. */
export function rangesOf(set: CharacterSet): readonly (readonly [number, number])[] {
  const known = knownRanges.get(set);
  if (known) return known;
  const ranges: [number, number][] = [];
  for (let code = FIRST; code <= LAST; code += 1) {
    if ((set & (1n << BigInt(code))) === 0n) continue;
    const last = ranges.at(-1);
    if (last?.[1] === code - 1) last[1] = code;
    else ranges.push([code, code]);
  }
  if (knownRanges.size < 1000) knownRanges.set(set, ranges);
  return ranges;
}

/** Most sets are of one character, and come again and again. */
const knownRanges = new Map<CharacterSet, readonly (readonly [number, number])[]>();

/** A regular expression as parsed, with flags like `(?i)` already worked into the nodes. */
export type RegexNode =
  /** `at` says where in the pattern a character ends that is written as itself. */
  | { readonly kind: 'set'; readonly set: CharacterSet; readonly at?: number }
  | { readonly kind: 'sequence'; readonly parts: readonly RegexNode[] }
  | { readonly kind: 'choice'; readonly branches: readonly RegexNode[] }
  | {
      readonly kind: 'repeat';
      readonly body: RegexNode;
      readonly min: number;
      /** Infinity when there is no upper bound. */
      readonly max: number;
      readonly lazy: boolean;
      /** Whether it is a group in parentheses that is repeated, not a single character or class. */
      readonly group: boolean;
    }
  /** A group whose text a later back reference may ask for, by regexp2's number for it. */
  | { readonly kind: 'capture'; readonly slot: number; readonly body: RegexNode }
  | { readonly kind: 'atomic'; readonly body: RegexNode }
  | { readonly kind: 'look'; readonly ahead: boolean; readonly negative: boolean; readonly body: RegexNode }
  | { readonly kind: 'anchor'; readonly at: 'start' | 'end' | 'boundary' | 'inside' }
  | { readonly kind: 'reference'; readonly slot: number; readonly ignoreCase: boolean };

export const EMPTY: RegexNode = { kind: 'sequence', parts: [] };
/** Matches nowhere. */
export const NEVER: RegexNode = { kind: 'set', set: NOTHING };

/** The nodes directly below one. */
export function childrenOf(node: RegexNode): readonly RegexNode[] {
  switch (node.kind) {
    case 'sequence':
      return node.parts;
    case 'choice':
      return node.branches;
    case 'repeat':
    case 'capture':
    case 'atomic':
    case 'look':
      return [node.body];
    case 'set':
    case 'anchor':
    case 'reference':
      return [];
  }
}

/** A node and all below it, from left to right. */
export function* walk(root: RegexNode): Generator<RegexNode> {
  const pending = [root];
  for (let node = pending.pop(); node; node = pending.pop()) {
    yield node;
    for (const child of childrenOf(node).toReversed()) pending.push(child);
  }
}

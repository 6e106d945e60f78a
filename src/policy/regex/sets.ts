/**
 * The characters in names of repositories and tags are printable ASCII, so a class of characters is a set of those 95,
 * kept as the bits of one integer (bit n = code n). That makes every class of regexp2's dialect exact, whatever another
 * engine would read into its text. The bits 0 to 3 are four characters beyond ASCII: see `withSmallLetters`.
 */
export type CharacterSet = bigint;

const FIRST = 0x20;
const LAST = 0x7e;
const BEYOND = [0x130, 0x2129, 0x212a, 0x212b];
const [DOTTED_I, BEFORE_KELVIN, KELVIN, AFTER_KELVIN] = [1n, 2n, 4n, 8n];

/** Every printable ASCII character: what `.` matches, since a name has no line end. */
export const PRINTABLE: CharacterSet = (1n << BigInt(LAST + 1)) - (1n << BigInt(FIRST));
export const NOTHING: CharacterSet = 0n;
export const DIGITS: CharacterSet = charactersOf('0-9');
export const WORD: CharacterSet = charactersOf('0-9A-Za-z_');
/** Of the white space, only the blank is printable. */
export const SPACE: CharacterSet = charactersOf(' ');
const CAPITALS = charactersOf('A-Z');
const SMALL = charactersOf('a-z');

/** The characters from one code to another. */
export function range(from: number, to: number): CharacterSet {
  const [first, last] = [Math.max(from, FIRST), Math.min(to, LAST)];
  const printable = first > last ? NOTHING : ((1n << BigInt(last - first + 1)) - 1n) << BigInt(first);
  return BEYOND.reduce((set, code, bit) => (from <= code && code <= to ? set | (1n << BigInt(bit)) : set), printable);
}

/** The printable characters that fulfil a condition on their code. */
export function setOf(holds: (code: number) => boolean): CharacterSet {
  let set = NOTHING;
  for (let code = FIRST; code <= LAST; code += 1) if (holds(code)) set |= 1n << BigInt(code);
  return set;
}

/** The printable characters in a class as JavaScript writes it, e.g. `0-9A-F` or `\p{Lu}`. */
export function charactersOf(source: string): CharacterSet {
  const regex = new RegExp(`[${source}]`, 'u');
  return setOf((code) => regex.test(String.fromCharCode(code)));
}

export function isIn(set: CharacterSet, code: number): boolean {
  return code <= LAST && (set & (1n << BigInt(code))) !== 0n;
}

/** All other characters. */
export function complement(set: CharacterSet): CharacterSet {
  return (PRINTABLE | 15n) & ~set;
}

/** The set with both cases of every letter of which it has one. */
export function foldCase(set: CharacterSet): CharacterSet {
  return set | ((set & CAPITALS) << 32n) | ((set & SMALL) >> 32n);
}

/** Whether it makes no difference to the set if a letter is small or capital. */
export function isCaseless(set: CharacterSet): boolean {
  return foldCase(set) === set;
}

/** The small letter of a character: of those beyond ASCII, two have one within. */
export function lowerCase(code: number): number {
  if (code >= 0x41 && code <= 0x5a) return code + 0x20;
  if (code === 0x130) return 0x69;
  return code === 0x212a ? 0x6b : code;
}

/**
 * The set with its small letters, as regexp2 finds them: İ (U+0130) is an `i`, so that `(?i)[\W]` matches an `i`; and the
 * Kelvin sign (U+212A) is a `k`, but not where it stands in a range.
 */
export function withSmallLetters(set: CharacterSet): CharacterSet {
  const isDotted = (set & DOTTED_I) !== 0n;
  const isKelvin = (set & (BEFORE_KELVIN | KELVIN | AFTER_KELVIN)) === KELVIN;
  return foldCase(set) | (isDotted ? range(0x69, 0x69) : NOTHING) | (isKelvin ? range(0x6b, 0x6b) : NOTHING);
}

/** Which printable characters, as pairs of first and last code. */
export function rangesOf(set: CharacterSet): readonly (readonly [number, number])[] {
  const bits = Array.from((set & PRINTABLE).toString(2))
    .reverse()
    .join('');
  return Array.from(bits.matchAll(/1+/g), ({ 0: run, index }) => [index, index + run.length - 1] as const);
}

/** A category of characters, like the `L` of `\p{L}`. */
export interface Category {
  readonly name: string;
  readonly negated: boolean;
  /** The printable ones, whether or not it is negated. */
  readonly set: CharacterSet;
}

const CATEGORY = /^(?:C[cfos]?|L[lmotu]?|M[cen]?|N[dlo]?|P[cdefios]?|S[ckmo]?|Z[lps]?)$/;
/** Go knows every script of Unicode by its long name; these are the ones that have a use here. */
const SCRIPT = /^(?:Latin|Common|Greek|Cyrillic|Han|Arabic|Hebrew|Hiragana|Katakana|Hangul|Thai|Devanagari)$/;

/** The categories that a `\p{…}` or `\P{…}` stands for; undefined if there is none of that name. */
export function categoriesOf(name: string, negated: boolean, ignoreCase: boolean): readonly Category[] | undefined {
  if (!CATEGORY.test(name) && !SCRIPT.test(name)) return undefined;
  // Where case is ignored, each of the three categories of cased letters stands for all of them.
  const names = ignoreCase && /^L[ult]$/.test(name) ? ['Ll', 'Lu', 'Lt'] : [name];
  return names.map((one) => ({
    name: one,
    negated,
    set: charactersOf(CATEGORY.test(one) ? `\\p{${one}}` : `\\p{Script=${one}}`),
  }));
}

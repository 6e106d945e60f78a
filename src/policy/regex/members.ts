import { charactersOf, isIn, NOTHING, PRINTABLE, range, setOf, type CharacterSet } from './syntax.ts';

/** From one code point to another, both included. */
export type Range = readonly [from: number, to: number];

const LAST_CODE = 0x10ffff;

/** Everything but these ranges, which are in order and do not touch. */
export function allBut(ranges: readonly Range[]): readonly Range[] {
  const others: Range[] = [];
  let next = 0;
  for (const [from, to] of ranges) {
    if (next < from) others.push([next, from - 1]);
    next = to + 1;
  }
  if (next <= LAST_CODE) others.push([next, LAST_CODE]);
  return others;
}

/** The small letter of a character: of those beyond ASCII, two have one within. */
export function lowerCase(code: number): number {
  if (code >= 0x41 && code <= 0x5a) return code + 0x20;
  if (code === 0x130) return 0x69;
  return code === 0x212a ? 0x6b : code;
}

/** A category of characters, like the `L` of `\p{L}`. */
export interface Category {
  readonly name: string;
  readonly negated: boolean;
  /** The printable ones, whether or not it is negated. */
  readonly set: CharacterSet;
}

/**
 * What a class in brackets lists, kept and read as regexp2 does it, oddities included: ignoring case, it maps a whole
 * range into its small letters by a table in which İ (U+0130) is an `i`, so that `(?i)[\W]` matches an `i`; and it asks
 * no category that follows a negated one.
 */
export class Members {
  readonly #ranges: Range[] = [];
  readonly #categories: Category[] = [];
  #anything = false;

  addRanges(ranges: readonly Range[]): void {
    for (const range of ranges) this.#ranges.push(range);
  }

  addCategory(category: Category): void {
    const known = this.#categories.find(({ name }) => name === category.name);
    if (known === undefined) this.#categories.push(category);
    else if (known.negated !== category.negated) this.#anything = true;
  }

  /** The printable characters that are listed. */
  set(ignoreCase: boolean): CharacterSet {
    if (this.#anything) return PRINTABLE;
    const ranges = ignoreCase ? withLowerCase(canonical(this.#ranges)) : this.#ranges;
    const listed = ranges.reduce((set, [from, to]) => set | range(from, to), NOTHING);
    if (!ignoreCase && this.#categories.length === 0) return listed;
    return setOf((code) => {
      const asked = ignoreCase ? lowerCase(code) : code;
      return isIn(listed, asked) || this.#isInCategory(asked);
    });
  }

  #isInCategory(code: number): boolean {
    for (const { negated, set } of this.#categories) {
      if (negated) return !isIn(set, code);
      if (isIn(set, code)) return true;
    }
    return false;
  }
}

/** In order, and what overlaps or touches as one. */
function canonical(ranges: readonly Range[]): readonly Range[] {
  const joined: [number, number][] = [];
  for (const [from, to] of ranges.toSorted(([a], [b]) => a - b)) {
    const last = joined.at(-1);
    if (last && from <= last[1] + 1) last[1] = Math.max(last[1], to);
    else joined.push([from, to]);
  }
  return joined;
}

/** Only what is added within ASCII: nothing else is matched against. */
function withLowerCase(ranges: readonly Range[]): readonly Range[] {
  return ranges.flatMap(([from, to]): readonly Range[] => {
    if (from === to) return [[lowerCase(from), lowerCase(from)]];
    const added: Range[] = [[from, to]];
    if (from <= 0x5a && to >= 0x41) added.push([Math.max(from, 0x41) + 0x20, Math.min(to, 0x5a) + 0x20]);
    if (from <= 0x130 && to >= 0x130) added.push([0x69, 0x69]);
    return added;
  });
}

const CATEGORY = /^(?:C[cfos]?|L[lmotu]?|M[cen]?|N[dlo]?|P[cdefios]?|S[ckmo]?|Z[lps]?)$/;
/** Go knows every script of Unicode by its long name; these are the ones that have a use here. */
const SCRIPT = /^(?:Latin|Common|Greek|Cyrillic|Han|Arabic|Hebrew|Hiragana|Katakana|Hangul|Thai|Devanagari)$/;

/** The categories that a `\p{…}` or `\P{…}` stands for; undefined if there is none of that name. */
export function categoriesOf(name: string, negated: boolean, ignoreCase: boolean): readonly Category[] | undefined {
  if (!CATEGORY.test(name) && !SCRIPT.test(name)) return undefined;
  // Ignoring case, each of the three categories of cased letters stands for all of them.
  const names = ignoreCase && /^L[ult]$/.test(name) ? ['Ll', 'Lu', 'Lt'] : [name];
  return names.map((one) => ({
    name: one,
    negated,
    set: charactersOf(CATEGORY.test(one) ? `\\p{${one}}` : `\\p{Script=${one}}`),
  }));
}

import { PolicyError } from '../errors.ts';
import type { Category } from './members.ts';

/** A place in a pattern that is being read, character by character (not code unit by code unit). */
export class Cursor {
  readonly #characters: readonly string[];
  readonly #pattern: string;
  readonly #flag: string;
  /** Those that were read so far, like the `L` of `\p{L}`. */
  readonly categories: Category[] = [];
  at = 0;

  constructor(pattern: string, flag: string) {
    this.#characters = Array.from(pattern);
    this.#pattern = pattern;
    this.#flag = flag;
  }

  get atEnd(): boolean {
    return this.at >= this.#characters.length;
  }

  /** The character so many places ahead, or '' beyond the end. */
  peek(ahead = 0): string {
    return this.#characters[this.at + ahead] ?? '';
  }

  /** The next character, or '' at the end. */
  next(): string {
    const character = this.peek();
    if (character !== '') this.at += 1;
    return character;
  }

  /** Moves past a text if it comes next. */
  take(text: string): boolean {
    for (let index = 0; index < text.length; index += 1) {
      if (this.peek(index) !== text.charAt(index)) return false;
    }
    this.at += text.length;
    return true;
  }

  /** Moves past the characters that an expression (of one character) accepts, no more than `most`, and returns them. */
  takeWhile(accepted: RegExp, most = Infinity): string {
    let taken = '';
    while (taken.length < most && accepted.test(this.peek())) taken += this.next();
    return taken;
  }

  /** @throws {PolicyError} that this is wrong with the pattern, at this place. */
  fail(problem: string): never {
    throw new PolicyError(this.#flag, this.#pattern, `${problem} (at character ${this.at})`);
  }
}

import { PolicyError } from '../errors.ts';

/** A place in a pattern that is being read. */
export class Reader {
  readonly #pattern: string;
  readonly #flag: string;
  /** How many code units have been read. */
  at = 0;

  constructor(pattern: string, flag: string) {
    this.#pattern = pattern;
    this.#flag = flag;
  }

  get atEnd(): boolean {
    return this.at >= this.#pattern.length;
  }

  /** Whether a text comes next. */
  sees(text: string): boolean {
    return this.#pattern.startsWith(text, this.at);
  }

  /** Moves past a text if it comes next. */
  take(text: string): boolean {
    const isNext = this.sees(text);
    if (isNext) this.at += text.length;
    return isNext;
  }

  /** What an expression, which must be sticky, matches here: the whole and its groups. */
  look(expression: RegExp): readonly (string | undefined)[] | undefined {
    expression.lastIndex = this.at;
    return expression.exec(this.#pattern) ?? undefined;
  }

  /** The same, and moves past it. */
  match(expression: RegExp): readonly (string | undefined)[] | undefined {
    const found = this.look(expression);
    this.at += found?.[0]?.length ?? 0;
    return found;
  }

  /** The next character, whole where it is two code units, or '' at the end. */
  next(): string {
    const character = String.fromCodePoint(this.#pattern.codePointAt(this.at) ?? 0);
    if (this.atEnd) return '';
    this.at += character.length;
    return character;
  }

  /** @throws {PolicyError} that this is wrong with the pattern, at this place. */
  fail(problem: string): never {
    throw new PolicyError(this.#flag, this.#pattern, `${problem} (at character ${this.at})`);
  }
}

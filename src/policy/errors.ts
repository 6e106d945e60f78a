/** The longest piece of text from outside that a message repeats. */
const LONGEST_QUOTE = 200;

/**
 * Text from outside as it may stand in a message: in JSON's quotation marks, so that no control character (an escape
 * sequence that repaints a terminal, a newline that forges a line of the log) gets through, and shortened.
 */
export function quote(text: string): string {
  const short = text.length > LONGEST_QUOTE ? `${text.slice(0, LONGEST_QUOTE)}…` : text;
  // JSON leaves DEL, the C1 controls and the bidirectional marks as they are; a terminal does not. A surrogate whose
  // other half was cut off is escaped by JSON.stringify itself.
  return JSON.stringify(short).replace(
    /[\u007f-\u009f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]/g,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}

/**
 * A mistake in a flag, a setting or a request. The message names the flag, shows the text, and says what is wrong and what
 * to write instead: `--ago "1.5d": …`.
 */
export class PolicyError extends Error {
  override readonly name = 'PolicyError';
  /** The flag or setting as it is written, e.g. `--filter`. */
  readonly flag: string;
  /** The given text, not shortened: quote it before it is shown. `undefined` where none was given, or it may be a secret. */
  readonly text: string | undefined;
  readonly problem: string;

  constructor(flag: string, text: string | undefined, problem: string, options?: ErrorOptions & { where?: string }) {
    super(`${options?.where ?? ''}${flag}${text === undefined ? '' : ` ${quote(text)}`}: ${problem}`, options);
    this.flag = flag;
    this.text = text;
    this.problem = problem;
  }

  /** The same mistake, and where it was made: `command 2: --ago "1.5d": …`. */
  at(where: string): PolicyError {
    return new PolicyError(this.flag, this.text, this.problem, { cause: this, where: `${where}: ` });
  }
}

/** Everything that is wrong with the flags, at once. */
export class InvalidPolicy extends Error {
  override readonly name = 'InvalidPolicy';
  readonly problems: readonly PolicyError[];

  constructor(problems: readonly PolicyError[]) {
    super(problems.map((problem) => problem.message).join('\n'));
    this.problems = problems;
  }
}

/**
 * Gathers the mistakes of several readers, so that a message can name all of them at once.
 * @param unexpected makes a mistake of any other error; without it such an error is thrown on
 */
export function attempts(unexpected?: (error: Error) => PolicyError) {
  const problems: PolicyError[] = [];
  return {
    problems,
    /** @param where put in front of what is wrong */
    attempt: <T>(read: () => T, where?: string): T | undefined => {
      const note = (problem: PolicyError): void =>
        void problems.push(where === undefined ? problem : problem.at(where));
      try {
        return read();
      } catch (error) {
        if (error instanceof InvalidPolicy) error.problems.forEach(note);
        else if (error instanceof PolicyError) note(error);
        else if (unexpected) note(unexpected(error as Error));
        else throw error;
        return undefined;
      }
    },
  };
}

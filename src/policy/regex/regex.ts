import { translate } from './compile.ts';
import { matchAll } from './match.ts';

/** A compiled pattern. */
export interface CompiledRegex {
  readonly pattern: string;
  /** Whether it would mean something else if it were joined with another one, and so cannot be. */
  readonly entangled: boolean;
  /** A value matches that matches one of them. */
  readonly expressions: readonly RegExp[];
  /** For each value, whether the pattern matches somewhere in it: see `matchAll`, and `Match` for what people write. */
  test(values: readonly string[]): readonly boolean[];
}

/**
 * Tells of each pattern which of the values it matches.
 *
 * @throws {PolicyError} that names the pattern, when that takes longer than it may
 */
export type Match = (
  patterns: readonly CompiledRegex[],
  values: readonly string[],
) => Promise<readonly (readonly boolean[])[]>;

/**
 * Compiles a pattern as `acr purge` reads it, or several as if they were joined by `|`; see `translate`.
 *
 * @throws {PolicyError} that says what is wrong or not supported.
 */
export function compileRegex(
  patterns: string | readonly string[],
  { flag }: { /** The flag of the command line that the pattern came from, for messages. */ readonly flag: string },
): CompiledRegex {
  const parts = typeof patterns === 'string' ? [patterns] : patterns;
  const { regexes, entangled } = translate(parts, flag);
  return { pattern: parts.join('|'), entangled, expressions: regexes, test: (values) => matchAll(regexes, values) };
}

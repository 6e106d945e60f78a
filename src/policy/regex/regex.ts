import { PolicyError, quote } from '../errors.ts';
import { toJavaScript } from './emit.ts';
import { childrenOf, type RegexNode, walk } from './node.ts';
import { type Flags, parseRegex } from './parse.ts';
import { isDisturbable, settle } from './settle.ts';

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

/** Room for a long list of names. */
const LONGEST_PATTERN = 10_000;
/** V8 copies counted parts; beyond this compiling takes noticeable time and memory. */
const LARGEST_REGEX = 20_000;
const LAZY = 'a lazy repetition (*?, +?) of what may be empty, which the others can disturb';

export interface Translated {
  /** A name matches that matches one of them. */
  readonly regexes: readonly RegExp[];
  /** Whether it would mean something else if it were joined with another pattern, and so cannot be. */
  readonly entangled: boolean;
}

/**
 * Compiles patterns of the dialect that `acr purge` reads: Go's github.com/dlclark/regexp2 with its option RE2, a port
 * of .NET's. They mean what they would if they were joined by `|`, as text: flags like `(?i)` carry over from one to the
 * next. None matches more than there: what cannot be kept in JavaScript is refused.
 *
 * What compiles one by one compiles joined, unless it is entangled: so a run cannot fail where the settings did not.
 *
 * @throws {PolicyError} that says what is wrong or not supported.
 */
export function translate(patterns: readonly string[], flag: string): Translated {
  let flags: Flags | undefined;
  let entangled = false;
  const branches = patterns.map((pattern) => {
    if (pattern.length > LONGEST_PATTERN) {
      throw new PolicyError(flag, pattern, `a regular expression is limited to ${LONGEST_PATTERN} characters`);
    }
    const parsed = parseRegex(pattern, flag, flags);
    flags = parsed.flags;
    const reason = parsed.entangled ?? ([...walk(parsed.root)].some(isDisturbable) ? LAZY : undefined);
    entangled ||= reason !== undefined;
    if (patterns.length > 1 && reason !== undefined) {
      const problem = `of the filters for one repository acr purge makes one, and this one has ${reason}; give it a command of its own`;
      throw new PolicyError(flag, pattern, problem);
    }
    const size = sizeOf(parsed.root);
    if (size > LARGEST_REGEX) {
      const problem = 'the counts of this regular expression multiply to too much; use smaller ones';
      throw new PolicyError(flag, pattern, problem);
    }
    return { root: settle(parsed.root, pattern, flag), size };
  });
  const regexes = portions(branches).map((roots) => compileTree({ kind: 'choice', branches: roots }, patterns, flag));
  return { regexes, entangled };
}

/** As few choices as can be, none of them too large. */
function portions(branches: readonly { readonly root: RegexNode; readonly size: number }[]): readonly RegexNode[][] {
  const all: RegexNode[][] = [];
  let room = 0;
  for (const { root, size } of branches) {
    if (size > room) {
      all.push([]);
      room = LARGEST_REGEX;
    }
    all.at(-1)?.push(root);
    room -= size;
  }
  return all;
}

function compileTree(root: RegexNode, patterns: readonly string[], flag: string): RegExp {
  try {
    return toJavaScript(root);
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    const problem = `this regular expression is not supported: ${quote(reason)}`;
    throw new PolicyError(flag, patterns.join('|'), problem, { cause });
  }
}

/** How many nodes there are when counted parts are written out. */
function sizeOf(node: RegexNode): number {
  const inner = childrenOf(node).reduce((sum, child) => sum + sizeOf(child), 0);
  return 1 + (node.kind === 'repeat' ? inner * Math.max(1, node.max === Infinity ? node.min + 1 : node.max) : inner);
}

/**
 * For each value, whether one of the expressions matches somewhere in it. A value with characters other than printable ASCII,
 * which no name or tag has, never matches.
 *
 * This takes as long as it takes, and cannot be interrupted: what people write is matched in a worker.
 *
 * @param onValue told the place of each value before it is matched
 */
export function matchAll(
  expressions: readonly RegExp[],
  values: readonly string[],
  onValue: (index: number) => void = () => undefined,
): readonly boolean[] {
  return values.map((value, index) => {
    onValue(index);
    return isPlain(value) && expressions.some((expression) => expression.test(value));
  });
}

function isPlain(value: string): boolean {
  return /^[ -~]*$/.test(value);
}

import { PolicyError, quote } from '../errors.ts';
import { adapt, isDisturbable } from './adapt.ts';
import { toJavaScript } from './emit.ts';
import { childrenOf, type RegexNode, walk } from './node.ts';
import { type Flags, parseRegex } from './parse.ts';

/** A compiled pattern. */
export interface CompiledRegex {
  readonly pattern: string;
  /** What a message calls what it stands in: `rule "branches"`. Absent: `--filter`. */
  readonly of?: string;
  /** Whether it cannot be joined with another one, because it would mean something else then. */
  readonly entangled: boolean;
  /** A value that one of them matches is matched. */
  readonly expressions: readonly RegExp[];
  /** `matchAll` of these values. */
  test(values: readonly string[]): readonly boolean[];
}

/**
 * Tells of each pattern which of the values it matches, in a worker that can be stopped.
 *
 * @throws {PolicyError} that names the pattern, when that takes longer than it may
 */
export interface Match {
  /** @param first whether a value that a pattern matches is not looked at by those behind it, and not matched by them */
  (
    patterns: readonly CompiledRegex[],
    values: readonly string[],
    first?: 'first',
  ): Promise<readonly (readonly boolean[])[]>;
  /** What a group of a pattern, which it was compiled with, captures in each value; empty where it captures nothing. */
  readonly captures: (pattern: CompiledRegex, group: string, values: readonly string[]) => Promise<readonly string[]>;
}

/** Room for a long list of names. */
const LONGEST_PATTERN = 10_000;
/** V8 copies counted parts; beyond this compiling takes noticeable time and memory. */
const LARGEST_REGEX = 20_000;
const LAZY = 'a lazy repetition (*?, +?) of what may be empty, which the others can disturb';

/**
 * Compiles a pattern of the dialect that `acr purge` reads: Go's github.com/dlclark/regexp2 with its option RE2, a port of
 * .NET's. Several mean what they would if they were joined by `|`, as text: a flag like `(?i)` holds for the next ones too.
 * It matches no more than there: a pattern whose meaning JavaScript cannot keep is refused.
 *
 * Patterns that compile one by one compile joined, unless one is entangled: so a run cannot fail where the settings did
 * not.
 *
 * @throws {PolicyError} that says what is wrong or not supported
 */
export function compileRegex(
  patterns: string | readonly string[],
  {
    flag,
    group,
  }: {
    /** The flag of the command line that the pattern came from, for messages. */
    readonly flag: string;
    /** The name of a group whose text is wanted: the expression has it as a named group. */
    readonly group?: string;
  },
): CompiledRegex {
  const texts = typeof patterns === 'string' ? [patterns] : patterns;
  let flags: Flags | undefined;
  let entangled = false;
  const branches = texts.map((text) => {
    const fail = (problem: string): never => {
      throw new PolicyError(flag, text, problem);
    };
    if (text.length > LONGEST_PATTERN) fail(`a regular expression is limited to ${LONGEST_PATTERN} characters`);
    const parsed = parseRegex(text, flag, flags);
    flags = parsed.flags;
    const reason = parsed.entangled ?? ([...walk(parsed.root)].some(isDisturbable) ? LAZY : undefined);
    entangled ||= reason !== undefined;
    if (texts.length > 1 && reason !== undefined)
      fail(
        `of the filters for one repository acr purge makes one, and this one has ${reason}; give it a command of its own`,
      );
    const size = sizeOf(parsed.root);
    if (size > LARGEST_REGEX) fail('the counts of this regular expression multiply to too much; use smaller ones');
    const shared = group === undefined ? [] : namesIn(parsed.root).filter((name) => name === group);
    if (shared.length > 1) fail(`the name of the group ${quote(shared[0] ?? '')} is that of two; give each its own`);
    return { root: adapt(parsed.root, fail, group), size };
  });
  const pattern = texts.join('|');
  const expressions = portions(branches).map((roots) => {
    try {
      return toJavaScript({ kind: 'choice', branches: roots });
    } catch (cause) {
      const reason = cause instanceof Error ? cause.message : String(cause);
      throw new PolicyError(flag, pattern, `this regular expression is not supported: ${quote(reason)}`, { cause });
    }
  });
  return { pattern, entangled, expressions, test: (values) => matchAll(expressions, values) };
}

/**
 * The names of the groups of a pattern, in order.
 * @throws {PolicyError} as `compileRegex`
 */
export function groupsOf(pattern: string, { flag }: { readonly flag: string }): readonly string[] {
  return [...new Set(namesIn(parseRegex(pattern, flag).root))];
}

function namesIn(root: RegexNode): readonly string[] {
  return [...walk(root)].flatMap((node) => (node.kind === 'capture' && node.name !== undefined ? [node.name] : []));
}

/** Branches of as few choices as possible, none of them too large. */
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

/** How many nodes there are when counted parts are written out. */
function sizeOf(node: RegexNode): number {
  const inner = childrenOf(node).reduce((sum, child) => sum + sizeOf(child), 0);
  return 1 + (node.kind === 'repeat' ? inner * Math.max(1, node.max === Infinity ? node.min + 1 : node.max) : inner);
}

/**
 * For each value, whether one of the expressions matches somewhere in it. A value with characters other than printable
 * ASCII, which no name or tag has, never matches. It cannot be interrupted: the patterns of users are matched in a worker.
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

/** What a group of the first expression that matches captures in each value; empty where it captures nothing. */
export function captureAll(
  expressions: readonly RegExp[],
  group: string,
  values: readonly string[],
  onValue: (index: number) => void = () => undefined,
): readonly string[] {
  return values.map((value, index) => {
    onValue(index);
    if (!isPlain(value)) return '';
    for (const expression of expressions) {
      const found = expression.exec(value);
      if (found) return found.groups?.[group] ?? '';
    }
    return '';
  });
}

function isPlain(value: string): boolean {
  return /^[ -~]*$/.test(value);
}

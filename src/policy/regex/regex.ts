import { createContext, Script } from 'node:vm';
import { toRegExpDetails } from 'oniguruma-to-es';
import { PolicyError, quote } from '../error.ts';
import { toOniguruma } from './emit.ts';
import { parseRegex } from './parse.ts';
import { settle } from './settle.ts';
import { childrenOf, type RegexNode } from './syntax.ts';

/** A pattern may come from a lot of filters joined, and yet nobody writes one as long as this. */
const LONGEST_PATTERN = 10_000;
/** V8 copies counted parts; beyond this compiling takes noticeable time and memory. */
const LARGEST_REGEX = 20_000;
/** The limit of `acr purge` for a single evaluation, also taken for a limit that makes no sense. */
const DEFAULT_TIMEOUT_SECONDS = 60;
/** What a timer of Node can hold. */
const LONGEST_TIMEOUT_MILLISECONDS = 2 ** 31 - 1;

export interface RegexOptions {
  /** How long a single name may take; 60 if it is not above zero. */
  readonly timeoutSeconds: number;
  /** The flag of the command line that the pattern came from, for messages. */
  readonly flag: string;
}

/** A compiled pattern that cannot hang the process. */
export interface SafeRegex {
  readonly pattern: string;
  /**
   * For each value, whether the pattern matches somewhere in it. A value with characters other than printable ASCII,
   * which no name or tag has, never matches.
   *
   * One value may take `timeoutSeconds`, as in `acr purge`, and all of them together twice that. The event loop stands
   * still meanwhile.
   *
   * @throws {PolicyError} that names the value, when that is exceeded.
   */
  test(values: readonly string[]): readonly boolean[];
}

/**
 * Compiles a pattern of the dialect that `acr purge` reads: Go's github.com/dlclark/regexp2 with its option RE2, a port
 * of .NET's. It never matches more than there: a construct whose meaning cannot be kept in JavaScript is refused.
 *
 * @throws {PolicyError} that says what is wrong or not supported.
 */
export function compileRegex(pattern: string, options: RegexOptions): SafeRegex {
  const { flag } = options;
  const seconds = options.timeoutSeconds > 0 ? options.timeoutSeconds : DEFAULT_TIMEOUT_SECONDS;
  const timeout = Math.min(Math.ceil(seconds * 1000), LONGEST_TIMEOUT_MILLISECONDS);
  const regex = translate(pattern, flag);
  return { pattern, test: (values) => testAll(regex, pattern, values, { timeout, flag }) };
}

function translate(pattern: string, flag: string): RegExp {
  if (pattern.length > LONGEST_PATTERN) {
    throw new PolicyError(flag, pattern, `a regular expression is limited to ${LONGEST_PATTERN} characters`);
  }
  const parsed = parseRegex(pattern, flag);
  if (sizeOf(parsed) > LARGEST_REGEX) {
    throw new PolicyError(
      flag,
      pattern,
      'the counts of this regular expression multiply to too much; use smaller ones',
    );
  }
  try {
    const details = toRegExpDetails(toOniguruma(settle(parsed, pattern, flag)), {
      // A plain RegExp, not the library's subclass: the groups that it hides are not looked at here.
      avoidSubclass: true,
      rules: { asciiWordBoundaries: true, captureGroup: true },
      // No syntax that only newer engines know.
      target: 'ES2024',
    });
    return new RegExp(details.pattern, details.flags);
  } catch (cause) {
    if (cause instanceof PolicyError) throw cause;
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new PolicyError(flag, pattern, `this regular expression is not supported: ${quote(reason)}`, { cause });
  }
}

/** How many nodes there are when counted parts are written out. */
function sizeOf(node: RegexNode): number {
  const inner = childrenOf(node).reduce((sum, child) => sum + sizeOf(child), 0);
  return 1 + (node.kind === 'repeat' ? inner * Math.max(1, node.max === Infinity ? node.min + 1 : node.max) : inner);
}

/** What a run works on; the answers there are tell how far it came. */
interface Job {
  readonly regex: RegExp;
  readonly values: readonly string[];
  readonly answers: boolean[];
  readonly end: number;
}

/**
 * Only code that runs in a `vm` script can be interrupted while it blocks the event loop. The script's text is always
 * the same; the pattern and the values reach it as objects.
 */
const matching = new Script(`{
  const { regex, values, answers, end } = job;
  while (answers.length < end) answers.push(regex.test(values[answers.length]));
}`);
const sandbox: { job: Job | undefined } = { job: undefined };
const context = createContext(sandbox);

/** Works on a job, and says whether it got to its end before the time was up. */
function run(job: Job, timeout: number): boolean {
  sandbox.job = job;
  try {
    matching.runInContext(context, { timeout });
    return true;
  } catch (error) {
    // Not instanceof Error: the error may be one of the script's own world.
    const code: unknown = typeof error === 'object' && error !== null && 'code' in error ? error.code : undefined;
    if (code === 'ERR_SCRIPT_EXECUTION_TIMEOUT') return false;
    throw error;
  } finally {
    sandbox.job = undefined;
  }
}

function testAll(
  regex: RegExp,
  pattern: string,
  values: readonly string[],
  limits: { readonly timeout: number; readonly flag: string },
): readonly boolean[] {
  const plain = values.filter((value) => isPlain(value));
  const answers: boolean[] = [];
  const deadline = performance.now() + 2 * limits.timeout;
  const timeLeft = () => Math.min(limits.timeout, Math.max(1, Math.ceil(deadline - performance.now())));
  const stop = (cause?: unknown): never => {
    const value = quote(plain[answers.length] ?? '');
    const seconds = limits.timeout / 1000;
    const problem =
      cause === undefined
        ? `matching it against ${value} took longer than --filter-timeout-seconds (${seconds}); simplify the pattern`
        : `matching it against ${value} failed`;
    throw new PolicyError(limits.flag, pattern, problem, cause === undefined ? undefined : { cause });
  };
  try {
    while (!run({ regex, values: plain, answers, end: plain.length }, timeLeft())) {
      // The time was up for all values together; the one that it was up in may not have been at fault.
      if (!run({ regex, values: plain, answers, end: answers.length + 1 }, timeLeft())) stop();
    }
  } catch (error) {
    // V8 gives up on a regular expression too large for it, or one that needs too much memory to backtrack.
    if (error instanceof PolicyError) throw error;
    stop(error);
  }
  let next = 0;
  return values.map((value) => isPlain(value) && answers[next++] === true);
}

function isPlain(value: string): boolean {
  return /^[ -~]*$/.test(value);
}

import { createContext, Script } from 'node:vm';
import { PolicyError, quote } from '../error.ts';
import { translate } from './compile.ts';

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
  /** Whether it would mean something else if it were joined with another one, and so cannot be. */
  readonly entangled: boolean;
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
 * Compiles a pattern as `acr purge` reads it, or several as if they were joined by `|`; see `translate`.
 *
 * @throws {PolicyError} that says what is wrong or not supported.
 */
export function compileRegex(patterns: string | readonly string[], options: RegexOptions): SafeRegex {
  const { flag } = options;
  const seconds = options.timeoutSeconds > 0 ? options.timeoutSeconds : DEFAULT_TIMEOUT_SECONDS;
  const timeout = Math.min(Math.ceil(seconds * 1000), LONGEST_TIMEOUT_MILLISECONDS);
  const parts = typeof patterns === 'string' ? [patterns] : patterns;
  const pattern = parts.join('|');
  const { regexes, entangled } = translate(parts, flag);
  return { pattern, entangled, test: (values) => testAll(regexes, pattern, values, { timeout, flag }) };
}

/** What a run works on; the answers there are tell how far it came. */
interface Job {
  /** A value matches that matches one of them. */
  readonly regexes: readonly RegExp[];
  readonly values: readonly string[];
  readonly answers: boolean[];
  readonly end: number;
}

/**
 * Only code that runs in a `vm` script can be interrupted while it blocks the event loop. The script's text is always
 * the same; the pattern and the values reach it as objects.
 */
const matching = new Script(`{
  const { regexes, values, answers, end } = job;
  while (answers.length < end) answers.push(regexes.some((regex) => regex.test(values[answers.length])));
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
  regexes: readonly RegExp[],
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
    while (!run({ regexes, values: plain, answers, end: plain.length }, timeLeft())) {
      // The time was up for all values together; the one that it was up in may not have been at fault.
      if (!run({ regexes, values: plain, answers, end: answers.length + 1 }, timeLeft())) stop();
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

import pLimit from 'p-limit';
import { PolicyError, quote } from '../policy/errors.ts';
import type { PurgePolicy } from '../policy/purge-policy.ts';
import { systemClock } from '../registry/clock.ts';
import type { CompiledRegex, Match } from '../policy/regex/regex.ts';

/*
 * Filters are matched in a worker: a pattern may take for ever, and V8 cannot be interrupted in one. Meanwhile the
 * process does everything else, and at the deadline the worker is ended.
 */

/** Runs that match at the same time. The others wait; that counts for none of them. */
const WORKERS = 2;
const turns = pLimit(WORKERS);

/** Matches that are asked of a worker at once: handing over more would take a noticeable time by itself. */
const AT_ONCE = 100_000;

/** What a match may take besides: a hundred times what it mostly takes. A large registry is no fault. */
const MILLISECONDS_A_MATCH = 0.01;

/** What is asked of a worker. */
export interface Matching {
  /** The expressions of each pattern. */
  readonly patterns: readonly (readonly RegExp[])[];
  readonly values: readonly string[];
  /** Whether what a pattern matches is not looked at by those behind it. */
  readonly isFirst?: boolean;
  /** The group of the one pattern whose text is wanted. */
  readonly group?: string | undefined;
  /** Shared: the places of the pattern and of the value that are matched now. */
  readonly at: Int32Array<SharedArrayBuffer>;
}

/** Time that matching took, for each pattern. */
export interface Matched {
  readonly answers: readonly (readonly boolean[])[];
  /** For each value; empty where no group is wanted. */
  readonly captures: readonly string[];
  readonly milliseconds: readonly number[];
}

/** Matches for a run. @throws {PolicyError} in the words of what its patterns stand in */
export function matchOf(policies: readonly PurgePolicy[]): Match {
  const isByFile = policies.length > 0 && policies.every(({ retention }) => retention !== undefined);
  return newMatch(secondsOf(policies), isByFile ? 'a policy file' : 'filters');
}

/** The time that all matching of a run may take together: that of the command that allows most. */
export function secondsOf(policies: readonly PurgePolicy[]): number {
  return policies.reduce((most, { filterTimeoutSeconds }) => Math.max(most, filterTimeoutSeconds), 0);
}

/**
 * Matches in a worker. What is measured is the time of its processor, so by no other clock than the system's. Whatever is matched by the same function may take so long together.
 */
export function newMatch(seconds: number, from: 'filters' | 'a policy file' = 'filters'): Match {
  const isByFile = from === 'a policy file';
  const flag = isByFile ? 'pattern' : '--filter';
  const inTurn = pLimit(1);
  const spent = new Map<CompiledRegex['pattern'], { readonly of: string; readonly milliseconds: number }>();
  let left = seconds * 1000;

  const some = async (
    patterns: readonly CompiledRegex[],
    values: readonly string[],
    how: Pick<Matching, 'isFirst' | 'group'>,
  ): Promise<Omit<Matched, 'milliseconds'>> => {
    const { pool } = await import('./match-pool.ts');
    const allowance = patterns.length * values.length * MILLISECONDS_A_MATCH;
    const at = new Int32Array(new SharedArrayBuffer(2 * Int32Array.BYTES_PER_ELEMENT));
    const asked = { patterns: patterns.map(({ expressions }) => expressions), values, at, ...how };
    const abort = new AbortController();
    const began = systemClock.ticks();
    const timer = systemClock.after(left + allowance, () => abort.abort());
    const elapsed = (): number => systemClock.ticks() - began;
    // What it takes to reach the worker is no filter's fault: a run asks once for each of its repositories, of which there
    // may be ten thousand, and the machine may be busy.
    let used: number | undefined;
    try {
      const { milliseconds, ...found } = await pool.run(asked, abort.signal);
      used = milliseconds.reduce((sum, some) => sum + some, 0);
      for (const [nth, { pattern, of = flag }] of patterns.entries())
        spent.set(pattern, { of, milliseconds: (spent.get(pattern)?.milliseconds ?? 0) + (milliseconds[nth] ?? 0) });
      return found;
    } catch (cause) {
      const { pattern = '', of = flag } = patterns[at[0] ?? 0] ?? {};
      const value = quote(values[at[1] ?? 0] ?? '');
      // V8 gives up on an expression that is too large for it, or needs too much memory.
      if (!abort.signal.aborted) throw new PolicyError(of, pattern, `matching it against ${value} failed`, { cause });
      const [[slowest, most] = [pattern, { of, milliseconds: 0 }]] = [...spent].sort(
        ([, a], [, b]) => b.milliseconds - a.milliseconds,
      );
      const limit = `took longer than ${isByFile ? `${seconds} seconds` : `--filter-timeout-seconds (${seconds})`}`;
      throw most.milliseconds > elapsed()
        ? new PolicyError(
            most.of,
            slowest,
            `matching all ${isByFile ? 'patterns' : 'filters'} ${limit}, and this one most of it; simplify the pattern`,
          )
        : new PolicyError(of, pattern, `matching it against ${value} ${limit}; simplify the pattern`);
    } finally {
      timer.cancel();
      left = Math.max(0, left - Math.max(0, (used ?? elapsed()) - allowance));
    }
  };

  const all = (
    patterns: readonly CompiledRegex[],
    values: readonly string[],
    how: Pick<Matching, 'isFirst' | 'group'>,
  ): Promise<Omit<Matched, 'milliseconds'>> =>
    inTurn(async () => {
      const answers = patterns.map((): boolean[] => []);
      const captures: string[] = [];
      const size = Math.max(1, Math.floor(AT_ONCE / patterns.length));
      for (let from = 0; from < values.length; from += size) {
        const found = await turns(() => some(patterns, values.slice(from, from + size), how));
        for (const [nth, own] of found.answers.entries()) for (const answer of own) answers[nth]?.push(answer);
        for (const text of found.captures) captures.push(text);
      }
      return { answers, captures };
    });

  return Object.assign(
    async (patterns: readonly CompiledRegex[], values: readonly string[], first?: 'first') =>
      (await all(patterns, values, { isFirst: first !== undefined })).answers,
    {
      captures: async (pattern: CompiledRegex, group: string, values: readonly string[]) =>
        (await all([pattern], values, { group })).captures,
    },
  );
}

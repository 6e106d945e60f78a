import { failure, failureOf, type Answer } from './answers.ts';
import type { Call, CallClass, Faults, RequestKind } from './types.ts';

/** The answer to a call that fails, or a dropped connection; undefined: it does not fail. */
export type Fault = Answer | 'drop' | 'cut' | undefined;

/** Decides which calls fail, and counts calls for the limits. */
export class FaultInjector {
  readonly #faults: Faults;
  readonly #now: () => number;
  readonly #random: () => number;
  readonly #windows = { read: newWindow(), write: newWindow() };
  readonly #perMinute: ReadonlyMap<string, Allowance>;

  /** @param now milliseconds since 1970: limits are counted by it */
  constructor(faults: Faults, now: () => number) {
    this.#faults = faults;
    this.#now = now;
    this.#random = randomFrom(faults.seed ?? 1);
    const limits = Object.entries(faults.perMinute ?? {});
    this.#perMinute = new Map(limits.map(([name, calls]) => [name, newAllowance(calls)]));
  }

  get latencyMs(): number {
    return this.#faults.latencyMs ?? 0;
  }

  /** Whether calls to this repository are answered 401, whatever the token. */
  isUnauthorized(call: Call): boolean {
    return call.repository !== undefined && (this.#faults.unauthorizedRepositories ?? []).includes(call.repository);
  }

  /** The fault that a test's `failing` wants for this call. */
  chosen(call: Call): Fault {
    const outcome = this.#faults.failing?.(call);
    return typeof outcome === 'number' ? failureOf(outcome, call.kind) : outcome;
  }

  /** The fault of a data-plane call: by limits, by chance, or for want of permission. */
  forData(call: Call): Answer | 'drop' | undefined {
    const { dropRate = 0, errorRate = 0, forbiddenRepositories = [] } = this.#faults;
    if (this.#take(call.kind) === 'refused') return failureOf(429, call.kind);
    for (const name of classesOf(call.kind)) {
      const wait = this.#perMinute.get(name)?.(this.#now());
      if (wait === undefined) continue;
      const refused = failureOf(429, call.kind);
      return { ...refused, headers: { ...refused.headers, 'Retry-After': String(wait) } };
    }
    if (this.#random() < dropRate) return 'drop';
    if (this.#random() < errorRate) return failureOf(503, call.kind);
    if (call.repository === undefined || !forbiddenRepositories.includes(call.repository)) return undefined;
    return failure(403, 'DENIED', 'requested access to the resource is denied', { name: call.repository });
  }

  /** What is left of a limit, in the form of a recorded delete: `8.000000`. */
  headers(kind: RequestKind): Readonly<Record<string, string>> {
    const limit = this.#limit(kind);
    if (limit === undefined) return {};
    const left = limit - this.#windows[isWrite(kind) ? 'write' : 'read'].used;
    return { 'X-Ms-Ratelimit-Remaining-Calls-Per-Second': Math.max(0, left).toFixed(6) };
  }

  #limit(kind: RequestKind): number | undefined {
    if (kind === 'read-storage') return undefined;
    return isWrite(kind) ? this.#faults.deletesPerSecond : this.#faults.readsPerSecond;
  }

  /** Counts in windows of a second: after the second that `Retry-After` asks for a new one begins. */
  #take(kind: RequestKind): 'taken' | 'refused' {
    const limit = this.#limit(kind);
    if (limit === undefined) return 'taken';
    const window = this.#windows[isWrite(kind) ? 'write' : 'read'];
    const now = this.#now();
    if (now - window.since >= 1000) {
      window.since = now;
      window.used = 0;
    }
    if (window.used >= limit) return 'refused';
    window.used++;
    return 'taken';
  }
}

/** Takes a call, or says how many seconds its client is to wait. */
type Allowance = (now: number) => number | undefined;

const MINUTE = 60_000;

/**
 * A token bucket that holds a minute's worth. `Retry-After` counts down to the end of the minute; minutes begin with the
 * first call.
 */
function newAllowance(perMinute: number): Allowance {
  let tokens = perMinute;
  let start: number | undefined;
  let before = 0;
  return (now) => {
    start ??= before = now;
    tokens = Math.min(perMinute, tokens + ((now - before) * perMinute) / MINUTE);
    before = now;
    if (tokens < 1) return Math.ceil((MINUTE - ((now - start) % MINUTE)) / 1000);
    tokens -= 1;
    return undefined;
  };
}

function classesOf(kind: RequestKind): readonly CallClass[] {
  // Storage is another service.
  if (kind === 'read-storage') return [];
  if (kind === 'referrers') return ['referrers', 'reads'];
  if (kind.startsWith('delete-')) return ['deletes'];
  return [isWrite(kind) ? 'writes' : 'reads'];
}

function newWindow(): { since: number; used: number } {
  return { since: -Infinity, used: 0 };
}

function isWrite(kind: RequestKind): boolean {
  return /^(delete|update|put|restore|upload)-/.test(kind);
}

/** Random numbers (0 to 1) that are the same for the same seed: mulberry32. */
export function randomFrom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}

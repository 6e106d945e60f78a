import { failure, failureOf, type Answer } from './answers.ts';
import type { Call, CallClass, Faults, RequestKind } from './types.ts';

/** What goes wrong with a call; undefined: nothing. */
export type Fault = Answer | 'drop' | undefined;

/** Decides what goes wrong, and keeps count of what the limits allow. */
export class FaultInjector {
  readonly #faults: Faults;
  readonly #random: () => number;
  readonly #windows = { read: newWindow(), write: newWindow() };
  readonly #perMinute: ReadonlyMap<string, Allowance>;

  constructor(faults: Faults) {
    this.#faults = faults;
    this.#random = randomFrom(faults.seed ?? 1);
    const limits = Object.entries(faults.perMinute ?? {});
    this.#perMinute = new Map(limits.map(([name, calls]) => [name, newAllowance(calls)]));
  }

  get latencyMs(): number {
    return this.#faults.latencyMs ?? 0;
  }

  /** Whether a token does not help with this repository. */
  isUnauthorized(call: Call): boolean {
    return call.repository !== undefined && (this.#faults.unauthorizedRepositories ?? []).includes(call.repository);
  }

  /** What a test asked to go wrong with this very call. */
  chosen(call: Call): Fault {
    const outcome = this.#faults.failing?.(call);
    return typeof outcome === 'number' ? failureOf(outcome, call.kind) : outcome;
  }

  /** What goes wrong with a data-plane call by limits, by chance or for want of permission. */
  forData(call: Call): Fault {
    const { dropRate = 0, errorRate = 0, forbiddenRepositories = [] } = this.#faults;
    if (this.#take(call.kind) === 'refused') return failureOf(429, call.kind);
    for (const name of classesOf(call.kind)) {
      const wait = this.#perMinute.get(name)?.(performance.now());
      if (wait === undefined) continue;
      const refused = failureOf(429, call.kind);
      return { ...refused, headers: { ...refused.headers, 'Retry-After': String(wait) } };
    }
    if (this.#random() < dropRate) return 'drop';
    if (this.#random() < errorRate) return failureOf(503, call.kind);
    if (call.repository === undefined || !forbiddenRepositories.includes(call.repository)) return undefined;
    return failure(403, 'DENIED', 'requested access to the resource is denied', { name: call.repository });
  }

  /** How much of a limit is left, the way a recorded delete put it: `8.000000`. */
  headers(kind: RequestKind): Readonly<Record<string, string>> {
    const limit = this.#limit(kind);
    if (limit === undefined) return {};
    const left = limit - this.#windows[isWrite(kind) ? 'write' : 'read'].used;
    return { 'X-Ms-Ratelimit-Remaining-Calls-Per-Second': Math.max(0, left).toFixed(6) };
  }

  #limit(kind: RequestKind): number | undefined {
    return isWrite(kind) ? this.#faults.deletesPerSecond : this.#faults.readsPerSecond;
  }

  /** Windows of one second: who waits the second that `Retry-After` asks for finds a new one. */
  #take(kind: RequestKind): 'taken' | 'refused' {
    const limit = this.#limit(kind);
    if (limit === undefined) return 'taken';
    const window = this.#windows[isWrite(kind) ? 'write' : 'read'];
    const now = performance.now();
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
  if (kind === 'referrers') return ['referrers', 'reads'];
  if (kind.startsWith('delete-')) return ['deletes'];
  return [isWrite(kind) ? 'writes' : 'reads'];
}

function newWindow(): { since: number; used: number } {
  return { since: -Infinity, used: 0 };
}

function isWrite(kind: RequestKind): boolean {
  return /^(delete|update|put)-/.test(kind);
}

/** mulberry32: repeatable, and even enough for this. */
export function randomFrom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}

import { syncBuiltinESMExports } from 'node:module';
import timers from 'node:timers';
import promises from 'node:timers/promises';
import { promisify } from 'node:util';

/*
 * The time of the machine. In a simulation the product and its SDKs must not wait for it: what they ask of it is an error
 * with the place in its stack. What time it is they are told by the world.
 */

/** Something in a simulation waits for the time of the machine: it must be given a clock instead. */
export class RealTimeError extends Error {
  override readonly name = 'RealTimeError';
}

/** All of them, in their order: the product may have caught one, and taken it for a failure of something else. */
export const realTimeErrors: RealTimeError[] = [];

let isForbidden = false;
let ticks: (() => number) | undefined;
let now: (() => number) | undefined;

/** From here on no timer may be set. The world has the one that it needs from `node:timers`. */
export function forbidRealTime(): void {
  isForbidden = true;
}

/** Until `forbidRealTime` is called again: for what has to wait between two stories. */
export function allowRealTime(): void {
  isForbidden = false;
}

/** What `performance.now()` says; `undefined`: what the machine says. */
export function setTicks(said: (() => number) | undefined): void {
  ticks = said;
}

/** What `Date.now()` and `new Date()` say; `undefined`: what the machine says. */
export function setNow(said: (() => number) | undefined): void {
  now = said;
}

type AnyFunction = (this: unknown, ...given: never[]) => unknown;

/**
 * The same function, which fails while real time is forbidden.
 * @param how what it gives: an error is thrown, or is what a promise comes to
 */
function guarded<T extends AnyFunction>(what: string, real: T, how: 'value' | 'promise' = 'value'): T {
  const guard = function (this: unknown, ...given: never[]): unknown {
    if (!isForbidden) return real.apply(this, given);
    const error = new RealTimeError(`${what} in a simulation: whatever waits is given a clock`);
    realTimeErrors.push(error);
    if (how === 'promise') return Promise.reject(error);
    throw error;
  };
  return Object.assign(guard as T, real);
}

/** To be called before anything else is loaded: some modules keep what they find. */
export function replaceTime(): void {
  const waits = {
    setTimeout: guarded('setTimeout() of node:timers/promises', promises.setTimeout, 'promise'),
    setImmediate: guarded('setImmediate() of node:timers/promises', promises.setImmediate, 'promise'),
    setInterval: guarded('setInterval() of node:timers/promises', promises.setInterval),
  };
  const calls = {
    setTimeout: guarded('setTimeout()', globalThis.setTimeout),
    setInterval: guarded('setInterval()', globalThis.setInterval),
    setImmediate: guarded('setImmediate()', globalThis.setImmediate),
  };
  for (const name of ['setTimeout', 'setImmediate'] as const)
    Object.defineProperty(calls[name], promisify.custom, { value: waits[name], configurable: true });
  Object.assign(globalThis, calls);
  Object.assign(timers, { setTimeout: calls.setTimeout, setInterval: calls.setInterval });
  Object.assign(promises, waits);
  Object.assign(promises.scheduler, {
    wait: guarded('scheduler.wait()', promises.scheduler.wait.bind(promises.scheduler), 'promise'),
    yield: guarded('scheduler.yield()', promises.scheduler.yield.bind(promises.scheduler), 'promise'),
  });
  AbortSignal.timeout = guarded('AbortSignal.timeout()', AbortSignal.timeout.bind(AbortSignal));
  syncBuiltinESMExports();

  const { Date: RealDate } = globalThis;
  const realTicks = performance.now.bind(performance);
  performance.now = () => ticks?.() ?? realTicks();
  RealDate.now = (
    (real) => () =>
      Math.floor(now?.() ?? real())
  )(RealDate.now.bind(RealDate));
  globalThis.Date = new Proxy(RealDate, {
    construct: (target, given, made) =>
      Reflect.construct(target, given.length === 0 ? [RealDate.now()] : given, made) as object,
    apply: () => new RealDate(RealDate.now()).toString(),
  });
}

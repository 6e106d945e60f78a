// Not the global one: in a simulation nothing else may ask for a turn of the real event loop.
import { setImmediate } from 'node:timers';
import TinyQueue from 'tinyqueue';
import type { System } from '../../../src/ledger/store/system.ts';
import type { Clock, Timer } from '../../../src/registry/clock.ts';
import type { Draws, Taken } from './draws.ts';

/** When every story begins. */
export const BEGINNING = Date.parse('2026-03-01T01:00:00Z');

interface Event {
  readonly time: number;
  /** Of two at the same time the first that was planned is first. */
  readonly nth: number;
  run: (() => void) | undefined;
}

/**
 * - `call`: a request arrives at the registry
 * - `change sent`: a process has written a change to the connection
 * - `change made`: the registry has made it, and has not answered yet
 * - `lock off`, `hidden`, `shown`: the same, where it has taken a lock off, or made something unreadable or readable
 * - `store`: a process has asked something of the store; `lock taken`, `guards asked`: it has a lock, or an answer of the guards
 */
export type Moment =
  'call' | 'change sent' | 'change made' | 'lock off' | 'hidden' | 'shown' | 'store' | 'lock taken' | 'guards asked';

/** Does something at a moment. @param by the process that it is about, where that is known */
type AtMoment = (by: Process | undefined) => void;

/** A moment that the story tells. */
export interface Line {
  /** Milliseconds since the beginning. */
  readonly at: number;
  readonly text: string;
}

/**
 * A world with its own time. Nothing in it waits for real: the time of the next event comes as soon as everything that
 * follows from the last one is done.
 */
export class World {
  readonly draws: Draws;
  readonly lines: Line[] = [];
  readonly processes: Process[] = [];
  /** How often each kind of draw met each step: `kill / delete-tag`. */
  readonly met = new Map<string, number>();
  #now = BEGINNING;
  #nth = 0;
  readonly #moments = new Map<Moment, number>();
  readonly #waiting = new Map<string, readonly AtMoment[]>();
  #events = new TinyQueue<Event>([], byTime);

  constructor(draws: Draws) {
    this.draws = draws;
    draws.onTaken = (taken) => {
      this.meet(taken);
    };
  }

  /** The true time, in milliseconds since 1970. */
  get now(): number {
    return this.#now;
  }

  /** Milliseconds since the beginning. */
  get elapsed(): number {
    return this.#now - BEGINNING;
  }

  /** Notes which steps a draw met: that of the process that its key names, or those of all. */
  meet({ kind, key }: Taken): void {
    const words = key.split(' ');
    const living = this.processes.filter(({ isAlive }) => isAlive);
    const named = living.filter(({ name }) => words.includes(name));
    for (const { doing } of named.length > 0 ? named : living) {
      const name = `${kind} / ${doing}`;
      this.met.set(name, (this.met.get(name) ?? 0) + 1);
    }
  }

  tell(text: string): void {
    this.lines.push({ at: this.elapsed, text });
  }

  /** Does something later. */
  after(milliseconds: number, run: () => void): Timer {
    const event: Event = { time: this.#now + Math.max(0, milliseconds), nth: (this.#nth += 1), run };
    this.#events.push(event);
    return { cancel: () => (event.run = undefined) };
  }

  /** Something has happened that the story counts, such as a deletion that was sent. */
  moment(name: Moment, by?: Process): void {
    const nth = (this.#moments.get(name) ?? 0) + 1;
    this.#moments.set(name, nth);
    const waiting = this.#waiting.get(`${name} ${nth}`) ?? [];
    for (const run of waiting) run(by);
  }

  /** Does something at the nth moment of a kind from now on, from 1. */
  at(name: Moment, nth: number, run: AtMoment): void {
    const key = `${name} ${(this.#moments.get(name) ?? 0) + nth}`;
    this.#waiting.set(key, [...(this.#waiting.get(key) ?? []), run]);
  }

  /** @param name of this process alone: one that is started again has another */
  process(name: string, options: ProcessOptions = {}): Process {
    if (this.processes.some((other) => other.name === name)) throw new Error(`there was a process ${name} already`);
    const process = new Process(this, name, options);
    this.processes.push(process);
    return process;
  }

  async pass(milliseconds: number): Promise<void> {
    let isOver = false;
    this.after(milliseconds, () => (isOver = true));
    await this.run(() => isOver, Infinity);
  }

  /**
   * Lets time pass until something is so, nothing more will happen, or it is too late.
   * @param until milliseconds since the beginning
   */
  async run(isDone: () => boolean, until: number): Promise<'done' | 'quiet' | 'late'> {
    for (;;) {
      await everythingElse();
      if (isDone()) return 'done';
      let event = this.#events.pop();
      // Time does not pass for a timer that was cancelled.
      while (event && !event.run) event = this.#events.pop();
      if (!event) return 'quiet';
      if (event.time - BEGINNING > until) {
        this.#events.push(event);
        return 'late';
      }
      this.#now = event.time;
      event.run?.();
    }
  }
}

export interface ProcessOptions {
  /** How much its clock is ahead, in milliseconds. */
  readonly skew?: number;
  /** Where it runs. Processes on other machines cannot see whether it does. */
  readonly machine?: string;
}

/** Lets all promises settle that nothing outside of the world holds up. */
function everythingElse(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

const LONGEST_TIMER = 2 ** 31 - 1; // A longer one fires at once in Node.

/**
 * A process: its clock, and what reaches it from outside. Killed, it is told nothing any more, so that nothing in it ever
 * runs again; frozen, it is told later. What it has sent is on its way all the same.
 */
export class Process {
  readonly name: string;
  readonly machine: string;
  readonly world: World;
  readonly system: System;
  /** Its calls about locks take seconds. */
  isSlowWithLocks = false;
  /** What it asked for last: a kind of call, or of file. */
  doing = 'nothing';
  /** Under way: a process that is killed is there until they return. */
  systemCalls = 0;
  #skew: number;
  #isAlive = true;
  /** What it is told once it is thawed. */
  #waiting: { readonly run: () => void; readonly isTimer: boolean }[] | undefined;

  constructor(world: World, name: string, { skew = 0, machine = 'simulated' }: ProcessOptions) {
    this.world = world;
    this.name = name;
    this.machine = machine;
    this.#skew = skew;
    this.system = {
      clock: this.#clock(),
      self: () => ({ host: machine, pid: 1, process: this.name }),
      stateOf: ({ process }) => {
        const found = world.processes.find((one) => one.name === process && one.machine === machine);
        return found ? (found.isAlive || found.systemCalls > 0 ? 'running' : 'ended') : 'unknown';
      },
    };
  }

  get isAlive(): boolean {
    return this.#isAlive;
  }

  get isFrozen(): boolean {
    return this.#waiting !== undefined;
  }

  /** Does something in this process, now or when it is thawed; or never. */
  deliver(run: () => void, isTimer = false): void {
    if (this.#waiting) this.#waiting.push({ run, isTimer });
    else if (this.#isAlive) run();
  }

  /**
   * A call of something outside.
   * @param effect what it does there. It takes place whatever happens to the process meanwhile. `never`: no answer comes.
   * @param there milliseconds until it arrives
   * @param back milliseconds until the answer is here
   */
  call<T>(there: number, effect: () => T | 'never', back: number): Promise<T> {
    return new Promise((resolve, reject) => {
      this.world.after(there, () => {
        let answer: () => void;
        try {
          const result = effect();
          if (result === 'never') return;
          answer = () => resolve(result);
        } catch (error) {
          const failure = error instanceof Error ? error : new Error(String(error));
          answer = () => reject(failure);
        }
        this.world.after(back, () => this.deliver(answer));
      });
    });
  }

  kill(): void {
    this.#isAlive = false;
    this.#waiting = undefined;
  }

  freeze(milliseconds: number): void {
    if (this.#waiting) return;
    const waiting = (this.#waiting = []);
    this.world.after(milliseconds, () => {
      if (this.#waiting === waiting) this.thaw();
    });
  }

  /** It works again. What it is told comes one by one: answers before timers, as Node has it, or in the order of their time. */
  thaw(): void {
    const waiting = this.#waiting ?? [];
    this.#waiting = undefined;
    const isByTime = this.world.draws.number(`thaw ${this.name} ${this.world.elapsed}`) < 0.5;
    const answers = waiting.filter(({ isTimer }) => isByTime || !isTimer);
    const timers = waiting.filter(({ isTimer }) => !isByTime && isTimer);
    for (const { run, isTimer } of [...answers, ...timers]) this.world.after(0, () => this.deliver(run, isTimer));
  }

  /** Sets its clock. */
  jump(milliseconds: number): void {
    this.#skew += milliseconds;
  }

  #clock(): Clock {
    const { world } = this;
    const after: Clock['after'] = (milliseconds, call) => {
      let isOver = false;
      const whole = milliseconds >= 1 && milliseconds <= LONGEST_TIMER ? milliseconds : 1;
      const timer = world.after(whole, () => this.deliver(() => isOver || call(), true));
      return {
        cancel: () => {
          isOver = true;
          timer.cancel();
        },
      };
    };
    return {
      now: () => world.now + this.#skew,
      ticks: () => world.elapsed,
      after,
      every(milliseconds, call) {
        let timer = after(milliseconds, again);
        function again(): void {
          timer = after(milliseconds, again);
          call();
        }
        return { cancel: () => timer.cancel() };
      },
      sleep: (milliseconds, signal) =>
        new Promise((resolve) => {
          if (signal?.aborted) {
            resolve();
            return;
          }
          const end = (): void => {
            timer.cancel();
            signal?.removeEventListener('abort', end);
            resolve();
          };
          const timer = after(milliseconds, end);
          signal?.addEventListener('abort', end, { once: true });
        }),
      turn: () => Promise.resolve(),
    };
  }
}

const byTime = (a: Event, b: Event): number => a.time - b.time || a.nth - b.nth;

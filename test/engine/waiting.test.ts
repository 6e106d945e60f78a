import { describe, expect, test } from 'vitest';
import { newFresh } from '../../src/engine/fresh.ts';
import { newLostTime } from '../../src/engine/lost-time.ts';
import { type Clock, systemClock } from '../../src/registry/clock.ts';
import { RegistryError, StoppedError } from '../../src/registry/errors.ts';

const MINUTE_MS = 60_000;
const never = new AbortController().signal;

/** A clock that goes on when a test says so. */
function clockAt() {
  let ticks = 0;
  const timers = new Map<() => void, number>();
  const clock: Clock = {
    ...systemClock,
    ticks: () => ticks,
    after(milliseconds, call) {
      timers.set(call, ticks + milliseconds);
      return { cancel: () => timers.delete(call) };
    },
  };
  const pass = (minutes: number): void => {
    ticks += minutes * MINUTE_MS;
    for (const [call, at] of timers) if (at <= ticks && timers.delete(call)) call();
  };
  return { clock, pass };
}

/** Fails once its signal is aborted, as a registry does that does not answer. */
const hanging = (until: AbortSignal): Promise<never> =>
  new Promise((_, reject) => until.addEventListener('abort', () => reject(new StoppedError('read'))));

describe('an answer that took ten minutes to come', () => {
  test.each([
    ['answered', 1],
    ['asked', 2],
  ] as const)('counts since it was %s', async (since, most) => {
    const { clock, pass } = clockAt();
    const fresh = newFresh<number>(clock, since);
    let asked = 0;
    const ask = async () => {
      asked += 1;
      await Promise.resolve();
      pass(11);
      return asked;
    };
    await fresh('r', ask, never);
    await fresh('r', ask, never);
    expect(asked).toBe(most);
    pass(11);
    await fresh('r', ask, never);
    expect(asked).toBe(most + 1);
  });
});

describe('reports that a registry lets a run wait for', () => {
  test('a call ends after two minutes, as an error of that call alone; after ten minutes no more is asked for an hour', async () => {
    const { clock, pass } = clockAt();
    const { within, isTooMuch } = newLostTime(clock);
    for (let n = 0; n < 5; n += 1) {
      expect(isTooMuch()).toBe(false);
      const called = within('read app@sha256:1', never, hanging);
      pass(2);
      const error: unknown = await called.catch((thrown: unknown) => thrown);
      expect(error).toBeInstanceOf(RegistryError);
      expect(error).not.toBeInstanceOf(StoppedError);
    }
    expect(isTooMuch()).toBe(true);
    pass(59);
    expect(isTooMuch()).toBe(true);
    pass(2);
    expect(isTooMuch()).toBe(false);
  });

  test('a run that is stopped is not taken for that; calls that are quick lose nothing', async () => {
    const { clock, pass } = clockAt();
    const { within, isTooMuch } = newLostTime(clock);
    const stop = new AbortController();
    const called = within('read app@sha256:1', stop.signal, hanging);
    stop.abort();
    await expect(called).rejects.toThrow(StoppedError);
    for (let n = 0; n < 1_000; n += 1) {
      const answered = Promise.resolve(n);
      expect(await within('read app@sha256:1', never, () => answered)).toBe(n);
      pass(1);
    }
    expect(isTooMuch()).toBe(false);
  });
});

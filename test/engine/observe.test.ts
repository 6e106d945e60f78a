import { describe, expect, test } from 'vitest';
import { observe, observedPulls, observedTries } from '../../src/engine/observe.ts';
import { type Clock, systemClock } from '../../src/registry/clock.ts';

const HOST = 'contoso.azurecr.io';

/** A clock whose minutes are over when the test says so. */
function held(): { readonly clock: Clock; readonly over: () => void; readonly asked: () => readonly number[] } {
  const timers = new Map<() => void, number>();
  const after: Clock['after'] = (milliseconds, call) => {
    timers.set(call, milliseconds);
    return { cancel: () => void timers.delete(call) };
  };
  return {
    clock: { ...systemClock, after },
    over: () => {
      for (const call of [...timers.keys()]) call();
    },
    asked: () => [...timers.values()],
  };
}

/** As a credential that waits for an address that does not answer: it heeds no signal. */
const never = () => new Promise<never>(() => undefined);
const hanging = { name: 'a log', read: never, tried: never };

describe.each([
  ['a source', 5, (clock: Clock, signal?: AbortSignal) => observe(hanging, HOST, clock, signal)],
  [
    'the log of pulls',
    30,
    (clock: Clock, signal?: AbortSignal) => observedPulls(hanging, clock).read(HOST, new Date(), signal),
  ],
  [
    'the log of what was asked for',
    30,
    (clock: Clock, signal?: AbortSignal) => observedTries(hanging, clock).tried(HOST, new Date(), signal),
  ],
] as const)('%s that heeds no signal', (_, minutes, read) => {
  test(`is not waited for longer than ${minutes} minutes`, async () => {
    const { clock, over, asked } = held();
    const reading = read(clock);
    expect(asked()).toEqual([minutes * 60_000]);
    over();
    await expect(reading).resolves.toMatchObject({
      source: 'a log',
      complete: false,
      problems: [`it did not say so within ${minutes} minutes`],
    });
    expect(asked()).toEqual([]);
  });

  test('is not waited for once the run is stopped, or was before', async () => {
    const { clock, asked } = held();
    const stop = new AbortController();
    const reading = read(clock, stop.signal);
    stop.abort();
    for (const one of [reading, read(clock, stop.signal)])
      await expect(one).resolves.toMatchObject({ complete: false, problems: ['it was stopped'] });
    expect(asked()).toEqual([]);
  });
});

test('what fails is incomplete, and says why', async () => {
  const fails = () => Promise.reject(new Error('a fault of it'));
  const failing = { name: 'a log', read: fails, tried: fails };
  const { clock } = held();
  for (const one of [
    observe(failing, HOST, clock, undefined),
    observedPulls(failing, clock).read(HOST, new Date()),
    observedTries(failing, clock).tried(HOST, new Date()),
  ])
    await expect(one).resolves.toMatchObject({ complete: false, problems: ['a fault of it'] });
});

import { describe, expect, test } from 'vitest';
import { checkLocks, startBudget, stopReason } from '../../src/engine/stop.ts';
import { systemClock } from '../../src/registry/clock.ts';

/** A process stood still: its clock is ahead, and none of its timers has been called. */

describe('what a process that stood still knows before its timers tell it', () => {
  function budgetAfter(milliseconds: number) {
    const abort = new AbortController();
    let ticks = 0;
    const clock = { ...systemClock, ticks: () => ticks, after: () => ({ cancel: () => undefined }) };
    const { check } = startBudget({ milliseconds: 5_000, text: '5s' }, abort, clock);
    ticks += milliseconds;
    check();
    return abort.signal;
  }

  test('that its time is over', () => {
    expect(budgetAfter(4_999).aborted).toBe(false);
    expect(stopReason(budgetAfter(5_000))).toMatchObject({
      by: 'budget',
      message: 'the time budget of 5s was used up',
    });
  });

  test('that a lock of it may be held by another process', () => {
    const abort = new AbortController();
    checkLocks([{ isHeld: () => true }], abort);
    expect(abort.signal.aborted).toBe(false);
    checkLocks([{ isHeld: () => true }, { isHeld: () => false }], abort);
    expect(stopReason(abort.signal)).toMatchObject({ by: 'lock' });
  });
});

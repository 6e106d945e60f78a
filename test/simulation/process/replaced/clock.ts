import type { Clock } from '../../../../src/registry/clock.ts';

/**
 * The clock for what measures the processor's time: filters, and long loops. In a simulation all work takes no time, so
 * the limits of it are never reached.
 */
export const systemClock: Pick<Clock, 'ticks' | 'after' | 'turn'> = {
  ticks: () => 0,
  after: () => ({ cancel: () => undefined }),
  turn: () => Promise.resolve(),
};

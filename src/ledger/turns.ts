import { systemClock } from '../registry/clock.ts';

/** How long other work waits at most: locks are renewed, and requests are answered meanwhile. */
const TURN_MS = 20;

/** To be called again and again in a long loop: every `TURN_MS` it gives a promise to wait for, in which other work is done. */
function newTurn(): () => Promise<void> | undefined {
  let since = systemClock.ticks();
  return () => {
    if (systemClock.ticks() - since < TURN_MS) return undefined;
    return systemClock.turn().then(() => void (since = systemClock.ticks()));
  };
}

/** Does work that yields where it can be interrupted, and lets other work be done in between. */
export async function inTurns<T>(steps: Generator<undefined, T, undefined>): Promise<T> {
  const over = newTurn();
  let step = steps.next();
  while (step.done !== true) {
    const waiting = over();
    if (waiting) await waiting;
    step = steps.next();
  }
  return step.value;
}

/** Items between two looks at the clock. */
const ITEMS = 100;

/** Does something with each of very many items, and lets other work be done in between. */
export async function eachInTurns<T>(items: Iterable<T>, work: (item: T) => void): Promise<void> {
  const over = newTurn();
  let count = 0;
  for (const item of items) {
    work(item);
    count += 1;
    if (count % ITEMS > 0) continue;
    const waiting = over();
    if (waiting) await waiting;
  }
}

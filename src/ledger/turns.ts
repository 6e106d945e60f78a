import { setImmediate as nextTurn } from 'node:timers/promises';

/** Whatever else there is to do waits so long at most: locks are renewed, and others are answered. */
const TURN_MS = 20;

/** Where it is called again and again, the event loop gets its turn now and then: what it answers is to be waited for. */
function newTurn(): () => Promise<void> | undefined {
  let since = performance.now();
  return () => {
    if (performance.now() - since < TURN_MS) return undefined;
    return nextTurn().then(() => void (since = performance.now()));
  };
}

/** Does work that says itself where it can be interrupted, a turn of the event loop after the other. */
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

/** Items that are gone through between two looks at the clock. */
const A_LOOK = 100;

/** Goes through very many items, a turn of the event loop after the other. */
export async function eachInTurns<T>(items: Iterable<T>, work: (item: T) => void): Promise<void> {
  await someInTurns(items, (item) => {
    work(item);
    return false;
  });
}

/** The same, up to the first item that is what is looked for. */
export async function someInTurns<T>(items: Iterable<T>, is: (item: T) => boolean): Promise<boolean> {
  const over = newTurn();
  let count = 0;
  for (const item of items) {
    if (is(item)) return true;
    count += 1;
    if (count % A_LOOK > 0) continue;
    const waiting = over();
    if (waiting) await waiting;
  }
  return false;
}

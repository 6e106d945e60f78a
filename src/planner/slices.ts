/**
 * Work that is done a little at a time: at each `yield` the caller may do something else first. A repository of 150,000
 * artifacts takes a second to plan, and locks are renewed meanwhile. What it is about must not be changed before it ends.
 */
export type Steps<T> = Generator<undefined, T, undefined>;

/** So much is done between two steps: far less than a millisecond takes. */
const A_STEP = 500;

/** Counts what is done, and is true when it is time for a `yield`. */
export function newPace(): (cost?: number) => boolean {
  let left = A_STEP;
  return (cost = 1) => {
    left -= cost;
    if (left > 0) return false;
    left = A_STEP;
    return true;
  };
}

/** Does all of it now. */
export function atOnce<T>(steps: Steps<T>): T {
  let step = steps.next();
  while (step.done !== true) step = steps.next();
  return step.value;
}

export function* filtered<T>(items: Iterable<T>, is: (item: T, index: number) => boolean): Steps<T[]> {
  const due = newPace();
  const found: T[] = [];
  let index = 0;
  for (const item of items) {
    if (due()) yield;
    if (is(item, index)) found.push(item);
    index += 1;
  }
  return found;
}

export function* converted<T, R>(items: Iterable<T>, to: (item: T) => R): Steps<R[]> {
  const due = newPace();
  const results: R[] = [];
  for (const item of items) {
    if (due()) yield;
    results.push(to(item));
  }
  return results;
}

export function* setOf<T>(items: Iterable<T>): Steps<Set<T>> {
  const due = newPace();
  const set = new Set<T>();
  for (const item of items) {
    if (due()) yield;
    set.add(item);
  }
  return set;
}

/** By merging; stable, as `toSorted` is. */
export function* sorted<T>(items: readonly T[], compare: (a: T, b: T) => number): Steps<readonly T[]> {
  const due = newPace();
  let runs: (readonly T[])[] = [];
  for (let from = 0; from < items.length; from += A_STEP) {
    runs.push(items.slice(from, from + A_STEP).sort(compare));
    yield;
  }
  while (runs.length > 1) {
    const longer: (readonly T[])[] = [];
    for (let nth = 0; nth < runs.length; nth += 2) {
      const [left = [], right = []] = [runs[nth], runs[nth + 1]];
      const merged: T[] = [];
      let [atLeft, atRight] = [0, 0];
      while (atLeft < left.length || atRight < right.length) {
        if (due()) yield;
        const [a, b] = [left[atLeft], right[atRight]];
        const isLeft = atRight >= right.length || (atLeft < left.length && compare(a as T, b as T) <= 0);
        merged.push((isLeft ? a : b) as T);
        if (isLeft) atLeft += 1;
        else atRight += 1;
      }
      longer.push(merged);
    }
    runs = longer;
  }
  return runs[0] ?? [];
}

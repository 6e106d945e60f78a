/**
 * Long work in slices: at each `yield` the caller may do something else first. A repository of 150,000 artifacts takes a
 * second to plan, and locks are renewed meanwhile. The input must not change before the work ends.
 */
export type Steps<T> = Generator<undefined, T, undefined>;

/** Items of one slice: far less than a millisecond of work. */
const SLICE = 500;

/** Counts items, and is true when it is time for a `yield`. */
export function slicer(): (items?: number) => boolean {
  let left = SLICE;
  return (items = 1) => {
    left -= items;
    if (left > 0) return false;
    left = SLICE;
    return true;
  };
}

/** Does all slices now. */
export function atOnce<T>(steps: Steps<T>): T {
  let step = steps.next();
  while (step.done !== true) step = steps.next();
  return step.value;
}

export function* chained<T>(...all: readonly Iterable<T>[]): Generator<T> {
  for (const some of all) yield* some;
}

export function* filtered<T>(items: Iterable<T>, is: (item: T, index: number) => boolean): Steps<T[]> {
  const due = slicer();
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
  const due = slicer();
  const results: R[] = [];
  for (const item of items) {
    if (due()) yield;
    results.push(to(item));
  }
  return results;
}

export function* setOf<T>(items: Iterable<T>): Steps<Set<T>> {
  const due = slicer();
  const set = new Set<T>();
  for (const item of items) {
    if (due()) yield;
    set.add(item);
  }
  return set;
}

/** What has no key is left out. */
export function* groupBy<T>(
  items: readonly T[],
  keyOf: (item: T) => string | undefined,
): Steps<ReadonlyMap<string, readonly T[]>> {
  const due = slicer();
  const groups = new Map<string, T[]>();
  for (const item of items) {
    if (due()) yield;
    const key = keyOf(item);
    if (key !== undefined) addTo(groups, key, item);
  }
  return groups;
}

export function addTo<K, T>(lists: Map<K, T[]>, key: K, item: T): void {
  const list = lists.get(key);
  if (list) list.push(item);
  else lists.set(key, [item]);
}

/** By merging; stable, as `toSorted` is. */
export function* sorted<T>(items: readonly T[], compare: (a: T, b: T) => number): Steps<readonly T[]> {
  const due = slicer();
  let runs: (readonly T[])[] = [];
  for (let from = 0; from < items.length; from += SLICE) {
    runs.push(items.slice(from, from + SLICE).sort(compare));
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

import type { Micros } from './time.ts';

/** The orders of listings; `''` is by name or digest. */
export type Order = '' | 'timeasc' | 'timedesc';

/** An entry that can be put in each of the orders. */
export interface Keyed {
  /** Name or digest. */
  readonly key: string;
  readonly updated: Micros;
}

// Ties in time are broken by name, ascending both ways: so `timedesc` is not `timeasc` backwards.
const comparisons: Readonly<Record<Order, (a: Keyed, b: Keyed) => number>> = {
  '': byKey,
  timeasc: (a, b) => a.updated - b.updated || byKey(a, b),
  timedesc: (a, b) => b.updated - a.updated || byKey(a, b),
};

/** Entries by key, and in each order. An order is built when it is first asked for. */
export class SortedMap<T extends Keyed> {
  readonly #entries = new Map<string, T>();
  readonly #orders = new Map<Order, SortedList<Keyed>>();

  get size(): number {
    return this.#entries.size;
  }

  get(key: string): T | undefined {
    return this.#entries.get(key);
  }

  values(): Iterable<T> {
    return this.#entries.values();
  }

  /** Adds an entry, or replaces the one with its key. */
  set(entry: T): void {
    this.delete(entry.key);
    this.#entries.set(entry.key, entry);
    for (const list of this.#orders.values()) list.insert(entry);
  }

  delete(key: string): void {
    const entry = this.#entries.get(key);
    if (entry === undefined) return;
    this.#entries.delete(key);
    for (const list of this.#orders.values()) list.remove(entry);
  }

  /** The entries after a place in `order`, whether or not an entry is still at that place. */
  *after(order: Order, place?: Keyed): Generator<T, void> {
    let list = this.#orders.get(order);
    if (list === undefined) {
      list = new SortedList<Keyed>(comparisons[order], this.#entries.values());
      this.#orders.set(order, list);
    }
    // The lists hold only entries of this map.
    for (const entry of list.after(place)) yield entry as T;
  }
}

function byKey(a: Keyed, b: Keyed): number {
  return a.key < b.key ? -1 : a.key > b.key ? 1 : 0;
}

/** Small enough that moving half a chunk costs nothing, large enough that a million entries are few chunks. */
const chunkSize = 512;

/**
 * A list that is kept sorted: chunks of a sorted array. A repository of 140,000 manifests is listed and deleted from in turn;
 * one long array would cost O(n) for each deletion, sorting for each page O(n log n).
 */
export class SortedList<T> {
  readonly #compare: (a: T, b: T) => number;
  readonly #chunks: T[][] = [];

  constructor(compare: (a: T, b: T) => number, entries: Iterable<T>) {
    this.#compare = compare;
    const sorted = [...entries].sort(compare);
    for (let start = 0; start < sorted.length; start += chunkSize) {
      this.#chunks.push(sorted.slice(start, start + chunkSize));
    }
  }

  insert(entry: T): void {
    const index = Math.min(this.#chunkOf(entry), this.#chunks.length - 1);
    const chunk = this.#chunks[index];
    if (chunk === undefined) {
      this.#chunks.push([entry]);
      return;
    }
    chunk.splice(this.#placeIn(chunk, entry), 0, entry);
    if (chunk.length > 2 * chunkSize) this.#chunks.splice(index + 1, 0, chunk.splice(chunkSize));
  }

  remove(entry: T): void {
    const index = this.#chunkOf(entry);
    const chunk = this.#chunks[index];
    if (chunk === undefined) return;
    const place = this.#placeIn(chunk, entry);
    const found = chunk[place];
    if (found === undefined || this.#compare(found, entry) !== 0) return;
    chunk.splice(place, 1);
    if (chunk.length === 0) this.#chunks.splice(index, 1);
  }

  /** The entries after `bound`, which need not be in the list; without it all of them. */
  *after(bound?: T): Generator<T, void> {
    let index = bound === undefined ? 0 : this.#chunkOf(bound);
    let place = 0;
    const first = this.#chunks[index];
    if (bound !== undefined && first !== undefined) {
      place = this.#placeIn(first, bound);
      const found = first[place];
      if (found !== undefined && this.#compare(found, bound) === 0) place++;
    }
    for (; index < this.#chunks.length; index++, place = 0) {
      const chunk = this.#chunks[index] ?? [];
      for (; place < chunk.length; place++) yield chunk[place] as T;
    }
  }

  /** The first chunk whose last entry is not before `entry`; the number of chunks where there is none. */
  #chunkOf(entry: T): number {
    return firstIndex(this.#chunks.length, (index) => {
      const last = this.#chunks[index]?.at(-1);
      return last !== undefined && this.#compare(last, entry) >= 0;
    });
  }

  #placeIn(chunk: readonly T[], entry: T): number {
    return firstIndex(chunk.length, (index) => this.#compare(chunk[index] as T, entry) >= 0);
  }
}

/** The first index below `length` for which `holds`, given that it holds for all after that, too. */
function firstIndex(length: number, holds: (index: number) => boolean): number {
  let low = 0;
  let high = length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (holds(middle)) high = middle;
    else low = middle + 1;
  }
  return low;
}

import { SortedList } from './sorted.ts';
import type { Micros } from './time.ts';

/** The orders a listing can be asked for; `''` is by name or digest. */
export type Order = '' | 'timeasc' | 'timedesc';

/** Something with a place in every listing order. */
export interface Placed {
  /** Name or digest. */
  readonly key: string;
  readonly updated: Micros;
}

// Ties in time are broken by name, ascending both ways: so `timedesc` is not `timeasc` backwards.
const comparisons: Readonly<Record<Order, (a: Placed, b: Placed) => number>> = {
  '': byKey,
  timeasc: (a, b) => a.updated - b.updated || byKey(a, b),
  timedesc: (a, b) => b.updated - a.updated || byKey(a, b),
};

/** Entries by key, and in each order a listing has asked for. An order costs nothing until the first time. */
export class Shelf<T extends Placed> {
  readonly #entries = new Map<string, T>();
  readonly #orders = new Map<Order, SortedList<Placed>>();

  get size(): number {
    return this.#entries.size;
  }

  get(key: string): T | undefined {
    return this.#entries.get(key);
  }

  values(): Iterable<T> {
    return this.#entries.values();
  }

  /** Adds an entry, in place of the one that has its key. */
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

  /** In `order`, the entries after a place, whether or not anything is still there. */
  *after(order: Order, place?: Placed): Generator<T, void> {
    let list = this.#orders.get(order);
    if (list === undefined) {
      list = new SortedList<Placed>(comparisons[order], this.#entries.values());
      this.#orders.set(order, list);
    }
    // Only entries of this shelf are ever put into its lists.
    for (const entry of list.after(place)) yield entry as T;
  }
}

function byKey(a: Placed, b: Placed): number {
  return a.key < b.key ? -1 : a.key > b.key ? 1 : 0;
}

/** Small enough that moving half a chunk costs nothing, large enough that a million entries are few chunks. */
const chunkSize = 512;

/**
 * A list that stays sorted while entries come and go: chunks of a sorted array. A repository of 140,000 manifests is
 * listed and deleted from in turn; one long array would cost O(n) a delete, sorting a page O(n log n).
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

  /** The entries that come after `bound` (which need not be there any more), or all of them. */
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

/** The first index below `length` for which `holds`, given that it goes on holding after that. */
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

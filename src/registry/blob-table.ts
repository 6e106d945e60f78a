/** Words of 32 bits in a SHA-256. */
const WORDS = 8;

/**
 * Blobs by digest, each with its size and a number, in arrays of numbers: a registry of 100,000 images has half a million,
 * which would take over 100 MB as texts, and take some 25 MB here.
 */
export interface BlobTable {
  /**
   * The number of a blob, counted from 0; new where it is not known yet. Of two sizes the larger counts, so that the order
   * does not matter.
   * @returns `undefined` for a digest that is no SHA-256, and where the table is full
   */
  readonly add: (digest: string, size: number) => number | undefined;
  readonly digestOf: (blob: number) => string;
  /** Bytes. */
  readonly sizeOf: (blob: number) => number;
  readonly count: () => number;
}

export const SHA256 = /^sha256:[0-9a-f]{64}$/;

/** So many are counted: 100 MB. */
const MOST_BLOBS = 2_000_000;

export function newBlobTable(most = MOST_BLOBS): BlobTable {
  let count = 0;
  let room = 256;
  let hashes = new Uint32Array(room * WORDS);
  let sizes = new Float64Array(room);
  /** By the first word of the digest, at the next free place: the number of the blob, plus one. */
  let places = new Int32Array(room * 2);
  const wanted = new Uint32Array(WORDS);

  const placeOf = (at: Uint32Array, offset: number): number => {
    const last = places.length - 1;
    let place = (at[offset] ?? 0) & last;
    for (;;) {
      const found = (places[place] ?? 0) - 1;
      if (found < 0 || isAt(found, at, offset)) return place;
      place = (place + 1) & last;
    }
  };
  const isAt = (blob: number, at: Uint32Array, offset: number): boolean => {
    for (let word = 0; word < WORDS; word += 1) if (hashes[blob * WORDS + word] !== at[offset + word]) return false;
    return true;
  };
  const grow = (): void => {
    room *= 2;
    const [before, sizesBefore] = [hashes, sizes];
    hashes = new Uint32Array(room * WORDS);
    hashes.set(before);
    sizes = new Float64Array(room);
    sizes.set(sizesBefore);
    places = new Int32Array(room * 2);
    for (let blob = 0; blob < count; blob += 1) places[placeOf(hashes, blob * WORDS)] = blob + 1;
  };

  return {
    add(digest, size) {
      if (!SHA256.test(digest)) return undefined;
      for (let word = 0; word < WORDS; word += 1)
        wanted[word] = Number.parseInt(digest.slice(7 + word * 8, 15 + word * 8), 16);
      const known = (places[placeOf(wanted, 0)] ?? 0) - 1;
      if (known >= 0) {
        sizes[known] = Math.max(sizes[known] ?? 0, size);
        return known;
      }
      if (count === most) return undefined;
      if (count === room) grow();
      hashes.set(wanted, count * WORDS);
      sizes[count] = size;
      count += 1;
      places[placeOf(wanted, 0)] = count;
      return count - 1;
    },
    digestOf(blob) {
      let digest = 'sha256:';
      for (let word = 0; word < WORDS; word += 1)
        digest += (hashes[blob * WORDS + word] ?? 0).toString(16).padStart(8, '0');
      return digest;
    },
    sizeOf: (blob) => sizes[blob] ?? 0,
    count: () => count,
  };
}

/** What can go wrong, or come in between. `--only` of the command line takes these names. */
export const KINDS = [
  // What is there at the beginning.
  'content',
  // At the registry.
  'throttle',
  'error',
  'lost-request',
  'lost-answer',
  'late-answer',
  'slow',
  'token',
  'forbidden',
  'unreadable',
  // What other clients of the registry do.
  'push',
  'lock',
  'hide',
  'readable',
  'deleted-by-others',
  'repository',
  // What says which images are in use.
  'use',
  'no-evidence',
  // In the store of the ledger.
  'store-error',
  'store-lost-answer',
  'store-slow',
  'store-full',
  'torn-write',
  // In the task hub of the durable engine.
  'duplicate',
  'lost-step',
  // To processes.
  'kill',
  'freeze',
  'skew',
  // What people do.
  'second-schedule',
  'cancel',
  'apply',
  'resume',
  'dry-run',
  'settings',
] as const;

export type Kind = (typeof KINDS)[number];

export interface Taken {
  readonly kind: Kind;
  readonly key: string;
}

export interface DrawOptions {
  /** Keys of draws that do not happen: what is left out while a story is made shorter. */
  readonly without?: ReadonlySet<string>;
  /** Who drives the runs. Absent: it is drawn. */
  readonly driver?: 'inline' | 'durable';
  /** Nothing of another kind happens. */
  readonly only?: ReadonlySet<Kind>;
}

/**
 * Everything that is left to chance. What is drawn hangs on the seed and the key of the draw alone, and not on what was
 * drawn before: so a draw can be left out, and the others stay as they are.
 */
export class Draws {
  readonly seed: number;
  /** What happened, in its order. */
  readonly taken: Taken[] = [];
  /** Nothing more goes wrong: what was begun comes to its end. */
  isCalm = false;
  /** Told of each draw that happens. */
  onTaken: (taken: Taken) => void = () => undefined;
  readonly options: DrawOptions;
  readonly #intensities = new Map<Kind, number>();

  constructor(seed: number, options: DrawOptions = {}) {
    this.seed = seed;
    this.options = options;
  }

  /** A number from 0 up to, but not including, 1. */
  number(key: string): number {
    return hash(this.seed, key) / 4_294_967_296;
  }

  /** A whole number from 0 up to, but not including, `count`. */
  index(key: string, count: number): number {
    return Math.floor(this.number(key) * count);
  }

  pick<T>(key: string, from: readonly [T, ...T[]]): T {
    return from[this.index(key, from.length)] ?? from[0];
  }

  /** Whether something happens. @param key of this very moment: `registry a 17` */
  happens(kind: Kind, key: string, rate: number): boolean {
    const { without, only } = this.options;
    if (this.isCalm && kind !== 'content') return false;
    if (without?.has(key) || (only && kind !== 'content' && !only.has(kind))) return false;
    const most = rate * this.#intensity(kind);
    if (most === 0 || this.number(key) >= most) return false;
    const taken = { kind, key };
    this.taken.push(taken);
    this.onTaken(taken);
    return true;
  }

  /** In each seed some kinds do not happen at all, and some more often: so rare ones meet each other. */
  #intensity(kind: Kind): number {
    if (kind === 'content') return 1;
    const known = this.#intensities.get(kind);
    if (known !== undefined) return known;
    const drawn = this.number(`how often ${kind}`);
    const intensity = drawn < 0.4 ? 0 : drawn < 0.9 ? 1 : 5;
    this.#intensities.set(kind, intensity);
    return intensity;
  }
}

/** 32 bits of a seed and a text: FNV-1a, mixed as murmur3 does at its end. */
function hash(seed: number, text: string): number {
  let value = 0x811c9dc5 ^ Math.imul(seed + 1, 0x9e3779b1);
  for (let i = 0; i < text.length; i += 1) value = Math.imul(value ^ text.charCodeAt(i), 0x01000193);
  value = Math.imul(value ^ (value >>> 16), 0x85ebca6b);
  value = Math.imul(value ^ (value >>> 13), 0xc2b2ae35);
  return (value ^ (value >>> 16)) >>> 0;
}

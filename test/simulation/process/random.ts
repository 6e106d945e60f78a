import crypto from 'node:crypto';
import { syncBuiltinESMExports } from 'node:module';

/*
 * All chance that the product, its SDKs and Node's own library for both take from the system. In a simulation it comes
 * from a seed, so that a story repeats to the last byte. It has nothing to do with `Draws`: what the product draws may
 * hang on what it drew before.
 */

let state: readonly [number, number, number, number] = [0, 0, 0, 1];

/** Begins anew: from here on everything is drawn as it was the last time with this seed. */
export function reseed(seed: number): void {
  state = [seed | 0, Math.floor(seed / 2 ** 32) | 0, 0x9e3779b9 | 0, 1];
  for (let i = 0; i < 12; i += 1) next();
}

/** 32 bits: sfc32. */
function next(): number {
  const [a, b, c, count] = state;
  const drawn = (((a + b) | 0) + count) | 0;
  state = [b ^ (b >>> 9), (c + (c << 3)) | 0, (((c << 21) | (c >>> 11)) + drawn) | 0, (count + 1) | 0];
  return drawn >>> 0;
}

/** From 0 up to, but not including, 1, with all the bits that such a number has. */
const number = (): number => ((next() >>> 5) * 2 ** 26 + (next() >>> 6)) / 2 ** 53;

function fill<T extends NodeJS.ArrayBufferView | ArrayBuffer | null>(target: T): T {
  if (target === null) return target;
  const bytes = ArrayBuffer.isView(target)
    ? new Uint8Array(target.buffer, target.byteOffset, target.byteLength)
    : new Uint8Array(target);
  for (let i = 0; i < bytes.length; i += 1) bytes[i] = next();
  return target;
}

function uuid(): ReturnType<typeof crypto.randomUUID> {
  const bytes = fill(Buffer.alloc(16));
  bytes[6] = ((bytes[6] ?? 0) & 0x0f) | 0x40;
  bytes[8] = ((bytes[8] ?? 0) & 0x3f) | 0x80;
  const hex = bytes.toString('hex');
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`;
}

/** Drawn at once, in the thread of the caller, also where an answer is expected later. */
function randomBytes(size: number, answer?: (error: null, bytes: Buffer) => void): Buffer | undefined {
  const bytes = fill(Buffer.alloc(size));
  if (!answer) return bytes;
  process.nextTick(answer, null, bytes);
  return undefined;
}

function randomInt(...of: (number | ((error: null, drawn: number) => void))[]): number | undefined {
  const [first = 0, second] = of.filter((some) => typeof some === 'number');
  const [least, limit] = second === undefined ? [0, first] : [first, second];
  const drawn = least + Math.floor(number() * (limit - least));
  const answer = of.find((some) => typeof some === 'function');
  if (!answer) return drawn;
  process.nextTick(answer, null, drawn);
  return undefined;
}

/** To be called before anything else is loaded: some modules keep what they find. */
export function replaceChance(): void {
  Math.random = number;
  const web = { randomUUID: uuid, getRandomValues: fill };
  // Its `getRandomValues` is that of the web's interface, which is the global one.
  const all = { randomUUID: uuid, randomBytes, randomInt, randomFillSync: fill };
  for (const [target, functions] of [[crypto, all] as const, [globalThis.crypto, web] as const])
    for (const [name, value] of Object.entries(functions))
      Object.defineProperty(target, name, { value, configurable: true, writable: true, enumerable: true });
  syncBuiltinESMExports();
}

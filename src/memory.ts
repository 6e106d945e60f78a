import { setFlagsFromString } from 'node:v8';

/*
 * Less memory, for some more work of the garbage collector. V8 lets the heap grow to several times of what is in use
 * before it clears up: a repository of 140,000 manifests would take 500 MB, of which 150 are in use. These are flags of
 * V8; a version that does not have them passes them over.
 */

/** Artifacts of a repository from which on memory is more precious than time. */
const MANY = 10_000;

// What is new is cleared up in small portions, however much of it is in use.
setFlagsFromString('--semi-space-growth-factor=1');
// The heap may grow to twice of what is in use.
setFlagsFromString('--heap-growing-percent=100');

/** Told how much there is to be kept in memory: where it is much, the heap may grow by a fraction of itself only. */
export function spareMemory(artifacts: number): void {
  if (artifacts > MANY) setFlagsFromString('--heap-growing-percent=20');
}

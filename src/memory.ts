import { setFlagsFromString } from 'node:v8';

/*
 * Imported first by what runs: less memory for some more work of the garbage collector. Without, V8 lets the heap grow
 * to several times of what is in use before it clears up; a repository of 140,000 manifests then takes 500 MB, of which
 * 150 are in use. They are flags of V8 and not of Node, so that a version without them passes them over.
 */

/** The heap may grow by this much of what is in use before it is cleared up. */
setFlagsFromString('--heap-growing-percent=30');
/** What is new is cleared up in small portions, however much of it is in use. */
setFlagsFromString('--semi-space-growth-factor=1');

import { readFileSync } from 'node:fs';

/** The bytes of a sample report. */
export function sample(name: string): Buffer {
  return readFileSync(new URL(`../evidence/reports/samples/${name}`, import.meta.url));
}

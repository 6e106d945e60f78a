import { DELETING } from './deleting.ts';
import { LEDGER, STORE_MUTANTS } from './ledger.ts';
import type { Mutant } from './mutant.ts';
import { PLANNING } from './planning.ts';
import { QUARANTINE } from './quarantine.ts';
import { RUNS } from './runs.ts';

export type { Mutant } from './mutant.ts';

/** Each is a fault that people would notice. The stories of the simulator must find every one of them. */
export const MUTANTS: readonly Mutant[] = [...PLANNING, ...DELETING, ...QUARANTINE, ...RUNS, ...LEDGER];

export const ALL_MUTANTS: readonly Mutant[] = [...MUTANTS, ...STORE_MUTANTS];

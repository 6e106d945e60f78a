import type { Quarantines } from '../../src/engine/quarantine/quarantine.ts';
import { systemClock } from '../../src/registry/clock.ts';

const none = (repository: string) => Promise.resolve({ repository, entries: [], released: [] });

/** Nothing is in quarantine, and nothing comes there. */
export const NO_QUARANTINES: Quarantines = { of: none, change: none, clock: systemClock, keepMilliseconds: 0 };

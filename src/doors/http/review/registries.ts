import type { RunRecord } from '../../../index.ts';

/** Registries that can be chosen. */
const MOST = 200;
/** What the name of a registry is made of. A record may hold anything. */
const HOST = /^[\w.:-]{1,300}$/;

/** The registries of some runs, by name, and the one that is asked for. */
export function registriesOf(runs: readonly RunRecord[], asked: string | undefined): readonly string[] {
  const all = new Set(runs.map(({ registry }) => registry));
  if (asked !== undefined) all.add(asked);
  return [...all]
    .filter((one) => HOST.test(one))
    .sort()
    .slice(0, MOST);
}

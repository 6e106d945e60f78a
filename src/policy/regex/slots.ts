/** regexp2's numbers of all capturing groups of a pattern: one may be referred to before it is opened. */
export interface Slots {
  readonly numbers: ReadonlySet<number>;
  readonly names: ReadonlyMap<string, number>;
}

/** Unnamed groups are numbered first, from 1; a named group gets the next number that is free. */
export function numberGroups(unnamed: number, numbered: Iterable<number>, named: Iterable<string>): Slots {
  const numbers = new Set(numbered);
  for (let slot = 1; slot <= unnamed; slot += 1) numbers.add(slot);
  const names = new Map<string, number>();
  let slot = unnamed;
  for (const name of named) {
    do slot += 1;
    while (numbers.has(slot));
    numbers.add(slot);
    names.set(name, slot);
  }
  return { numbers, names };
}

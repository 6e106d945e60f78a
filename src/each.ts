/** Runs `work` for each item, at most `limit` at once. After an error none is begun, and those under way are waited for. */
export async function eachOf<T>(items: readonly T[], limit: number, work: (item: T) => Promise<void>): Promise<void> {
  const queue = items.values();
  let failed = false;
  const worker = async (): Promise<void> => {
    for (const item of queue) {
      if (failed) return;
      await work(item).catch((error: unknown) => {
        failed = true;
        throw error;
      });
    }
  };
  const workers = await Promise.allSettled(Array.from({ length: Math.min(limit, items.length) }, worker));
  const rejected = workers.find((one) => one.status === 'rejected');
  if (rejected) throw rejected.reason;
}

/** The same, where an item may bring up others: those that `work` answers with. Each is done once. */
export async function eachAndMore<T>(
  first: readonly T[],
  limit: number,
  work: (item: T) => Promise<readonly T[]>,
): Promise<void> {
  const seen = new Set(first);
  for (let items: readonly T[] = [...seen]; items.length > 0;) {
    const found: T[] = [];
    await eachOf(items, limit, async (item) => {
      for (const one of await work(item)) {
        if (seen.has(one)) continue;
        seen.add(one);
        found.push(one);
      }
    });
    items = found;
  }
}

/** Everything that comes, in memory. */
export async function allOf<T>(items: AsyncIterable<T>): Promise<T[]> {
  const found: T[] = [];
  for await (const item of items) found.push(item);
  return found;
}

/** Adds a list to another one, however long it is: as arguments of `push` they may be too many for the stack. */
export function addTo<T>(list: T[], more: Iterable<T>): void {
  for (const one of more) list.push(one);
}

/** The largest of any number of numbers; `-Infinity` where there are none. */
export function largest(numbers: Iterable<number>): number {
  let found = Number.NEGATIVE_INFINITY;
  for (const number of numbers) found = Math.max(found, number);
  return found;
}

/** The smallest of any number of numbers; `Infinity` where there are none. */
export function smallest(numbers: Iterable<number>): number {
  let found = Number.POSITIVE_INFINITY;
  for (const number of numbers) found = Math.min(found, number);
  return found;
}

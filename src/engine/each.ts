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

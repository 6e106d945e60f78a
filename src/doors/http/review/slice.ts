/** A page of a list of any length. Only the page is held in memory. */
export async function slice<T>(
  all: AsyncIterable<T>,
  skip: number,
  count: number,
): Promise<{ readonly items: readonly T[]; readonly more: boolean }> {
  const items: T[] = [];
  let index = 0;
  for await (const item of all) {
    if (index >= skip + count) return { items, more: true };
    if (index >= skip) items.push(item);
    index += 1;
  }
  return { items, more: false };
}

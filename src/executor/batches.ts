/**
 * Artifacts that are looked at together and then deleted together. The look is one call for all of them where the
 * repository is small, and short before each deletion either way.
 */
export const BATCH = 32;

export function* batches<T>(items: readonly T[], size: number): Generator<readonly T[]> {
  for (let start = 0; start < items.length; start += size) yield items.slice(start, start + size);
}

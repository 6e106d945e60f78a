import type { Evidence } from '../evidence/types.ts';
import type { UsedImages } from '../ledger/in-use.ts';

/**
 * What sources say, where more was in use lately than is remembered: then the one that names most of it is not complete.
 * What was forgotten before its time may be anything, of any source.
 * @param since what was seen last before that need not be remembered any more: ISO 8601, UTC
 */
export function withForgotten(
  observed: readonly Evidence[],
  { images, forgotten }: UsedImages,
  since: string,
): readonly Evidence[] {
  if (forgotten === undefined || forgotten < since) return observed;
  const counts = new Map(observed.map(({ source }) => [source, 0]));
  for (const { source } of images) {
    const count = counts.get(source);
    if (count !== undefined) counts.set(source, count + 1);
  }
  const [most] = [...counts].sort(([, a], [, b]) => b - a);
  const problem = `more images were in use than are remembered, ${images.length}: what was seen last up to ${forgotten} is forgotten before its time; IN_USE_REMEMBER can be less`;
  return observed.map((one) =>
    one.source === most?.[0] ? { ...one, complete: false, problems: [...one.problems, problem] } : one,
  );
}

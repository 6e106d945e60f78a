import type { UsedImage } from './in-use.ts';
import type { ImageName, LedgerReader } from './reader.ts';

/** An image that something used, and the registry that has it. */
export type UseOfImage = UsedImage & { readonly registry: string };

/** Runs among which the registries are looked for. */
const RECENT_RUNS = 200;

/**
 * Where an image was seen in use, the last time first, in the registries of the newest runs: by its tag, and by the
 * digest that its tag had when a run saw it last.
 */
export async function usesOf(reader: LedgerReader, image: ImageName): Promise<readonly UseOfImage[]> {
  const registries = new Set<string>();
  let runs = 0;
  for await (const { registry } of reader.runs()) {
    registries.add(registry);
    if ((runs += 1) === RECENT_RUNS) break;
  }
  const all = await Promise.all(
    Array.from(registries, async (registry) =>
      (await reader.used(registry)).images
        .filter(({ repository }) => repository === image.repository)
        .map((used): UseOfImage => ({ registry, ...used })),
    ),
  );
  const used = all.flat();
  if (used.length === 0) return used;
  const digest = image.digest ?? (await digestOf(reader, image));
  return used
    .filter(
      (one) => (image.tag !== undefined && one.tag === image.tag) || (digest !== undefined && one.digest === digest),
    )
    .sort((a, b) => (a.last < b.last ? 1 : a.last > b.last ? -1 : 0));
}

async function digestOf(reader: LedgerReader, image: ImageName): Promise<string | undefined> {
  for await (const { decision } of reader.explain(image))
    if (decision.kind === 'tag' && decision.tag === image.tag) return decision.digest;
  return undefined;
}

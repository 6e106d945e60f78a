import { changeFile } from './change-file.ts';
import { parse } from './parse.ts';
import { usedSchema } from './use-schemas.ts';
import type { Store } from './store/store.ts';

/** An image that something used, as a source named it. */
export interface UsedImage {
  readonly repository: string;
  readonly tag?: string;
  readonly digest?: string;
  /** Of the image's configuration. */
  readonly config?: string;
  /** What said so, as it is configured. */
  readonly source: string;
  /** `namespace shop, deployment api` */
  readonly where: string;
  /** When it was seen first and last: ISO 8601, UTC. */
  readonly first: string;
  readonly last: string;
}

/** What was in use at a registry, by all sources. */
export interface UsedImages {
  readonly images: readonly UsedImage[];
  /** When the newest of those was seen last that had to be forgotten before their time. Absent: none had to. */
  readonly forgotten?: string;
}

/** So many are remembered after they were seen last: those that were seen the longest ago are forgotten first. Some 17 MB. */
const MOST = 50_000;

export async function readUsed(store: Store, path: string): Promise<UsedImages> {
  const file = await store.read(path);
  return file ? parse(store, path, usedSchema, file.text) : { images: [] };
}

/**
 * Adds what is seen in use now, and forgets what was seen last before `since`.
 * @param since ISO 8601, UTC
 * @returns all that is remembered then
 */
export async function rememberUsed(
  store: Store,
  path: string,
  seen: readonly UsedImage[],
  since: string,
): Promise<UsedImages> {
  const seenNow = new Set(seen.map(keyOf));
  const isSeen = (image: UsedImage): boolean => seenNow.has(keyOf(image));
  return changeFile<UsedImages, UsedImages>(store, path, usedSchema, (now) => {
    const all = merged(now?.images ?? [], seen)
      .filter((image) => isSeen(image) || image.last >= since)
      .sort((a, b) => Number(isSeen(b)) - Number(isSeen(a)) || (a.last < b.last ? 1 : a.last > b.last ? -1 : 0));
    // What is seen now is never forgotten, however much it is.
    const images = all.slice(0, Math.max(MOST, seen.length));
    const [newest] = all.slice(images.length);
    const forgotten = [now?.forgotten, newest?.last]
      .filter((time) => time !== undefined && time >= since)
      .sort()
      .at(-1);
    const used = { images, ...(forgotten !== undefined && { forgotten }) };
    return { content: used, told: used };
  });
}

function keyOf({ repository, tag, digest, config, source }: UsedImage): string {
  return JSON.stringify([repository, tag, digest, config, source]);
}

function merged(before: readonly UsedImage[], seen: readonly UsedImage[]): UsedImage[] {
  const all = new Map<string, UsedImage>();
  for (const image of [...before, ...seen]) {
    // Of ten thousand pods that run one image, the last one is named.
    const key = keyOf(image);
    const known = all.get(key);
    all.set(
      key,
      known
        ? {
            ...image,
            first: known.first < image.first ? known.first : image.first,
            last: known.last > image.last ? known.last : image.last,
          }
        : image,
    );
  }
  return [...all.values()];
}

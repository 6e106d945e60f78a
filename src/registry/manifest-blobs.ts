import { isDigest } from './names.ts';

/** A blob as a manifest names it. */
export interface NamedBlob {
  readonly digest: string;
  /** Bytes, as the manifest says. */
  readonly size: number;
}

/** What a manifest takes up in a registry: its own bytes, and the blobs that it names. */
export interface Stored {
  readonly bytes: number;
  /** Its configuration and its layers, each once. */
  readonly blobs: readonly NamedBlob[];
}

/** A manifest of four megabytes could name some twenty thousand. Images have at most 127 layers. */
const MOST_BLOBS = 2_000;

/**
 * The blobs of a manifest: `config` and `layers` of an image (OCI image specification), `blobs` of an OCI artifact manifest.
 * A layer with `urls` is not counted: clients fetch it from there, and as a rule no registry has it.
 *
 * @returns `undefined` where that cannot be told: a manifest of the first schema of Docker names no sizes
 */
export function blobsOf(field: (name: string) => unknown): readonly NamedBlob[] | undefined {
  const lists = ['layers', 'blobs', 'manifests'].flatMap((name) => {
    const list = field(name);
    return list === undefined || list === null ? [] : [{ name, list }];
  });
  const config = field('config') ?? undefined;
  if (lists.length === 0 && config === undefined) return undefined;
  const named = new Map<string, number>();
  const take = (descriptor: unknown): boolean => {
    if (typeof descriptor !== 'object' || descriptor === null) return false;
    const { digest, size, urls } = descriptor as Readonly<Record<string, unknown>>;
    if (Array.isArray(urls) && urls.length > 0) return true;
    if (typeof digest !== 'string' || !isDigest(digest) || !Number.isSafeInteger(size) || Number(size) < 0)
      return false;
    named.set(digest, Math.max(Number(size), named.get(digest) ?? 0));
    return named.size <= MOST_BLOBS;
  };
  if (config !== undefined && !take(config)) return undefined;
  for (const { name, list } of lists)
    if (!Array.isArray(list) || (name !== 'manifests' && !list.every(take))) return undefined;
  return Array.from(named, ([digest, size]) => ({ digest, size }));
}

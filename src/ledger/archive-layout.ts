import { z } from 'zod';
import { registryKey } from './paths.ts';
import { parseText } from './parse.ts';
import { DamagedError } from './store/store.ts';

/*
 * An OCI image layout (image specification 1.1, "Image Layout") a repository, so that any tool that reads one reads what is
 * archived:
 *
 *     <registry>/<repository>/_oci/oci-layout
 *     <registry>/<repository>/_oci/index.json                every manifest that is archived, with its tags
 *     <registry>/<repository>/_oci/blobs/sha256/<digest>     manifests, configurations and layers, each once
 *
 * No part of a repository's name begins with `_`, so no layout is in the way of another one.
 */

const INDEX_TYPE = 'application/vnd.oci.image.index.v1+json';
const REF_NAME = 'org.opencontainers.image.ref.name';
/** The run that archived a manifest: for people who have no ledger any more. */
const RUN = 'acr-retention.run';

export const OCI_LAYOUT = '{"imageLayoutVersion":"1.0.0"}';

export function layoutOf(registry: string, repository: string) {
  const folder = `${registryKey(registry)}/${repository}/_oci/`;
  return {
    marker: `${folder}oci-layout`,
    index: `${folder}index.json`,
    blob: (digest: string) => `${folder}blobs/${digest.replace(':', '/')}`,
  };
}

const DIGEST = /^sha(?:256:[0-9a-f]{64}|512:[0-9a-f]{128})$/;

/** The digests that a layout can hold. */
export function isArchivable(digest: string): boolean {
  return DIGEST.test(digest);
}

const descriptorSchema = z.looseObject({
  mediaType: z.string(),
  digest: z.string().regex(DIGEST, 'no digest'),
  size: z.int().nonnegative(),
  annotations: z.record(z.string(), z.string()).exactOptional(),
});

type Descriptor = z.infer<typeof descriptorSchema>;

const indexSchema = z.looseObject({ schemaVersion: z.literal(2), manifests: z.array(descriptorSchema) });

/** A manifest of an archive. */
export interface Entry {
  readonly digest: string;
  readonly mediaType: string;
  /** Bytes. */
  readonly size: number;
  /** The tags that it had when it was archived, but for those that have named another one since. */
  readonly tags: readonly string[];
  readonly run?: string;
}

/** What `index.json` says, by digest. What it has besides is kept as it is. */
export interface ArchiveIndex {
  readonly entries: ReadonlyMap<string, Entry>;
  /** Fields of each descriptor that are not known here. */
  readonly others: ReadonlyMap<string, Readonly<Record<string, unknown>>>;
}

export const EMPTY_INDEX: ArchiveIndex = { entries: new Map(), others: new Map() };

/** @throws {DamagedError} for what is no index of a layout */
export function parseIndex(place: string, path: string, text: string): ArchiveIndex {
  let manifests: readonly Descriptor[];
  try {
    ({ manifests } = parseText(indexSchema, text));
  } catch (cause) {
    throw new DamagedError(`the archive in ${place} cannot be read: ${path}: ${(cause as Error).message}`, { cause });
  }
  const entries = new Map<string, Entry>();
  const others = new Map<string, Readonly<Record<string, unknown>>>();
  for (const { digest, mediaType, size, annotations = {}, ...rest } of manifests) {
    const { [REF_NAME]: name, [RUN]: run, ...more } = annotations;
    const known = entries.get(digest);
    // What has no tag is named by its digest, so that it can be copied by that.
    const tags = name === undefined || name === digest ? [] : [name];
    entries.set(digest, {
      digest,
      mediaType,
      size,
      tags: [...(known?.tags ?? []), ...tags],
      ...(run !== undefined && { run }),
    });
    others.set(digest, { ...rest, ...(Object.keys(more).length > 0 && { annotations: more }) });
  }
  return { entries, others };
}

/** The index with more manifests. A tag names the one that was archived last, as a tag of a registry does. */
export function withEntries({ entries, others }: ArchiveIndex, more: readonly Entry[]): ArchiveIndex {
  const all = new Map(entries);
  const holders = new Map<string, string>();
  for (const { digest, tags } of all.values()) for (const tag of tags) holders.set(tag, digest);
  const drop = (tag: string): void => {
    const holder = all.get(holders.get(tag) ?? '');
    if (holder) all.set(holder.digest, { ...holder, tags: holder.tags.filter((one) => one !== tag) });
  };
  for (const entry of more) {
    for (const tag of entry.tags) {
      drop(tag);
      holders.set(tag, entry.digest);
    }
    all.set(entry.digest, { ...entry, tags: [...(all.get(entry.digest)?.tags ?? []), ...entry.tags] });
  }
  return { entries: all, others };
}

/** A descriptor for each name of each manifest: image tools find it by `org.opencontainers.image.ref.name`. */
export function indexText({ entries, others }: ArchiveIndex): string {
  const manifests = [...entries.values()].flatMap(({ digest, mediaType, size, tags, run }) => {
    const { annotations, ...rest } = others.get(digest) ?? {};
    return (tags.length > 0 ? tags : [digest]).map((name) => ({
      ...rest,
      mediaType,
      digest,
      size,
      annotations: {
        ...(annotations as object | undefined),
        [REF_NAME]: name,
        ...(run !== undefined && { [RUN]: run }),
      },
    }));
  });
  return JSON.stringify({ schemaVersion: 2, mediaType: INDEX_TYPE, manifests });
}

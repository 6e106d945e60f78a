import { createHash, hash as hashOf } from 'node:crypto';
import {
  type ArchiveIndex,
  EMPTY_INDEX,
  type Entry,
  indexText,
  isArchivable,
  layoutOf,
  OCI_LAYOUT,
  parseIndex,
  withEntries,
} from './archive-layout.ts';
import { ConflictError, DamagedError, LARGEST_READ, LedgerError, type Store, writeSurely } from './store/store.ts';

/** Where manifests and layers are written before they are deleted: see `archive-layout.ts`. */
export interface Archive {
  /** Where it is, as a person names it. Holds no secret. */
  readonly place: string;
  /** What is archived of a repository, as it is now. */
  readonly repository: (registry: string, repository: string) => Promise<ArchivedRepository>;
}

/** What was written to the archive before it was deleted. */
export interface ArchiveCounts {
  readonly manifests: number;
  /** Configurations and layers. */
  readonly blobs: number;
  /** Of all of these. What was there already is not written again, and not counted. */
  readonly bytes: number;
  /** How long it took, with what was found to be there. */
  readonly milliseconds: number;
}

interface ArchivedManifest {
  readonly mediaType: string;
  readonly bytes: Buffer;
}

interface Blob {
  readonly digest: string;
  /** Bytes. */
  readonly size: number;
}

/** Every method throws `LedgerError`. */
export interface ArchivedRepository {
  /** The manifest that each tag named when it was archived last. */
  readonly tags: ReadonlyMap<string, string>;
  /** Whether a manifest is archived with all that it holds, as far as the index says. */
  readonly knows: (digest: string) => boolean;
  /** A manifest that is archived with all that it holds, verified; `undefined` where it is not. */
  readonly find: (digest: string) => Promise<ArchivedManifest | undefined>;
  /** A blob, to be streamed; `undefined` where there is none. What comes is not verified. */
  readonly blob: (
    digest: string,
  ) => Promise<{ readonly size: number; readonly stream: AsyncIterable<Uint8Array> } | undefined>;
  /** Whether a blob is there, as large as it should be. It was verified before it was there. */
  readonly has: (blob: Blob) => Promise<boolean>;
  /** Writes a blob. It is there once all of it has come, and is what its digest names; never a part of it. */
  readonly put: (blob: Blob, content: AsyncIterable<Uint8Array>) => Promise<void>;
  /** Says which manifests are archived, once everything that they hold is there. */
  readonly record: (entries: readonly Entry[]) => Promise<void>;
}

/** How often the index is written that another process comes before with its own. */
const MOST_CONFLICTS = 20;

/** An index that is larger could not be read again. That is some 200,000 manifests of one repository. */
const LARGEST_INDEX = LARGEST_READ;

type Files = Pick<Store, 'place' | 'size' | 'read' | 'stream' | 'write'>;

/** @param prefix of all paths: it ends with `/`. Absent: none */
export function openArchive(
  store: Store,
  { place = store.place, prefix = '' }: { readonly place?: string; readonly prefix?: string } = {},
): Archive {
  const files: Files = {
    place,
    size: (path) => store.size(prefix + path),
    read: (path) => store.read(prefix + path),
    stream: (path) => store.stream(prefix + path),
    write: (path, content, condition) => store.write(prefix + path, content, condition),
  };
  return {
    place,
    repository: (registry, repository) => openRepository(files, store, prefix, layoutOf(registry, repository)),
  };
}

async function openRepository(
  files: Files,
  store: Store,
  prefix: string,
  layout: ReturnType<typeof layoutOf>,
): Promise<ArchivedRepository> {
  const { place } = files;
  const readIndex = async (): Promise<{ readonly index: ArchiveIndex; readonly etag?: string }> => {
    const found = await files.read(layout.index);
    return found ? { index: parseIndex(place, layout.index, found.text), etag: found.etag } : { index: EMPTY_INDEX };
  };
  let { index } = await readIndex();

  const wrong = (path: string, why: string): DamagedError =>
    new DamagedError(`the archive in ${place} cannot be read: ${path}: ${why}`);

  /** Whether it is there, and right: it is read to its end. */
  async function isWhole(blob: Blob): Promise<boolean> {
    const path = layout.blob(blob.digest);
    if ((await files.size(path)) !== blob.size) return false;
    const content = ((await files.stream(path)) ?? []) as AsyncIterable<Uint8Array>;
    let length = 0;
    for await (const chunk of verified(blob, content)) length += chunk.length;
    return length === blob.size;
  }

  return {
    get tags() {
      return new Map([...index.entries.values()].flatMap(({ tags, digest }) => tags.map((tag) => [tag, digest])));
    },
    knows: (digest) => index.entries.has(digest),
    async find(digest) {
      const entry = index.entries.get(digest);
      const path = layout.blob(digest);
      const stream = entry && (await files.stream(path));
      if (!stream) return undefined;
      const bytes = Buffer.concat(await Array.fromAsync(bounded(stream, entry.size) as AsyncIterable<Uint8Array>));
      if (bytes.length !== entry.size || !isRight(digest, bytes)) throw wrong(path, 'it is not what its digest names');
      return { mediaType: entry.mediaType, bytes };
    },
    async blob(digest) {
      const path = layout.blob(digest);
      const size = isArchivable(digest) ? await files.size(path) : undefined;
      const stream = size === undefined ? undefined : await files.stream(path);
      return size === undefined || !stream ? undefined : { size, stream: stream as AsyncIterable<Uint8Array> };
    },
    has: async ({ digest, size }) => isArchivable(digest) && (await files.size(layout.blob(digest))) === size,
    async put(blob, content) {
      const path = layout.blob(blob.digest);
      if (!isArchivable(blob.digest)) throw new LedgerError(`nothing is archived as ${JSON.stringify(blob.digest)}`);
      try {
        await files.write(path, verified(blob, content));
      } catch (error) {
        // Two processes that write one blob at a time: once one of them is done, the parts of the other are gone.
        if (!(await isWhole(blob).catch(() => false))) throw error;
      }
      const size = await files.size(path);
      if (size !== blob.size)
        throw new LedgerError(
          `the archive in ${place} cannot be written: ${path}: ${size ?? 'none'} of ${blob.size} bytes are there`,
        );
    },
    async record(entries) {
      await files.write(layout.marker, OCI_LAYOUT, 'absent').catch((error: unknown) => {
        if (!(error instanceof ConflictError)) throw error;
      });
      for (let conflicts = 0; ; conflicts += 1) {
        const now = await readIndex();
        const next = withEntries(now.index, entries);
        const text = indexText(next);
        if (Buffer.byteLength(text) > LARGEST_INDEX)
          throw new LedgerError(
            `the archive in ${place} cannot be written: ${layout.index} would have more than ${LARGEST_INDEX} bytes; archive to another container`,
          );
        const condition = now.etag === undefined ? 'absent' : { etag: now.etag };
        try {
          await writeSurely(store, prefix + layout.index, text, condition);
          index = next;
          return;
        } catch (error) {
          if (!(error instanceof ConflictError) || conflicts === MOST_CONFLICTS) throw error;
        }
      }
    },
  };
}

function isRight(digest: string, bytes: Uint8Array): boolean {
  const [algorithm = '', wanted] = digest.split(':');
  return hashOf(algorithm, bytes) === wanted;
}

/** A file that is larger than it should be is not read to its end. */
async function* bounded(stream: AsyncIterable<Uint8Array>, most: number): AsyncGenerator<Uint8Array, void> {
  let length = 0;
  for await (const chunk of stream) {
    yield chunk;
    length += chunk.length;
    if (length > most) return;
  }
}

/** The content, and an error at its end where it is not what it should be: then nothing of it is written. */
async function* verified({ digest, size }: Blob, content: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array, void> {
  const [algorithm = '', wanted] = digest.split(':');
  const hash = createHash(algorithm);
  let length = 0;
  for await (const chunk of content) {
    length += chunk.length;
    if (length > size) break;
    hash.update(chunk);
    yield chunk;
  }
  if (length !== size || hash.digest('hex') !== wanted)
    throw new LedgerError(`nothing is archived that is not what its digest names: ${digest}, ${size} bytes`);
}

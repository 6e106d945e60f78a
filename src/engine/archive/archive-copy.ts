import pLimit from 'p-limit';
import { z } from 'zod';
import type { Entry } from '../../ledger/archive-layout.ts';
import type { ArchiveCounts, ArchivedRepository } from '../../ledger/archive.ts';
import { DamagedError } from '../../ledger/store/store.ts';
import type { ContentReader } from '../../registry/content.ts';
import { RegistryError, StoppedError } from '../../registry/errors.ts';
import { kindOf } from '../../registry/media-types.ts';
import { isDigest } from '../../registry/names.ts';
import { eachOf } from '../each.ts';

/** An artifact cannot be archived, whatever is tried: it is kept. */
class Unarchivable extends Error {
  override readonly name = 'Unarchivable';
}

/** The registry does not find a manifest that is to be archived. */
export class NotFound extends Unarchivable {}

/** Blobs that this process copies at once, of all repositories: each has a few parts of 4 MiB in memory. */
const COPIES = 4;
const copying = pLimit(COPIES);

/** Parts of one manifest that are looked at at once. */
const SIDE_BY_SIDE = 8;

/** Indexes within indexes. More than three are not made by any tool. */
const DEEPEST = 8;

export interface Copier {
  /**
   * Archives a manifest with everything that it holds, its parts first.
   * @returns every manifest that was archived for it, itself included
   * @throws {Unarchivable | RegistryError | LedgerError | StoppedError}
   */
  readonly manifest: (digest: string) => Promise<readonly Entry[]>;
  readonly counts: () => Omit<ArchiveCounts, 'milliseconds'>;
}

export interface CopyOptions {
  readonly content: Pick<ContentReader, 'manifest' | 'blob'>;
  readonly archived: ArchivedRepository;
  readonly repository: string;
  readonly run: string;
  readonly signal: AbortSignal;
}

/**
 * Copies what artifacts consist of from a repository into its archive. What is there already is not written again, so a
 * run that was killed takes up where it was; and what is unreadable by now, but archived, is read from the archive.
 */
export function newCopier({ content, archived, repository, run, signal }: CopyOptions): Copier {
  let [manifests, blobs, bytes] = [0, 0, 0];
  const known = new Map<string, Promise<readonly Entry[]>>();
  const copied = new Map<string, Promise<void>>();

  /** Does something once for a digest: artifacts share their parts. */
  function once<T>(done: Map<string, Promise<T>>, digest: string, work: () => Promise<T>): Promise<T> {
    const before = done.get(digest);
    if (before) return before;
    const doing = work();
    done.set(digest, doing);
    // Each that waits for it is told; where none does, it is not unhandled.
    doing.catch(() => undefined);
    return doing;
  }

  async function put(blob: Blob, source: AsyncIterable<Uint8Array>): Promise<void> {
    let failed: Error | undefined;
    async function* counted(): AsyncGenerator<Uint8Array, void> {
      let isPassedOn = false;
      try {
        for await (const chunk of source) {
          isPassedOn = true;
          yield chunk;
          isPassedOn = false;
        }
      } catch (error) {
        if (!isPassedOn) failed = error as Error;
        throw error;
      }
    }
    try {
      await archived.put(blob, counted());
    } catch (error) {
      // The store says that it could not be written; why is what the registry said.
      throw failed ?? error;
    }
    bytes += blob.size;
  }

  const copyBlob = (named: string, { digest, size, isForeign }: Part): Promise<void> =>
    once(copied, digest, () =>
      copying(async () => {
        if (signal.aborted) throw new StoppedError(`archive ${repository}`);
        if (await archived.has({ digest, size })) return;
        const found = await content.blob(repository, digest, signal);
        if (!found)
          throw new Unarchivable(
            isForeign
              ? `${named} has a layer that the registry does not hold, but leads elsewhere for: ${digest}`
              : `the registry does not find a blob of ${named}: ${digest}`,
          );
        if (found.size !== size)
          throw new Unarchivable(`${named} names ${digest} with ${size} bytes, and the registry has ${found.size}`);
        await put({ digest, size }, found.stream);
        blobs += 1;
      }),
    );

  /** No index says that it was verified when it was written. */
  async function isArchived({ digest, size }: Blob, bytes: Buffer): Promise<boolean> {
    if (!(await archived.has({ digest, size }))) return false;
    const found = await archived.blob(digest);
    return Buffer.concat(await Array.fromAsync(found?.stream ?? [])).equals(bytes);
  }

  const copyManifest = (digest: string, depth: number): Promise<readonly Entry[]> =>
    once(known, digest, async () => {
      if (signal.aborted) throw new StoppedError(`archive ${repository}`);
      if (!isPushable(digest)) throw new Unarchivable(`${digest} is no digest that can be archived`);
      if (depth > DEEPEST) throw new Unarchivable(`${digest} is an index within ${DEEPEST} others`);
      const before = await archived.find(digest).catch((error: unknown) => {
        // Damaged since. It is written anew, where the registry has it still.
        if (error instanceof DamagedError) return undefined;
        throw error;
      });
      const read = before ?? (await content.manifest(repository, digest, signal));
      if (!read) throw new NotFound(`the registry does not find ${repository}@${digest}`);
      const { children, parts } = holdingsOf(digest, read.mediaType, read.bytes);
      const entries = new Map<string, Entry>();
      await eachOf(children, SIDE_BY_SIDE, async (child) => {
        const found = await copyManifest(child, depth + 1).catch((error: unknown) => {
          if (error instanceof NotFound) throw new Unarchivable(`${digest} needs a manifest: ${error.message}`);
          throw error;
        });
        for (const entry of found) entries.set(entry.digest, entry);
      });
      await eachOf(parts, SIDE_BY_SIDE, (part) => copyBlob(digest, part));
      const { mediaType } = read;
      const blob = { digest, size: read.bytes.length };
      if (!before && !(await isArchived(blob, read.bytes))) {
        await put(blob, once1(read.bytes));
        manifests += 1;
      }
      entries.set(digest, { ...blob, mediaType, tags: [], run });
      return [...entries.values()];
    });

  return {
    manifest: (digest) => copyManifest(digest, 0),
    counts: () => ({ manifests, blobs, bytes }),
  };
}

// eslint-disable-next-line @typescript-eslint/require-await -- there is nothing to wait for
async function* once1(bytes: Uint8Array): AsyncGenerator<Uint8Array, void> {
  yield bytes;
}

interface Blob {
  readonly digest: string;
  readonly size: number;
}

interface Part extends Blob {
  /** Its manifest says that it may be elsewhere. */
  readonly isForeign: boolean;
}

export interface Holdings {
  readonly children: readonly string[];
  readonly parts: readonly Part[];
}

/** A restore could not push others again: Azure, and the SDK, know none. */
function isPushable(digest: string): boolean {
  return isDigest(digest) && digest.startsWith('sha256:');
}

const digest = z.string().refine(isPushable, 'no digest that can be archived');

/** A field of the same letters in another case is the one that a registry written in Go reads. */
function exactly<T extends z.ZodRawShape>(shape: T) {
  const names = new Set(Object.keys(shape).map((name) => name.toLowerCase()));
  const isClear = (found: object): boolean =>
    Object.keys(found).every((name) => Object.hasOwn(shape, name) || !names.has(name.toLowerCase()));
  return z.looseObject(shape).refine(isClear, 'a field is written in letters of another case');
}

const descriptor = exactly({
  digest,
  size: z.int('no size').nonnegative(),
  mediaType: z.string().nullish(),
  urls: z.array(z.string()).nullish(),
});
const descriptors = z.array(descriptor);

const Index = exactly({ manifests: z.array(exactly({ digest })) });
const Image = exactly({ config: descriptor, layers: descriptors });
const Artifact = exactly({ blobs: descriptors.nullish() });

const ARTIFACT = 'application/vnd.oci.artifact.manifest.v1+json';

/**
 * What a manifest holds, and so has to be archived with it.
 * @throws {Unarchivable} where that is not known for sure
 */
export function holdingsOf(digest: string, mediaType: string, bytes: Buffer): Holdings {
  const kind = kindOf(mediaType);
  const isImage = kind === 'image' || mediaType === 'application/vnd.docker.distribution.manifest.v2+json';
  if (kind !== 'index' && !isImage)
    throw new Unarchivable(`${digest} has a media type of which it is not known what belongs to it: ${mediaType}`);
  try {
    const document = JSON.parse(bytes.toString()) as unknown;
    if (kind === 'index') return { children: Index.parse(document).manifests.map((one) => one.digest), parts: [] };
    if (mediaType === ARTIFACT) return { children: [], parts: (Artifact.parse(document).blobs ?? []).map(partOf) };
    const { config, layers } = Image.parse(document);
    return { children: [], parts: [config, ...layers].map(partOf) };
  } catch (error) {
    const why = error instanceof z.ZodError ? wordsOf(error) : (error as Error).message;
    throw new Unarchivable(`${digest} is not the manifest that its media type says: ${why}`, { cause: error });
  }
}

function wordsOf({ issues: [issue] }: z.ZodError): string {
  return issue ? `${issue.path.join('.')}: ${issue.message}` : 'it cannot be read';
}

const FOREIGN = /nondistributable|\.foreign\./;

function partOf({ digest, size, mediaType, urls }: z.infer<typeof descriptor>): Part {
  return { digest, size, isForeign: (urls?.length ?? 0) > 0 || FOREIGN.test(mediaType ?? '') };
}

/** Whether the registry refuses to be read at all: then nothing else can be read, either. */
export function isRefused(error: unknown): boolean {
  return error instanceof RegistryError && (error.status === 401 || error.status === 403);
}

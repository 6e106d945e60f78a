import type { PipelineResponse } from '@azure/core-rest-pipeline';
import type { Connection } from './client.ts';
import { blobAt, discard, readOn } from './blob.ts';
import { type DeletedManifest, type DeletedTag, deletedOf, type RestoreResult } from './deleted.ts';
import { RegistryError, responseError } from './errors.ts';
import { bytesOf } from './http-client.ts';
import { ACCEPT } from './media-types.ts';
import { digestOf, isDigest, isDigestOf, nameOf, pathOf } from './names.ts';
import { type Pushed, pushesOf } from './push.ts';

/** What a registry takes as a manifest at most (OCI distribution specification). */
const MAX_MANIFEST_BYTES = 4 * 1024 * 1024;

/** The exact bytes of a manifest. */
interface ManifestBytes {
  readonly mediaType: string;
  readonly bytes: Buffer;
}

interface ReadManifest extends ManifestBytes {
  readonly digest: string;
}

export interface BlobDescriptor {
  readonly digest: string;
  /** Bytes. */
  readonly size: number;
}

interface BlobContent {
  /** Bytes, as the registry says before it sends them. */
  readonly size: number;
  /**
   * To be read once. It is read on where the connection breaks. Ends with `RegistryError` where what came is not what the
   * digest names: until its end nothing of it is verified.
   */
  readonly stream: AsyncIterable<Uint8Array>;
}

/**
 * What the artifacts of a registry consist of. By type, it cannot change anything.
 * Every method throws `RegistryError`, and `StoppedError` where `signal` was aborted.
 */
export interface ContentReader {
  /** A manifest by tag or digest, verified; `undefined` where there is none. One that is not readable is an error (405). */
  readonly manifest: (repository: string, reference: string, signal?: AbortSignal) => Promise<ReadManifest | undefined>;
  /** A blob, to be streamed; `undefined` where there is none. */
  readonly blob: (repository: string, digest: string, signal?: AbortSignal) => Promise<BlobContent | undefined>;
  readonly hasBlob: (repository: string, digest: string, signal?: AbortSignal) => Promise<boolean>;
  /** What was deleted and can be restored; `undefined` where the registry has no such list of this repository. */
  readonly deletedManifests: (
    repository: string,
    signal?: AbortSignal,
  ) => Promise<readonly DeletedManifest[] | undefined>;
  readonly deletedTags: (repository: string, signal?: AbortSignal) => Promise<readonly DeletedTag[] | undefined>;
}

/** Puts back what artifacts consist of. */
export interface ContentWriter {
  /**
   * Pushes a blob, where the repository does not have it already.
   * @param source is read anew for each attempt; what differs from the descriptor is not pushed
   */
  readonly putBlob: (
    repository: string,
    descriptor: BlobDescriptor,
    source: () => AsyncIterable<Uint8Array>,
    signal?: AbortSignal,
  ) => Promise<Pushed>;
  /** Pushes a manifest, byte for byte, by its digest or as a tag. */
  readonly putManifest: (
    repository: string,
    reference: string,
    manifest: ManifestBytes,
    signal?: AbortSignal,
  ) => Promise<void>;
  /**
   * Restores a manifest that was deleted softly, with one of its tags, or with none.
   * @param force moves the tag where it names another manifest now
   */
  readonly restoreDeleted: (
    repository: string,
    digest: string,
    tag: string | undefined,
    options: { readonly force: boolean },
    signal?: AbortSignal,
  ) => Promise<RestoreResult>;
}

export type RegistryContent = ContentReader & ContentWriter;

/** For a dry run. The compiler refuses one that could change something, though it has all of these methods. */
export type ReadOnlyContent = ContentReader & Readonly<Partial<Record<keyof ContentWriter, never>>>;

/** What of it reads, and nothing else of it: it has no function that could change a registry, whatever it is cast to. */
export function readOnlyContent(content: ContentReader): ReadOnlyContent {
  const { manifest, blob, hasBlob, deletedManifests, deletedTags } = content;
  return { manifest, blob, hasBlob, deletedManifests, deletedTags };
}

export function contentOf(connection: Connection): RegistryContent {
  const hasBlob: ContentReader['hasBlob'] = async (repository, digest, signal) => {
    const asked = `look for the blob ${repository}@${digest}`;
    const { status, ...response } = await blobAt(connection, asked, { repository, digest, method: 'HEAD', signal });
    if (status === 200) return true;
    if (status === 404) return false;
    throw responseError(asked, { status, ...response });
  };

  return {
    async manifest(repository, reference, signal) {
      const asked = `read ${nameOf(repository, reference)}`;
      const path = `/v2/${pathOf(repository)}/manifests/${pathOf(reference)}`;
      const response = await connection.fetch(asked, path, ACCEPT, signal);
      if (response.status === 404) return undefined;
      if (response.status !== 200) throw responseError(asked, response);
      return manifestIn(asked, reference, response);
    },
    async blob(repository, digest, signal) {
      const asked = `read the blob ${repository}@${digest}`;
      const blob = { repository, digest, signal };
      const response = await blobAt(connection, asked, blob);
      if (response.status === 404) return undefined;
      if (response.status !== 200 || !response.readableStreamBody) throw responseError(asked, response);
      const size = sizeOf(asked, response);
      return { size, stream: readOn(connection, asked, { ...blob, size }, response) };
    },
    hasBlob,
    ...pushesOf(connection, hasBlob),
    ...deletedOf(connection),
  };
}

function manifestIn(asked: string, reference: string, response: PipelineResponse): ReadManifest {
  const { status, headers } = response;
  const wrong = (message: string) => new RegistryError(asked, { status, message });
  const bytes = bytesOf(response);
  if (bytes.length > MAX_MANIFEST_BYTES) throw wrong(`the manifest is larger than ${MAX_MANIFEST_BYTES} bytes`);
  const named = isDigest(reference) ? reference : (headers.get('docker-content-digest') ?? digestOf(bytes));
  if (!isDigestOf(named, bytes)) throw wrong('what came is not what the digest names');
  const mediaType = headers.get('content-type')?.split(';')[0]?.trim();
  if (mediaType === undefined || mediaType === '') throw wrong('the answer does not say what it is');
  return { digest: named, mediaType, bytes };
}

/** A registry knows how large a blob is. Without that, an answer without end could not be told from one that is large. */
function sizeOf(asked: string, response: PipelineResponse): number {
  const { status, headers } = response;
  const size = Number(headers.get('content-length') ?? Number.NaN);
  if (Number.isSafeInteger(size) && size >= 0) return size;
  discard(response);
  throw new RegistryError(asked, { status, message: 'the answer does not say how large it is' });
}

import { disallowed, failure, json, notFound, type Answer } from './answers.ts';
import { blobsOf, factsOf, parseObject } from './facts.ts';
import { digestOf, mediaTypes } from './manifests.ts';
import { isDeleteLocked, type Manifest, type Repository } from './repository.ts';
import type { Contents } from './contents.ts';
import { ageOfNow } from './time.ts';
import { refusedPush } from './deleted.ts';

/** The exact bytes of a manifest, by tag or digest. */
export function readManifest(repository: Repository, reference: string): Answer {
  const tag = repository.tags.get(reference);
  const manifest = repository.manifests.get(tag?.state.digest ?? reference);
  // The distribution API has no error for an unknown tag, only one for an unknown manifest.
  if (manifest === undefined) return notFound.manifest(reference);
  const targets = [repository, manifest, ...(tag === undefined ? [] : [tag])];
  if (targets.some(({ attributes }) => attributes.readEnabled === false)) return disallowed();
  return {
    status: 200,
    headers: {
      'Content-Type': manifest.mediaType ?? manifest.state.mediaType ?? mediaTypes.dockerImage,
      'Docker-Content-Digest': manifest.key,
      ETag: `"${manifest.key}"`,
    },
    body: manifest.state.body,
  };
}

/** An OCI index of the manifests that refer to `digest`; empty where there are none, or where `digest` does not exist. */
export function listReferrers(repository: Repository | undefined, digest: string, query: URLSearchParams): Answer {
  const wanted = query.get('artifactType');
  const manifests = (repository?.referrers(digest) ?? [])
    .map(descriptorOf)
    .filter(({ artifactType }) => wanted === null || artifactType === wanted);
  return json(
    { schemaVersion: 2, mediaType: mediaTypes.ociIndex, manifests },
    {
      'Content-Type': mediaTypes.ociIndex,
      ...(wanted === null ? {} : { 'OCI-Filters-Applied': 'artifactType' }),
    },
  );
}

/** What a push of a manifest sends. */
interface Pushed {
  readonly body: string;
  readonly contentType: string | undefined;
  /** Whether its blobs and children must be there. */
  readonly requireBlobs: boolean;
}

/** Stores a manifest. */
export function putManifest(
  contents: Contents,
  name: string,
  reference: string,
  { body, contentType, requireBlobs }: Pushed,
): Answer {
  const age = ageOfNow(contents.times);
  const digest = digestOf(body);
  const isDigest = reference.includes(':');
  if (isDigest && reference !== digest) {
    return failure(400, 'DIGEST_INVALID', 'provided digest did not match uploaded content', { digest });
  }
  const document = parseObject(body);
  if (document['schemaVersion'] !== 2) return failure(400, 'MANIFEST_INVALID', 'manifest invalid');
  if (contents.softDeleted.has(name, digest)) return refusedPush(digest);
  const repository = contents.get(name);
  const targets = [repository, repository?.manifests.get(digest), repository?.tags.get(reference)];
  if (targets.some((target) => target?.attributes.writeEnabled === false)) return disallowed();
  if (repository?.manifests.get(digest) === undefined) {
    const missing = requireBlobs ? missingFor(contents, name, body) : undefined;
    if (missing !== undefined) {
      return failure(400, 'MANIFEST_BLOB_UNKNOWN', 'blob unknown to registry', { digest: missing });
    }
    // A document of OCI need not say what it is.
    const isSaid = document['mediaType'] !== undefined || contentType === undefined;
    contents.put(name, { body, age, ...(isSaid ? {} : { mediaType: contentType }) });
  }
  if (!isDigest) contents.find(name).putTag({ name: reference, digest, age });
  const { subject } = factsOf(body);
  return {
    status: 201,
    headers: {
      'Docker-Content-Digest': digest,
      Location: `/v2/${name}/manifests/${digest}`,
      // Tells the client that it need not keep an index of referrers itself (OCI distribution 1.1).
      ...(subject === undefined ? {} : { 'OCI-Subject': subject }),
    },
  };
}

/** The first blob or child of a manifest that its repository has not. */
function missingFor(contents: Contents, name: string, body: string): string | undefined {
  const blob = blobsOf(body).find((digest) => !contents.blobs.has(name, digest));
  if (blob !== undefined) return blob;
  const manifests = contents.get(name)?.manifests;
  return factsOf(body).references?.find(({ digest }) => manifests?.get(digest) === undefined)?.digest;
}

/** Deletes a manifest, its tags and its referrers. By digest only: a tag is deleted at its own address. */
export function deleteManifest(contents: Contents, repository: Repository, reference: string): Answer {
  if (!reference.includes(':')) return failure(405, 'UNSUPPORTED', 'a manifest is deleted by its digest');
  const manifest = repository.manifests.get(reference);
  if (manifest === undefined) return notFound.manifest(reference);
  if (isDeleteLocked(repository.attributes) || isDeleteLocked(manifest.attributes)) return disallowed();
  contents.deleteManifest(repository, reference);
  return { status: 202 };
}

function descriptorOf(manifest: Manifest): { artifactType?: string } {
  const { mediaType, artifactType, annotations } = factsOf(manifest.state.body);
  return {
    ...{ mediaType, digest: manifest.key, size: Buffer.byteLength(manifest.state.body) },
    ...(artifactType === undefined ? {} : { artifactType }),
    ...(annotations === undefined ? {} : { annotations }),
  };
}

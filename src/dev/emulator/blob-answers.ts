import { disallowed, failure, type Answer } from './answers.ts';
import type { Content, Segment } from './blob-content.ts';
import type { Blobs, Upload } from './blobs.ts';
import type { Tokens } from './tokens.ts';

/** What an answer about blobs depends on, besides the request. */
export interface BlobRequest {
  readonly repository: string;
  /** The digest of a blob, or the id of an upload. */
  readonly reference: string;
  readonly query: URLSearchParams;
  readonly headers: Readonly<Record<string, string | undefined>>;
  /** What was sent. */
  readonly segment: Segment;
}

/** The address of a blob in the storage account of the registry, good for as long as its signature is. */
const storagePath = '/storage/';
const storageLifeSeconds = 1200;

/**
 * `/v2/{repo}/blobs/{digest}`. As on the service, a GET is redirected to a storage account, whose address has all that it
 * needs to be read.
 */
export function readBlob(
  blobs: Blobs,
  method: string,
  { repository, reference: digest, headers }: BlobRequest,
  storage: { readonly tokens: Tokens; readonly host: string } | undefined,
): Answer {
  const content = blobs.get(repository, digest);
  if (content === undefined) return failure(404, 'BLOB_UNKNOWN', 'blob unknown to registry', { digest });
  if (method === 'DELETE') {
    blobs.remove(repository, digest);
    return { status: 202, headers: { 'Docker-Content-Digest': digest } };
  }
  const named = { 'Docker-Content-Digest': digest, ETag: `"${digest}"` };
  if (storage !== undefined && method === 'GET') {
    const signature = storage.tokens.issue('blob', storageLifeSeconds, { digest });
    const Location = `https://${storage.host}${storagePath}${digest}?sp=r&sr=b&sig=${encodeURIComponent(signature)}`;
    return { status: 307, headers: { ...named, Location } };
  }
  return ranged(content, headers['range'], named);
}

/**
 * A blob at the storage account. It refuses a request that has an `Authorization` besides the signature in its address, as
 * Azure Storage does: a client must not take the registry's token along.
 */
export function readStorage(
  blobs: Blobs,
  tokens: Tokens,
  { reference: digest, query, headers }: Pick<BlobRequest, 'reference' | 'query' | 'headers'>,
  authorization: string | undefined,
): Answer {
  if (authorization !== undefined) {
    return storageFailure(
      400,
      'InvalidAuthenticationInfo',
      'Authentication information is not given in the correct format. Check the value of Authorization header.',
    );
  }
  if (tokens.read('blob', query.get('sig') ?? '')?.digest !== digest) {
    return storageFailure(403, 'AuthenticationFailed', 'Signature did not match, or is not valid any more.');
  }
  const content = blobs.find(digest);
  if (content === undefined) return storageFailure(404, 'BlobNotFound', 'The specified blob does not exist.');
  return ranged(content, headers['range'], { 'x-ms-blob-type': 'BlockBlob' });
}

/**
 * `/v2/{repo}/blobs/uploads/`: begins an upload, takes a blob at once, or from another repository. Whether the token may
 * read that one is not asked.
 */
export async function beginUpload(blobs: Blobs, { repository, query, segment }: BlobRequest): Promise<Answer> {
  const [mount, digest] = [query.get('mount'), query.get('digest')];
  if (mount !== null && blobs.mount(repository, mount, query.get('from') ?? '')) {
    blobs.shelf.drop([segment]);
    return created(repository, mount);
  }
  const upload = blobs.append(blobs.begin(repository), segment);
  return digest === null ? accepted(upload) : complete(blobs, upload, digest);
}

/** `/v2/{repo}/blobs/uploads/{id}`: its next chunk, its end, how much there is of it, or that it is given up. */
export async function continueUpload(blobs: Blobs, method: string, request: BlobRequest): Promise<Answer> {
  const { repository, reference: id, query, headers, segment } = request;
  const upload = blobs.upload(repository, id);
  const refuse = (answer: Answer): Answer => {
    blobs.shelf.drop([segment]);
    return answer;
  };
  if (upload === undefined)
    return refuse(failure(404, 'BLOB_UPLOAD_UNKNOWN', 'blob upload unknown to registry', { id }));
  if (method === 'GET') return { ...accepted(upload), status: 204 };
  if (method === 'DELETE') {
    blobs.cancel(upload);
    return { status: 204 };
  }
  // Only the newest address is good: a chunk that came already is not taken twice.
  const start = /^(?:bytes )?(\d+)-\d+/.exec(headers['content-range'] ?? '')?.[1] ?? upload.size;
  if (query.get('_state') !== stateOf(upload) || Number(start) !== upload.size) {
    const answer = failure(416, 'BLOB_UPLOAD_INVALID', 'blob upload invalid: it goes on from another place', { id });
    return refuse({ ...answer, headers: { ...answer.headers, ...accepted(upload).headers } });
  }
  const longer = blobs.append(upload, segment);
  if (method === 'PATCH') return accepted(longer);
  return complete(blobs, longer, query.get('digest') ?? '');
}

/** A push into a repository that is locked. */
export function lockedUpload(blobs: Blobs, { segment }: BlobRequest): Answer {
  blobs.shelf.drop([segment]);
  return disallowed();
}

async function complete(blobs: Blobs, upload: Upload, digest: string): Promise<Answer> {
  return (await blobs.complete(upload, digest)) === 'complete'
    ? created(upload.repository, digest)
    : failure(400, 'DIGEST_INVALID', 'provided digest did not match uploaded content', { digest });
}

function created(repository: string, digest: string): Answer {
  return {
    status: 201,
    headers: { 'Docker-Content-Digest': digest, Location: `/v2/${repository}/blobs/${digest}` },
  };
}

/** The upload as it is now. `Range` is `0-0` where there is nothing yet, as recorded. */
function accepted(upload: Upload): Answer {
  const { id, repository, size } = upload;
  return {
    status: 202,
    headers: {
      Location: `/v2/${repository}/blobs/uploads/${id}?_nouploadcache=false&_state=${stateOf(upload)}`,
      Range: `0-${Math.max(size - 1, 0)}`,
      'Docker-Upload-UUID': id,
    },
  };
}

function stateOf({ id, size }: Upload): string {
  return Buffer.from(JSON.stringify({ UUID: id, Offset: size })).toString('base64url');
}

/** A content, or the part of it that `Range` names. A header in another unit is ignored (RFC 9110). */
function ranged(content: Content, header: string | undefined, headers: Readonly<Record<string, string>>): Answer {
  const common = { ...headers, 'Content-Type': 'application/octet-stream', 'Accept-Ranges': 'bytes' };
  const [, first = '', last = ''] = /^bytes=(\d*)-(\d*)$/.exec(header ?? '') ?? [];
  if (first === '' && last === '')
    return {
      status: 200,
      headers: common,
      content: { size: content.size, chunks: () => content.stream(0, content.size) },
    };
  const { size } = content;
  const start = first === '' ? Math.max(size - Number(last), 0) : Number(first);
  const end = first === '' || last === '' ? size : Math.min(Number(last) + 1, size);
  if (start >= end) return { status: 416, headers: { 'Content-Range': `bytes */${size}` } };
  return {
    status: 206,
    headers: { ...common, 'Content-Range': `bytes ${start}-${end - 1}/${size}` },
    content: { size: end - start, chunks: () => content.stream(start, end) },
  };
}

function storageFailure(status: number, code: string, message: string): Answer {
  return {
    status,
    headers: { 'Content-Type': 'application/xml', 'x-ms-error-code': code },
    body: `<?xml version="1.0" encoding="utf-8"?><Error><Code>${code}</Code><Message>${message}</Message></Error>`,
  };
}

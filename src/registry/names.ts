import { createHash, hash as hashOf } from 'node:crypto';

/** The digests that the OCI image specification registers. */
const DIGEST = /^sha(?:256:[0-9a-f]{64}|512:[0-9a-f]{128})$/;

/** Whether it is a digest as the specification has them: it can be computed, and stand in a path. */
export function isDigest(reference: string): boolean {
  return DIGEST.test(reference);
}

export function digestOf(bytes: Uint8Array): string {
  return `sha256:${hashOf('sha256', bytes)}`;
}

/** Whether a digest names these bytes. */
export function isDigestOf(digest: string, bytes: Uint8Array): boolean {
  const [algorithm = '', hash] = digest.split(':');
  return isDigest(digest) && hashOf(algorithm, bytes) === hash;
}

export interface Verifier {
  readonly update: (chunk: Uint8Array) => void;
  /** Whether what it was given is what the digest names. Asked once, at the end. */
  readonly isRight: () => boolean;
}

/** Computes the digest of what comes bit by bit. */
export function verifierOf(digest: string): Verifier {
  const [algorithm = '', wanted] = digest.split(':');
  if (!isDigest(digest)) return { update: () => undefined, isRight: () => false };
  const hash = createHash(algorithm);
  return { update: (chunk) => void hash.update(chunk), isRight: () => hash.digest('hex') === wanted };
}

/** `repository:tag` or `repository@digest` */
export function nameOf(repository: string, tagOrDigest: string): string {
  return `${repository}${tagOrDigest.includes(':') ? '@' : ':'}${tagOrDigest}`;
}

/** Encodes a repository name, a tag or a digest for a path. Names come from the registry, and are not trusted. */
export function pathOf(name: string): string {
  return name.split('/').map(encodeURIComponent).join('/').replaceAll('%3A', ':');
}

import { hash as hashOf } from 'node:crypto';
import type { Connection } from './client.ts';
import { RegistryError, responseError } from './errors.ts';
import { ACCEPT, parseManifest } from './manifest.ts';
import { newPaging, nextPage } from './paging.ts';
import { parseFields } from './records.ts';
import type { ManifestFacts } from './types.ts';

/** Reads what a digest holds. What cannot be read, or is not what the digest names, is a fact too. */
export async function readManifest(
  connection: Connection,
  repository: string,
  digest: string,
  signal?: AbortSignal,
): Promise<ManifestFacts> {
  const asked = `read ${repository}@${digest}`;
  let answered: number | undefined;
  try {
    const response = await connection.fetch(asked, `/v2/${path(repository)}/manifests/${path(digest)}`, ACCEPT, signal);
    answered = response.status;
    if (response.status === 404) return { state: 'missing' };
    if (response.status !== 200) throw responseError(asked, response);
    const text = response.bodyAsText ?? '';
    const [algorithm = '', hash] = digest.split(':');
    if (hashOf(algorithm, text) !== hash) {
      throw new RegistryError(asked, { message: 'what came is not what the digest names' });
    }
    return { state: 'read', ...parseManifest(text, response.headers.get('content-type')?.split(';')[0]?.trim()) };
  } catch (error) {
    const { message, status = answered, code } = error as Error & Partial<Pick<RegistryError, 'status' | 'code'>>;
    const came = { ...(status !== undefined && { status }), ...(code !== undefined && { code }) };
    return { state: 'unreadable', why: message, ...came };
  }
}

/**
 * The manifests whose `subject` is this one (OCI distribution specification 1.1, "Listing Referrers").
 * @returns `undefined` where the registry has no such call
 * @throws RegistryError also where the listing has no end, or its links lead anywhere but to its next page
 * @throws StoppedError where `signal` was aborted
 */
export async function readReferrers(
  connection: Connection,
  repository: string,
  digest: string,
  signal?: AbortSignal,
): Promise<readonly string[] | undefined> {
  const asked = `list the referrers of ${repository}@${digest}`;
  const found: string[] = [];
  const paging = newPaging();
  let next: string | undefined = `/v2/${path(repository)}/referrers/${path(digest)}`;
  while (next !== undefined) {
    const response = await connection.fetch(asked, next, 'application/vnd.oci.image.index.v1+json', signal);
    if (response.status === 404) return undefined;
    if (response.status !== 200) throw responseError(asked, response);
    const wrong = (message: string) => new RegistryError(asked, { status: 200, message });
    const manifests =
      parseFields(response.bodyAsText, () => wrong('the answer is not a JSON object'))['manifests'] ?? [];
    if (!Array.isArray(manifests)) throw wrong('the answer is not an index');
    for (const descriptor of manifests) {
      const referrer = (descriptor as { readonly digest?: unknown } | null)?.digest;
      if (typeof referrer !== 'string') throw wrong('a referrer has no digest');
      found.push(referrer);
    }
    try {
      next = nextPage(connection.endpoint.origin + next, response.headers.get('link'));
      paging.take(manifests.length, next);
    } catch (error) {
      throw wrong((error as Error).message);
    }
  }
  return found;
}

/** A repository name or digest in a path. Names come from the registry, and may try to leave it. */
function path(name: string): string {
  return name.split('/').map(encodeURIComponent).join('/').replaceAll('%3A', ':');
}

import { hash as hashOf } from 'node:crypto';
import type { Connection } from './client.ts';
import { RegistryError, responseError } from './error.ts';
import { ACCEPT, parseManifest } from './manifest.ts';
import { parseFields } from './records.ts';
import type { ManifestFacts } from './types.ts';

/** Reads what a digest holds. What cannot be read, or is not what the digest names, is a fact too. */
export async function readManifest(connection: Connection, repository: string, digest: string): Promise<ManifestFacts> {
  const asked = `read ${repository}@${digest}`;
  try {
    const response = await connection.fetch(asked, `/v2/${path(repository)}/manifests/${path(digest)}`, ACCEPT);
    if (response.status === 404) return { state: 'missing' };
    if (response.status !== 200) throw responseError(asked, response);
    const text = response.bodyAsText ?? '';
    const [algorithm = '', hash] = digest.split(':');
    if (hashOf(algorithm, text) !== hash) {
      throw new RegistryError(asked, { message: 'what came is not what the digest names' });
    }
    return { state: 'read', ...parseManifest(text, response.headers.get('content-type')?.split(';')[0]?.trim()) };
  } catch (error) {
    return { state: 'unreadable', why: (error as Error).message };
  }
}

/** Pages of referrers that are followed for one manifest. More than that is no registry's honest answer. */
const MAX_PAGES = 100;

/**
 * The manifests whose `subject` is this one (OCI distribution specification 1.1, "Listing Referrers").
 * @returns `undefined` where the registry has no such call
 * @throws RegistryError
 */
export async function readReferrers(
  connection: Connection,
  repository: string,
  digest: string,
): Promise<readonly string[] | undefined> {
  const asked = `list the referrers of ${repository}@${digest}`;
  const found: string[] = [];
  let next: string | undefined = `/v2/${path(repository)}/referrers/${path(digest)}`;
  for (let page = 0; next !== undefined; page += 1) {
    if (page === MAX_PAGES) throw new RegistryError(asked, { message: `more than ${MAX_PAGES} pages` });
    const response = await connection.fetch(asked, next, 'application/vnd.oci.image.index.v1+json');
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
    next = /<([^>]*)>;\s*rel="?next"?/.exec(response.headers.get('link') ?? '')?.[1];
  }
  return found;
}

/** A repository name or digest in a path. Names come from the registry, and may try to leave it. */
function path(name: string): string {
  return name.split('/').map(encodeURIComponent).join('/').replaceAll('%3A', ':');
}

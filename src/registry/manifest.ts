import { hash as hashOf } from 'node:crypto';
import { parseAnswer, ReferrersAnswer } from './answers.ts';
import type { Connection } from './client.ts';
import { RegistryError, responseError } from './errors.ts';
import { newPaging, nextPage } from './listing.ts';
import { blobsOf } from './manifest-blobs.ts';
import { ACCEPT, INDEX_TYPES, kindOf } from './media-types.ts';
import { pathOf } from './names.ts';
import type { ChildDescriptor, ManifestContent, ManifestFacts } from './types.ts';

/** Reads a manifest. Never throws: one that cannot be read, or does not match its digest, is a fact, too. */
export async function readManifest(
  connection: Connection,
  repository: string,
  digest: string,
  signal?: AbortSignal,
): Promise<ManifestFacts> {
  const asked = `read ${repository}@${digest}`;
  let answered: number | undefined;
  try {
    const response = await connection.fetch(
      asked,
      `/v2/${pathOf(repository)}/manifests/${pathOf(digest)}`,
      ACCEPT,
      signal,
    );
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
  let next: string | undefined = `/v2/${pathOf(repository)}/referrers/${pathOf(digest)}`;
  while (next !== undefined) {
    const response = await connection.fetch(asked, next, 'application/vnd.oci.image.index.v1+json', signal);
    if (response.status === 404) return undefined;
    if (response.status !== 200) throw responseError(asked, response);
    const wrong = (message: string) => new RegistryError(asked, { status: 200, message });
    const referrers = parseAnswer(ReferrersAnswer, response.bodyAsText, wrong);
    for (const referrer of referrers) found.push(referrer);
    try {
      next = nextPage(connection.endpoint.origin + next, response.headers.get('link'));
      paging.take(referrers.length, next);
    } catch (error) {
      throw wrong((error as Error).message);
    }
  }
  return found;
}

const DIGEST = /sha(?:256:[0-9a-f]{64}|512:[0-9a-f]{128})/g;

/**
 * Children and subject of a manifest.
 * Where its media type is not known, every digest in the text counts as a child: the manifest may need any of them.
 * Not read by a zod schema: names of fields count in either case, and text that is no JSON can still name digests.
 *
 * @param mediaType of the answer; where it is not known, the document's own counts
 * @throws SyntaxError where the text of a known type is not the JSON of a manifest
 */
export function parseManifest(text: string, mediaType: string | undefined): ManifestContent {
  const document = kindOf(mediaType) === 'unknown' ? parseLeniently(text) : asObject(JSON.parse(text));
  const subject = digestOf(field(document, 'subject'), 'subject');
  const config = configOf(field(document, 'config'));
  const blobs = blobsOf((name) => field(document, name));
  const content = (children: readonly ChildDescriptor[]): ManifestContent => ({
    children,
    subject,
    ...(config !== undefined && { config }),
    ...(blobs && { stored: { bytes: Buffer.byteLength(text), blobs } }),
  });
  const named = field(document, 'manifests') ?? [];
  if (!Array.isArray(named)) throw new SyntaxError('"manifests" is not a list');
  const children = named.map(childOf);
  const own = field(document, 'mediatype');
  if ([mediaType, own].some((type) => typeof type === 'string' && kindOf(type) !== 'unknown')) return content(children);
  const mentioned = new Set(text.match(DIGEST) ?? []);
  for (const child of children) mentioned.delete(child.digest);
  return content([...children, ...Array.from(mentioned, (digest) => ({ digest, index: false }))]);
}

function parseLeniently(text: string): Readonly<Record<string, unknown>> | undefined {
  try {
    return asObject(JSON.parse(text));
  } catch {
    return undefined;
  }
}

function asObject(value: unknown): Readonly<Record<string, unknown>> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw new SyntaxError('not a JSON object');
  return value as Readonly<Record<string, unknown>>;
}

/** Go, in which `acr purge` and registries are written, reads the names of JSON fields in either case. */
function field(document: Readonly<Record<string, unknown>> | undefined, name: string): unknown {
  const key = Object.keys(document ?? {}).findLast((candidate) => candidate.toLowerCase() === name);
  return key === undefined ? undefined : document?.[key];
}

function digestOf(descriptor: unknown, what: string): string | undefined {
  if (descriptor === undefined || descriptor === null) return undefined;
  const digest = field(asObject(descriptor), 'digest') ?? '';
  // It cannot be known which manifest is meant, so none that it might be may be deleted.
  if (typeof digest !== 'string') throw new SyntaxError(`the digest of ${what} is not a text`);
  return digest === '' ? undefined : digest;
}

/** What else stands there is of no consequence: only a digest can be one that is in use. */
function configOf(descriptor: unknown): string | undefined {
  if (typeof descriptor !== 'object' || descriptor === null || Array.isArray(descriptor)) return undefined;
  const digest = field(descriptor as Readonly<Record<string, unknown>>, 'digest');
  return typeof digest === 'string' && digest !== '' ? digest : undefined;
}

function childOf(descriptor: unknown): ChildDescriptor {
  const digest = digestOf(descriptor, 'a child');
  if (digest === undefined) throw new SyntaxError('a child has no digest');
  const mediaType = field(asObject(descriptor), 'mediatype');
  return { digest, index: typeof mediaType === 'string' && INDEX_TYPES.has(mediaType) };
}

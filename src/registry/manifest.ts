import type { ChildDescriptor, ManifestContent, ManifestKind } from './types.ts';

/** Media types of an index: a manifest whose children are manifests. */
const INDEX_TYPES: ReadonlySet<string> = new Set([
  'application/vnd.oci.image.index.v1+json',
  'application/vnd.docker.distribution.manifest.list.v2+json',
]);

/** Media types that may carry a `subject` (OCI image specification 1.1), and so be referrers. */
const SUBJECT_TYPES: ReadonlySet<string> = new Set([
  'application/vnd.oci.image.manifest.v1+json',
  'application/vnd.oci.image.index.v1+json',
  'application/vnd.oci.artifact.manifest.v1+json',
]);

/** Media types that hold neither children nor a subject, whatever their bytes say. */
const PLAIN_TYPES: ReadonlySet<string> = new Set([
  'application/vnd.docker.distribution.manifest.v2+json',
  'application/vnd.docker.distribution.manifest.v1+json',
  'application/vnd.docker.distribution.manifest.v1+prettyjws',
]);

export function kindOf(mediaType: string | undefined): ManifestKind {
  if (mediaType === undefined) return 'unknown';
  if (INDEX_TYPES.has(mediaType)) return 'index';
  if (SUBJECT_TYPES.has(mediaType)) return 'image';
  return PLAIN_TYPES.has(mediaType) ? 'plain' : 'unknown';
}

/** Whether a manifest of this media type may have a `subject`. */
export function mayHaveSubject(mediaType: string | undefined): boolean {
  return mediaType === undefined || SUBJECT_TYPES.has(mediaType) || kindOf(mediaType) === 'unknown';
}

/** Configurations of images to run. What refers to an image (a signature, an SBOM) mostly has one of its own kind. */
const RUNNABLE_CONFIGS: ReadonlySet<string> = new Set([
  'application/vnd.oci.image.config.v1+json',
  'application/vnd.docker.container.image.v1+json',
]);

/** Whether a listing shows a manifest as an image to run; see `ManifestRecord.looksRunnable`. */
export function looksRunnable(mediaType: string | undefined, configMediaType: string | undefined): boolean {
  if (mediaType !== 'application/vnd.oci.image.manifest.v1+json') return false;
  return configMediaType === undefined || RUNNABLE_CONFIGS.has(configMediaType);
}

/** Every media type asked for when a manifest is read. Without the right one a registry may convert, or answer 404. */
export const ACCEPT = [...SUBJECT_TYPES, ...INDEX_TYPES, ...PLAIN_TYPES, '*/*;q=0.1'].join(', ');

const DIGEST = /sha(?:256:[0-9a-f]{64}|512:[0-9a-f]{128})/g;

/**
 * Children and subject of a manifest.
 * Where no media type is known for it, every digest in the text counts as a child: something whose meaning nobody here
 * knows may need any of them.
 *
 * @param mediaType the media type that the registry answered with; the document's own is taken where that says nothing
 * @throws SyntaxError where the text of a known type is not the JSON of a manifest
 */
export function parseManifest(text: string, mediaType: string | undefined): ManifestContent {
  const document = kindOf(mediaType) === 'unknown' ? parseLeniently(text) : asObject(JSON.parse(text));
  const subject = digestOf(field(document, 'subject'), 'subject');
  const named = field(document, 'manifests') ?? [];
  if (!Array.isArray(named)) throw new SyntaxError('"manifests" is not a list');
  const children = named.map(childOf);
  const own = field(document, 'mediatype');
  if ([mediaType, own].some((type) => typeof type === 'string' && kindOf(type) !== 'unknown'))
    return { children, subject };
  const mentioned = new Set(text.match(DIGEST) ?? []);
  for (const child of children) mentioned.delete(child.digest);
  return { children: [...children, ...Array.from(mentioned, (digest) => ({ digest, index: false }))], subject };
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
  // Which manifest is meant cannot be known: then nothing that it might be may go.
  if (typeof digest !== 'string') throw new SyntaxError(`the digest of ${what} is not a text`);
  return digest === '' ? undefined : digest;
}

function childOf(descriptor: unknown): ChildDescriptor {
  const digest = digestOf(descriptor, 'a child');
  if (digest === undefined) throw new SyntaxError('a child has no digest');
  const mediaType = field(asObject(descriptor), 'mediatype');
  return { digest, index: typeof mediaType === 'string' && INDEX_TYPES.has(mediaType) };
}

import type { ManifestKind } from './types.ts';

/** Media types of an index: a manifest whose children are manifests. */
export const INDEX_TYPES: ReadonlySet<string> = new Set([
  'application/vnd.oci.image.index.v1+json',
  'application/vnd.docker.distribution.manifest.list.v2+json',
]);

/** Media types that may carry a `subject` (OCI image specification 1.1), and so be referrers. */
const SUBJECT_TYPES: ReadonlySet<string> = new Set([
  'application/vnd.oci.image.manifest.v1+json',
  'application/vnd.oci.image.index.v1+json',
  'application/vnd.oci.artifact.manifest.v1+json',
]);

/** Media types that have neither children nor a subject, whatever their bytes say. */
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

/** Configurations of images to run. Referrers (a signature, an SBOM) mostly have configurations of other types. */
const RUNNABLE_CONFIGS: ReadonlySet<string> = new Set([
  'application/vnd.oci.image.config.v1+json',
  'application/vnd.docker.container.image.v1+json',
]);

/** Whether a listing shows a manifest as an image to run; see `ManifestRecord.looksRunnable`. */
export function looksRunnable(mediaType: string | undefined, configMediaType: string | undefined): boolean {
  if (mediaType !== 'application/vnd.oci.image.manifest.v1+json') return false;
  return configMediaType === undefined || RUNNABLE_CONFIGS.has(configMediaType);
}

/** All media types for `Accept`. Without the right one a registry may convert the manifest, or answer 404. */
export const ACCEPT = [...SUBJECT_TYPES, ...INDEX_TYPES, ...PLAIN_TYPES, '*/*;q=0.1'].join(', ');

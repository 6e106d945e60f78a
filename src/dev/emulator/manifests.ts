import { hash } from 'node:crypto';

export const mediaTypes = {
  ociImage: 'application/vnd.oci.image.manifest.v1+json',
  ociIndex: 'application/vnd.oci.image.index.v1+json',
  dockerImage: 'application/vnd.docker.distribution.manifest.v2+json',
  dockerList: 'application/vnd.docker.distribution.manifest.list.v2+json',
} as const;

/** A manifest document and its digest. */
export interface Built {
  readonly body: string;
  readonly digest: string;
  readonly mediaType: string;
}

export interface Platformed extends Built {
  readonly architecture: string;
  readonly os: string;
  readonly variant?: string;
}

/** The digest of a document: the sha256 of its bytes. */
export function digestOf(body: string): string {
  return `sha256:${sha(body)}`;
}

/**
 * An image for one platform. Another `id` makes another image.
 * @param options `base`: its first layer is that of every image with this base
 */
export function image(id: string, options: { docker?: boolean; layers?: number; base?: string } = {}): Built {
  const docker = options.docker ?? false;
  return build({
    schemaVersion: 2,
    mediaType: docker ? mediaTypes.dockerImage : mediaTypes.ociImage,
    config: descriptor(
      docker ? 'application/vnd.docker.container.image.v1+json' : 'application/vnd.oci.image.config.v1+json',
      `${id}/config`,
      7_000,
    ),
    layers: Array.from({ length: options.layers ?? 3 }, (_, layer) =>
      descriptor(
        docker ? 'application/vnd.docker.image.rootfs.diff.tar.gzip' : 'application/vnd.oci.image.layer.v1.tar+gzip',
        `${layer === 0 ? (options.base ?? id) : id}/layer/${layer}`,
        30_000_000,
      ),
    ),
  });
}

/** A multi-platform image: an OCI index, or a Docker manifest list. */
export function index(
  children: readonly (Platformed | (Built & { readonly attests: Built }))[],
  options: { docker?: boolean; annotations?: Readonly<Record<string, string>> } = {},
): Built {
  return build({
    schemaVersion: 2,
    mediaType: options.docker === true ? mediaTypes.dockerList : mediaTypes.ociIndex,
    manifests: children.map((child) => ({
      mediaType: child.mediaType,
      digest: child.digest,
      size: Buffer.byteLength(child.body),
      ...('attests' in child
        ? {
            // As BuildKit ties an attestation to its image: a child without platform, with these annotations.
            annotations: {
              'vnd.docker.reference.digest': child.attests.digest,
              'vnd.docker.reference.type': 'attestation-manifest',
            },
            platform: { architecture: 'unknown', os: 'unknown' },
          }
        : {
            platform: {
              architecture: child.architecture,
              os: child.os,
              ...(child.variant === undefined ? {} : { variant: child.variant }),
            },
          }),
    })),
    ...(options.annotations === undefined ? {} : { annotations: options.annotations }),
  });
}

/** An artifact that refers to another manifest: a signature, an SBOM. */
export function referrer(subject: Built, artifactType: string, id: string): Built {
  return build({
    schemaVersion: 2,
    mediaType: mediaTypes.ociImage,
    artifactType,
    config: {
      mediaType: 'application/vnd.oci.empty.v1+json',
      digest: digestOf('{}'),
      size: 2,
    },
    layers: [descriptor(artifactType, `${id}/blob`, 4_000)],
    subject: { mediaType: subject.mediaType, digest: subject.digest, size: Buffer.byteLength(subject.body) },
    annotations: { 'org.opencontainers.image.created': '2026-01-01T00:00:00Z' },
  });
}

/** A report of a scanner, or a list of packages, that is attached to an image. Its text is to be put among the blobs. */
export function report(subject: Built, artifactType: string, text: string, created?: string): Built {
  return build({
    schemaVersion: 2,
    mediaType: mediaTypes.ociImage,
    artifactType,
    config: { mediaType: 'application/vnd.oci.empty.v1+json', digest: digestOf('{}'), size: 2 },
    layers: [{ mediaType: artifactType, size: Buffer.byteLength(text), digest: digestOf(text) }],
    subject: { mediaType: subject.mediaType, digest: subject.digest, size: Buffer.byteLength(subject.body) },
    ...(created !== undefined && { annotations: { 'org.opencontainers.image.created': created } }),
  });
}

/** The provenance that BuildKit adds to an index for one of its images: an image manifest without platform. */
export function attestation(attests: Built, id: string): Built & { readonly attests: Built } {
  const built = build({
    schemaVersion: 2,
    mediaType: mediaTypes.ociImage,
    config: descriptor('application/vnd.oci.image.config.v1+json', `${id}/config`, 240),
    layers: [
      {
        ...descriptor('application/vnd.in-toto+json', `${id}/provenance`, 9_000),
        annotations: { 'in-toto.io/predicate-type': 'https://slsa.dev/provenance/v0.2' },
      },
    ],
  });
  return { ...built, attests };
}

/** A signature as cosign stores it without referrers: an image under the tag that {@link cosignTag} gives. */
export function cosignSignature(signed: Built): Built {
  return build({
    schemaVersion: 2,
    mediaType: mediaTypes.ociImage,
    config: descriptor('application/vnd.oci.image.config.v1+json', `${signed.digest}/signature-config`, 233),
    layers: [
      {
        ...descriptor('application/vnd.dev.cosign.simplesigning.v1+json', `${signed.digest}/payload`, 250),
        annotations: { 'dev.cosignproject.cosign/signature': sha(`${signed.digest}/signature`) },
      },
    ],
  });
}

/** `sha256-<hex>.sig` */
export function cosignTag(signed: Built): string {
  return `${signed.digest.replace(':', '-')}.sig`;
}

function build(document: Readonly<Record<string, unknown>> & { readonly mediaType: string }): Built {
  const body = JSON.stringify(document);
  return { body, digest: digestOf(body), mediaType: document.mediaType };
}

/** A blob that `id` names; its size varies with it, around `size`. */
function descriptor(mediaType: string, id: string, size: number): { mediaType: string; size: number; digest: string } {
  const hex = sha(id);
  return {
    mediaType,
    size: Math.round(size * (0.5 + Number.parseInt(hex.slice(0, 4), 16) / 65_536)),
    digest: `sha256:${hex}`,
  };
}

function sha(text: string): string {
  return hash('sha256', text);
}

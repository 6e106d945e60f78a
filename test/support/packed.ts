import { hash } from 'node:crypto';
import { gzipSync } from 'node:zlib';
import { index, mediaTypes, type Built, type Platformed } from '../../src/dev/emulator/manifests.ts';
import type { EmulatorOptions, RegistryState } from '../../src/dev/emulator/index.ts';

/*
 * Images with their blobs: a configuration and layers that are real tar archives, so that clients which look into them can
 * do so. The same name makes the same bytes.
 */

/** A manifest with the blobs that it names. */
export interface Packed extends Built {
  readonly blobs: readonly Buffer[];
}

export interface PackedImage extends Packed, Platformed {}

interface ImageOptions {
  /** Docker's media types instead of OCI's. */
  readonly docker?: boolean;
  readonly architecture?: string;
  readonly layers?: number;
  /** Bytes of the file in each layer. Default: a few. */
  readonly layerSize?: number;
  readonly annotations?: Readonly<Record<string, string>>;
}

/** An image for one platform. */
export function packedImage(name: string, options: ImageOptions = {}): PackedImage {
  const { docker = false, architecture = 'amd64', layers = 2, layerSize, annotations } = options;
  const tars = Array.from({ length: layers }, (_, n) => tar(`file-${n}`, fileOf(`${name}/${n}`, layerSize)));
  const packed = tars.map((bytes) => gzipSync(bytes));
  const config = Buffer.from(
    JSON.stringify({
      architecture,
      os: 'linux',
      config: { Labels: { name } },
      rootfs: { type: 'layers', diff_ids: tars.map(digestOf) },
      history: tars.map((_, n) => ({ created: '2026-01-01T00:00:00Z', created_by: `layer ${n}` })),
    }),
  );
  const manifest = {
    schemaVersion: 2,
    mediaType: docker ? mediaTypes.dockerImage : mediaTypes.ociImage,
    config: descriptor(
      docker ? 'application/vnd.docker.container.image.v1+json' : 'application/vnd.oci.image.config.v1+json',
      config,
    ),
    layers: packed.map((bytes) =>
      descriptor(
        docker ? 'application/vnd.docker.image.rootfs.diff.tar.gzip' : 'application/vnd.oci.image.layer.v1.tar+gzip',
        bytes,
      ),
    ),
    ...(annotations && { annotations }),
  };
  return { ...built(manifest, [config, ...packed]), architecture, os: 'linux' };
}

/** A multi-platform image: an index of images, in one list its own document first, then those of its children. */
export function packedIndex(
  name: string,
  options: Omit<ImageOptions, 'architecture'> = {},
): readonly [Packed, ...PackedImage[]] {
  const children = ['amd64', 'arm64'].map((architecture) =>
    packedImage(`${name}/${architecture}`, { ...options, architecture }),
  );
  return [{ ...index(children, options), blobs: [] }, ...children];
}

/** An artifact that refers to another one, such as a signature as cosign attaches it since 2.0. */
export function packedReferrer(
  subject: Built,
  artifactType = 'application/vnd.dev.cosign.artifact.sig.v1+json',
  name = 'signature',
): Packed {
  const config = Buffer.from('{}');
  const payload = Buffer.from(
    JSON.stringify({ critical: { image: { 'docker-manifest-digest': subject.digest } }, name }),
  );
  return built(
    {
      schemaVersion: 2,
      mediaType: mediaTypes.ociImage,
      artifactType,
      config: descriptor('application/vnd.oci.empty.v1+json', config),
      layers: [descriptor('application/vnd.dev.cosign.simplesigning.v1+json', payload)],
      subject: { mediaType: subject.mediaType, digest: subject.digest, size: Buffer.byteLength(subject.body) },
    },
    [config, payload],
  );
}

/** A registry of one repository that has these manifests with their blobs, and the tags: by name, what each is on. */
export function packedRegistry(
  repository: string,
  manifests: readonly Packed[],
  tags: Readonly<Record<string, Built>>,
  age = 86_400,
): Required<Pick<EmulatorOptions, 'repositories' | 'blobs'>> {
  const state: RegistryState = {
    [repository]: {
      manifests: manifests.map(({ body }) => ({ body, age })),
      tags: Object.entries(tags).map(([name, { digest }]) => ({ name, digest, age })),
    },
  };
  return { repositories: state, blobs: { [repository]: manifests.flatMap(({ blobs }) => blobs) } };
}

function built(
  document: { readonly mediaType: string; readonly [field: string]: unknown },
  blobs: readonly Buffer[],
): Packed {
  const body = JSON.stringify(document);
  return { body, digest: digestOf(body), mediaType: document.mediaType, blobs };
}

function descriptor(mediaType: string, bytes: Buffer): object {
  return { mediaType, digest: digestOf(bytes), size: bytes.length };
}

/** The digest of bytes. */
export function digestOf(bytes: string | Uint8Array): string {
  return `sha256:${hash('sha256', bytes)}`;
}

/** Bytes that do not get smaller when they are packed. */
function fileOf(name: string, size = 200): Buffer {
  const block = 32;
  const blocks = Array.from({ length: Math.ceil(size / block) }, (_, n) => hash('sha256', `${name}/${n}`, 'buffer'));
  return Buffer.concat(blocks).subarray(0, size);
}

/** An archive of one file (POSIX ustar). */
function tar(name: string, file: Buffer): Buffer {
  const header = Buffer.alloc(512);
  const octal = (value: number, digits: number): string => `${value.toString(8).padStart(digits, '0')}\0`;
  for (const [text, at] of [
    [name, 0],
    [octal(0o644, 7), 100],
    [octal(0, 7), 108],
    [octal(0, 7), 116],
    [octal(file.length, 11), 124],
    [octal(0, 11), 136],
    ['        ', 148],
    ['0', 156],
    ['ustar\x0000', 257],
  ] as const) {
    header.write(text, at, 'latin1');
  }
  const sum = header.reduce((total, byte) => total + byte, 0);
  header.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148, 'latin1');
  const padding = Buffer.alloc((512 - (file.length % 512)) % 512);
  return Buffer.concat([header, file, padding, Buffer.alloc(1024)]);
}

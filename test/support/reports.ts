import { readFileSync } from 'node:fs';
import { type Built, digestOf, mediaTypes } from '../../src/dev/emulator/manifests.ts';

/** The bytes of a sample report. */
export function sample(name: string): Buffer {
  return readFileSync(new URL(`../evidence/reports/samples/${name}`, import.meta.url));
}

/** A sample about an image: attestations name theirs. */
export function sampleOf({ digest }: Built, name: string): string {
  return sample(name).toString().replace('5'.repeat(64), digest.replace('sha256:', ''));
}

/** A manifest with the texts that it names as blobs. */
export interface Attachment {
  readonly built: Built;
  readonly blobs: readonly string[];
  /** Since when it is there. */
  readonly days?: number;
  readonly tags?: readonly string[];
}

interface Manifest {
  readonly subject?: Built;
  readonly artifactType?: string;
  readonly annotations?: Readonly<Record<string, string>>;
  /** `size`: what the manifest says that it is. */
  readonly layers?: readonly { readonly mediaType: string; readonly text: string; readonly size?: number }[];
  /** It looks like an image to run. */
  readonly runnable?: boolean;
  readonly days?: number;
}

/** A manifest of whatever kind. */
export function manifestOf({ subject, artifactType, annotations, layers = [], runnable, days }: Manifest): Attachment {
  const body = JSON.stringify({
    schemaVersion: 2,
    mediaType: mediaTypes.ociImage,
    ...(artifactType !== undefined && { artifactType }),
    config: {
      mediaType: runnable ? 'application/vnd.oci.image.config.v1+json' : 'application/vnd.oci.empty.v1+json',
      digest: digestOf('{}'),
      size: 2,
    },
    layers: layers.map(({ mediaType, text, size = Buffer.byteLength(text) }) => ({
      mediaType,
      size,
      digest: digestOf(text),
    })),
    ...(subject && {
      subject: { mediaType: subject.mediaType, digest: subject.digest, size: Buffer.byteLength(subject.body) },
    }),
    ...(annotations && { annotations }),
  });
  const built = { body, digest: digestOf(body), mediaType: mediaTypes.ociImage };
  return { built, blobs: layers.map(({ text }) => text), ...(days !== undefined && { days }) };
}

interface Report {
  readonly type: string;
  readonly text: string;
  /** The annotation `org.opencontainers.image.created`. */
  readonly created?: string;
  readonly size?: number;
  readonly days?: number;
}

/** A report that is attached to an image, as `oras attach` does it. */
export function attach(subject: Built, { type, text, created, size, days }: Report): Attachment {
  return manifestOf({
    subject,
    artifactType: type,
    layers: [{ mediaType: type, text, ...(size !== undefined && { size }) }],
    ...(created !== undefined && { annotations: { 'org.opencontainers.image.created': created } }),
    ...(days !== undefined && { days }),
  });
}

/** A sample of each format, attached to an image. */
export function attachAll(subject: Built): readonly Attachment[] {
  const types = {
    'trivy.json': 'application/vnd.example.trivy+json',
    'trivy.sarif.json': 'application/sarif+json',
    'trivy.cyclonedx.json': 'application/vnd.cyclonedx+json',
    'trivy.cosign-vuln.statement.json': 'application/vnd.in-toto+json',
    'trivy.spdx.json': 'application/spdx+json',
    'grype.json': 'application/vnd.example.grype+json',
  };
  return Object.entries(types).map(([name, type]) => attach(subject, { type, text: sampleOf(subject, name) }));
}

/** What grype says of an image with so many findings, all of them high. */
export function grypeOf(high: number, timestamp?: string): string {
  const matches = Array.from({ length: high }, (_, n) => ({
    vulnerability: { id: `CVE-2099-${1000 + n}`, severity: 'High', fix: { state: 'not-fixed' } },
  }));
  return JSON.stringify({ matches, descriptor: { name: 'grype', ...(timestamp !== undefined && { timestamp }) } });
}

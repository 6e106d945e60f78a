import { z } from 'zod';
import { listOf, parse, text, timeOf } from './fields.ts';
import { mayBeReport } from './report.ts';

/** A part of a manifest that may be a report. */
export interface ReportLayer {
  readonly digest: string;
  /** Bytes, as the manifest says. */
  readonly size: number;
  readonly mediaType: string | undefined;
}

/** What a manifest says of itself that is about findings. Read from bytes that were verified; it is not trusted. */
export interface Described {
  /** The image that it is attached to. */
  readonly subject?: string;
  /** What is attached: the artifact type, or what its configuration is called. */
  readonly type?: string;
  /** When it was made, ISO 8601, UTC. */
  readonly created?: string;
  /** The day from which the image is out of support, `YYYY-MM-DD`. Only of a lifecycle annotation. */
  readonly endOfLife?: string;
  /** The image that this one is built from. */
  readonly base?: string;
  /** Digests of the manifests of an index. */
  readonly children: readonly string[];
  /** What may be reports: those added last, where there are many. */
  readonly layers: readonly ReportLayer[];
}

/** `acr annotate` and `oras attach` write it. */
const LIFECYCLE = 'application/vnd.microsoft.artifact.lifecycle';
const END_OF_LIFE = 'vnd.microsoft.artifact.lifecycle.end-of-life.date';

const CREATED = 'org.opencontainers.image.created';
const BASE = 'org.opencontainers.image.base.name';

/** cosign adds each attestation of an image to one manifest. */
const MOST_LAYERS = 8;

const DIGEST = /^sha(?:256:[0-9a-f]{64}|512:[0-9a-f]{128})$/;
const digest = z.string().regex(DIGEST).optional().catch(undefined);

const Descriptor = z.object({ digest, size: z.int().nonnegative().optional().catch(undefined), mediaType: text });
const Annotations = z.record(z.string(), z.unknown()).nullish().catch(undefined);

const Manifest = z.object({
  artifactType: text,
  config: z.object({ mediaType: text }).nullish().catch(undefined),
  subject: z.object({ digest }).nullish().catch(undefined),
  layers: listOf(Descriptor),
  /** Of ORAS artifact manifests, which came before OCI 1.1. */
  blobs: listOf(Descriptor),
  manifests: listOf(z.object({ digest })),
  annotations: Annotations,
});

/**
 * What a manifest says of itself.
 * @throws {DamagedReport | SyntaxError} where it is not the JSON of one
 */
export function describe(bytes: Uint8Array): Described {
  const { artifactType, config, subject, layers, blobs, manifests, annotations } = parse(
    Manifest,
    JSON.parse(Buffer.from(bytes).toString()),
  );
  const type = artifactType ?? config?.mediaType;
  const created = timeOf(annotations?.[CREATED]);
  const endOfLife = type === LIFECYCLE ? dayOf(annotations?.[END_OF_LIFE]) : undefined;
  const base = baseOf(annotations?.[BASE]);
  return {
    ...(subject?.digest !== undefined && { subject: subject.digest }),
    ...(type !== undefined && type.length <= LONGEST_TYPE && { type }),
    ...(created !== undefined && { created }),
    ...(endOfLife !== undefined && { endOfLife }),
    ...(base !== undefined && { base }),
    children: manifests.flatMap((one) => one.digest ?? []),
    layers: [...layers, ...blobs]
      .flatMap(({ digest, size, mediaType }) =>
        digest !== undefined && size !== undefined && mayBeReport(artifactType, mediaType)
          ? [{ digest, size, mediaType }]
          : [],
      )
      .slice(-MOST_LAYERS),
  };
}

const LONGEST_TYPE = 255;

/** As `acr annotate` takes it: a day, or a time whose day in UTC counts. */
function dayOf(given: unknown): string | undefined {
  return timeOf(given)?.slice(0, 10);
}

/** The name of an image, in the letters that one may have: it is shown to people. */
const IMAGE_NAME = /^[a-z0-9][\w.:/@-]*$/i;
const LONGEST_NAME = 255;

function baseOf(given: unknown): string | undefined {
  return typeof given === 'string' && given.length <= LONGEST_NAME && IMAGE_NAME.test(given) ? given : undefined;
}

/** `sha256-<hex>.att` and `.sbom`: what cosign attaches to an image, without a `subject`. */
const COSIGN_TAG = /^(sha256)-([0-9a-f]{64})\.(?:att|sbom)$/;

/** The image that something is attached to by its tags; `undefined` where none says so. */
export function subjectByTag(tags: readonly string[]): string | undefined {
  for (const tag of tags) {
    const [, algorithm, hex] = COSIGN_TAG.exec(tag) ?? [];
    if (algorithm !== undefined && hex !== undefined) return `${algorithm}:${hex}`;
  }
  return undefined;
}

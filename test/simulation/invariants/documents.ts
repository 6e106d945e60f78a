/*
 * What a registry holds in its manifests, read without the code that is tested: a mistake there must not hide itself here.
 */

/** A child of an index, as its descriptor says. */
interface Child {
  readonly digest: string;
  readonly isIndex: boolean;
}

export interface Document {
  readonly mediaType: string | undefined;
  /** `plain`: it can have neither children nor a subject. */
  readonly kind: 'index' | 'image' | 'plain' | 'unknown';
  /** Of what is not known: every manifest that its text names, for it may need each. */
  readonly children: readonly Child[];
  readonly subject: string | undefined;
}

const INDEX: readonly unknown[] = [
  'application/vnd.oci.image.index.v1+json',
  'application/vnd.docker.distribution.manifest.list.v2+json',
];
const IMAGE: readonly unknown[] = [
  'application/vnd.oci.image.manifest.v1+json',
  'application/vnd.oci.artifact.manifest.v1+json',
];
const PLAIN: readonly unknown[] = [
  'application/vnd.docker.distribution.manifest.v2+json',
  'application/vnd.docker.distribution.manifest.v1+json',
  'application/vnd.docker.distribution.manifest.v1+prettyjws',
];

/** Many stories are told of the same images. */
const known = new Map<string, Document>();
const MOST_KNOWN = 20_000;

export function documentOf(digest: string, body: string): Document {
  const before = known.get(digest);
  if (before) return before;
  if (known.size === MOST_KNOWN) known.clear();
  const document = read(body);
  known.set(digest, document);
  return document;
}

function read(body: string): Document {
  const { mediaType, manifests, subject } = JSON.parse(body) as {
    readonly mediaType?: string;
    readonly manifests?: readonly { readonly digest: string; readonly mediaType?: unknown }[];
    readonly subject?: { readonly digest: string };
  };
  const kind = kindOf(mediaType);
  const listed = (manifests ?? []).map((child) => ({ digest: child.digest, isIndex: INDEX.includes(child.mediaType) }));
  const named = kind === 'unknown' ? (body.match(/sha256:[0-9a-f]{64}/g) ?? []) : [];
  const others = [...new Set(named)].filter((digest) => !listed.some((child) => child.digest === digest));
  return {
    mediaType,
    kind,
    children: [...listed, ...others.map((digest) => ({ digest, isIndex: false }))],
    subject: subject?.digest,
  };
}

export function kindOf(mediaType: unknown): Document['kind'] {
  if (INDEX.includes(mediaType)) return 'index';
  if (IMAGE.includes(mediaType)) return 'image';
  return PLAIN.includes(mediaType) ? 'plain' : 'unknown';
}

/** The image that a tag belongs to by its name: a signature, an attestation, an SBOM, or a list of referrers. */
export function imageOfTag(tag: string): string | undefined {
  const [, hex] = /^sha256-([0-9a-f]{64})(?:\.(?:sig|att|sbom))?$/.exec(tag) ?? [];
  return hex === undefined ? undefined : `sha256:${hex}`;
}

/** A descriptor inside a manifest document, as far as a registry reads it. */
interface Descriptor {
  readonly digest: string;
  readonly architecture?: string;
  readonly os?: string;
}

/** What a registry reads in a manifest document. */
export interface Facts {
  readonly mediaType?: string;
  readonly configMediaType?: string;
  readonly artifactType?: string;
  /** The digest that this manifest refers to. */
  readonly subject?: string;
  readonly annotations?: Readonly<Record<string, unknown>>;
  /** The children of an index. */
  readonly references?: readonly Descriptor[];
  /** Bytes of configuration and layers; 0 for an index, as in recorded listings. */
  readonly size: number;
}

/** Reads a manifest document. Text that is no document has no facts. */
export function factsOf(body: string): Facts {
  const document = parseObject(body);
  const config = asObject(document['config']);
  const layers = [config, ...asArray(document['layers']).map(asObject)];
  const annotations = document['annotations'];
  return {
    size: layers.reduce((sum, layer) => sum + (typeof layer['size'] === 'number' ? layer['size'] : 0), 0),
    ...optional('mediaType', document['mediaType']),
    ...optional('configMediaType', config['mediaType']),
    // An image manifest without one is of its configuration's type (OCI image specification 1.1).
    ...optional('artifactType', document['artifactType'] ?? config['mediaType']),
    ...optional('subject', asObject(document['subject'])['digest']),
    ...(annotations === undefined ? {} : { annotations: asObject(annotations) }),
    ...(Array.isArray(document['manifests']) ? { references: document['manifests'].map(descriptorOf) } : {}),
  };
}

/** The blobs that a manifest document names, but those that are kept elsewhere: these have `urls`. */
export function blobsOf(body: string): readonly string[] {
  const document = parseObject(body);
  const named = [document['config'], ...asArray(document['layers']), ...asArray(document['blobs'])].map(asObject);
  return named.flatMap(({ digest, urls }) => (typeof digest === 'string' && urls === undefined ? [digest] : []));
}

/** Any JSON object; `{}` for everything else. */
export function parseObject(text: string): Readonly<Record<string, unknown>> {
  try {
    return asObject(JSON.parse(text));
  } catch {
    return {};
  }
}

function descriptorOf(value: unknown): Descriptor {
  const descriptor = asObject(value);
  const platform = asObject(descriptor['platform']);
  return {
    digest: String(descriptor['digest']),
    ...optional('architecture', platform['architecture']),
    ...optional('os', platform['os']),
  };
}

function optional<K extends string>(name: K, value: unknown): Partial<Record<K, string>> {
  return typeof value === 'string' ? ({ [name]: value } as Record<K, string>) : {};
}

function asObject(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
    ? (value as Readonly<Record<string, unknown>>)
    : {};
}

function asArray(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}

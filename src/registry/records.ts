import { kindOf, mayHaveSubject } from './manifest.ts';
import { parseInstant } from './time.ts';
import type { ManifestRecord, TagRecord } from './types.ts';

type Fields = Readonly<Record<string, unknown>>;

/** A tag of a listing; nothing where it has no name. What else is missing stays missing: the planner keeps such a tag. */
export function toTag(entry: unknown): TagRecord | undefined {
  const fields = asFields(entry);
  const name = text(fields['name']);
  if (name === undefined) return undefined;
  return {
    name,
    digest: text(fields['digest']),
    lastUpdated: parseInstant(fields['lastUpdateTime']),
    locked: isLocked(fields['changeableAttributes']),
  };
}

/** A manifest of a listing; nothing where it has no digest. */
export function toManifest(entry: unknown): ManifestRecord | undefined {
  const fields = asFields(entry);
  const digest = text(fields['digest']);
  if (digest === undefined) return undefined;
  const { tags = [], imageSize } = fields;
  const mediaType = text(fields['mediaType']);
  // Whether it is tagged decides whether it may go: what cannot be read must not look untagged.
  if (!isTexts(tags ?? [])) throw new TypeError(`the tags of ${digest} cannot be read`);
  return {
    digest,
    mediaType,
    kind: kindOf(mediaType),
    mayRefer: mayHaveSubject(mediaType),
    size: typeof imageSize === 'number' ? imageSize : undefined,
    created: parseInstant(fields['createdTime']),
    lastUpdated: parseInstant(fields['lastUpdateTime']),
    locked: isLocked(fields['changeableAttributes']),
    // Absent where the manifest is untagged.
    tags: isTexts(tags) ? tags : [],
  };
}

/** A JSON object. What is none is an error, never an empty answer: an empty listing would let things look unneeded. */
export function parseFields(json: string | null | undefined, error: () => Error): Fields {
  try {
    const value: unknown = JSON.parse(json ?? '');
    if (typeof value === 'object' && value !== null) return value as Fields;
  } catch {
    // said below
  }
  throw error();
}

function asFields(value: unknown): Fields {
  return typeof value === 'object' && value !== null ? (value as Fields) : {};
}

function isTexts(value: unknown): value is readonly string[] {
  return Array.isArray(value) && value.every((entry) => typeof entry === 'string');
}

function text(value: unknown): string | undefined {
  return typeof value === 'string' && value !== '' ? value : undefined;
}

/** As `acr purge` reads it: either attribute false. An absent attribute is true. */
function isLocked(attributes: unknown): boolean {
  const { deleteEnabled, writeEnabled } = asFields(attributes) as { deleteEnabled?: unknown; writeEnabled?: unknown };
  return deleteEnabled === false || writeEnabled === false;
}

import { kindOf, looksRunnable, mayHaveSubject } from './manifest.ts';
import { secrets } from '../ledger/redact/known.ts';
import { parseInstant } from './time.ts';
import type { ManifestRecord, TagRecord } from './types.ts';

type Fields = Readonly<Record<string, unknown>>;

/** What a tag can be called (OCI distribution specification). In a path `..` would name the repository itself. */
const TAG = /^\w[\w.-]{0,127}$/;

/** The digests that the OCI image specification registers. The SDK takes anything without a colon for a tag. */
const DIGEST = /^sha(?:256:[0-9a-f]{64}|512:[0-9a-f]{128})$/;

/**
 * A tag of a listing. What it lacks besides its name stays missing: the planner keeps such a tag.
 * @throws TypeError where it has no name that a tag can have
 */
export function toTag(entry: unknown): TagRecord {
  const fields = asFields(entry);
  const name = text(fields['name']);
  if (name === undefined || !TAG.test(name)) throw new TypeError(`a tag cannot be called ${quote(fields['name'])}`);
  return {
    name,
    digest: text(fields['digest']),
    lastUpdated: parseInstant(fields['lastUpdateTime']),
    ...protection(fields['changeableAttributes']),
  };
}

/**
 * A manifest of a listing. It cannot be passed over: it may need others of the listing.
 * @throws TypeError where it has no digest, or tags that cannot be read
 */
export function toManifest(entry: unknown): ManifestRecord {
  const fields = asFields(entry);
  const digest = text(fields['digest']);
  if (digest === undefined || !DIGEST.test(digest))
    throw new TypeError(`a manifest cannot have the digest ${quote(fields['digest'])}`);
  const { tags = NONE, imageSize } = fields;
  const mediaType = once(text(fields['mediaType']));
  const lastUpdated = parseInstant(fields['lastUpdateTime']);
  const createdTime = fields['createdTime'];
  // Whether it is tagged decides whether it may go: what cannot be read must not look untagged.
  if (!isTexts(tags ?? NONE)) throw new TypeError(`the tags of ${digest} cannot be read`);
  return {
    digest,
    mediaType,
    kind: kindOf(mediaType),
    mayRefer: mayHaveSubject(mediaType),
    looksRunnable: looksRunnable(mediaType, text(fields['configMediaType'])),
    size: Number.isSafeInteger(imageSize) && Number(imageSize) >= 0 ? Number(imageSize) : undefined,
    // Most are the same, and there may be a hundred thousand.
    created: createdTime === fields['lastUpdateTime'] ? lastUpdated : parseInstant(createdTime),
    lastUpdated,
    ...protection(fields['changeableAttributes']),
    // Absent where the manifest is untagged.
    tags: isTexts(tags) ? tags : NONE,
  };
}

const NONE: readonly string[] = [];

/** Texts that are kept once, however often they are listed; not more, and none longer, because a registry may list anything. */
const MAX_TEXTS = 1000;
const MAX_TEXT = 255;
const texts = new Map<string, string>();

function once(text: string | undefined): string | undefined {
  if (text === undefined) return undefined;
  const known = texts.get(text);
  if (known === undefined && texts.size < MAX_TEXTS && text.length <= MAX_TEXT) texts.set(text, text);
  return known ?? text;
}

/** A JSON object. What is none is an error, never an empty answer: an empty listing would let things look unneeded. */
export function parseFields(json: string | null | undefined, error: () => Error): Fields {
  try {
    const value: unknown = JSON.parse(json ?? '');
    if (isFields(value)) return value;
  } catch {
    // said below
  }
  throw error();
}

function asFields(value: unknown): Fields {
  return isFields(value) ? value : {};
}

function isFields(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function isTexts(value: unknown): value is readonly string[] {
  return Array.isArray(value) && value.every((entry) => typeof entry === 'string');
}

function text(value: unknown): string | undefined {
  return typeof value === 'string' && value !== '' ? value : undefined;
}

/** For an error: whatever was there instead, cut short. */
function quote(value: unknown): string {
  return value === undefined ? 'nothing' : secrets.redactAnswer(JSON.stringify(value)).slice(0, 200);
}

/** As `acr purge` reads it: either attribute false. An absent attribute is true; one that cannot be read is a lock. */
export function isLocked(attributes: unknown): boolean {
  if (attributes === undefined) return false;
  if (!isFields(attributes)) return true;
  const { deleteEnabled = true, writeEnabled = true } = attributes;
  return deleteEnabled !== true || writeEnabled !== true;
}

type Protection = Pick<TagRecord, 'locked' | 'lock' | 'hidden'>;

const OPEN: Protection = { locked: false };

/** Whether it is locked, and how, as far as that can be read: only what can be put back is ever taken off. */
function protection(attributes: unknown): Protection {
  const { deleteEnabled = true, writeEnabled = true, listEnabled } = asFields(attributes);
  const isHidden = listEnabled === false;
  if (!isLocked(attributes)) return isHidden ? { ...OPEN, hidden: true } : OPEN;
  const isRead = isFields(attributes) && typeof deleteEnabled === 'boolean' && typeof writeEnabled === 'boolean';
  return {
    locked: true,
    ...(isRead && { lock: { deleteEnabled, writeEnabled } }),
    ...(isHidden && { hidden: true }),
  };
}

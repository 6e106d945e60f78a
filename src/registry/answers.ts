import { z } from 'zod';
import { secrets } from '../ledger/redact/known.ts';
import { RegistryError } from './errors.ts';
import { kindOf, looksRunnable, mayHaveSubject } from './media-types.ts';
import { parseInstant } from './time.ts';
import type { ManifestRecord, RepositoryAttributes, TagRecord } from './types.ts';

/*
 * What a registry answers, by schema. It is not trusted. Fields that are not known are left out. What only describes (a
 * size, a time) is missing where it cannot be read. What decides on deleting is a lock then, or an error of the call.
 */

/**
 * An answer by its schema.
 * @param wrong makes the error to throw, from what is wrong
 */
export function parseAnswer<T>(
  schema: z.ZodType<T>,
  text: string | null | undefined,
  wrong: (why: string) => Error,
): T {
  let json: unknown;
  try {
    json = JSON.parse(text ?? '');
  } catch {
    throw wrong('the answer is not JSON');
  }
  const { success, data, error } = schema.safeParse(json);
  if (success) return data;
  throw wrong(error.issues[0]?.message ?? 'the answer cannot be read');
}

const NO_OBJECT = 'the answer is not a JSON object';

const text = z.string().min(1).optional().catch(undefined);
const count = z.number().optional().catch(undefined);

/** `null`: it cannot be read, and counts as a lock. An absent attribute is true. */
const flag = z.boolean().nullable().default(true).catch(null);
const Attributes = z
  .object({
    deleteEnabled: flag,
    writeEnabled: flag,
    listEnabled: z.unknown().optional(),
    readEnabled: z.unknown().optional(),
  })
  .optional()
  .catch({ deleteEnabled: null, writeEnabled: null, listEnabled: undefined, readEnabled: undefined });

/** As `acr purge` reads it: either attribute false. */
function isLocked(attributes: z.infer<typeof Attributes>): boolean {
  return attributes !== undefined && !(attributes.deleteEnabled && attributes.writeEnabled);
}

type Protection = Pick<TagRecord, 'locked' | 'lock' | 'hidden' | 'unreadable'>;

const OPEN: Protection = { locked: false };

/** Whether it is locked, and how, as far as that can be read: only what can be put back is ever taken off. */
function protectionOf(attributes: z.infer<typeof Attributes>): Protection {
  if (attributes === undefined) return OPEN;
  const { deleteEnabled, writeEnabled, listEnabled, readEnabled } = attributes;
  const [isHidden, isUnreadable] = [listEnabled === false, readEnabled === false];
  if (!isLocked(attributes) && !isHidden && !isUnreadable) return OPEN;
  return {
    locked: isLocked(attributes),
    ...(isLocked(attributes) &&
      deleteEnabled !== null &&
      writeEnabled !== null && { lock: { deleteEnabled, writeEnabled } }),
    ...(isHidden && { hidden: true }),
    ...(isUnreadable && { unreadable: true }),
  };
}

const TagEntry = z.object({
  // What a tag can be called (OCI distribution specification). In a path `..` would name the repository itself.
  name: z.string().regex(/^\w[\w.-]{0,127}$/),
  digest: text,
  lastUpdateTime: z.unknown().optional(),
  changeableAttributes: Attributes,
});

/**
 * A tag of a listing. What it lacks besides its name stays missing: the planner keeps such a tag.
 * @throws TypeError where it has no name that a tag can have
 */
export function toTag(entry: unknown): TagRecord {
  const { success, data } = TagEntry.safeParse(entry);
  if (!success) throw new TypeError(`a tag cannot be called ${quote(entry, 'name')}`);
  const { name, digest, lastUpdateTime, changeableAttributes } = data;
  return { name, digest, lastUpdated: parseInstant(lastUpdateTime), ...protectionOf(changeableAttributes) };
}

const ManifestEntry = z.object({
  // The digests that the OCI image specification registers. The SDK takes anything without a colon for a tag.
  digest: z.string().regex(/^sha(?:256:[0-9a-f]{64}|512:[0-9a-f]{128})$/),
  mediaType: text,
  configMediaType: text,
  imageSize: z.int().nonnegative().optional().catch(undefined),
  createdTime: z.unknown().optional(),
  lastUpdateTime: z.unknown().optional(),
  changeableAttributes: Attributes,
  // Absent where the manifest is untagged. What cannot be read must not look untagged: it may be deleted then.
  tags: z.array(z.string()).nullish(),
});

/**
 * A manifest of a listing. It cannot be passed over: it may need others of the listing.
 * @throws TypeError where it has no digest, or tags that cannot be read
 */
export function toManifest(entry: unknown): ManifestRecord {
  const { success, data, error } = ManifestEntry.safeParse(entry);
  if (!success) {
    const areTags = error.issues[0]?.path[0] === 'tags';
    throw new TypeError(
      areTags
        ? `the tags of ${quote(entry, 'digest')} cannot be read`
        : `a manifest cannot have the digest ${quote(entry, 'digest')}`,
    );
  }
  const { digest, configMediaType, imageSize, createdTime, lastUpdateTime, changeableAttributes, tags } = data;
  const mediaType = once(data.mediaType);
  const lastUpdated = parseInstant(lastUpdateTime);
  return {
    digest,
    mediaType,
    kind: kindOf(mediaType),
    mayRefer: mayHaveSubject(mediaType),
    looksRunnable: looksRunnable(mediaType, configMediaType),
    size: imageSize,
    // Most are the same, and there may be a hundred thousand.
    created: createdTime === lastUpdateTime ? lastUpdated : parseInstant(createdTime),
    lastUpdated,
    ...protectionOf(changeableAttributes),
    tags: tags?.length ? tags : NONE,
  };
}

const NONE: readonly string[] = [];

/** Texts that are kept once, however often they are listed; not more, and none longer, because a registry may list anything. */
const MAX_TEXTS = 1000;
const MAX_TEXT = 255;
const texts = new Map<string, string>();

function once(one: string | undefined): string | undefined {
  if (one === undefined) return undefined;
  const known = texts.get(one);
  if (known === undefined && texts.size < MAX_TEXTS && one.length <= MAX_TEXT) texts.set(one, one);
  return known ?? one;
}

/** For an error: what the entry has in a field, cut short. */
function quote(entry: unknown, name: string): string {
  const value = (entry as Readonly<Record<string, unknown>> | null | undefined)?.[name];
  return value === undefined ? 'nothing' : secrets.redactAnswer(JSON.stringify(value)).slice(0, 200);
}

/**
 * Entries as records.
 * @throws RegistryError where one cannot be read: what it says and needs is not known
 */
export function recordsOf<T>(
  asked: string,
  entries: readonly unknown[],
  toRecord: (entry: unknown) => T,
): readonly T[] {
  try {
    return entries.map(toRecord);
  } catch (error) {
    throw new RegistryError(asked, { message: (error as Error).message }, { cause: error });
  }
}

/** The one tag or manifest of `GET /acr/v1/{repository}/_tags/{tag}` and `…/_manifests/{digest}`. */
export const OneEntry = z.object({ tag: z.unknown().optional(), manifest: z.unknown().optional() }, NO_OBJECT);

/** `GET /acr/v1/{repository}` */
export const RepositoryAnswer = z
  .object({ tagCount: count, manifestCount: count, changeableAttributes: Attributes }, NO_OBJECT)
  .transform(({ tagCount, manifestCount, changeableAttributes }): RepositoryAttributes => ({
    locked: isLocked(changeableAttributes),
    tags: tagCount,
    manifests: manifestCount,
  }));

const NO_DIGEST = 'a referrer has no digest';

/** `GET /v2/{repository}/referrers/{digest}`: digests. */
export const ReferrersAnswer = z
  .object(
    {
      manifests: z.array(z.object({ digest: z.string(NO_DIGEST) }, NO_DIGEST), 'the answer is not an index').nullish(),
    },
    NO_OBJECT,
  )
  .transform(({ manifests }) => (manifests ?? []).map(({ digest }) => digest));

/** `/oauth2/exchange` and `/oauth2/token` */
export const TokenAnswer = z.object({ refresh_token: text, access_token: text }, 'the answer is not JSON');

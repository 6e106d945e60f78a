import type { ManifestDeletion, Removal, TagDeletion } from '../planner/types.ts';
import type { Instant } from '../registry/time.ts';
import type { Look, ManifestFacts, ManifestListing, ManifestRecord, Registry, TagRecord } from '../registry/types.ts';

/** What was known when the plan was made. */
export interface Planned {
  readonly listedTags: ReadonlyMap<string, Instant | undefined>;
  readonly includeLocked: boolean;
  /** Keys of what is kept where it can be pulled by now: a client has made it readable. */
  readonly mustBeUnreadable: ReadonlySet<string>;
  /** Whether the quarantine of a key is not over by the clock as it is now. The plan may have been made before it was set back. */
  readonly isWaiting: (key: string) => boolean;
}

/** The same for manifests, and what was pushed since. */
export interface Since extends Planned {
  readonly inventory: ManifestListing;
  readonly added: Added;
}

/** What changed since the plan was made, so that a tag must not be deleted; `undefined` where nothing did. */
export function tagChange(
  { tag, digest }: TagDeletion,
  now: TagRecord,
  look: Look,
  planned: Planned,
): string | undefined {
  if (now.digest !== digest) return `it names ${now.digest ?? 'another manifest'} now`;
  if (isPushedAgain(now.lastUpdated, planned.listedTags.get(tag))) return 'it was pushed again';
  if (now.hidden) return 'it was hidden, and is there';
  if (planned.mustBeUnreadable.has(`:${tag}`) && !now.unreadable) return READABLE;
  if (planned.isWaiting(`:${tag}`)) return WAITING;
  if (look.locked) return 'the repository was locked as a whole';
  return now.locked && !planned.includeLocked ? 'it was locked' : undefined;
}

/** What changed since the plan was made, so that a manifest must not be deleted; `undefined` where nothing did. */
export function manifestChange(deletion: ManifestDeletion, look: Look, since: Since): string | undefined {
  if (since.added.unreadable !== undefined) return since.added.unreadable;
  if (look.locked) return 'the repository was locked as a whole';
  const again = look.added.find(({ digest }) => deletion.after.includes(digest));
  if (again) return `${again.digest}, which had to be deleted before it, was pushed again`;
  const own = removalChange(deletion, look, since);
  if (own !== undefined) return own;
  for (const referrer of deletion.referrers) {
    const change = removalChange(referrer, look, since);
    if (change !== undefined) return `${referrer.digest}, which would be deleted along with it: ${change}`;
  }
  return undefined;
}

const READABLE = 'it was unreadable, and can be pulled again';

const WAITING = 'the clock of this machine was set back, and by it the quarantine is not over';

export const UNCLEAR = 'it is listed, and not found when it is asked for by itself: a replica may lag';

function removalChange({ digest, tags }: Removal, look: Look, since: Since): string | undefined {
  const { added, includeLocked, inventory, listedTags } = since;
  if (look.unclear.has(digest)) return UNCLEAR;
  const record = look.present.get(digest);
  if (!record) return undefined;
  // A manifest may have thousands of tags.
  const planned = new Set(tags);
  const gained = record.tags.find((tag) => !planned.has(tag));
  if (gained !== undefined) return `it is tagged ${gained} now`;
  // A listing would not have shown it, and the plan would not have named it.
  if (record.hidden) return 'it was hidden, and is there';
  if (since.mustBeUnreadable.has(`@${digest}`) && !record.unreadable) return READABLE;
  if (since.isWaiting(`@${digest}`)) return WAITING;
  const hidden = record.tags.find((tag) => look.tags.get(tag)?.hidden);
  if (hidden !== undefined) return `its tag ${hidden} was hidden, and is there`;
  if (isPushedAgain(record.lastUpdated, inventory.byDigest.get(digest)?.lastUpdated)) return 'it was pushed again';
  const renewed = record.tags.find((tag) => isPushedAgain(look.tags.get(tag)?.lastUpdated, listedTags.get(tag)));
  if (renewed !== undefined) return `its tag ${renewed} was pushed again`;
  if (!includeLocked) {
    if (record.locked) return 'it was locked';
    const locked = record.tags.find((tag) => look.tags.get(tag)?.locked);
    if (locked !== undefined) return `its tag ${locked} was locked`;
    // Removed this moment: it is not known whether it was locked.
    const unseen = record.tags.find((tag) => !look.tags.has(tag));
    if (unseen !== undefined) return `its tag ${unseen} cannot be found`;
  }
  const index = added.neededBy.get(digest);
  if (index !== undefined) return `the index ${index}, pushed since, needs it`;
  const referrer = added.referredBy.get(digest);
  if (referrer !== undefined) return `${referrer}, pushed since, refers to it`;
  const names = added.unlistedBy.get(digest);
  if (names === undefined) return undefined;
  return `deleting it would also delete a manifest that is not listed, and that ${names}, pushed since, names`;
}

/** Whether it is newer than it was listed: by more than the digits in which two answers may differ. */
function isPushedAgain(now: string | undefined, listed: string | undefined): boolean {
  return now !== undefined && listed !== undefined && Date.parse(now) - Date.parse(listed) >= 1000;
}

/** A tag, or a manifest, as the registry tells of it at some time. */
export interface Seen {
  readonly digest?: string | undefined;
  /** ISO 8601, by the clock of the registry. */
  readonly lastUpdated?: string | undefined;
}

/**
 * Why what is there may be another one than what was to be deleted: set or pushed again once that was gone. `undefined`
 * where it is the same, and so was not deleted. Both times are of the registry: the clock of this process says nothing.
 */
export function whyAnother(now: Seen, planned: Seen): string | undefined {
  if (now.digest !== planned.digest) return `it names ${now.digest ?? 'another manifest'} now`;
  if (now.lastUpdated === undefined || planned.lastUpdated === undefined) return 'the registry gives no time for it';
  return isPushedAgain(now.lastUpdated, planned.lastUpdated) ? 'it was pushed again' : undefined;
}

/** What manifests that were pushed since the plan was made mean for those that are to be deleted. */
export interface Added {
  /** Manifests that a new index needs, with that index. */
  readonly neededBy: ReadonlyMap<string, string>;
  /** Manifests that a new referrer refers to, with that referrer: it would be deleted along, which was not decided. */
  readonly referredBy: ReadonlyMap<string, string>;
  /** Manifests to which one refers that is not listed and that a new one names, with that new one. */
  readonly unlistedBy: ReadonlyMap<string, string>;
  /** Why anything might be needed: a new manifest, or one that it names, cannot be read. */
  readonly unreadable: string | undefined;
}

/** A manifest to read. */
interface Named {
  readonly digest: string;
  /** The new manifest that names it, by way of others or not; its own digest where it is new itself. */
  readonly by: string;
}

interface Reading {
  readonly registry: Pick<Registry, 'manifest'>;
  readonly repository: string;
  readonly inventory: ManifestListing;
}

/**
 * Reads manifests that were pushed since the plan was made, and what they name and no listing shows: it may be hidden. Each
 * is read once, for what a digest holds never changes.
 */
export function addedReader({ registry, repository, inventory }: Reading) {
  const known = new Map<string, ManifestFacts>();
  const factsOf = async (digest: string): Promise<ManifestFacts> => {
    const facts = known.get(digest) ?? (await registry.manifest(repository, digest));
    if (facts.state === 'read') known.set(digest, facts);
    return facts;
  };
  return async (added: readonly ManifestRecord[]): Promise<Added> => {
    const neededBy = new Map<string, string>();
    const referredBy = new Map<string, string>();
    const unlistedBy = new Map<string, string>();
    let unreadable: string | undefined;
    const seen = new Set(added.map(({ digest }) => digest));
    const isUnlisted = (digest: string): boolean => !seen.has(digest) && !inventory.byDigest.has(digest);
    let names: Named[] = added.filter(({ kind }) => kind !== 'plain').map(({ digest }) => ({ digest, by: digest }));
    while (names.length > 0) {
      const read = await Promise.all(names.map(async (named) => ({ ...named, facts: await factsOf(named.digest) })));
      names = [];
      for (const { digest, by, facts } of read) {
        const isNew = digest === by;
        if (facts.state !== 'read') {
          // A new one that is listed and not found may be on another replica; one that is only named is gone.
          if (isNew) unreadable = `${digest} was pushed since, and cannot be read`;
          else if (facts.state === 'unreadable') unreadable = `${digest}, which ${by} names, cannot be read`;
          continue;
        }
        for (const child of facts.children) neededBy.set(child.digest, by);
        if (facts.subject !== undefined) (isNew ? referredBy : unlistedBy).set(facts.subject, by);
        for (const one of [...facts.children.map((child) => child.digest), facts.subject]) {
          if (one === undefined || !isUnlisted(one)) continue;
          seen.add(one);
          names.push({ digest: one, by });
        }
      }
    }
    return { neededBy, referredBy, unlistedBy, unreadable };
  };
}

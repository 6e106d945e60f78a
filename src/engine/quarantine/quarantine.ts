import pLimit, { type LimitFunction } from 'p-limit';
import type { Ledger } from '../../ledger/ledger.ts';
import type { QuarantineChange, QuarantineEntry, Released, RepositoryQuarantine } from '../../ledger/quarantine.ts';
import type { Deleted } from '../../planner/decision.ts';
import type { Staging } from '../../planner/quarantine.ts';
import type { RunRecord } from '../../ledger/records.ts';
import type { Approved, Evidence, Protection } from '../../planner/types.ts';
import { quarantineOf } from '../../policy/quarantine.ts';
import type { PurgePolicy } from '../../policy/purge-policy.ts';
import type { Clock } from '../../registry/clock.ts';
import { isSame, type RememberedAll } from '../../registry/held.ts';
import { parseInstant } from '../../registry/time.ts';
import type { ManifestListing, ManifestRecord, Registry, TagRecord } from '../../registry/types.ts';

/*
 * The quarantine of one repository while a run is in it: what waits there, what changed since, and what comes to it. An entry
 * is in the ledger before its artifact is made unreadable, and stays until that is readable again, or gone.
 */

/** The record of a registry's quarantines, as a run reads and writes it. */
export interface Quarantines {
  readonly of: (repository: string) => Promise<RepositoryQuarantine>;
  readonly change: (
    repository: string,
    change: (now: RepositoryQuarantine) => QuarantineChange,
  ) => Promise<RepositoryQuarantine>;
  readonly clock: Clock;
  /** How long a released image is kept. */
  readonly keepMilliseconds: number;
}

/** As long as an image is kept after it was seen in use, where no setting says otherwise. */
const KEEP_RELEASED_MS = 14 * 86_400_000;

/** @param check throws where nothing may be written any more */
export function quarantinesIn(
  ledger: Ledger,
  registry: string,
  check: () => void,
  keepMilliseconds = KEEP_RELEASED_MS,
): Quarantines {
  // Several changes of one file at a time would take each other for those of another process.
  const turns = new Map<string, LimitFunction>();
  return {
    of: (repository) => ledger.quarantine(registry, repository),
    change(repository, change) {
      const turn = turns.get(repository) ?? pLimit(1);
      turns.set(repository, turn);
      return turn(() => {
        check();
        return ledger.changeQuarantine(registry, repository, change);
      });
    },
    clock: ledger.system.clock,
    keepMilliseconds,
  };
}

/** From when until when is kept what is released, or restored, now. */
export function keptFromNow({ clock, keepMilliseconds }: Quarantines): Pick<Released, 'at' | 'until'> {
  const now = clock.now();
  return { at: new Date(now).toISOString(), until: new Date(now + keepMilliseconds).toISOString() };
}

/**
 * - `held`: it is in quarantine, and nothing has changed it
 * - `changed`: another client has changed it since, so it is to be released
 * - `shown`: another client has made it readable
 * - `readable`: it was never made unreadable: the process ended before
 * - `absent`: no listing shows it
 * - `unseen`: what could tell was not listed
 */
type Status =
  | { readonly state: 'held' | 'shown' | 'readable' | 'absent' | 'unseen' }
  | { readonly state: 'changed'; readonly why: string };

/** What is in quarantine in a repository, and what the listings say of it. */
export interface HeldRepository {
  readonly quarantine: RepositoryQuarantine;
  readonly status: ReadonlyMap<string, Status>;
}

export function entryKey({ kind, tag = '', digest }: Pick<QuarantineEntry, 'kind' | 'tag' | 'digest'>): string {
  return kind === 'tag' ? `:${tag}` : `@${digest}`;
}

/** What is known of the artifacts in quarantine from before: see `asBefore`. */
export function rememberedOf({ entries }: RepositoryQuarantine): RememberedAll {
  return new Map(
    entries.map((entry) => [
      entryKey(entry),
      {
        lastUpdated: parseInstant(entry.lastUpdated),
        seen: parseInstant(entry.seen),
        facts: entry.facts && { ...entry.facts, subject: entry.facts.subject },
      },
    ]),
  );
}

/** Compares what is in quarantine with listings, in which times are as they were before: see `asBefore`. */
export function heldIn(
  quarantine: RepositoryQuarantine,
  {
    tags,
    manifests,
  }: { readonly tags?: readonly TagRecord[] | undefined; readonly manifests?: ManifestListing | undefined },
): HeldRepository {
  const byName = tags && new Map(tags.map((tag) => [tag.name, tag]));
  const status = new Map<string, Status>();
  for (const entry of quarantine.entries) {
    const listing = entry.kind === 'tag' ? byName : manifests?.byDigest;
    const record = listing?.get(entry.kind === 'tag' ? (entry.tag ?? '') : entry.digest);
    status.set(entryKey(entry), listing ? statusOf(entry, record) : { state: 'unseen' });
  }
  return { quarantine, status };
}

function statusOf(entry: QuarantineEntry, record: TagRecord | ManifestRecord | undefined): Status {
  if (!record) return { state: 'absent' };
  if (!record.unreadable) return { state: entry.state === 'pending' || entry.wasUnreadable ? 'readable' : 'shown' };
  const why = changeOf(entry, record);
  return why === undefined ? { state: 'held' } : { state: 'changed', why };
}

function changeOf(entry: QuarantineEntry, record: TagRecord | ManifestRecord): string | undefined {
  if (record.digest !== entry.digest) return `it names ${record.digest ?? 'another manifest'} now`;
  if (entry.lastUpdated !== undefined && !isSame(entry.lastUpdated, record.lastUpdated))
    return 'it was pushed again since it came into quarantine';
  if (record.locked && !entry.wasLocked) return 'it was locked since it came into quarantine';
  const gained = 'tags' in record ? record.tags.find((tag) => !entry.tags.includes(tag)) : undefined;
  return gained === undefined ? undefined : `it was tagged ${gained} since it came into quarantine`;
}

/** What several commands have seen of a quarantine together. */
export function heldBy(before: HeldRepository | undefined, now: HeldRepository): HeldRepository {
  if (!before) return now;
  const status = new Map(before.status);
  for (const [key, one] of now.status) if ((status.get(key)?.state ?? 'unseen') === 'unseen') status.set(key, one);
  return { quarantine: before.quarantine, status };
}

/** Why artifacts of a quarantine are kept whatever a policy says: they changed, or were released a short while ago. */
export function protectionsOf({ quarantine, status }: HeldRepository, now: number): Pick<Evidence, 'tags' | 'digests'> {
  const tags = new Map<string, Protection>();
  const digests = new Map<string, Protection>();
  for (const { digest, tag, why, at, until } of quarantine.released) {
    if (Date.parse(until) <= now) continue;
    const protection: Protection = { reason: 'released', detail: `${why} at ${at}, and is kept until ${until}` };
    if (tag === undefined) digests.set(digest, protection);
    else tags.set(tag, protection);
  }
  for (const entry of quarantine.entries) {
    const one = status.get(entryKey(entry));
    if (one?.state !== 'changed' && one?.state !== 'shown') continue;
    const detail = one.state === 'changed' ? one.why : SHOWN;
    const protection: Protection = { reason: 'released', detail };
    if (entry.kind === 'tag') tags.set(entry.tag ?? '', protection);
    else digests.set(entry.digest, protection);
  }
  return { tags, digests };
}

const SHOWN = 'another client has made it readable';

export function withProtections(
  evidence: Evidence | undefined,
  { tags, digests }: Pick<Evidence, 'tags' | 'digests'>,
): Evidence | undefined {
  if (tags.size + digests.size === 0) return evidence;
  return {
    ...evidence,
    configs: evidence?.configs ?? new Map(),
    tags: new Map([...(evidence?.tags ?? []), ...tags]),
    digests: new Map([...(evidence?.digests ?? []), ...digests]),
  };
}

/** How long a policy puts what it deletes into quarantine, in milliseconds; `undefined`: it does not. */
export function periodIn(policy: PurgePolicy): ((decision: Deleted) => number | undefined) | undefined {
  const { quarantine, retention } = policy;
  const all = [quarantine, retention?.untagged?.quarantine, ...(retention?.rules ?? []).map((rule) => rule.quarantine)];
  if (!all.some((one) => one && one.milliseconds > 0)) return undefined;
  return ({ rule }) => quarantineOf(policy, rule)?.milliseconds;
}

/** The same entry, whose time begins then, in milliseconds since 1970, and lasts as long as before. */
export function countedFrom<T extends Pick<QuarantineEntry, 'since' | 'until'>>(entry: T, at: number): T {
  const lasts = Date.parse(entry.until) - Date.parse(entry.since);
  return { ...entry, since: new Date(at).toISOString(), until: new Date(at + lasts).toISOString() };
}

/**
 * Entries that count as in quarantine, by key: of others it is not known, or they are none any more. Since when one is
 * unreadable whose process ended before it could say so is not known: its time begins now.
 */
export function heldEntries({ quarantine, status }: HeldRepository, now: number): ReadonlyMap<string, QuarantineEntry> {
  const all = quarantine.entries.map(
    (entry) => [entryKey(entry), entry.state === 'pending' ? countedFrom(entry, now) : entry] as const,
  );
  return new Map(
    all.filter(([key, { state }]) => {
      const one = status.get(key)?.state;
      return one === 'held' || (one === 'unseen' && state === 'quarantined');
    }),
  );
}

/** How what a plan deletes is divided into steps, as the quarantine is now. */
export function stagingOf(
  held: HeldRepository,
  policy: PurgePolicy,
  now: number,
  about: Pick<Staging, 'only' | 'runId'>,
) {
  return { held: heldEntries(held, now), periodOf: periodIn(policy), now, ...about } satisfies Staging;
}

/** What is approved, with what the plan keeps in quarantine, as far as that is still there. */
export function approvedNow(only: Approved, held: HeldRepository, now: number): Approved {
  if (!only.waits?.size) return only;
  const entries = heldEntries(held, now);
  const tags = new Map(only.tags);
  const manifests = new Map(only.manifests);
  for (const [key, { kind, tag = '', digest = '', locked = false }] of only.waits) {
    const isHeld = entries.get(key)?.digest === digest;
    if (kind === 'manifest' && isHeld) manifests.set(digest, { locked });
    // A tag may be there with its manifest.
    if (kind === 'tag' && (isHeld || entries.get(`@${digest}`)?.tags.includes(tag))) tags.set(tag, { digest, locked });
  }
  return { ...only, tags, manifests };
}

/** What a run says where something is in quarantine, and its policy puts nothing there any more. */
export async function whatWaits(
  ledger: Ledger,
  registry: string,
  policies: readonly PurgePolicy[],
): Promise<readonly string[]> {
  // A release, or a restore, has none.
  if (policies.length === 0 || policies.some((policy) => periodIn(policy))) return [];
  let [artifacts, repositories] = [0, 0];
  for await (const { entries } of ledger.quarantines(registry)) {
    if (entries.length === 0) continue;
    // Tags on a manifest are as unreadable as that.
    const keys = entries.flatMap((entry) => [entryKey(entry), ...entry.tags.map((tag) => `:${tag}`)]);
    artifacts += new Set(keys).size;
    repositories += 1;
  }
  if (artifacts === 0) return [];
  const count = (one: number, what: string, more: string): string => `${one} ${one === 1 ? what : more}`;
  return [
    `quarantine is off, and ${count(artifacts, 'artifact', 'artifacts')} of ${count(repositories, 'repository', 'repositories')} still wait in it: ` +
      'a run that would delete one does so once its time is over; to make all of them readable: acr-retention release --all',
  ];
}

/** Repositories that a sentence names. */
const MAX_NAMES = 3;

/**
 * What the app's own policy put into quarantine, in repositories that it selects no more: no run looks at it.
 * @param selected the repositories of a run
 */
export async function leftWaiting(
  ledger: Ledger,
  { registry, policy, applies }: Pick<RunRecord, 'registry' | 'policy' | 'applies'>,
  selected: { readonly has: (repository: string) => boolean },
): Promise<readonly string[]> {
  if (policy.from !== 'settings' || applies !== undefined) return [];
  const names: string[] = [];
  for await (const { repository, entries } of ledger.quarantines(registry))
    if (!selected.has(repository) && entries.some((entry) => entry.policy.from === 'settings')) names.push(repository);
  if (names.length === 0) return [];
  const more = names.length - MAX_NAMES;
  const named = [...names.sort().slice(0, MAX_NAMES), ...(more > 0 ? [`${more} more`] : [])].join(', ');
  return [
    `artifacts wait in quarantine in repositories that no command selects any more (${named}): no run deletes or releases ` +
      'them; acr-retention quarantine lists them, and acr-retention release makes them readable',
  ];
}

/** How one artifact of a quarantine is, asked for by itself. */
type Now = 'gone' | 'readable' | { readonly unreadable: TagRecord | ManifestRecord };

/** @throws {RegistryError} where it cannot be asked */
export async function stateNow(
  registry: Pick<Registry, 'manifestAttributes' | 'lookAtTags'>,
  repository: string,
  { kind, tag = '', digest }: QuarantineEntry,
): Promise<Now> {
  const record =
    kind === 'tag'
      ? (await registry.lookAtTags(repository, [tag], Infinity)).get(tag)
      : await registry.manifestAttributes(repository, digest);
  if (!record) return 'gone';
  return record.unreadable ? { unreadable: record } : 'readable';
}

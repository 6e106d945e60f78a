import type { ContentReader, ReadOnlyContent, RegistryContent } from './content.ts';
import type { Stored } from './manifest-blobs.ts';
import type { Instant } from './time.ts';

/** The attributes that protect a tag or a manifest. */
export interface Lock {
  readonly deleteEnabled: boolean;
  readonly writeEnabled: boolean;
}

/** A tag as the registry lists it (`GET /acr/v1/{repository}/_tags`). */
export interface TagRecord {
  readonly name: string;
  readonly digest: string | undefined;
  /** `undefined` where the registry gave no time, or one that cannot be read. */
  readonly lastUpdated: Instant | undefined;
  /** `deleteEnabled` or `writeEnabled` is false. */
  readonly locked: boolean;
  /** How it is locked. Absent where it is not, and where its attributes cannot be read. */
  readonly lock?: Lock;
  /** It is not locked, and counts as locked: a run took its lock off, and could not put it back. */
  readonly withoutLock?: true;
  /** It exists, but no listing shows it (`listEnabled` is false). */
  readonly hidden?: true;
  /** No client can pull it (`readEnabled` is false). */
  readonly unreadable?: true;
}

/**
 * What a media type tells without reading the manifest:
 * - `index`: its children are manifests, so it must be read wherever it is kept
 * - `image`: no children
 * - `plain`: neither children nor a subject; need not be read
 * - `unknown`: no media type, or one that is not known here. A doubt.
 */
export type ManifestKind = 'index' | 'image' | 'plain' | 'unknown';

/** A manifest as the registry lists it (`GET /acr/v1/{repository}/_manifests`). */
export interface ManifestRecord {
  readonly digest: string;
  readonly mediaType: string | undefined;
  readonly kind: ManifestKind;
  /** Whether it may have a `subject`, and so be a referrer. */
  readonly mayRefer: boolean;
  /**
   * Its listing shows it as an OCI image to run: its configuration is that of an image, or is not given. Few of these
   * have a subject, but some do: only `mayRefer` says for sure.
   */
  readonly looksRunnable: boolean;
  /** Bytes, as the registry says. Unreliable for an index. */
  readonly size: number | undefined;
  readonly created: Instant | undefined;
  readonly lastUpdated: Instant | undefined;
  readonly locked: boolean;
  /** How it is locked. Absent where it is not, and where its attributes cannot be read. */
  readonly lock?: Lock;
  /** It is not locked, and counts as locked: a run took its lock off, and could not put it back. */
  readonly withoutLock?: true;
  /** It exists, but no listing shows it (`listEnabled` is false). */
  readonly hidden?: true;
  /** No client can pull it (`readEnabled` is false). */
  readonly unreadable?: true;
  readonly tags: readonly string[];
}

/** What an index says of one of its children. */
export interface ChildDescriptor {
  readonly digest: string;
  /** Its descriptor names an index media type. */
  readonly index: boolean;
}

/** What a manifest holds. It never changes, because the digest is the hash of its bytes. */
export interface ManifestContent {
  readonly children: readonly ChildDescriptor[];
  /** The manifest that this one refers to (OCI 1.1 `subject`). One that has a subject is a referrer. */
  readonly subject: string | undefined;
  /** The digest of its configuration. Absent: it has none, or an earlier run read it, which did not remember that. */
  readonly config?: string;
  /** What it takes up. Absent: it does not say so, or an earlier run read it. */
  readonly stored?: Stored;
}

export type ManifestFacts =
  | ({ readonly state: 'read' } & ManifestContent)
  /**
   * The registry answers that there is no such manifest. `gone`: it lists the manifest, which is old enough for each
   * replica to know it, and has answered so several times. A manifest that cannot be pulled needs nothing.
   */
  | { readonly state: 'missing'; readonly gone?: true }
  /** `status` and `code`: what the registry answered; 200 where the answer cannot be read, absent where none came. */
  | { readonly state: 'unreadable'; readonly why: string; readonly status?: number; readonly code?: string };

/** A second look at some tags and manifests, taken right before they are deleted. */
export interface Look {
  /** When its first request was sent, by the clock of the connection. What was seen is as old as that. */
  readonly since: number;
  /** The repository as a whole is locked: nothing in it can be deleted. */
  readonly locked: boolean;
  /** The manifests that still exist, listed or hidden: those asked for, and maybe others. */
  readonly present: ReadonlyMap<string, ManifestRecord>;
  /** Needed manifests that are listed, but not found when asked for by digest: it cannot be said that they are gone. */
  readonly unclear: ReadonlySet<string>;
  /** Manifests that were pushed since the inventory was taken: new ones, and deleted ones that exist again. */
  readonly added: readonly ManifestRecord[];
  /** The tags that still exist, by name, listed or hidden: those asked for, and maybe others. */
  readonly tags: ReadonlyMap<string, TagRecord>;
}

export interface LookRequest {
  /** Names of the tags to delete. */
  readonly tags: readonly string[];
  /** Number of tags in the repository when it was listed. */
  readonly tagCount: number;
  /** Absent: only tags are looked at. */
  readonly manifests?: {
    readonly digests: readonly string[];
    /** The listing that these come from. */
    readonly inventory: ManifestListing;
    /** Whether other deletions depend on this one being gone. */
    readonly isNeeded: (digest: string) => boolean;
    /** Whether this one was deleted, or did not exist, at an earlier look. */
    readonly wasGone: (digest: string) => boolean;
  };
}

/** The complete listing of the manifests of a repository. */
export interface ManifestListing {
  readonly byDigest: ReadonlyMap<string, ManifestRecord>;
  /** The newest `lastUpdated` of the listing. A manifest that is pushed later has a later one. */
  readonly newest: Instant | undefined;
}

/** The attributes of a repository (`GET /acr/v1/{repository}`). */
export interface RepositoryAttributes {
  /** Its own `deleteEnabled` or `writeEnabled` is false: no tag and no manifest in it can be deleted. */
  readonly locked: boolean;
  /** Number of tags and of manifests, with hidden ones; `undefined` where the registry does not say. */
  readonly tags: number | undefined;
  readonly manifests: number | undefined;
}

/** Why a change was not made. */
export interface Failure {
  /** The registry may have made the change all the same. */
  readonly inDoubt?: boolean;
  /**
   * - `refused`: the registry refused it (locked, or not allowed), and would do so again
   * - `not-attempted`: the run was stopped before it was sent
   */
  readonly state: 'refused' | 'failed' | 'not-attempted';
  readonly error: Error;
}

/** The earlier attempts at a change. */
export interface Tried {
  /** Attempts that failed: 5xx, or no answer. */
  readonly failures: number;
  /** How often the change was not sent since the last attempt, because its look was too old. */
  readonly stale: number;
  /** Since when each attempt was answered with 429, in milliseconds of the process's clock. */
  readonly refusedSince: number | undefined;
  /** The registry may have made the change, although no answer said so. */
  readonly inDoubt: boolean;
}

/** A change that was not made. It may be tried again, after a new look at what it changes. */
export interface Again {
  readonly state: 'again';
  readonly tried: Tried;
  /** Milliseconds to wait before the next attempt. */
  readonly after: number;
  readonly error: Error;
}

/** The outcome of one attempt to delete a tag or a manifest. */
export type DeletionResult =
  | { readonly state: 'deleted' }
  /** The tag or manifest does not exist: another client deleted it, or an earlier attempt. */
  | { readonly state: 'already-gone' }
  | Failure
  | Again;

/** The outcome of one attempt to unlock a tag or a manifest. */
type UnlockResult = { readonly state: 'unlocked' } | Failure | Again;

/** The outcome of putting a lock back. */
type RelockResult =
  | { readonly state: 'locked' }
  /** The tag or manifest does not exist any more. */
  | { readonly state: 'gone' }
  | { readonly state: 'failed'; readonly error: Error };

/** The outcome of one attempt to make a tag or a manifest unreadable. */
type HideResult =
  /** `lastUpdated`: as the registry gives it from then on. Whether the change itself moves it is not documented. */
  | { readonly state: 'hidden'; readonly lastUpdated: Instant | undefined }
  | { readonly state: 'already-gone' }
  | Failure
  | Again;

/** The outcome of making a tag or a manifest readable. */
type ShowResult =
  | { readonly state: 'shown' }
  /** The tag or manifest does not exist any more. */
  | { readonly state: 'gone' }
  | Failure;

/** What a change rests on. */
export interface Sending {
  /** `since` of the look. Where the look is too old, the change is not sent. */
  readonly since: number;
  readonly reservation: Reservation;
  readonly signal?: AbortSignal | undefined;
  readonly tried?: Tried | undefined;
}

/** Deletions that can be sent soon. */
export interface Reservation {
  /** Number of deletions; at least one. */
  readonly calls: number;
  /** Notes that one of them is sent. */
  readonly use: () => void;
  /** Gives the rest back. */
  readonly release: () => void;
}

/**
 * A registry as a dry run needs it: by type, it cannot change anything. Where `signal` is aborted a call ends at once
 * with `StoppedError`, and sends nothing else.
 * Every method throws `RegistryError`.
 */
export interface RegistryReader {
  /** `host[:port]`, as images name it. */
  readonly loginServer: string;
  /** Number of manifests of a repository; 0 where it does not exist. */
  readonly manifestCount: (repository: string, signal?: AbortSignal) => Promise<number>;
  /** Attributes of a repository; `undefined` where it does not exist. */
  readonly attributes: (repository: string, signal?: AbortSignal) => Promise<RepositoryAttributes | undefined>;
  /** One manifest, listed or hidden, asked for by digest; `undefined` where the registry answers that it does not exist. */
  readonly manifestAttributes: (
    repository: string,
    digest: string,
    signal?: AbortSignal,
  ) => Promise<ManifestRecord | undefined>;
  /** All repository names, in the order of the registry. */
  readonly repositories: (pageSize: number, signal?: AbortSignal) => Promise<readonly string[]>;
  /** All listed tags, the newest first; `undefined` where the repository does not exist. */
  readonly tags: (repository: string, signal?: AbortSignal) => Promise<readonly TagRecord[] | undefined>;
  /** Looks at these tags, of `total` in the repository, hidden ones as well. One that is absent from the answer does not exist. */
  readonly lookAtTags: (
    repository: string,
    names: readonly string[],
    total: number,
    signal?: AbortSignal,
  ) => Promise<ReadonlyMap<string, TagRecord>>;
  /** All listed manifests; `undefined` where the repository does not exist. */
  readonly manifests: (repository: string, signal?: AbortSignal) => Promise<ManifestListing | undefined>;
  /** Reads one manifest. Never throws: a manifest that cannot be read is a fact, too. */
  readonly manifest: (repository: string, digest: string, signal?: AbortSignal) => Promise<ManifestFacts>;
  /** Digests of the manifests that refer to this one; `undefined` where the registry has no such call. */
  readonly referrers: (
    repository: string,
    digest: string,
    signal?: AbortSignal,
  ) => Promise<readonly string[] | undefined>;
  /** What its artifacts consist of. Absent: a reader that is none of a registry itself. */
  readonly content?: ContentReader;
}

/**
 * A registry that can be purged. Changes never throw: a failure is an outcome. None is sent once `signal` is aborted, not
 * even one that waits for its turn. Each is sent once: the caller looks again before it tries again.
 */
export interface Registry extends RegistryReader {
  readonly content: RegistryContent;
  /**
   * Waits until some deletions can be sent soon enough for a look that is taken now.
   * @param most deletions that are wanted
   * @throws StoppedError where `signal` is aborted while it waits
   */
  readonly reserve: (most: number, signal?: AbortSignal) => Promise<Reservation>;
  readonly look: (repository: string, request: LookRequest, signal?: AbortSignal) => Promise<Look>;
  readonly deleteTag: (repository: string, tag: string, sending: Sending) => Promise<DeletionResult>;
  /** Deletes a manifest. The registry deletes its tags and its referrers along with it. */
  readonly deleteManifest: (repository: string, digest: string, sending: Sending) => Promise<DeletionResult>;
  /** Makes a tag or a manifest deletable and writable. */
  readonly unlock: (repository: string, tagOrDigest: string, sending: Sending) => Promise<UnlockResult>;
  /** Puts a lock back, and takes off no other. Retried like a read, also where the run is stopped. */
  readonly relock: (repository: string, tagOrDigest: string, lock: Lock) => Promise<RelockResult>;
  /** Makes a tag or a manifest unreadable: no client can pull it, and it stays listed. */
  readonly hide: (repository: string, tagOrDigest: string, sending: Sending) => Promise<HideResult>;
  /** Makes a tag or a manifest readable. Retried like a read. */
  readonly show: (repository: string, tagOrDigest: string, signal?: AbortSignal) => Promise<ShowResult>;
}

/** A registry for a dry run. The compiler refuses one that could delete, though it has all of these methods. */
export type ReadOnlyRegistry = RegistryReader & { readonly content?: ReadOnlyContent } & Readonly<
    Partial<Record<Exclude<keyof Registry, keyof RegistryReader>, never>>
  >;

import type { Instant } from './time.ts';

/** What protects a tag or a manifest: its attributes, as they are. */
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
  /** Of one that is locked: how. Absent where its attributes cannot be read. */
  readonly lock?: Lock;
  /** It is there, and no listing shows it. */
  readonly hidden?: true;
}

/**
 * What a media type tells without reading:
 * - `index`: its children are manifests, so it must be read wherever it stays
 * - `image`: no children
 * - `plain`: neither children nor a subject; need not be read
 * - `unknown`: none given, or one nobody here knows. A doubt.
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
   * An OCI image manifest that its listing shows as one to run: its configuration is that of an image, or not told. Few
   * of these have a subject, but some do; what is sure to have none is not said so here, but by `mayRefer`.
   */
  readonly looksRunnable: boolean;
  /** Bytes, as the registry gives them: unreliable for an index. */
  readonly size: number | undefined;
  readonly created: Instant | undefined;
  readonly lastUpdated: Instant | undefined;
  readonly locked: boolean;
  /** Of one that is locked: how. Absent where its attributes cannot be read. */
  readonly lock?: Lock;
  /** It is there, and no listing shows it. */
  readonly hidden?: true;
  readonly tags: readonly string[];
}

/** What an index says of one of its children. */
export interface ChildDescriptor {
  readonly digest: string;
  /** Its descriptor names an index media type. */
  readonly index: boolean;
}

/** What a digest holds. It never changes, because the digest is the hash of the bytes. */
export interface ManifestContent {
  readonly children: readonly ChildDescriptor[];
  /** The manifest this one refers to (OCI 1.1 `subject`): what makes it a referrer. */
  readonly subject: string | undefined;
}

export type ManifestFacts =
  | ({ readonly state: 'read' } & ManifestContent)
  /**
   * The registry says there is no such manifest. `gone`: it lists it, and has said so again and again of one that is old
   * enough for each replica to know it. It can need nothing that a pull would find.
   */
  | { readonly state: 'missing'; readonly gone?: true }
  /** `status` and `code`: what the registry answered, 200 where that cannot be understood; absent where no answer came. */
  | { readonly state: 'unreadable'; readonly why: string; readonly status?: number; readonly code?: string };

/** A second look at some tags and manifests, taken right before they are deleted. */
export interface Look {
  /** When its first request was sent, by the clock of the connection: what was seen is as old as that. */
  readonly since: number;
  /** The repository as a whole is locked: nothing in it can be deleted. */
  readonly locked: boolean;
  /** Of the manifests asked for, those that are still there, listed or hidden. It may hold others. */
  readonly present: ReadonlyMap<string, ManifestRecord>;
  /** Of those that others wait for: listed, and yet not found when asked for by itself. It cannot be said that it is gone. */
  readonly unclear: ReadonlySet<string>;
  /** Manifests that were pushed since the inventory was taken: new ones, and deleted ones that are there again. */
  readonly added: readonly ManifestRecord[];
  /** Of the tags asked for, by name, those that are still there, listed or hidden. It may hold others. */
  readonly tags: ReadonlyMap<string, TagRecord>;
}

export interface LookRequest {
  /** Names of the tags that would be deleted. */
  readonly tags: readonly string[];
  /** How many tags the repository had. */
  readonly tagCount: number;
  /** Absent: only tags are looked at. */
  readonly manifests?: {
    readonly digests: readonly string[];
    /** The listing that these come from. */
    readonly inventory: ManifestListing;
    /** Whether the deletion of others depends on this one being gone. */
    readonly isNeeded: (digest: string) => boolean;
    /** Whether this one was deleted, or was gone, at an earlier look. */
    readonly wasGone: (digest: string) => boolean;
  };
}

/** A whole listing of the manifests of a repository. */
export interface ManifestListing {
  readonly byDigest: ReadonlyMap<string, ManifestRecord>;
  /** The newest `lastUpdated` in it. What is pushed later has a later one. */
  readonly newest: Instant | undefined;
}

/** What a registry says of a repository as a whole (`GET /acr/v1/{repository}`). */
export interface RepositoryAttributes {
  /** Its own `deleteEnabled` or `writeEnabled` is false: no tag and no manifest in it can be deleted. */
  readonly locked: boolean;
  /** How many tags and manifests there are, hidden ones as well; `undefined` where the registry does not say. */
  readonly tags: number | undefined;
  readonly manifests: number | undefined;
}

/** Why a change was not made. */
export interface Failure {
  /** It may have been made all the same. */
  readonly inDoubt?: boolean;
  /**
   * - `refused`: the registry said no (locked, or not allowed), and would again
   * - `not-attempted`: the run was stopped before it was begun
   */
  readonly state: 'refused' | 'failed' | 'not-attempted';
  readonly error: Error;
}

/** What earlier attempts at a change came to. */
export interface Tried {
  /** Attempts that failed: 5xx, or no answer. */
  readonly failures: number;
  /** How often it was not sent since the last attempt, because the look was too long ago. */
  readonly stale: number;
  /** Since when it has been answered with 429, in milliseconds of the process's clock. */
  readonly refusedSince: number | undefined;
  /** It may have been carried out, although it was not answered so. */
  readonly inDoubt: boolean;
}

/** A change that was not made, and may be tried again: once what it is about was looked at again. */
export interface Again {
  readonly state: 'again';
  readonly tried: Tried;
  /** Milliseconds to wait before that. */
  readonly after: number;
  readonly error: Error;
}

/** The outcome of one attempt to delete something. */
export type DeletionResult =
  | { readonly state: 'deleted' }
  /** There is no such thing: another client was faster, or an earlier attempt. */
  | { readonly state: 'already-gone' }
  | Failure
  | Again;

/** The outcome of one attempt to unlock something. */
type UnlockResult = { readonly state: 'unlocked' } | Failure | Again;

/** The outcome of putting a lock back. */
type RelockResult =
  | { readonly state: 'locked' }
  /** What was locked is not there any more. */
  | { readonly state: 'gone' }
  | { readonly state: 'failed'; readonly error: Error };

/** What a change rests on. */
export interface Sending {
  /** Of the look, see `Look`. Where that was too long ago, the change is not sent. */
  readonly since: number;
  readonly reservation: Reservation;
  readonly signal?: AbortSignal | undefined;
  readonly tried?: Tried | undefined;
}

/** Deletions that can be sent soon. */
export interface Reservation {
  /** How many; at least one. */
  readonly calls: number;
  /** One of them is sent. */
  readonly use: () => void;
  /** None of the rest will be sent. */
  readonly release: () => void;
}

/**
 * A registry as a dry run needs it: it cannot change anything, by type. Where `signal` is aborted a call ends at once,
 * with `StoppedError`, and asks for nothing else.
 * Every method throws `RegistryError`.
 */
export interface RegistryReader {
  /** `host[:port]`, as images name it. */
  readonly loginServer: string;
  /** Asks for the first name of the catalog, or for one repository: whether the registry lets this identity read. */
  readonly check: (repository?: string, signal?: AbortSignal) => Promise<void>;
  /** How many manifests a repository has; 0 where there is no such repository. */
  readonly manifestCount: (repository: string, signal?: AbortSignal) => Promise<number>;
  /** What the registry says of the repository as a whole; `undefined` where there is no such repository. */
  readonly attributes: (repository: string, signal?: AbortSignal) => Promise<RepositoryAttributes | undefined>;
  /** One manifest, listed or hidden, asked for by itself; `undefined` where the registry answers that there is none. */
  readonly manifestAttributes: (
    repository: string,
    digest: string,
    signal?: AbortSignal,
  ) => Promise<ManifestRecord | undefined>;
  /** All repository names, sorted as the registry sorts them. */
  readonly repositories: (pageSize: number, signal?: AbortSignal) => Promise<readonly string[]>;
  /** Every listed tag, the newest first; `undefined` where there is no such repository. */
  readonly tags: (repository: string, signal?: AbortSignal) => Promise<readonly TagRecord[] | undefined>;
  /** Every listed manifest; `undefined` where there is no such repository. */
  readonly manifests: (repository: string, signal?: AbortSignal) => Promise<ManifestListing | undefined>;
  /** Reads one manifest. Never throws: what cannot be read is a fact too. */
  readonly manifest: (repository: string, digest: string, signal?: AbortSignal) => Promise<ManifestFacts>;
  /** The manifests that refer to this one, as the registry knows them; `undefined` where it does not answer that. */
  readonly referrers: (
    repository: string,
    digest: string,
    signal?: AbortSignal,
  ) => Promise<readonly string[] | undefined>;
}

/**
 * A registry that can be purged. Changes never throw: a failure is what became of one. None is begun once `signal` is
 * aborted, not even one that waits for its turn. Each is sent once: to try it again, look again.
 */
export interface Registry extends RegistryReader {
  /**
   * Waits until some deletions can be sent so soon that what is seen now counts then.
   * @param most that are wanted
   * @throws StoppedError where `signal` is aborted before that
   */
  readonly reserve: (most: number, signal?: AbortSignal) => Promise<Reservation>;
  readonly look: (repository: string, request: LookRequest, signal?: AbortSignal) => Promise<Look>;
  /** These tags, of `total` in the repository, as they are now. Absent ones are gone. */
  readonly lookAtTags: (
    repository: string,
    names: readonly string[],
    total: number,
    signal?: AbortSignal,
  ) => Promise<ReadonlyMap<string, TagRecord>>;
  readonly deleteTag: (repository: string, tag: string, sending: Sending) => Promise<DeletionResult>;
  /** Deletes a manifest, every tag on it, and the referrers that the registry removes along with it. */
  readonly deleteManifest: (repository: string, digest: string, sending: Sending) => Promise<DeletionResult>;
  /** Makes a tag or a manifest deletable and writable. */
  readonly unlock: (repository: string, tagOrDigest: string, sending: Sending) => Promise<UnlockResult>;
  /** Gives a tag or a manifest the attributes that it had. Tried again like a read, also where the run is stopped. */
  readonly relock: (repository: string, tagOrDigest: string, lock: Lock) => Promise<RelockResult>;
}

/** A registry for a dry run. One that could delete is refused by the compiler, though it can do all that this can. */
export type ReadOnlyRegistry = RegistryReader &
  Readonly<Partial<Record<Exclude<keyof Registry, keyof RegistryReader>, never>>>;

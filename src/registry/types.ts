import type { Instant } from './time.ts';

/** A tag as the registry lists it (`GET /acr/v1/{repository}/_tags`). */
export interface TagRecord {
  readonly name: string;
  readonly digest: string | undefined;
  /** `undefined` where the registry gave no time, or one that cannot be read. */
  readonly lastUpdated: Instant | undefined;
  /** `deleteEnabled` or `writeEnabled` is false. */
  readonly locked: boolean;
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
  /** The registry says there is no such manifest. */
  | { readonly state: 'missing' }
  | { readonly state: 'unreadable'; readonly why: string };

/** A second look at some manifests, taken right before they are deleted. */
export interface Look {
  /** Of the manifests asked for, those that are still there. It may hold others. */
  readonly present: ReadonlyMap<string, ManifestRecord>;
  /** Manifests that the inventory did not hold. */
  readonly added: readonly ManifestRecord[];
  /** Of the tags asked for, by name, those that are still there. It may hold others. */
  readonly tags: ReadonlyMap<string, TagRecord>;
}

export interface LookRequest {
  readonly digests: readonly string[];
  /** The listing that these come from. */
  readonly inventory: ManifestListing;
  /** Names of the tags that would go with them. */
  readonly tags: readonly string[];
  /** How many tags the repository had. */
  readonly tagCount: number;
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
  /**
   * - `refused`: the registry said no (locked, or not allowed), and would again
   * - `not-attempted`: the run was stopped before it was begun
   */
  readonly state: 'refused' | 'failed' | 'not-attempted';
  readonly error: Error;
}

/** What became of one deletion. */
export type DeletionResult = { readonly state: 'deleted' } | { readonly state: 'already-gone' } | Failure;

/** What became of one unlocking. */
export type UnlockResult = { readonly state: 'unlocked' } | Failure;

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
 * aborted, not even one that waits for its turn.
 */
export interface Registry extends RegistryReader {
  readonly look: (repository: string, request: LookRequest, signal?: AbortSignal) => Promise<Look>;
  /** These tags, of `total` in the repository, as they are now. Absent ones are gone. */
  readonly lookAtTags: (
    repository: string,
    names: readonly string[],
    total: number,
    signal?: AbortSignal,
  ) => Promise<ReadonlyMap<string, TagRecord>>;
  readonly deleteTag: (repository: string, tag: string, signal?: AbortSignal) => Promise<DeletionResult>;
  /** Deletes a manifest, every tag on it, and the referrers that the registry removes along with it. */
  readonly deleteManifest: (repository: string, digest: string, signal?: AbortSignal) => Promise<DeletionResult>;
  /** Makes a tag or a manifest deletable and writable. */
  readonly unlock: (repository: string, tagOrDigest: string, signal?: AbortSignal) => Promise<UnlockResult>;
}

/** A registry for a dry run. One that could delete is refused by the compiler, though it can do all that this can. */
export type ReadOnlyRegistry = RegistryReader &
  Readonly<Partial<Record<Exclude<keyof Registry, keyof RegistryReader>, never>>>;

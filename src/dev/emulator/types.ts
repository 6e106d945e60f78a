/** What is allowed with a repository, a tag or a manifest. An absent attribute allows it. */
export interface Attributes {
  readonly deleteEnabled?: boolean;
  readonly writeEnabled?: boolean;
  readonly readEnabled?: boolean;
  readonly listEnabled?: boolean;
}

/** One manifest: the exact document, and its metadata. Its digest is the sha256 of `body`. */
export interface ManifestState {
  readonly body: string;
  /** Seconds between the last update and the start of the emulator. */
  readonly age: number;
  /** `imageSize` in listings; computed from the body where it is absent. */
  readonly size?: number;
  readonly locked?: Attributes;
  /** Overrides the field of listings; `null`: it is absent. */
  readonly mediaType?: string | null;
  /** Overrides the time that follows from `age`; `null`: it is absent. Any text, to test clients. */
  readonly lastUpdateTime?: string | null;
}

/** One tag; `age` and the rest as in {@link ManifestState}. */
export interface TagState {
  readonly name: string;
  readonly digest: string;
  readonly age: number;
  readonly locked?: Attributes;
  readonly lastUpdateTime?: string | null;
}

/** One repository. `locked` are the attributes of the repository itself. */
export interface RepositoryState {
  readonly manifests: readonly ManifestState[];
  readonly tags: readonly TagState[];
  readonly locked?: Attributes;
  /** Texts that are there as blobs: reports, for example. Other blobs that manifests name need not be there. */
  readonly blobs?: readonly string[];
}

/** A whole registry, in the shape of `repositories` in test/conformance/cases.ndjson. */
export type RegistryState = Readonly<Record<string, RepositoryState>>;

export interface EmulatorOptions {
  readonly repositories: RegistryState;
  /**
   * More repositories, each built when it is asked for, and dropped for others unless it was changed. So a registry of a
   * million manifests starts at once and fits in memory. A repository must be built the same every time.
   */
  readonly lazy?: Readonly<Record<string, () => RepositoryState>>;
  /** Default 0: any free port. */
  readonly port?: number;
  /** A user that is accepted on every call, like the admin user of a registry. */
  readonly basic?: { readonly username: string; readonly password: string };
  /** Like a registry with attribute-based access control: no wildcard scopes, `aad_identity` in refresh tokens. */
  readonly abac?: boolean;
  /** Actions that are refused to every identity, such as `delete`; `catalog` is to list the repositories. */
  readonly denied?: {
    readonly actions: readonly string[];
    /** A token that would grant nothing is refused. Absent: it is issued. Which one the service does is not established. */
    readonly tokens?: boolean;
  };
  /** Keeps what is deleted, so that it can be restored. Absent: a deletion is final. */
  readonly softDelete?: SoftDeletePolicy;
  /** A PATCH of attributes moves `lastUpdateTime` of the tag or manifest. Whether the service does so is not established. */
  readonly patchMovesTime?: boolean;
  /** Blobs that are there, by repository. A manifest does not need its blobs, unless `requireBlobs`. */
  readonly blobs?: Readonly<Record<string, Iterable<Uint8Array>>>;
  /** A manifest whose blobs or children are not in its repository cannot be pushed, as on the service. */
  readonly requireBlobs?: boolean;
  /** A blob is read from the registry itself. Default: as on the service, a GET is redirected to another origin. */
  readonly blobsWithoutRedirect?: boolean;
  /** Life of access tokens; default 75 minutes, as recorded. */
  readonly tokenLifeSeconds?: number;
  /** A larger `n` is cut to it. Default 1,000. */
  readonly pageSizeLimit?: number;
  /** A larger `n` is answered with 400. */
  readonly refusePageSizeAbove?: number;
  readonly faults?: Faults;
  /** The instant ages count from. Default: the moment the emulator starts. */
  readonly start?: Date;
  /** The time, in milliseconds since 1970: of what is pushed, of tokens, of limits. Default: the system's. */
  readonly now?: () => number;
}

/** `properties.policies.softDeletePolicy`, where its status is `enabled`. */
export interface SoftDeletePolicy {
  /** 1 to 90 on the service, 7 by default. Counted by the emulator's clock. */
  readonly retentionDays: number;
}

/** What a call is, counted and recorded by. */
export type RequestKind = (typeof requestKinds)[number];

export const requestKinds = [
  'catalog',
  'list-tags',
  'list-manifests',
  'tag-properties',
  'manifest-properties',
  'repository-properties',
  'read-manifest',
  'referrers',
  'update-tag',
  'update-manifest',
  'delete-tag',
  'delete-manifest',
  'delete-repository',
  'put-manifest',
  'list-deleted-repositories',
  'list-deleted-tags',
  'list-deleted-manifests',
  'restore-deleted',
  'read-blob',
  'read-storage',
  'upload-blob',
  'delete-blob',
  'challenge',
  'exchange',
  'token',
  'identity',
  'other',
] as const;

/** What a registry limits by itself. Lists of referrers count as reads, too. */
export type CallClass = 'reads' | 'referrers' | 'deletes' | 'writes';

/** A call, as `Faults.failing` sees it before it is answered. */
export interface Call {
  readonly kind: RequestKind;
  readonly method: string;
  /** As it came, with the query. */
  readonly path: string;
  readonly repository?: string;
}

/** Faults to inject. "Data plane" is all calls but those for tokens and to the managed identity. */
export interface Faults {
  /** Answers each call that much later. Calls do not wait for each other. */
  readonly latencyMs?: number;
  /** Share (0 to 1) of the data-plane calls that answer 503. */
  readonly errorRate?: number;
  /** Share (0 to 1) of the data-plane calls whose connection is destroyed instead of answered. */
  readonly dropRate?: number;
  /** Makes `errorRate` and `dropRate` repeatable. */
  readonly seed?: number;
  /** Above it: 429 with `Retry-After: 1`. */
  readonly readsPerSecond?: number;
  /** The same for deletes and other writes. */
  readonly deletesPerSecond?: number;
  /** Limits as Azure documents them: a minute's worth at once, then as many a minute. See `Allowance` in faults.ts. */
  readonly perMinute?: Readonly<Partial<Record<CallClass, number>>>;
  /** 403 DENIED. */
  readonly forbiddenRepositories?: readonly string[];
  /** 401, whatever the token says. */
  readonly unauthorizedRepositories?: readonly string[];
  /**
   * The status to answer instead, `'drop'` to destroy the connection, or `'cut'` to do what is asked and then destroy it, in
   * the middle of the answer's body or before an answer without one. Sees token and identity calls too.
   */
  readonly failing?: (request: Call) => number | 'drop' | 'cut' | undefined;
}

/** A call with its status: 0 until it is answered, and where the connection was destroyed. */
export interface RecordedRequest extends Call {
  readonly status: number;
}

export interface PushOptions {
  readonly tag?: string;
  /** Seconds before the start. Default: the moment of the push. */
  readonly age?: number;
  readonly size?: number;
  readonly locked?: Attributes;
}

/** A registry as it is served. */
export interface Emulator extends EmulatorContents {
  /** `https://127.0.0.1:PORT` */
  readonly url: string;
  /** `127.0.0.1:PORT` */
  readonly loginServer: string;
  /** PEM, a root and the server's own certificate in one: for `tlsOptions.ca`, NODE_EXTRA_CA_CERTS, SSL_CERT_FILE. */
  readonly certificate: string;
  /**
   * IDENTITY_ENDPOINT and IDENTITY_HEADER, as in a Function app with a managed identity. @azure/identity asks once a
   * process: the second emulator's endpoint may never be called.
   */
  readonly environment: Readonly<Record<'IDENTITY_ENDPOINT' | 'IDENTITY_HEADER', string>>;
  /** Destroys open connections, too. May be called twice. */
  readonly close: () => Promise<void>;
}

/** What an embedded registry holds, and the calls to it. */
export interface EmulatorContents {
  /** The instant ages count from. */
  readonly start: Date;
  /** How many calls of each kind there were; a call answered with a challenge counts as `challenge` only. */
  readonly counts: () => Readonly<Record<RequestKind, number>>;
  /** How many answers there were of each status; 0: the connection was destroyed instead. */
  readonly statuses: () => Readonly<Record<number, number>>;
  /** The newest 10,000 calls, in the order they came. */
  readonly requests: () => readonly RecordedRequest[];
  /** Replaces the faults while running. */
  readonly faults: (faults: Faults) => void;
  /** Called synchronously before an authorized data-plane call is handled: a test can change the registry there. */
  readonly onRequest: (hook: ((request: RecordedRequest) => void) | undefined) => void;
  /** Adds a manifest, or only the tag where the manifest exists. Returns its digest. */
  readonly push: (repository: string, body: string, options?: PushOptions) => string;
  /** Adds a blob. Returns its digest. */
  readonly putBlob: (repository: string, bytes: Uint8Array) => string;
  /** `repo@digest` of the blobs, sorted. A blob goes with the last manifest of the repository that names it. */
  readonly blobsLeft: () => readonly string[];
  /** Points a tag, new or old, at a manifest that exists. */
  readonly tag: (repository: string, name: string, digest: string, age?: number) => void;
  /** Deletes a tag. Its manifest is kept. */
  readonly untag: (repository: string, name: string) => void;
  /** Deletes a manifest with its tags and referrers, whatever is locked. */
  readonly remove: (repository: string, digest: string) => void;
  /** Changes attributes of a tag, a manifest, or (no reference) the repository. */
  readonly lock: (repository: string, tagOrDigest: string | undefined, attributes: Attributes) => void;
  /** Turns soft delete on or off. What was deleted before can be restored until it expires. */
  readonly softDelete: (policy: SoftDeletePolicy | undefined) => void;
  /** What can be restored: `repo@digest` and `repo:tag@digest`, sorted. */
  readonly softDeleted: () => { readonly manifests: readonly string[]; readonly tags: readonly string[] };
  /** The current state, in the shape of the given one (with ages as given). */
  readonly repositories: () => RegistryState;
  /** `repo:tag`, sorted. */
  readonly tagsLeft: () => readonly string[];
  /** `repo@digest`, sorted. */
  readonly manifestsLeft: () => readonly string[];
}

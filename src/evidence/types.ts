/** An image that something uses, as it names it. */
export interface Use {
  /** Without the registry. */
  readonly repository: string;
  readonly tag?: string;
  /** Of the index, or of the manifest for one platform. */
  readonly digest?: string;
  /** Of the configuration of the image: some container runtimes give no other. */
  readonly config?: string;
  /** A part of a sentence: `namespace shop, deployment api`. As the source gave it: untrusted. */
  readonly where: string;
}

/** An image that something uses, of whatever registry. */
export interface UseAnywhere extends Use {
  /** `host[:port]`, in lower case. */
  readonly registry: string;
}

/** What one source says of one registry, or of all. */
export interface Evidence<One extends Use = Use> {
  /** As it is configured, without secrets. */
  readonly source: string;
  /** ISO 8601, UTC. */
  readonly observedAt: string;
  /** What it speaks about, in words: `all namespaces of the cluster prod`. */
  readonly scope: string;
  /** Everything in its scope was read. */
  readonly complete: boolean;
  /** Why it is not complete. */
  readonly problems: readonly string[];
  readonly facts: readonly One[];
}

/** Where evidence comes from. */
export interface Source {
  /** As it is configured, without secrets. */
  readonly name: string;
  /** Tells it from another one of the same name: addresses may differ only in what is not shown. Holds no secret. */
  readonly key?: string;
  /**
   * Reads all that is in use of a registry. Never throws: what cannot be read makes the evidence incomplete.
   * @param registry its login server, `host[:port]`
   */
  readonly read: (registry: string, signal?: AbortSignal) => Promise<Evidence>;
  /** Reads all that is in use of all registries, as `read` does: for a list of it. Absent where it cannot do that. */
  readonly readAll?: (signal?: AbortSignal) => Promise<Evidence<UseAnywhere>>;
}

/** One that can say what is in use of all registries. */
export type SourceOfAll = Source & Required<Pick<Source, 'readAll'>>;

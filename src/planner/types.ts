import type { ManifestContent, ManifestFacts, ManifestListing, TagRecord } from '../registry/types.ts';
import type { Instant } from '../registry/time.ts';
import type { Decision, Decisions, Deleted, Kept, KeepReason } from './decision.ts';
import type { KnownFindings } from './findings.ts';
import type { Retention } from './retention.ts';

/** What the planner knows of a repository. It says itself what more it needs. */
export interface Inventory {
  readonly repository: string;
  /** The newest first. `undefined`: not listed. `--untagged-only` lists them only where a manifest would be deleted. */
  readonly tags: readonly TagRecord[] | undefined;
  /** `undefined`: not listed yet. */
  readonly manifests: ManifestListing | undefined;
  /** What was read so far, also of what is not listed: what is there all the same is hidden (`listEnabled: false`). */
  readonly facts: ReadonlyMap<string, ManifestFacts>;
  /**
   * What earlier runs read of manifests that are not listed now. Each is gone, or hidden: it is asked for by itself
   * before anything is deleted that it holds. `undefined`: not looked up yet.
   */
  readonly remembered: ReadonlyMap<string, ManifestContent> | undefined;
  /** The manifests that refer to one, where that was asked; `unknown` where the registry could not say. */
  readonly referrers: ReadonlyMap<string, readonly string[] | 'unknown'>;
  /** What is known of its use. Absent: no source is configured. */
  readonly evidence?: Evidence;
  /** What is known of its vulnerabilities. Absent: no source is configured. */
  readonly findings?: KnownFindings;
  /** Configurations of manifests, where these were asked for. */
  readonly configs: ReadonlyMap<string, Configuration>;
}

/** The configuration of an image. Without a digest it has none; `unknown`: its manifest could not be read. */
export type Configuration = { readonly digest?: string } | 'unknown';

/** What sources besides the registry know of one repository: for each artifact, why it is kept. */
export interface Evidence {
  readonly tags: ReadonlyMap<string, Protection>;
  /** By the digest of an image, or of an index. */
  readonly digests: ReadonlyMap<string, Protection>;
  /** By the digest of an image's configuration: some container runtimes name an image by that. */
  readonly configs: ReadonlyMap<string, Protection>;
  /**
   * Since when every pull is known, where that is not long enough. What was pushed before may have been pulled without
   * anyone knowing.
   */
  readonly pullsKnown?: { readonly since: Instant } & Protection;
  /** Why nothing may be deleted: what a source could not say may be about any of it. */
  readonly everything?: Protection;
  /** Sources say what is in use, and each could be read completely. Rules that ask for findings delete nothing without. */
  readonly isUseKnown?: true;
  /** When something was pulled last, for rules that ask for that. Absent: nothing is asked. */
  readonly pulls?: Pulls;
}

/** What is known of the pulls of one repository. */
export interface Pulls {
  /** When they were asked for: after the run has begun, from when its ages count. */
  readonly at: Instant;
  /** What was pulled before this is not looked up. */
  readonly from: Instant;
  /** Every pull is known that was made since then. */
  readonly since: Instant;
  /** What was pulled after this is recent for every rule that asks for pulls. */
  readonly recent: Instant;
  readonly tags: ReadonlyMap<string, Pull>;
  readonly digests: ReadonlyMap<string, Pull>;
}

export interface Pull {
  readonly at: Instant;
  /** `pulled 3 days ago (2026-11-21) by containerd/v1.7.2` */
  readonly detail: string;
}

/** What is wanted of one repository. */
export interface Rule {
  /** `true` for each tag of the inventory that a filter matches, in its order; `undefined`: tags are not touched. */
  readonly matches: readonly boolean[] | undefined;
  /** The filter that matches a tag, as it was given. */
  readonly filterOf: (tag: string) => string;
  /** What was last updated before this is old enough to be deleted. */
  readonly cutOff: Instant;
  /** For the words of a decision: the age as given, and the moment that it is counted from. */
  readonly ago: string;
  readonly now: Date;
  readonly keep: number;
  /** Whether manifests without a tag are deleted. */
  readonly untagged: boolean;
  readonly includeLocked: boolean;
  /**
   * Nothing is deleted by this plan. It may then leave open, where much would have to be read to know it, whether an
   * image that is kept and does not look like it refers to one that is deleted. A plan that is carried out leaves
   * nothing open.
   */
  readonly preview: boolean;
  /** Nothing else may be deleted: what is in the plan that is applied. Absent: whatever the rest of the rule selects. */
  readonly only?: Approved;
  /** What `--protect` and `--keep-at-least` keep of what the rest selects. Absent: nothing. */
  readonly keeps?: Keeps;
  /** By the rules of a policy file. Then there are no filters, no `keep`, and no age that holds for all. */
  readonly retention?: Retention;
}

/** What is kept that `acr purge` deletes, because flags say so that it does not have. */
export interface Keeps {
  /** Why a tag is protected, by its name. */
  readonly protected: ReadonlyMap<string, string>;
  /** Why all of the repository is, what has no tag included. */
  readonly whole?: string;
  /** So many of each group stay, the newest; 0: none for that. */
  readonly atLeast: number;
  /** Tags that are counted together: what a filter matches. `selects` says it. */
  readonly groups: readonly { readonly selects: string; readonly tags: ReadonlySet<string> }[];
}

/**
 * What may be deleted in one repository: tags while they name the manifest that is given with them, and manifests. What
 * was not locked when it was approved may be deleted only while it is not. `isPart`: it goes with an index, which may be
 * gone by now.
 */
export interface Approved {
  readonly tags: ReadonlyMap<string, { readonly digest: string | undefined; readonly locked: boolean }>;
  readonly manifests: ReadonlyMap<string, { readonly locked: boolean; readonly isPart?: boolean }>;
  /** Of these, the keys of what may be put into quarantine, and not deleted. */
  readonly hides?: ReadonlySet<string>;
  /**
   * By key, what the plan keeps since it was in quarantine. Where it still is, it is approved as well, so that what follows
   * it can: but neither deleted by this plan nor put into quarantine again.
   */
  readonly waits?: ReadonlyMap<string, Kept>;
  /**
   * By a policy file: the rule of each tag that the plan deletes, of those that are deleted already as well. What the plan
   * deletes itself must not change what a rule says of the rest of it.
   */
  readonly rules?: ReadonlyMap<string, string>;
}

/** Why something is kept that could be deleted on its own account. */
export interface Protection {
  readonly reason: KeepReason;
  readonly detail: string;
}

/** A manifest that is deleted, and the tags that may be on it then. With any other tag it is kept. */
export interface Removal {
  readonly digest: string;
  readonly tags: readonly string[];
}

/** Deletes one manifest, and with it its tags and the referrers that the registry deletes along with it. */
export interface ManifestDeletion extends Removal {
  /** Tags to unlock first. */
  readonly lockedTags: readonly string[];
  readonly referrers: readonly Removal[];
  /** Manifests that must be gone first: indexes that need one of these, images that one of these signs. */
  readonly after: readonly string[];
}

/** Deletes one tag whose manifest is kept. */
export interface TagDeletion {
  readonly tag: string;
  readonly digest: string;
  readonly locked: boolean;
  /** The image that it signs, which must be gone first. */
  readonly after: readonly string[];
}

/** What the record of a quarantine says of a tag or a manifest. It counts while nothing has changed the artifact since. */
export interface Held {
  readonly digest: string;
  /** ISO 8601, UTC. */
  readonly since: string;
  readonly until: string;
  /** Of a manifest: the tags on it then. */
  readonly tags: readonly string[];
  /** The run that put it there. */
  readonly runId?: string;
}

export interface Plan {
  readonly repository: string;
  readonly decisions: Decisions;
  /** The decision to delete a tag, or a manifest by its digest; `undefined` where it is kept. */
  readonly deletionOf: (kind: Decision['kind'], name: string) => Deleted | undefined;
  readonly tags: readonly TagDeletion[];
  /** In the order of the listing. */
  readonly manifests: readonly ManifestDeletion[];
  /** What is made unreadable instead, and deleted by a later run. Absent: nothing. */
  readonly hides?: Hides;
}

/** What a plan puts into quarantine, each artifact by itself. */
export interface Hides {
  readonly tags: readonly TagDeletion[];
  readonly manifests: readonly ManifestDeletion[];
  /** The image that each belongs to, by its key: the index that holds it, or the image that it signs or refers to. */
  readonly roots: ReadonlyMap<string, string>;
}

/** What the planner must know before it can plan. */
export interface Needs {
  /** The listing of the manifests. */
  readonly listing: boolean;
  /** The listing of the tags: one may name a manifest that is hidden. */
  readonly tags: boolean;
  /** What earlier runs read of manifests that are not listed now. */
  readonly memory: boolean;
  /** Manifests to read. */
  readonly manifests: readonly string[];
  /** Manifests whose referrers to ask for. */
  readonly referrers: readonly string[];
  /** Manifests whose configuration to ask for. */
  readonly configs: readonly string[];
  /**
   * Once one of these is known and in the inventory: what is needed because of it, which the next plan would ask for
   * otherwise. So a repository is planned a few times, however deep indexes are nested and referrers refer to referrers.
   */
  readonly next: (digest: string) => readonly string[];
}

/** The planner's answer: a plan, or what it must know first. */
export type Planned = { readonly state: 'planned'; readonly plan: Plan } | ({ readonly state: 'needs' } & Needs);

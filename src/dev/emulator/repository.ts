import { digestOf } from './manifests.ts';
import { factsOf } from './facts.ts';
import { Shelf } from './shelf.ts';
import { microsBefore, parseTimestamp, type Micros } from './time.ts';
import type { Attributes, ManifestState, RepositoryState, TagState } from './types.ts';

/** A manifest as it is stored. Of the document's facts only those that every listing needs are kept. */
export interface Manifest {
  /** Its digest. */
  readonly key: string;
  readonly updated: Micros;
  readonly created: Micros;
  /** As it was given, but for `locked`: `attributes` say what is locked now. */
  readonly state: Omit<ManifestState, 'locked'>;
  readonly mediaType: string | undefined;
  readonly configMediaType: string | undefined;
  readonly subject: string | undefined;
  readonly size: number;
  attributes: Attributes;
  /** Absent until it has a first one: most manifests of a large registry have none. */
  tags?: Set<string>;
}

/** A tag as it is stored. */
export interface Tag {
  readonly key: string;
  readonly updated: Micros;
  readonly created: Micros;
  readonly state: Omit<TagState, 'locked'>;
  attributes: Attributes;
}

/** The platform an index gives for a child: the image's own configuration, which would say, is not stored here. */
export interface Platform {
  readonly architecture?: string;
  readonly os?: string;
}

/** The attributes of whatever nobody changed: one object for all. */
export const unchanged: Attributes = {};

/** One repository: its manifests and tags, and what ties them together. */
export class Repository {
  readonly key: string;
  readonly updated: Micros;
  attributes: Attributes = unchanged;
  manifests = new Shelf<Manifest>();
  tags = new Shelf<Tag>();
  platforms = new Map<string, Platform>();
  readonly #start: Date;
  /** Subject digest to the digests that refer to it. */
  #referrers = new Map<string, Set<string>>();

  constructor(name: string, start: Date) {
    this.key = name;
    this.updated = microsBefore(start, 0);
    this.#start = start;
  }

  /** Puts everything in that a state says. */
  fill({ manifests, tags, locked }: RepositoryState): void {
    for (const manifest of manifests) this.putManifest(manifest);
    for (const tag of tags) this.putTag(tag);
    if (locked !== undefined) this.attributes = locked;
  }

  /** Forgets everything that is in it. */
  empty(): void {
    this.manifests = new Shelf();
    this.tags = new Shelf();
    this.platforms = new Map();
    this.#referrers = new Map();
    this.attributes = unchanged;
  }

  /** Adds a manifest and returns its digest. The same bytes again are the same manifest, pushed again. */
  putManifest({ locked, ...state }: ManifestState): string {
    const digest = digestOf(state.body);
    const facts = factsOf(state.body);
    const before = this.manifests.get(digest);
    const pushed = microsBefore(this.#start, state.age);
    this.manifests.set({
      key: digest,
      created: before?.created ?? pushed,
      updated: updatedAt(state, pushed),
      state,
      mediaType: facts.mediaType,
      configMediaType: facts.configMediaType,
      subject: facts.subject,
      size: state.size ?? facts.size,
      attributes: locked ?? before?.attributes ?? unchanged,
      ...(before?.tags === undefined ? {} : { tags: before.tags }),
    });
    if (facts.subject !== undefined) {
      const siblings = this.#referrers.get(facts.subject);
      if (siblings === undefined) this.#referrers.set(facts.subject, new Set([digest]));
      else siblings.add(digest);
    }
    for (const { digest: child, ...platform } of facts.references ?? []) this.platforms.set(child, platform);
    return digest;
  }

  /** Points a tag at a manifest that is there. */
  putTag({ locked, ...state }: TagState): void {
    const manifest = this.manifests.get(state.digest);
    if (manifest === undefined)
      throw new Error(`${this.key}:${state.name}: there is no ${state.digest} to point it at`);
    const before = this.tags.get(state.name);
    if (before !== undefined) this.manifests.get(before.state.digest)?.tags?.delete(state.name);
    const updated = microsBefore(this.#start, state.age);
    this.tags.set({
      key: state.name,
      created: before?.created ?? updated,
      updated: updatedAt(state, updated),
      state,
      attributes: locked ?? before?.attributes ?? unchanged,
    });
    manifest.tags ??= new Set();
    manifest.tags.add(state.name);
  }

  /** Removes a tag. Its manifest stays and keeps its `lastUpdateTime` (not established for real registries). */
  deleteTag(name: string): Tag | undefined {
    const tag = this.tags.get(name);
    if (tag === undefined) return undefined;
    this.tags.delete(name);
    this.manifests.get(tag.state.digest)?.tags?.delete(name);
    return tag;
  }

  /**
   * Removes a manifest, every tag on it and, as documented, everything that refers to it. Locks of those are not
   * asked: each is separate. The children of an index stay. Returns the digests that went.
   */
  deleteManifest(digest: string): readonly string[] {
    const gone: string[] = [];
    const left = [digest];
    for (let next = left.pop(); next !== undefined; next = left.pop()) {
      const manifest = this.manifests.get(next);
      if (manifest === undefined) continue;
      this.manifests.delete(next);
      gone.push(next);
      for (const name of manifest.tags ?? []) this.tags.delete(name);
      for (const one of this.#referrers.get(next) ?? []) left.push(one);
      if (manifest.subject !== undefined) this.#referrers.get(manifest.subject)?.delete(next);
    }
    return gone;
  }

  /** The manifests whose subject is `digest`, by digest. */
  referrers(digest: string): readonly Manifest[] {
    return [...(this.#referrers.get(digest) ?? [])].sort().flatMap((key) => this.manifests.get(key) ?? []);
  }

  /** What is there now, in the shape it came in. */
  state(): RepositoryState {
    return {
      manifests: [...this.manifests.values()].map(withAttributes),
      tags: [...this.tags.values()].map(withAttributes),
      ...lockedOf(this.attributes),
    };
  }
}

/** Whether attributes forbid a deletion: either of the two locks does. */
export function isDeleteLocked(attributes: Attributes): boolean {
  return attributes.deleteEnabled === false || attributes.writeEnabled === false;
}

function updatedAt(state: { lastUpdateTime?: string | null }, otherwise: Micros): Micros {
  return parseTimestamp(state.lastUpdateTime ?? '') ?? otherwise;
}

function withAttributes<T>({ state, attributes }: { readonly state: T; readonly attributes: Attributes }): T {
  return { ...state, ...lockedOf(attributes) };
}

/** `locked` as it is written down: only what is not allowed, and nothing where everything is. */
function lockedOf(attributes: Attributes): { locked?: Attributes } {
  const denied = Object.entries(attributes).filter(([, allowed]) => allowed === false);
  return denied.length === 0 ? {} : { locked: Object.fromEntries(denied) };
}

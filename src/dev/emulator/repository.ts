import { digestOf } from './manifests.ts';
import { factsOf, type Facts } from './facts.ts';
import type { Gone } from './soft-deleted.ts';
import { SortedMap } from './sorted-map.ts';
import { microsBefore, parseTimestamp, timestamp, type Micros } from './time.ts';
import type { Attributes, ManifestState, RepositoryState, TagState } from './types.ts';

/** A stored manifest, with the facts of its document that every listing needs. */
export interface Manifest {
  /** Its digest. */
  readonly key: string;
  readonly updated: Micros;
  readonly created: Micros;
  /** As given, without `locked`: `attributes` holds the current locks. */
  readonly state: Omit<ManifestState, 'locked'>;
  readonly mediaType: string | undefined;
  readonly configMediaType: string | undefined;
  readonly subject: string | undefined;
  readonly size: number;
  attributes: Attributes;
  /** Absent until it has a tag: most manifests of a large registry have none. */
  tags?: Set<string>;
}

/** A stored tag. */
export interface Tag {
  readonly key: string;
  readonly updated: Micros;
  readonly created: Micros;
  readonly state: Omit<TagState, 'locked'>;
  attributes: Attributes;
}

/** The platform that an index gives for a child. The configuration of the image, which has it, is not stored. */
export interface Platform {
  readonly architecture?: string;
  readonly os?: string;
}

/** The attributes of all that was never changed: one shared object. */
export const unchanged: Attributes = {};

/** One repository: its manifests, tags and referrers. */
export class Repository {
  readonly key: string;
  readonly updated: Micros;
  attributes: Attributes = unchanged;
  manifests = new SortedMap<Manifest>();
  tags = new SortedMap<Tag>();
  platforms = new Map<string, Platform>();
  readonly #start: Date;
  /** Subject digest to the digests that refer to it. */
  #referrers = new Map<string, Set<string>>();

  constructor(name: string, start: Date) {
    this.key = name;
    this.updated = microsBefore(start, 0);
    this.#start = start;
  }

  /** Adds what a state holds. */
  fill({ manifests, tags, locked }: RepositoryState): void {
    for (const manifest of manifests) this.putManifest(manifest);
    for (const tag of tags) this.putTag(tag);
    if (locked !== undefined) this.attributes = locked;
  }

  /** Drops everything. */
  empty(): void {
    this.manifests = new SortedMap();
    this.tags = new SortedMap();
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
    const manifest: Manifest = {
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
    };
    this.#setManifest(manifest, facts);
    return digest;
  }

  /** Adds a deleted manifest again, with its times and attributes, without tags. */
  restoreManifest(manifest: Manifest): void {
    this.#setManifest({ ...manifest }, factsOf(manifest.state.body));
  }

  #setManifest(manifest: Manifest, { references = [] }: Facts): void {
    this.manifests.set(manifest);
    const { key, subject } = manifest;
    if (subject !== undefined) {
      const siblings = this.#referrers.get(subject);
      if (siblings === undefined) this.#referrers.set(subject, new Set([key]));
      else siblings.add(key);
    }
    for (const { digest: child, ...platform } of references) this.platforms.set(child, platform);
  }

  /** Points a tag at a manifest that exists. */
  putTag({ locked, ...state }: TagState): void {
    const manifest = this.manifests.get(state.digest);
    if (manifest === undefined)
      throw new Error(`${this.key}:${state.name}: there is no ${state.digest} to point it at`);
    const before = this.tags.get(state.name);
    if (before !== undefined) this.manifests.get(before.state.digest)?.tags?.delete(state.name);
    const updated = microsBefore(this.#start, state.age);
    this.restoreTag({
      key: state.name,
      created: before?.created ?? updated,
      updated: updatedAt(state, updated),
      state,
      attributes: locked ?? before?.attributes ?? unchanged,
    });
  }

  /** Adds a deleted tag again, with its times and attributes. Its manifest exists, and no tag has its name. */
  restoreTag(tag: Tag): void {
    this.tags.set(tag);
    const manifest = this.manifests.get(tag.state.digest);
    if (manifest === undefined) return;
    manifest.tags ??= new Set();
    manifest.tags.add(tag.key);
  }

  /** Deletes a tag. Its manifest is kept with its `lastUpdateTime` (not established for real registries). */
  deleteTag(name: string): Tag | undefined {
    const tag = this.tags.get(name);
    if (tag === undefined) return undefined;
    this.tags.delete(name);
    this.manifests.get(tag.state.digest)?.tags?.delete(name);
    return tag;
  }

  /**
   * Deletes a manifest, its tags and, as documented, its referrers, whatever their locks. The children of an index are
   * kept. Returns what is deleted, subjects before their referrers.
   */
  deleteManifest(digest: string): Gone {
    const gone: Manifest[] = [];
    const tags: Tag[] = [];
    const left = [digest];
    for (let next = left.pop(); next !== undefined; next = left.pop()) {
      const manifest = this.manifests.get(next);
      if (manifest === undefined) continue;
      this.manifests.delete(next);
      gone.push(manifest);
      for (const name of manifest.tags ?? []) {
        const tag = this.tags.get(name);
        if (tag !== undefined) tags.push(tag);
        this.tags.delete(name);
      }
      for (const one of this.#referrers.get(next) ?? []) left.push(one);
      if (manifest.subject !== undefined) this.#referrers.get(manifest.subject)?.delete(next);
    }
    return { manifests: gone, tags };
  }

  /** Moves the `lastUpdateTime` of a manifest. */
  touchManifest(manifest: Manifest, updated: Micros): Manifest {
    const touched = { ...manifest, updated, state: { ...manifest.state, lastUpdateTime: timestamp(updated) } };
    this.manifests.set(touched);
    return touched;
  }

  /** Moves the `lastUpdateTime` of a tag. */
  touchTag(tag: Tag, updated: Micros): Tag {
    const touched = { ...tag, updated, state: { ...tag.state, lastUpdateTime: timestamp(updated) } };
    this.tags.set(touched);
    return touched;
  }

  /** The manifests whose subject is `digest`, by digest. */
  referrers(digest: string): readonly Manifest[] {
    return [...(this.#referrers.get(digest) ?? [])].sort().flatMap((key) => this.manifests.get(key) ?? []);
  }

  /** The current state, in the shape of the one it was filled with. */
  state(): RepositoryState {
    return {
      manifests: [...this.manifests.values()].map(withAttributes),
      tags: [...this.tags.values()].map(withAttributes),
      ...lockedOf(this.attributes),
    };
  }
}

/** Whether attributes forbid deletion: either of the two locks does. */
export function isDeleteLocked(attributes: Attributes): boolean {
  return attributes.deleteEnabled === false || attributes.writeEnabled === false;
}

function updatedAt(state: { lastUpdateTime?: string | null }, otherwise: Micros): Micros {
  return parseTimestamp(state.lastUpdateTime ?? '') ?? otherwise;
}

function withAttributes<T>({ state, attributes }: { readonly state: T; readonly attributes: Attributes }): T {
  return { ...state, ...lockedOf(attributes) };
}

/** `locked` of a state: what is not allowed; absent where everything is. */
function lockedOf(attributes: Attributes): { locked?: Attributes } {
  const denied = Object.entries(attributes).filter(([, allowed]) => allowed === false);
  return denied.length === 0 ? {} : { locked: Object.fromEntries(denied) };
}

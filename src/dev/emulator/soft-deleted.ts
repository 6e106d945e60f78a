import type { Manifest, Repository, Tag } from './repository.ts';
import { SortedMap, type Keyed } from './sorted-map.ts';
import { microsOfNow, type Micros, type Times } from './time.ts';
import type { Attributes, SoftDeletePolicy } from './types.ts';

/** A deleted manifest; `updated` is when it was deleted. It comes back as it was, without its tags. */
interface DeletedManifest extends Keyed {
  readonly manifest: Manifest;
}

/** A deleted tag; `updated` is when it was deleted. A name can be listed several times, each for another digest. */
interface DeletedTag extends Keyed {
  readonly tag: Tag;
}

/** What one deletion takes out of a repository. */
export interface Gone {
  readonly manifests: readonly Manifest[];
  readonly tags: readonly Tag[];
}

/** What was deleted in one repository. */
export class DeletedRepository implements Keyed {
  readonly key: string;
  /** When something was last deleted. */
  updated: Micros = 0;
  /** Those the repository had then. */
  attributes: Attributes = {};
  readonly manifests = new SortedMap<DeletedManifest>();
  readonly tags = new SortedMap<DeletedTag>();
  /** By `tag@digest`. */
  readonly #tags = new Map<string, DeletedTag>();

  constructor(name: string) {
    this.key = name;
  }

  addManifest({ tags: _, ...manifest }: Manifest, updated: Micros): void {
    this.manifests.set({ key: manifest.key, updated, manifest });
  }

  addTag(tag: Tag, updated: Micros): void {
    const { digest } = tag.state;
    this.takeTag(tag.key, digest);
    // "&" is in no tag, and before all that is in one: names stay in order, and of one name the newest deletion is the last.
    const deleted = { key: `${tag.key}&${String(updated).padStart(17, '0')}&${digest}`, updated, tag };
    this.tags.set(deleted);
    this.#tags.set(`${tag.key}@${digest}`, deleted);
  }

  hasTag(name: string, digest: string): boolean {
    return this.#tags.has(`${name}@${digest}`);
  }

  takeManifest(digest: string): Manifest | undefined {
    const found = this.manifests.get(digest);
    this.manifests.delete(digest);
    return found?.manifest;
  }

  takeTag(name: string, digest: string): Tag | undefined {
    const found = this.#tags.get(`${name}@${digest}`);
    if (found === undefined) return undefined;
    this.tags.delete(found.key);
    this.#tags.delete(`${name}@${digest}`);
    return found.tag;
  }

  /** Forgets what was deleted then or before: maps keep the order in which something was put into them. */
  expire(until: Micros): readonly Manifest[] {
    const expired: Manifest[] = [];
    for (const { key, updated, manifest } of this.manifests.values()) {
      if (updated > until) break;
      this.manifests.delete(key);
      expired.push(manifest);
    }
    for (const { updated, tag } of this.tags.values()) {
      if (updated > until) break;
      this.takeTag(tag.key, tag.state.digest);
    }
    return expired;
  }
}

const microsOfADay = 86_400_000_000;

/** What was deleted while soft delete was on, until it expires. */
export class SoftDeleted {
  readonly #times: Times;
  readonly #repositories = new Map<string, DeletedRepository>();
  readonly #onExpired: (repository: string, manifests: readonly Manifest[]) => void;
  #retentionDays: number;
  #isOn: boolean;

  /** @param onExpired told of manifests that are gone for good */
  constructor(
    policy: SoftDeletePolicy | undefined,
    times: Times,
    onExpired: (repository: string, manifests: readonly Manifest[]) => void,
  ) {
    this.#onExpired = onExpired;
    this.#times = times;
    this.#isOn = policy !== undefined;
    this.#retentionDays = policy?.retentionDays ?? 7;
  }

  /** Turns it on, off, or to other days. What was deleted before expires by the new days, as documented. */
  set policy(policy: SoftDeletePolicy | undefined) {
    this.#isOn = policy !== undefined;
    this.#retentionDays = policy?.retentionDays ?? this.#retentionDays;
  }

  /** Keeps what was deleted, where soft delete is on; otherwise it is gone for good. */
  add({ key, attributes }: Repository, { manifests, tags }: Gone): void {
    if (!this.#isOn) this.#onExpired(key, manifests);
    if (!this.#isOn || manifests.length + tags.length === 0) return;
    const updated = microsOfNow(this.#times);
    const deleted = this.get(key) ?? new DeletedRepository(key);
    this.#repositories.set(key, deleted);
    deleted.updated = updated;
    deleted.attributes = attributes;
    for (const manifest of manifests) deleted.addManifest(manifest, updated);
    for (const tag of tags) deleted.addTag(tag, updated);
  }

  /** What was deleted in a repository and has not expired; undefined where that is nothing. */
  get(name: string): DeletedRepository | undefined {
    const found = this.#repositories.get(name);
    if (found === undefined) return undefined;
    const expired = found.expire(microsOfNow(this.#times) - this.#retentionDays * microsOfADay);
    const isEmpty = found.manifests.size + found.tags.size === 0;
    if (isEmpty) this.#repositories.delete(name);
    if (expired.length > 0) this.#onExpired(name, expired);
    return isEmpty ? undefined : found;
  }

  /** Whether a manifest of this digest waits to be restored. */
  has(name: string, digest: string): boolean {
    return this.get(name)?.manifests.get(digest) !== undefined;
  }

  /** All repositories in which something was deleted. */
  all(): readonly DeletedRepository[] {
    return [...this.#repositories.keys()].sort().flatMap((name) => this.get(name) ?? []);
  }
}

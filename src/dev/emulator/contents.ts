import { Blobs } from './blobs.ts';
import { blobsOf } from './facts.ts';
import { Repository, type Manifest } from './repository.ts';
import { SoftDeleted } from './soft-deleted.ts';
import { SortedMap } from './sorted-map.ts';
import type { Times } from './time.ts';
import type { Attributes, ManifestState, RegistryState, RepositoryState, SoftDeletePolicy } from './types.ts';

/** What the registry holds. A repository exists as long as it has a manifest. */
export class Contents {
  /** By name, for the catalog. A lazy repository is empty until {@link get} or {@link find} returns it. */
  readonly repositories = new SortedMap<Repository>();
  readonly times: Times;
  readonly blobs = new Blobs();
  readonly softDeleted: SoftDeleted;
  readonly #lazy: Lazy;

  constructor(state: RegistryState, times: Times, builders: Builders = {}, softDelete?: SoftDeletePolicy) {
    this.times = times;
    this.softDeleted = new SoftDeleted(softDelete, times, (name, manifests) => this.#dropBlobs(name, manifests));
    for (const [name, repository] of Object.entries(state)) {
      if (repository.manifests.length > 0) this.#add(name).fill(repository);
      for (const blob of repository.blobs ?? []) this.blobs.put(name, Buffer.from(blob));
    }
    this.#lazy = new Lazy(builders);
    for (const name of Object.keys(builders)) this.#add(name);
  }

  /** A repository to read from. */
  get(name: string): Repository | undefined {
    const repository = this.repositories.get(name);
    if (repository !== undefined) this.#lazy.fill(repository);
    return repository;
  }

  /** A repository to change. It is never built again. */
  getForChange(name: string): Repository | undefined {
    const repository = this.get(name);
    this.#lazy.keep(name);
    return repository;
  }

  /** Adds a manifest, and the repository where it is the first. Returns its digest. */
  put(name: string, manifest: ManifestState): string {
    return (this.getForChange(name) ?? this.#add(name)).putManifest(manifest);
  }

  /** Deletes a manifest, its tags and its referrers, and with its last manifest the repository. */
  deleteManifest(repository: Repository, digest: string): readonly string[] {
    const gone = repository.deleteManifest(digest);
    if (repository.manifests.size === 0) this.repositories.delete(repository.key);
    this.softDeleted.add(repository, gone);
    return gone.manifests.map(({ key }) => key);
  }

  /** Deletes a tag. Its manifest is kept. Returns whether there was one. */
  deleteTag(repository: Repository, name: string): boolean {
    const tag = repository.deleteTag(name);
    if (tag !== undefined) this.softDeleted.add(repository, { manifests: [], tags: [tag] });
    return tag !== undefined;
  }

  deleteRepository(repository: Repository): void {
    this.repositories.delete(repository.key);
    this.softDeleted.add(repository, {
      manifests: [...repository.manifests.values()],
      tags: [...repository.tags.values()],
    });
  }

  /** Restores what is soft-deleted: a manifest, unless it is there, and one of its tags. Another tag of that name goes. */
  restore(name: string, digest: string, tagName: string | undefined): void {
    const deleted = this.softDeleted.get(name);
    if (deleted === undefined) return;
    let repository = this.getForChange(name);
    if (repository === undefined) {
      repository = this.#add(name);
      repository.attributes = deleted.attributes;
    }
    const manifest = deleted.takeManifest(digest);
    if (manifest !== undefined) repository.restoreManifest(manifest);
    const tag = tagName === undefined ? undefined : deleted.takeTag(tagName, digest);
    if (tag === undefined) return;
    // What is overwritten is soft-deleted, as documented.
    if (repository.tags.get(tag.key)?.state.digest === digest) repository.deleteTag(tag.key);
    else this.deleteTag(repository, tag.key);
    repository.restoreTag(tag);
  }

  /**
   * A repository that a test names.
   * @throws Error where it does not exist
   */
  find(name: string): Repository {
    const repository = this.getForChange(name);
    if (repository === undefined) throw new Error(`there is no repository ${name}`);
    return repository;
  }

  /** Changes attributes for a test. */
  lock(name: string, reference: string | undefined, attributes: Attributes): void {
    const repository = this.find(name);
    const target =
      reference === undefined
        ? repository
        : reference.includes(':')
          ? repository.manifests.get(reference)
          : repository.tags.get(reference);
    if (target === undefined) throw new Error(`${name} has no ${String(reference)}`);
    target.attributes = { ...target.attributes, ...attributes };
  }

  state(): RegistryState {
    return Object.fromEntries(this.#all().map((one) => [one.key, one.state()]));
  }

  tagsLeft(): readonly string[] {
    return this.#all()
      .flatMap((one) => [...one.tags.values()].map((tag) => `${one.key}:${tag.key}`))
      .sort();
  }

  manifestsLeft(): readonly string[] {
    return this.#all()
      .flatMap((one) => [...one.manifests.values()].map((manifest) => `${one.key}@${manifest.key}`))
      .sort();
  }

  /** Takes the blobs of manifests that are gone out of the repository, but those that another one names. */
  #dropBlobs(name: string, gone: readonly Manifest[]): void {
    if (!this.blobs.hasAny(name)) return;
    const left = [
      ...(this.repositories.get(name)?.manifests.values() ?? []),
      ...[...(this.softDeleted.get(name)?.manifests.values() ?? [])].map(({ manifest }) => manifest),
    ];
    const needed = new Set(left.flatMap(({ state }) => blobsOf(state.body)));
    for (const digest of gone.flatMap(({ state }) => blobsOf(state.body))) {
      if (!needed.has(digest)) this.blobs.remove(name, digest);
    }
  }

  #add(name: string): Repository {
    const repository = new Repository(name, this.times.start);
    this.repositories.set(repository);
    return repository;
  }

  /** All repositories, built and kept in memory. */
  #all(): readonly Repository[] {
    const all = [...this.repositories.after('')];
    for (const { key } of all) this.getForChange(key);
    return all;
  }
}

type Builders = Readonly<Record<string, () => RepositoryState>>;

/** Lazy repositories that are in memory at once. A client reads as many as it has calls in flight, at most. */
const filledAtOnce = 64;

/** Builds repositories when they are asked for, and empties the least recently used ones. */
class Lazy {
  readonly #builders: Map<string, () => RepositoryState>;
  /** The least recently used first: a map keeps the order in which its keys were set. */
  readonly #filled = new Map<string, Repository>();

  constructor(builders: Builders) {
    this.#builders = new Map(Object.entries(builders));
  }

  fill(repository: Repository): void {
    const { key } = repository;
    const build = this.#builders.get(key);
    if (build === undefined) return;
    if (this.#filled.delete(key)) {
      this.#filled.set(key, repository);
      return;
    }
    repository.fill(build());
    this.#filled.set(key, repository);
    if (this.#filled.size <= filledAtOnce) return;
    for (const [oldest, emptied] of this.#filled) {
      emptied.empty();
      this.#filled.delete(oldest);
      return;
    }
  }

  /** Never builds this repository again, because it is about to be changed. */
  keep(name: string): void {
    this.#builders.delete(name);
    this.#filled.delete(name);
  }
}

import { Lazy, type Builders } from './lazy.ts';
import { Repository } from './repository.ts';
import { Shelf } from './shelf.ts';
import type { Attributes, ManifestState, RegistryState } from './types.ts';

/** Everything the registry holds. A repository is there as long as it has a manifest. */
export class Store {
  /** By name, for the catalog: what is in one is known of those that {@link get} or {@link find} gave. */
  readonly repositories = new Shelf<Repository>();
  readonly start: Date;
  readonly #lazy: Lazy;

  constructor(state: RegistryState, start: Date, builders: Builders = {}) {
    this.start = start;
    for (const [name, repository] of Object.entries(state)) {
      if (repository.manifests.length > 0) this.#add(name).fill(repository);
    }
    this.#lazy = new Lazy(builders);
    for (const name of Object.keys(builders)) this.#add(name);
  }

  /** A repository to look at. */
  get(name: string): Repository | undefined {
    const repository = this.repositories.get(name);
    if (repository !== undefined) this.#lazy.fill(repository);
    return repository;
  }

  /** A repository to change: from now on it is kept as it is. */
  getForChange(name: string): Repository | undefined {
    const repository = this.get(name);
    this.#lazy.keep(name);
    return repository;
  }

  /** Adds a manifest, and the repository where it is the first. Returns its digest. */
  put(name: string, manifest: ManifestState): string {
    return (this.getForChange(name) ?? this.#add(name)).putManifest(manifest);
  }

  /** Removes a manifest and what goes with it; with its last manifest a repository leaves the catalog. */
  deleteManifest(repository: Repository, digest: string): readonly string[] {
    const gone = repository.deleteManifest(digest);
    if (repository.manifests.size === 0) this.repositories.delete(repository.key);
    return gone;
  }

  /** A repository a test names: one that is not there is the test's mistake. */
  find(name: string): Repository {
    const repository = this.getForChange(name);
    if (repository === undefined) throw new Error(`there is no repository ${name}`);
    return repository;
  }

  /** Changes attributes behind the client's back. */
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

  #add(name: string): Repository {
    const repository = new Repository(name, this.start);
    this.repositories.set(repository);
    return repository;
  }

  /** Whoever asks for everything gets it, and has it in memory. */
  #all(): readonly Repository[] {
    const all = [...this.repositories.after('')];
    for (const { key } of all) this.getForChange(key);
    return all;
  }
}
